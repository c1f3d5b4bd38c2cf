// SPDX-License-Identifier: Apache-2.0
#include "gateway/sniff.h"

#include <stdlib.h>

#include "base/test.h"

static const char *const names[] = { "more", "tls", "http1", "http2", "raw" };

#define HELLO                                          \
	"\x16\x03\x01\x00\x32\x01\x00\x00\x2e\x03\x03" \
	"0123456789abcdef0123456789abcdef\x00\x00\x02\x13\x01\x01\x00\x00\x03\x00\x2b\x00"

static const struct row {
	const char *text;
	size_t len; /* 0: of the string */
	enum sniff_kind kind;
	unsigned settled;      /* by so many octets; before, there are too few */
	enum sniff_kind whole; /* if no more comes */
} rows[] = {
	{ "", 0, SNIFF_MORE, 0, SNIFF_RAW },
	{ "GET / HTTP/1.1\r\n", 0, SNIFF_HTTP1, 5, SNIFF_HTTP1 },
	{ "get /", 0, SNIFF_HTTP1, 5, SNIFF_HTTP1 }, /* refused there, with an answer */
	{ "GET http://a/", 0, SNIFF_HTTP1, 8, SNIFF_HTTP1 },
	{ "OPTIONS * HTTP/1.1", 0, SNIFF_HTTP1, 9, SNIFF_HTTP1 },
	{ "CONNECT a:1 HTTP/1.1", 0, SNIFF_HTTP1, 9, SNIFF_HTTP1 },
	{ "GE", 0, SNIFF_MORE, 0, SNIFF_RAW },
	{ "GET ", 0, SNIFF_MORE, 0, SNIFF_RAW },
	{ "GET htt", 0, SNIFF_MORE, 0, SNIFF_RAW },
	{ "GET x", 0, SNIFF_RAW, 5, SNIFF_RAW },
	{ "EHLO mail.test\r\n", 0, SNIFF_RAW, 6, SNIFF_RAW },
	{ "EHLO hole.test\r\n", 0, SNIFF_RAW, 7, SNIFF_RAW },
	{ "PING\r\n", 0, SNIFF_RAW, 5, SNIFF_RAW },
	{ "SSH-2.0-OpenSSH_9.2\r\n", 0, SNIFF_RAW, 20, SNIFF_RAW },
	{ " GET / HTTP/1.1", 0, SNIFF_RAW, 1, SNIFF_RAW },
	{ "\r\nGET / HTTP/1.1", 0, SNIFF_RAW, 1, SNIFF_RAW },
	{ "\0\0\0\x08", 4, SNIFF_RAW, 1, SNIFF_RAW },
	{ "abcdefghijklmnopqrstuvwxyzabcdefX", 0, SNIFF_RAW, 32, SNIFF_RAW },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, SNIFF_HTTP2, 16, SNIFF_HTTP2 },
	{ "PRI * HTTP/2.0\r", 0, SNIFF_MORE, 0, SNIFF_RAW },
	{ "PRI * HTTP/1.1\r\n", 0, SNIFF_HTTP1, 12, SNIFF_HTTP1 },
	{ "\x16", 0, SNIFF_MORE, 0, SNIFF_TLS },
	{ "\x16\x03\x01", 0, SNIFF_MORE, 0, SNIFF_TLS },
	{ "\x16\x04", 0, SNIFF_RAW, 2, SNIFF_RAW },
};

/* A hello that is cut anywhere is one that came slowly, and never anything that passes as it is. */
static void test_hello(void)
{
	static const char hello[] = HELLO;
	size_t len = sizeof(hello) - 1;

	for (size_t i = 1; i <= len; i++) {
		char *copy = malloc(i);

		if (copy == NULL)
			return;
		memcpy(copy, hello, i);
		const struct span octets = { copy, i };
		enum sniff_kind kind = sniff_octets(octets);

		CHECK(kind == SNIFF_MORE || (kind == SNIFF_TLS && i > 5), "%zu: %s", i,
		      names[kind]);
		CHECK(sniff_whole(octets) == SNIFF_TLS, "%zu", i);
		free(copy);
	}
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		size_t len = row->len > 0 ? row->len : strlen(row->text);

		for (size_t k = 0; k <= len; k++) {
			const struct span octets = { row->text, k };
			enum sniff_kind kind = sniff_octets(octets);
			enum sniff_kind want =
			    row->settled > 0 && k >= row->settled ? row->kind : SNIFF_MORE;

			CHECK(kind == want, "%zu, %s: %zu octets: %s, not %s", i, row->text, k,
			      names[kind], names[want]);
		}
		CHECK(sniff_whole((struct span){ row->text, len }) == row->whole, "%s", row->text);
	}
	test_hello();
	return test_failures > 0;
}
