// SPDX-License-Identifier: Apache-2.0
/* Secrets that are as long as they may be: in the head of a request, and in what a server says back. */
#include <stdlib.h>

#include "base/test.h"
#include "gateway/exchange1_test_priv.h"
#include "wire/base64.h"

enum { TURNS = 6, VALUE_OCTETS = 8000, LONG_OCTETS = 128 * 1024, USER_OCTETS = 3900 };

#define PLACEHOLDER "IMMURE_SECRET_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"

static struct bench b;
static char secrets[SUBSTITUTION_HEAD_OCTETS + VALUE_OCTETS];
static char value[VALUE_OCTETS + 1];
static char text[LONG_OCTETS], expected[LONG_OCTETS];

static void begin(unsigned where)
{
	static const struct exchange1_host host = { "lab.test", 80, false };
	struct substitutions list = { 1,
				      { { where, SPAN(PLACEHOLDER), { value, VALUE_OCTETS } } } };
	size_t len = 0;

	memset(value, 'v', VALUE_OCTETS);
	CHECK(substitutions_encode(&len, secrets, sizeof(secrets), &list) == 0, "encode");
	bench_begin(&b, &host, false);
	b.x.secrets = true;
	b.secrets = (struct span){ secrets, len };
}

/* A long head goes out, and then the body that came with it. */
static void test_head_with_body(void)
{
	enum { FIELDS = 7, BODY = 44000 };
	size_t len = (size_t)snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: lab.test\r\n");

	for (int i = 0; i < FIELDS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "X: %s\r\n", PLACEHOLDER);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "Content-Length: %d\r\n\r\n", BODY);
	memset(text + len, 'b', BODY);
	begin(SUBSTITUTION_HEADER);
	bench_send(b.program, (struct span){ text, len + BODY });
	bench_spin(&b, TURNS);
	bench_verdict(&b, 0);
	bench_spin(&b, TURNS);
	CHECK(!b.over && b.to_server.len > (size_t)FIELDS * VALUE_OCTETS + BODY, "%zu, over: %d",
	      b.to_server.len, b.over);
	memset(expected, 'b', BODY);
	CHECK(b.to_server.len > BODY &&
		  memcmp(b.to_server.at + b.to_server.len - BODY, expected, BODY) == 0,
	      "the body");
	bench_send(b.server, SPAN("HTTP/1.1 204 No Content\r\n\r\n"));
	bench_spin(&b, TURNS);
	CHECK(strcmp(b.told.at, "") != 0 && strncmp(b.told.at, "204 clean", 9) == 0, "%s",
	      b.told.at);
	bench_end(&b);
}

/* put_basic() - a long user and @count of @what, in base64. Return: octets, at @to */
static size_t put_basic(char *to, const char *what, int count)
{
	struct buf plain = BUF(LONG_OCTETS), coded = BUF(LONG_OCTETS);
	bool sound = buf_printf(&plain, "%0*d:", USER_OCTETS, 0) == 0;

	for (int i = 0; i < count; i++)
		sound = sound && buf_append(&plain, span_of(what)) == 0;
	CHECK(sound && base64_encode(&coded, buf_span(&plain)) == 0, "memory");
	struct span all = buf_span(&coded);
	size_t len = all.ptr != NULL ? all.len : 0;
	if (len > 0)
		memcpy(to, all.ptr, len);
	buf_free(&plain);
	buf_free(&coded);
	return len;
}

/* A server says a credential of 36 KiB back, in two pieces, and the program gets what it has sent itself. */
static void test_long_credential(void)
{
	enum { COUNT = 3, FIRST = 37000, REST = 60000 };
	char head[100];
	size_t len = (size_t)snprintf(text, sizeof(text),
				      "GET / HTTP/1.1\r\nHost: lab.test\r\nAuthorization: Basic ");

	size_t came = put_basic(text + len, PLACEHOLDER, COUNT);
	memcpy(expected, text + len, came);
	memset(expected + came, '.', REST);
	len += came;
	len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n\r\n");
	begin(SUBSTITUTION_BASIC);
	bench_send(b.program, (struct span){ text, len });
	bench_spin(&b, TURNS);
	bench_verdict(&b, 0);
	bench_spin(&b, TURNS);
	size_t sent = put_basic(text, value, COUNT);
	CHECK(sent > FIRST && memmem(b.to_server.at, b.to_server.len, text, sent) != NULL,
	      "%zu octets of a credential", sent);
	memset(text + sent, '.', REST);
	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		       sent + REST);
	bench_send(b.server, span_of(head));
	bench_send(b.server, (struct span){ text, FIRST });
	bench_spin(&b, TURNS);
	bench_send(b.server, (struct span){ text + FIRST, sent + REST - FIRST });
	bench_spin(&b, TURNS);
	CHECK(strncmp(b.told.at, "200 clean", 9) == 0, "%s", b.told.at);
	CHECK(memmem(b.to_program.at, b.to_program.len, expected, came) != NULL &&
		  memmem(b.to_program.at, b.to_program.len, text, FIRST) == NULL,
	      "it is not hidden");
	bench_end(&b);
}

int main(void)
{
	test_head_with_body();
	test_long_credential();
	return test_failures > 0;
}
