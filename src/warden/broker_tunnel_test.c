// SPDX-License-Identifier: Apache-2.0
/* What a proxy may answer, cut anywhere: the tunnel is told, and what follows the head stays unread. */
#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"
#include "warden/broker_priv.h"
#include "warden/broker_test_priv.h"

static struct loop *loop;
static struct broker_tunnel_end told;
static unsigned calls;

static void done(void *context, const struct broker_tunnel_end *end)
{
	(void)context;
	told = *end;
	calls++;
	loop_stop(loop, 0);
}

/* start() - a tunnel for @host. Return: the proxy's end. */
static int start(struct broker_tunnel **ret, const char *proxy_text, const char *host)
{
	struct proxy proxy = { 0 };
	int pair[2];

	CHECK(proxy_parse(&proxy, span_of(proxy_text)) == NULL, "%s", proxy_text);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, "%d",
	      errno);
	calls = 0;
	const struct broker_tunnel_plan plan = { &proxy, host, 443 };
	CHECK(broker_tunnel_start(ret, loop, pair[0], &plan, done, NULL) == 0, "%s", host);
	return pair[1];
}

static void say(int fd, const char *text, size_t len)
{
	if (len > 0)
		CHECK(send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len, "%d", errno);
	for (int heads = 0; heads < 2 && calls == 0; heads++)
		(void)!fake_run(loop, 0);
}

static void test_request(void)
{
	static const struct {
		const char *proxy, *host, *want;
	} rows[] = {
		{ "p:1", "a.example",
		  "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n" },
		{ "p:1", "192.0.2.1",
		  "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n" },
		{ "p:1", "2001:db8::1",
		  "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n" },
		{ "ann:s%20e@p:1", "a.example",
		  "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
		  "Proxy-Authorization: Basic YW5uOnMgZQ==\r\n\r\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker_tunnel *tunnel = NULL;
		CLEANUP_FD int proxy = start(&tunnel, rows[i].proxy, rows[i].host);
		char text[1024] = "";
		ssize_t n = recv(proxy, text, sizeof(text) - 1, 0);

		CHECK(n > 0 && strcmp(text, rows[i].want) == 0, "%s", text);
		broker_tunnel_free(tunnel);
	}
}

#define OK    "HTTP/1.1 200 Connection established\r\n\r\n"
#define FIELD "X: y\r\n"

static const struct {
	const char *answer;
	int error; /* 0: there is a tunnel */
	unsigned status;
	const char *rest; /* what the gateway finds */
	const char *why;  /* how it begins */
} rows[] = {
	{ OK, 0, 200, "", NULL },
	{ OK "SSH-2.0-x\r\n", 0, 200, "SSH-2.0-x\r\n", NULL },
	{ OK "\r\n\r\n" OK, 0, 200, "\r\n\r\n" OK, NULL },
	{ "HTTP/1.0 200 \r\nProxy-agent: x\r\n\r\ny", 0, 200, "y", NULL },
	{ "HTTP/1.1 299 x\r\nContent-Length: 0\r\n\r\ny", 0, 299, "y", NULL },
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "y", 0, 200, "y", NULL },
	{ "HTTP/1.1 102 x\r\n" FIELD "\r\n" OK, 0, 200, "", NULL },
	{ "HTTP/1.1 407 x\r\nContent-Length: 3\r\n\r\nabc", ECONNREFUSED, 407, NULL,
	  "it wants a user" },
	{ "HTTP/1.1 403 x\r\n\r\n", ECONNREFUSED, 403, NULL, "it lets nobody" },
	{ "HTTP/1.1 503 x\r\n\r\n", ECONNREFUSED, 503, NULL, "it did not get there" },
	{ "HTTP/1.1 302 x\r\nLocation: /\r\n\r\n", ECONNREFUSED, 302, NULL, NULL },
	{ "HTTP/1.1 418 x\r\n\r\n", ECONNREFUSED, 418, NULL, NULL },
	{ "HTTP/1.1 200 x\n\n", EPROTO, 0, NULL, "" },
	{ "HTTP/1.1 200 x\r\n X: y\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "HTTP/1.1 200 x\r\nX : y\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nabc", EPROTO, 0, NULL, "" },
	{ "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "HTTP/1.1 101 x\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "HTTP/1.1 0200 x\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "HTTP/2.0 200 x\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "ICY 200 x\r\n\r\n", EPROTO, 0, NULL, "" },
	{ "\r\n" OK, EPROTO, 0, NULL, "" },
	{ "SSH-2.0-x\r\n\r\n", EPROTO, 0, NULL, "" },
};

/* check() - row @i, with a pause before octet @cut */
static void check(size_t i, size_t cut)
{
	struct broker_tunnel *tunnel = NULL;
	CLEANUP_FD int proxy = start(&tunnel, "p:1", "a.example");
	size_t len = strlen(rows[i].answer);
	char rest[256] = "";

	say(proxy, rows[i].answer, cut);
	if (calls == 0)
		say(proxy, rows[i].answer + cut, len - cut);
	else if (told.error == 0)
		CHECK(send(proxy, rows[i].answer + cut, len - cut, 0) >= 0, "%d", errno);
	CHECK(calls == 1 && told.error == rows[i].error && told.status == rows[i].status,
	      "row %zu at %zu: %u calls, %d, %u", i, cut, calls, told.error, told.status);
	CHECK((rows[i].why == NULL) == (told.why == NULL), "row %zu: %s", i, told.why);
	if (rows[i].why != NULL && told.why != NULL)
		CHECK(strncmp(told.why, rows[i].why, strlen(rows[i].why)) == 0, "row %zu: %s", i,
		      told.why);
	CHECK((told.fd >= 0) == (rows[i].error == 0), "row %zu: %d", i, told.fd);
	if (told.fd >= 0 && rows[i].rest != NULL) {
		(void)!recv(told.fd, rest, sizeof(rest) - 1, 0);
		CHECK(strcmp(rest, rows[i].rest) == 0, "row %zu at %zu: '%s'", i, cut, rest);
		fd_close(&told.fd);
	}
	broker_tunnel_free(tunnel);
}

static void test_answers(void)
{
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t cut = 0; cut < strlen(rows[i].answer); cut++)
			check(i, cut);
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
}

static void test_closed(void)
{
	for (size_t len = 0; len < strlen(OK); len++) {
		struct broker_tunnel *tunnel = NULL;
		int proxy = start(&tunnel, "p:1", "a.example");

		say(proxy, OK, len);
		CHECK(calls == 0, "%zu octets are an answer", len);
		fd_close(&proxy);
		(void)!fake_run(loop, 0);
		/* an AF_UNIX peer that had not read all has reset it */
		CHECK(calls == 1 && told.error == ECONNRESET && told.fd < 0, "%zu: %d", len,
		      told.error);
		broker_tunnel_free(tunnel);
	}
}

/* fill() - @lines of 64 octets behind @first. Return: is the answer refused as too long? */
static bool refuses(const char *first, const char *line, unsigned lines)
{
	struct broker_tunnel *tunnel = NULL;
	CLEANUP_FD int proxy = start(&tunnel, "p:1", "a.example");

	say(proxy, first, strlen(first));
	for (unsigned i = 0; i < lines && calls == 0; i++)
		say(proxy, line, strlen(line));
	bool refused = calls == 1 && told.error == EPROTO;
	CHECK(calls == (refused ? 1 : 0), "%u calls, %d", calls, told.error);
	broker_tunnel_free(tunnel);
	return refused;
}

static void test_long(void)
{
	static const char line[] =
	    "X: 1234567890123456789012345678901234567890123456789012345678\r\n\r\n";
	static const char interim[] = "HTTP/1.1 102 Still at it, please wait for me a bit\r\n\r\n";
	char field[sizeof(line)] = "";

	memcpy(field, line, 62);
	memcpy(field + 61, "\r\n", 3);
	CHECK(!refuses("HTTP/1.1 200 x\r\n", field, 250), "250 lines");
	CHECK(refuses("HTTP/1.1 200 x\r\n", field, 300), "300 lines");
	CHECK(!refuses("", interim, 300), "300 interim heads");
	CHECK(refuses("", interim, 400), "400 interim heads");
}

int main(void)
{
	CHECK(loop_new(&loop) == 0, "loop");
	test_request();
	test_answers();
	test_closed();
	test_long();
	loop_free(loop);
	return test_failures > 0;
}
