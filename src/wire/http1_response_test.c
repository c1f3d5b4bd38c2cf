// SPDX-License-Identifier: Apache-2.0
#include "wire/http1.h"

#include "base/test.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define WS     "Connection: Upgrade\r\nUpgrade: WebSocket\r\n"
#define LENGTH "Content-Length: 5\r\n"
#define CODING "Transfer-Encoding: chunked\r\n"

enum asked { GET, HEAD, CONNECT, WEBSOCKET };

static const struct http1_asked asked[] = {
	[GET] = { HTTP1_GET, false },
	[HEAD] = { HTTP1_HEAD, false },
	[CONNECT] = { HTTP1_CONNECT, false },
	[WEBSOCKET] = { HTTP1_GET, true },
};

enum {
	NONE = HTTP1_BODY_NONE,
	LEN = HTTP1_BODY_LENGTH,
	CHUNKED = HTTP1_BODY_CHUNKED,
	CLOSE = HTTP1_BODY_CLOSE,
	TUNNEL = HTTP1_BODY_TUNNEL,
};

static void test_accepted(void)
{
	const struct {
		struct span head;
		enum asked asked;
		unsigned status;
		int framing, announced;
		bool persistent, interim;
	} rows[] = {
		{ SPAN(OK LENGTH "\r\n"), GET, 200, LEN, LEN, true, false },
		{ SPAN(OK CODING "\r\n"), GET, 200, CHUNKED, CHUNKED, true, false },
		{ SPAN(OK "\r\n"), GET, 200, CLOSE, NONE, false, false },
		{ SPAN(OK LENGTH "Connection: close\r\n\r\n"), GET, 200, LEN, LEN, false, false },
		{ SPAN(OK LENGTH "\r\n"), HEAD, 200, NONE, LEN, true, false },
		{ SPAN(OK CODING "\r\n"), HEAD, 200, NONE, CHUNKED, true, false },
		{ SPAN(OK "\r\n"), HEAD, 200, NONE, NONE, true, false },
		{ SPAN("HTTP/1.1 304 \r\n" LENGTH "\r\n"), GET, 304, NONE, LEN, true, false },
		{ SPAN("HTTP/1.1 304 \r\n\r\n"), GET, 304, NONE, NONE, true, false },
		{ SPAN("HTTP/1.1 204 No\r\n\r\n"), GET, 204, NONE, NONE, true, false },
		{ SPAN("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n"), GET, 204, NONE, NONE, true,
		  false },
		{ SPAN("HTTP/1.1 100 Continue\r\n\r\n"), GET, 100, NONE, NONE, true, true },
		{ SPAN("HTTP/1.1 103 \r\nLink: <x>\r\n\r\n"), GET, 103, NONE, NONE, true, true },
		{ SPAN(SWITCH WS "Sec-WebSocket-Accept: x\r\n\r\n"), WEBSOCKET, 101, TUNNEL, NONE,
		  false, false },
		{ SPAN(OK LENGTH "\r\n"), WEBSOCKET, 200, LEN, LEN, true, false },
		{ SPAN(OK "\r\n"), CONNECT, 200, TUNNEL, NONE, false, false },
		{ SPAN(OK "Content-Length: 0\r\n\r\n"), CONNECT, 200, TUNNEL, NONE, false, false },
		{ SPAN("HTTP/1.1 407 \r\n" LENGTH "\r\n"), CONNECT, 407, LEN, LEN, true, false },
		{ SPAN("HTTP/1.0 200 OK\r\n" LENGTH "\r\n"), GET, 200, LEN, LEN, false, false },
		{ SPAN("HTTP/1.0 200 OK\r\n" LENGTH "Connection: Keep-Alive\r\n\r\n"), GET, 200,
		  LEN, LEN, true, false },
		{ SPAN("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"), GET, 200, CLOSE, NONE,
		  false, false },
		{ SPAN("HTTP/1.1 999 \xe4 \tb\r\n" LENGTH "\r\n"), GET, 999, LEN, LEN, true,
		  false },
	};
	static struct http1_response r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http1_scan scan = { 0 };
		enum http1_step step = http1_response_read(
		    &r, &scan, rows[i].head, asked[rows[i].asked], &http1_limits_default);

		CHECK(step == HTTP1_DONE, "row %zu: %d", i, (int)step);
		if (step != HTTP1_DONE)
			continue;
		CHECK(r.status == rows[i].status, "row %zu: %u", i, r.status);
		CHECK((int)r.framing == rows[i].framing, "row %zu: %d", i, (int)r.framing);
		CHECK((int)r.announced == rows[i].announced, "row %zu: %d", i, (int)r.announced);
		CHECK(r.announced != HTTP1_BODY_LENGTH || r.length == 5, "row %zu", i);
		CHECK(r.persistent == rows[i].persistent, "row %zu: %d", i, r.persistent);
		CHECK(r.interim == rows[i].interim, "row %zu: %d", i, r.interim);
		CHECK(r.head_octets == rows[i].head.len, "row %zu", i);
	}
}

static void test_refused(void)
{
	const struct {
		struct span head;
		enum asked asked;
		enum http1_fault want;
	} rows[] = {
		{ SPAN("\r\n" OK "\r\n"), GET, HTTP1_EMPTY_START },
		{ SPAN("HTTP/1.1 200 OK\n\n"), GET, HTTP1_BARE_LF },
		{ SPAN("HTTP/1.1 200\r\n\r\n"), GET, HTTP1_START_LINE },
		{ SPAN("HTTP/1.1\r\n\r\n"), GET, HTTP1_START_LINE },
		{ SPAN("HTTP/1.1 200 O\0K\r\n\r\n"), GET, HTTP1_START_LINE },
		{ SPAN("HTTP/1.1 200 O\rK\r\n\r\n"), GET, HTTP1_START_LINE },
		{ SPAN("HTTP/1.1  200 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 20 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 2000 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 099 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 000 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 0200 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 +20 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 2x0 OK\r\n\r\n"), GET, HTTP1_STATUS },
		{ SPAN("HTTP/1.1 200\tOK\r\n\r\n"), GET, HTTP1_START_LINE },
		{ SPAN("http/1.1 200 OK\r\n\r\n"), GET, HTTP1_VERSION },
		{ SPAN("HTTP/1.10 200 OK\r\n\r\n"), GET, HTTP1_VERSION },
		{ SPAN(" HTTP/1.1 200 OK\r\n\r\n"), GET, HTTP1_VERSION },
		{ SPAN("ICY 200 OK\r\n\r\n"), GET, HTTP1_VERSION },
		{ SPAN("HTTP/2.0 200 OK\r\n\r\n"), GET, HTTP1_VERSION_OTHER },
		{ SPAN("HTTP/0.9 200 OK\r\n\r\n"), GET, HTTP1_VERSION_OTHER },
		{ SPAN(OK "X : y\r\n\r\n"), GET, HTTP1_FIELD_NAME },
		{ SPAN(OK " X: y\r\n\r\n"), GET, HTTP1_FOLDED },
		{ SPAN(OK "X: a\r\n b\r\n\r\n"), GET, HTTP1_FOLDED },
		{ SPAN(OK "X: a\0\r\n\r\n"), GET, HTTP1_FIELD_VALUE },
		{ SPAN(OK "X: a\rb\r\n\r\n"), GET, HTTP1_BARE_CR },
		{ SPAN(OK LENGTH LENGTH "\r\n"), GET, HTTP1_LENGTH_REPEATED },
		{ SPAN(OK LENGTH LENGTH "\r\n"), HEAD, HTTP1_LENGTH_REPEATED },
		{ SPAN(OK "Content-Length: 5, 5\r\n\r\n"), GET, HTTP1_LENGTH },
		{ SPAN(OK LENGTH CODING "\r\n"), GET, HTTP1_LENGTH_AND_CODING },
		{ SPAN(OK CODING CODING "\r\n"), GET, HTTP1_CODING_REPEATED },
		{ SPAN(OK "Transfer-Encoding: identity\r\n\r\n"), GET, HTTP1_CODING },
		{ SPAN("HTTP/1.0 200 OK\r\n" CODING "\r\n"), GET, HTTP1_CODING_OLD },
		{ SPAN("HTTP/1.1 204 No\r\n" LENGTH "\r\n"), GET, HTTP1_BODY_UNEXPECTED },
		{ SPAN("HTTP/1.1 204 No\r\n" CODING "\r\n"), GET, HTTP1_BODY_UNEXPECTED },
		{ SPAN("HTTP/1.1 100 Go\r\n" LENGTH "\r\n"), GET, HTTP1_BODY_UNEXPECTED },
		{ SPAN(SWITCH WS LENGTH "Sec-WebSocket-Accept: x\r\n\r\n"), WEBSOCKET,
		  HTTP1_BODY_UNEXPECTED },
		{ SPAN(OK LENGTH "\r\n"), CONNECT, HTTP1_BODY_UNEXPECTED },
		{ SPAN(OK CODING "\r\n"), CONNECT, HTTP1_BODY_UNEXPECTED },
		{ SPAN(SWITCH WS "Sec-WebSocket-Accept: x\r\n\r\n"), GET, HTTP1_UPGRADE_UNASKED },
		{ SPAN(SWITCH WS "\r\n"), WEBSOCKET, HTTP1_UPGRADE_MALFORMED },
		{ SPAN(SWITCH "Connection: Upgrade\r\nUpgrade: h2c\r\n"
			      "Sec-WebSocket-Accept: x\r\n\r\n"),
		  WEBSOCKET, HTTP1_UPGRADE_MALFORMED },
		{ SPAN(SWITCH "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"), WEBSOCKET,
		  HTTP1_UPGRADE_MALFORMED },
		{ SPAN("HTTP/1.0 101 x\r\n" WS "Sec-WebSocket-Accept: x\r\n\r\n"), WEBSOCKET,
		  HTTP1_UPGRADE_MALFORMED },
		{ SPAN(OK LENGTH "Connection: content-length\r\n\r\n"), GET,
		  HTTP1_OPTION_FORBIDDEN },
		{ SPAN(OK CODING "Trailer: set-cookie\r\n\r\n"), GET, HTTP1_TRAILER_FORBIDDEN },
	};
	static struct http1_response r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http1_scan scan = { 0 };
		enum http1_step step = http1_response_read(
		    &r, &scan, rows[i].head, asked[rows[i].asked], &http1_limits_default);

		CHECK(step == HTTP1_REFUSED && r.fault == rows[i].want, "row %zu: %d %s", i,
		      (int)step, step == HTTP1_REFUSED ? http1_fault_text(r.fault) : "");
	}
}

static void test_more(void)
{
	static const char head[] = OK LENGTH "\r\n12345HTTP/1.1";
	size_t whole = sizeof(OK LENGTH "\r\n") - 1;
	static struct http1_response r;
	struct http1_scan scan = { 0 };

	for (size_t len = 0; len < whole; len++)
		CHECK(http1_response_read(&r, &scan, (struct span){ head, len }, asked[GET],
					  &http1_limits_default) == HTTP1_MORE,
		      "%zu", len);
	CHECK(http1_response_read(&r, &scan, SPAN(head), asked[GET], &http1_limits_default) ==
		      HTTP1_DONE &&
		  r.head_octets == whole && span_is(r.reason, "OK"),
	      "%zu", r.head_octets);
}

int main(void)
{
	test_accepted();
	test_refused();
	test_more();
	return test_failures > 0;
}
