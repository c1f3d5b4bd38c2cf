// SPDX-License-Identifier: Apache-2.0
#include "wire/http1_write.h"

#include <errno.h>

#include "base/test.h"

#define FIELD(n, v)                               \
	{                                         \
		.name = SPAN(n), .value = SPAN(v) \
	}

enum { ROOM_OCTETS = 1024 };

static const struct http1_authority host = { HTTP1_HOST_NAME, 8080, "a.test" };

/* check_written() - @want: NULL: -EINVAL; with any less room: -ENOBUFS and nothing */
static void check_request(size_t row, const struct http1_request_out *out, const char *want)
{
	char text[ROOM_OCTETS];
	size_t len = 77;
	int r = http1_request_write(&len, (struct http1_room){ text, sizeof(text) }, out);

	CHECK(r == (want != NULL ? 0 : -EINVAL), "row %zu: %d", row, r);
	if (want == NULL) {
		CHECK(len == 77, "row %zu: %zu", row, len);
		return;
	}
	CHECK(span_is((struct span){ text, len }, want), "row %zu: %.*s", row, (int)len, text);
	for (size_t room = 0; room < strlen(want); room++) {
		len = 77;
		r = http1_request_write(&len, (struct http1_room){ text, room }, out);
		CHECK(r == -ENOBUFS && len == 77, "row %zu, %zu octets: %d", row, room, r);
	}
}

static void test_request(void)
{
	const struct http1_field fields[] = {
		FIELD("Host", "b.test"),
		FIELD("Accept", "*/*"),
		FIELD("Content-Length", "9"),
		FIELD("transfer-encoding", "chunked"),
		FIELD("Connection", "x"),
		{ .name = SPAN("X"), .value = SPAN("y"), .hop = true },
		FIELD("TE", "gzip"),
		FIELD("Upgrade", "h2c"),
		FIELD("Proxy-Authorization", "Basic eDp5"),
		FIELD("Keep-Alive", "5"),
		FIELD("Empty", ""),
	};
	static const struct http1_authority v6 = { HTTP1_HOST_IPV6, 0, "::1" };
	const struct http1_path path = { .text = SPAN("/a?b") };
	const struct {
		struct http1_request_out out;
		const char *want;
	} rows[] = {
		{ { .method = SPAN("GET"),
		    .path = path,
		    .authority = &host,
		    .fields = fields,
		    .count = ARRAY_SIZE(fields) },
		  "GET /a?b HTTP/1.1\r\nHost: a.test:8080\r\nAccept: */*\r\nEmpty: \r\n\r\n" },
		{ { .method = SPAN("POST"),
		    .path = path,
		    .authority = &v6,
		    .hop = { .framing = HTTP1_BODY_LENGTH, .length = UINT64_MAX } },
		  "POST /a?b HTTP/1.1\r\nHost: [::1]\r\n"
		  "Content-Length: 18446744073709551615\r\n\r\n" },
		{ { .method = SPAN("POST"),
		    .path = path,
		    .authority = &v6,
		    .hop = { .framing = HTTP1_BODY_LENGTH, .length = 0 } },
		  "POST /a?b HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\n\r\n" },
		{ { .method = SPAN("PUT"),
		    .path = path,
		    .authority = &host,
		    .hop = { .framing = HTTP1_BODY_CHUNKED, .close = true, .trailers = true } },
		  "PUT /a?b HTTP/1.1\r\nHost: a.test:8080\r\nTransfer-Encoding: chunked\r\n"
		  "Connection: close\r\nConnection: TE\r\nTE: trailers\r\n\r\n" },
		{ { .method = SPAN("GET"),
		    .path = path,
		    .authority = &host,
		    .hop = { .websocket = true } },
		  "GET /a?b HTTP/1.1\r\nHost: a.test:8080\r\n"
		  "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n" },
		{ { .method = SPAN("OPTIONS"), .form = HTTP1_ASTERISK, .authority = &host },
		  "OPTIONS * HTTP/1.1\r\nHost: a.test:8080\r\n\r\n" },
		{ { .method = SPAN("CONNECT"), .form = HTTP1_AUTHORITY, .authority = &host },
		  "CONNECT a.test:8080 HTTP/1.1\r\nHost: a.test:8080\r\n\r\n" },
		{ { .method = SPAN("GET"),
		    .form = HTTP1_ABSOLUTE,
		    .https = true,
		    .path = path,
		    .authority = &host },
		  "GET https://a.test:8080/a?b HTTP/1.1\r\nHost: a.test:8080\r\n\r\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_request(i, &rows[i].out, rows[i].want);
}

/* Nothing that could end its line gets out, nor a field that a server may take for another. */
static void test_unsound_request(void)
{
	static const struct http1_authority hosts[] = {
		{ HTTP1_HOST_NAME, 0, "a\r\nX: y" }, { HTTP1_HOST_NAME, 0, "A" },
		{ HTTP1_HOST_NAME, 0, "a:1" },       { HTTP1_HOST_NAME, 0, "127.0.0.1" },
		{ HTTP1_HOST_ABSENT, 0, "" },        { HTTP1_HOST_IPV6, 0, "::1]:1" },
	};
	const struct http1_field fields[] = {
		FIELD("X\r\nY", "z"),
		FIELD("X", "a\r\nb"),
		FIELD("X", "a\nb"),
		FIELD("X", "a\0b"),
		FIELD("X", "a\rb"),
		FIELD("", "a"),
		FIELD("X ", "a"),
		FIELD("X:", "a"),
		FIELD("X", " a"),
		FIELD("X", "a\t"),
		FIELD("Content_Length", "5"),
	};
	const struct span targets[] = {
		SPAN(""), SPAN("a"), SPAN("/a b"), SPAN("/a\r\n"), SPAN("/\0"), SPAN("/\xe4"),
	};
	const struct span methods[] = { SPAN(""), SPAN("G T"), SPAN("GET\r\n"), SPAN("G\0") };
	struct http1_request_out sound = { .method = SPAN("GET"),
					   .path = { .text = SPAN("/") },
					   .authority = &host };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct http1_request_out out = sound;
		out.authority = &hosts[i];
		check_request(i, &out, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct http1_request_out out = sound;
		out.fields = &fields[i];
		out.count = 1;
		check_request(100 + i, &out, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct http1_request_out out = sound;
		out.path.text = targets[i];
		check_request(200 + i, &out, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct http1_request_out out = sound;
		out.method = methods[i];
		check_request(300 + i, &out, NULL);
	}
}

static void test_response(void)
{
	const struct http1_field fields[] = { FIELD("Server", "x"), FIELD("Connection", "close"),
					      FIELD("Content-Length", "7") };
	const struct {
		struct http1_response_out out;
		const char *want;
	} rows[] = {
		{ { .status = 200,
		    .reason = SPAN("OK"),
		    .fields = fields,
		    .count = 3,
		    .hop = { .framing = HTTP1_BODY_LENGTH, .length = 7 } },
		  "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 7\r\n\r\n" },
		{ { .status = 999, .hop = { .framing = HTTP1_BODY_CLOSE, .close = true } },
		  "HTTP/1.1 999 \r\nConnection: close\r\n\r\n" },
		{ { .status = 101, .reason = SPAN("X Y"), .hop = { .websocket = true } },
		  "HTTP/1.1 101 X Y\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" },
		{ { .status = 200, .reason = SPAN("a\r\nX: y") }, NULL },
		{ { .status = 200, .reason = SPAN("OK\r") }, NULL },
		{ { .status = 200, .reason = SPAN("OK\0") }, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[ROOM_OCTETS];
		size_t len = 0;
		int r = http1_response_write(&len, (struct http1_room){ text, sizeof(text) },
					     &rows[i].out);

		CHECK(r == (rows[i].want != NULL ? 0 : -EINVAL), "row %zu: %d", i, r);
		CHECK(span_is((struct span){ text, len }, rows[i].want != NULL ? rows[i].want : ""),
		      "row %zu: %.*s", i, (int)len, text);
	}
}

static void test_chunks(void)
{
	const struct http1_field trailers[] = { FIELD("Digest", "x"), FIELD("Y", "z") };
	const struct http1_field forbidden[] = { FIELD("Content-Length", "1"), FIELD("cookie", "x"),
						 FIELD("X", "a\nb") };
	const struct {
		uint64_t octets;
		const char *want;
	} rows[] = {
		{ 1, "1\r\n" },
		{ 15, "f\r\n" },
		{ 16, "10\r\n" },
		{ 0xabcdef, "abcdef\r\n" },
		{ UINT64_MAX, "ffffffffffffffff\r\n" },
	};
	char text[ROOM_OCTETS];
	struct http1_room room = { text, sizeof(text) };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		len = http1_chunk_head_write(text, rows[i].octets);
		CHECK(span_is((struct span){ text, len }, rows[i].want), "row %zu", i);
	}
	CHECK(http1_chunks_end(&len, room, NULL, 0) == 0 &&
		  span_is((struct span){ text, len }, "0\r\n\r\n"),
	      "%zu", len);
	CHECK(http1_chunks_end(&len, room, trailers, 2) == 0 &&
		  span_is((struct span){ text, len }, "0\r\nDigest: x\r\nY: z\r\n\r\n"),
	      "%zu", len);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		CHECK(http1_chunks_end(&len, room, &forbidden[i], 1) == -EINVAL, "row %zu", i);
	room.len = 4;
	CHECK(http1_chunks_end(&len, room, NULL, 0) == -ENOBUFS, "4 octets");
}

int main(void)
{
	test_request();
	test_unsound_request();
	test_response();
	test_chunks();
	return test_failures > 0;
}
