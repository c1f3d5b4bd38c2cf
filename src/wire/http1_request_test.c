// SPDX-License-Identifier: Apache-2.0
#include "wire/http1.h"

#include "base/test.h"
#include "wire/http1_test_priv.h"

/* A span in a table that outlives its function: there gcc takes no compound literal. */
#define TEXT(literal)                          \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

#define GET  "GET / HTTP/1.1\r\nHost: a.test\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a.test\r\n"
#define HOST "\r\nHost: a.test\r\n\r\n"
#define KEY  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS   GET "Connection: Upgrade\r\nUpgrade: websocket\r\n"

enum { SUMMARY_OCTETS = 400 };

/* summarize() - what a row compares: form, host, path and query, framing, flags */
static void summarize(char ret[SUMMARY_OCTETS], const struct http1_request *r)
{
	static const char *const forms[] = { "origin", "absolute", "authority", "asterisk" };
	static const char *const framings[] = { "none", "length", "chunked", "close", "tunnel" };

	snprintf(ret, SUMMARY_OCTETS, "%s %s:%u [%.*s] %s %llu%s%s%s%s%s%s", forms[r->form],
		 r->authority.kind != HTTP1_HOST_ABSENT ? r->authority.host : "-",
		 r->authority.port, (int)r->origin.len, r->origin.ptr != NULL ? r->origin.ptr : "",
		 framings[r->framing], (unsigned long long)r->length, r->https ? " https" : "",
		 r->minor == 0 ? " old" : "", r->persistent ? "" : " once",
		 r->expects_continue ? " expects" : "", r->websocket ? " websocket" : "",
		 r->takes_trailers ? " trailers" : "");
}

struct accepted {
	struct span head;
	const char *summary;
};

static const struct accepted accepted[] = {
	{ TEXT(GET "\r\n"), "origin a.test:0 [/] none 0" },
	{ TEXT("GET /a?b=c HTTP/1.1\r\nHost: A.Test:8080\r\n\r\n"),
	  "origin a.test:8080 [/a?b=c] none 0" },
	{ TEXT("GET / HTTP/1.1\r\nhOsT:a.test\r\n\r\n"), "origin a.test:0 [/] none 0" },
	{ TEXT("GET / HTTP/1.1\r\nHost:\t a.test \t\r\n\r\n"), "origin a.test:0 [/] none 0" },
	{ TEXT("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"), "origin 127.0.0.1:80 [/] none 0" },
	{ TEXT("GET / HTTP/1.1\r\nHost: [0:0::1]\r\n\r\n"), "origin ::1:0 [/] none 0" },
	{ TEXT("GET / HTTP/1.1\r\nHost: [FE80::1]:1\r\n\r\n"), "origin fe80::1:1 [/] none 0" },
	{ TEXT("GET / HTTP/1.0\r\n\r\n"), "origin -:0 [/] none 0 old once" },
	{ TEXT("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
	  "origin a:0 [/] none 0 old once" },
	{ TEXT("PURGE / HTTP/1.1" HOST), "origin a.test:0 [/] none 0" },
	{ TEXT("M-SEARCH / HTTP/1.1" HOST), "origin a.test:0 [/] none 0" },
	{ TEXT("GET http://a.test/x HTTP/1.1" HOST), "absolute a.test:0 [/x] none 0" },
	{ TEXT("GET HTTP://A.TEST:80?q HTTP/1.1" HOST), "absolute a.test:80 [?q] none 0" },
	{ TEXT("GET https://a.test HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
	  "absolute a.test:0 [] none 0 https" },
	{ TEXT("GET http://a.test/ HTTP/1.0\r\n\r\n"), "absolute a.test:0 [/] none 0 old once" },
	{ TEXT("CONNECT a.test:443 HTTP/1.1" HOST), "authority a.test:443 [] none 0" },
	{ TEXT("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
	  "authority a.test:443 [] none 0" },
	{ TEXT("CONNECT [::1]:1 HTTP/1.0\r\n\r\n"), "authority ::1:1 [] none 0 old once" },
	{ TEXT("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n"),
	  "authority a.test:443 [] length 0" },
	{ TEXT("OPTIONS * HTTP/1.1" HOST), "asterisk a.test:0 [*] none 0" },
	{ TEXT("OPTIONS http://a.test HTTP/1.1" HOST), "absolute a.test:0 [] none 0" },
	{ TEXT(POST "Content-Length: 0\r\n\r\n"), "origin a.test:0 [/] length 0" },
	{ TEXT(POST "content-length: 9223372036854775807\r\n\r\n"),
	  "origin a.test:0 [/] length 9223372036854775807" },
	{ TEXT(POST "Transfer-Encoding: chunked\r\n\r\n"), "origin a.test:0 [/] chunked 0" },
	{ TEXT(POST "transfer-encoding:CHUNKED \r\n\r\n"), "origin a.test:0 [/] chunked 0" },
	{ TEXT(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"),
	  "origin a.test:0 [/] length 1 expects" },
	{ TEXT("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
	  "origin -:0 [/] length 1 old once" },
	{ TEXT(GET "Connection: close\r\n\r\n"), "origin a.test:0 [/] none 0 once" },
	{ TEXT(GET "Connection: keep-alive, , Close\r\n\r\n"), "origin a.test:0 [/] none 0 once" },
	{ TEXT(GET "Connection: x\r\nConnection: close\r\n\r\n"),
	  "origin a.test:0 [/] none 0 once" },
	{ TEXT(GET "Connection:\r\n\r\n"), "origin a.test:0 [/] none 0" },
	{ TEXT(GET "TE: gzip, trailers\r\nConnection: TE\r\n\r\n"),
	  "origin a.test:0 [/] none 0 trailers" },
	{ TEXT(GET "Trailer: Digest, X-Sum\r\n\r\n"), "origin a.test:0 [/] none 0" },
	{ TEXT(WS KEY "Sec-WebSocket-Version: 13\r\n\r\n"),
	  "origin a.test:0 [/] none 0 websocket" },
	/* no upgrade we know of: ignored, as RFC 9110 section 7.8 allows, and not passed on */
	{ TEXT(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
	  "origin a.test:0 [/] none 0" },
	{ TEXT(GET "Upgrade: websocket\r\n\r\n"), "origin a.test:0 [/] none 0" },
	{ TEXT(GET "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n"),
	  "origin a.test:0 [/] none 0" },
	{ TEXT(GET "X:\r\nY: \xff\xc3 tab\tin\r\n\r\n"), "origin a.test:0 [/] none 0" },
};

struct refused {
	struct span head;
	enum http1_fault want;
};

static const struct refused refused[] = {
	/* lines */
	{ TEXT("\r\n"), HTTP1_EMPTY_START },
	{ TEXT("\r\n" GET "\r\n"), HTTP1_EMPTY_START },
	{ TEXT("\n" GET "\r\n"), HTTP1_BARE_LF },
	{ TEXT("GET / HTTP/1.1\nHost: a\r\n\r\n"), HTTP1_BARE_LF },
	{ TEXT("GET / HTTP/1.1\r\nHost: a\n\r\n"), HTTP1_BARE_LF },
	{ TEXT("GET / HTTP/1.1\r\nHost: a\r\n\n"), HTTP1_BARE_LF },
	{ TEXT("GET / HTTP/1.1\nHost: a\n\n"), HTTP1_BARE_LF },
	{ TEXT(GET "X: a\rb\r\n\r\n"), HTTP1_BARE_CR },
	{ TEXT(GET "X: a\r\r\n\r\n"), HTTP1_BARE_CR },
	{ TEXT(GET "X: a\rContent-Length: 5\r\n\r\n"), HTTP1_BARE_CR },
	{ TEXT(GET "\r\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT("GET /\r HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET / HTTP/1.1\r" HOST), HTTP1_VERSION },
	{ TEXT(GET "X: a\r\n b\r\n\r\n"), HTTP1_FOLDED },
	{ TEXT(GET "X: a\r\n\tb\r\n\r\n"), HTTP1_FOLDED },
	{ TEXT(GET " X: a\r\n\r\n"), HTTP1_FOLDED },
	{ TEXT(GET "Transfer-Encoding:\r\n chunked\r\n\r\n"), HTTP1_FOLDED },
	{ TEXT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), HTTP1_FOLDED },
	{ TEXT(GET " \r\n\r\n"), HTTP1_FOLDED },
	/* names */
	{ TEXT(GET "X : a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "X\t: a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(POST "Content-Length : 5\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(POST "Transfer-Encoding : chunked\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(POST "Transfer-Encoding\v: chunked\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "X\0Y: a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "\0: a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "X\xff: a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "X(Y): a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "\"X\": a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET ": a\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "X\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(GET "GET /x HTTP/1.1\r\n\r\n"), HTTP1_FIELD_NAME },
	{ TEXT(POST "Content_Length: 5\r\n\r\n"), HTTP1_FIELD_ALIAS },
	{ TEXT(POST "Transfer_Encoding: chunked\r\n\r\n"), HTTP1_FIELD_ALIAS },
	/* values */
	{ TEXT(GET "X: a\0b\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(GET "X: \x01\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(GET "X: \x7f\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(GET "X: a\x1b[0m\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(POST "Transfer-Encoding: \vchunked\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(POST "Transfer-Encoding: chunked\v\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(POST "Content-Length: 5\f\r\n\r\n"), HTTP1_FIELD_VALUE },
	{ TEXT(POST "Content-Length: 5\0\r\n\r\n"), HTTP1_FIELD_VALUE },
	/* the request line */
	{ TEXT("GET\r\n\r\n"), HTTP1_START_LINE },
	{ TEXT("GET /" HOST), HTTP1_START_LINE }, /* HTTP/0.9 */
	{ TEXT("GET  / HTTP/1.1" HOST), HTTP1_START_LINE },
	{ TEXT("GET /  HTTP/1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/1.1 " HOST), HTTP1_VERSION },
	{ TEXT("GET / x HTTP/1.1" HOST), HTTP1_VERSION },
	{ TEXT(" GET / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("\tGET / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("GET\t/ HTTP/1.1" HOST), HTTP1_START_LINE },
	{ TEXT("GET /\tHTTP/1.1" HOST), HTTP1_START_LINE },
	{ TEXT("GE\0T / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("G(T / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("GET: / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("get / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("Get / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("\x16\x03\x01 / HTTP/1.1" HOST), HTTP1_METHOD },
	{ TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1" HOST), HTTP1_METHOD_LONG },
	{ TEXT("TRACE / HTTP/1.1" HOST), HTTP1_METHOD_ECHO },
	{ TEXT("TRACK / HTTP/1.1" HOST), HTTP1_METHOD_ECHO },
	{ TEXT("GET / http/1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / Http/1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/1.10" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/01.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/1." HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/+1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/1,1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP /1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / ICY/1.1" HOST), HTTP1_VERSION },
	{ TEXT("GET / HTTP/1.2" HOST), HTTP1_VERSION_OTHER },
	{ TEXT("GET / HTTP/0.9" HOST), HTTP1_VERSION_OTHER },
	{ TEXT("GET / HTTP/2.0" HOST), HTTP1_VERSION_OTHER },
	{ TEXT("PRI * HTTP/2.0\r\n\r\n"), HTTP1_VERSION_OTHER },
	/* targets */
	{ TEXT("GET x HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET * HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("OPTIONS ** HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET a.test:443 HTTP/1.1" HOST), HTTP1_TARGET_SCHEME },
	{ TEXT("GET ?x HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET /a\0b HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET /a\xc3\xa4 HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET /a\x7f HTTP/1.1" HOST), HTTP1_TARGET },
	{ TEXT("GET /a#b HTTP/1.1" HOST), HTTP1_FRAGMENT },
	{ TEXT("GET http://a.test/#b HTTP/1.1" HOST), HTTP1_FRAGMENT },
	{ TEXT("GET ftp://a.test/ HTTP/1.1" HOST), HTTP1_TARGET_SCHEME },
	{ TEXT("GET http:/a.test/ HTTP/1.1" HOST), HTTP1_TARGET_SCHEME },
	{ TEXT("GET http:///x HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("GET http://user@a.test/ HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("GET http://a.test\\@b.test/ HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("GET http://a.test:/ HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("CONNECT a.test HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("CONNECT a.test:0 HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("CONNECT a.test:65536 HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("CONNECT a.test:443/ HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("CONNECT / HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	{ TEXT("CONNECT http://a.test:443 HTTP/1.1" HOST), HTTP1_TARGET_AUTHORITY },
	/* Host */
	{ TEXT("GET / HTTP/1.1\r\n\r\n"), HTTP1_HOST_MISSING },
	{ TEXT("GET http://a.test/ HTTP/1.1\r\n\r\n"), HTTP1_HOST_MISSING },
	{ TEXT(GET "Host: a.test\r\n\r\n"), HTTP1_HOST_REPEATED },
	{ TEXT(GET "host: b.test\r\n\r\n"), HTTP1_HOST_REPEATED },
	{ TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), HTTP1_HOST_MALFORMED },
	{ TEXT("GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n"), HTTP1_HOST_MALFORMED },
	{ TEXT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), HTTP1_HOST_MALFORMED },
	{ TEXT("GET / HTTP/1.1\r\nHost: user@a.test\r\n\r\n"), HTTP1_HOST_MALFORMED },
	{ TEXT("GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n"), HTTP1_HOST_MALFORMED },
	{ TEXT("GET http://b.test/ HTTP/1.1" HOST), HTTP1_HOST_OTHER },
	{ TEXT("GET http://a.test:81/ HTTP/1.1" HOST), HTTP1_HOST_OTHER },
	{ TEXT("GET https://a.test/ HTTP/1.1\r\nHost: a.test:80\r\n\r\n"), HTTP1_HOST_OTHER },
	{ TEXT("GET http://b.test/ HTTP/1.0" HOST), HTTP1_HOST_OTHER },
	{ TEXT("CONNECT b.test:443 HTTP/1.1" HOST), HTTP1_HOST_OTHER },
	{ TEXT("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"), HTTP1_HOST_OTHER },
	/* Content-Length */
	{ TEXT(POST "Content-Length:\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: +5\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: -5\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5 6\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5,5\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5, 6\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5,\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5;\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 0x5\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: a\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5a\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5.0\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 1e1\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: \"5\"\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 05\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: \xb5\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 9223372036854775808\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 18446744073709551621\r\n\r\n"), HTTP1_LENGTH },
	{ TEXT(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), HTTP1_LENGTH_REPEATED },
	{ TEXT(POST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"), HTTP1_LENGTH_REPEATED },
	{ TEXT("CONNECT a.test:1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\n"),
	  HTTP1_BODY_UNEXPECTED },
	{ TEXT("CONNECT a.test:1 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP1_BODY_UNEXPECTED },
	/* Transfer-Encoding */
	{ TEXT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP1_LENGTH_AND_CODING },
	{ TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	  HTTP1_LENGTH_AND_CODING },
	{ TEXT(POST "Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\n"), HTTP1_LENGTH_AND_CODING },
	{ TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP1_CODING_REPEATED },
	{ TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
	  HTTP1_CODING_REPEATED },
	{ TEXT(POST "Transfer-Encoding: identity\r\nTransfer-encoding: chunked\r\n\r\n"),
	  HTTP1_CODING_REPEATED },
	{ TEXT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: chunked, identity\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: identity\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: chunked;a=b\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: chun ked\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: ,chunked\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding: chunked,\r\n\r\n"), HTTP1_CODING },
	{ TEXT(POST "Transfer-Encoding:\r\n\r\n"), HTTP1_CODING },
	{ TEXT("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP1_CODING_OLD },
	/* Connection and its kin */
	{ TEXT(GET "Connection: a b\r\n\r\n"), HTTP1_OPTIONS_MALFORMED },
	{ TEXT(GET "Connection: close;x\r\n\r\n"), HTTP1_OPTIONS_MALFORMED },
	{ TEXT(GET "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n"
		   "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n"),
	  HTTP1_OPTIONS_MALFORMED },
	{ TEXT(GET "Connection: close, host\r\n\r\n"), HTTP1_OPTION_FORBIDDEN },
	{ TEXT(POST "Content-Length: 5\r\nConnection: Content-Length\r\n\r\n"),
	  HTTP1_OPTION_FORBIDDEN },
	{ TEXT(POST "Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n\r\n"),
	  HTTP1_OPTION_FORBIDDEN },
	{ TEXT(GET "Trailer: Content-Length\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
	{ TEXT(GET "Trailer: a b\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
	{ TEXT(WS KEY "\r\n"), HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS "Sec-WebSocket-Version: 13\r\n\r\n"), HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS KEY KEY "Sec-WebSocket-Version: 13\r\n\r\n"), HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS KEY "Sec-WebSocket-Version: 12\r\n\r\n"), HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n\r\n"),
	  HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\nSec-WebSocket-Version: 13\r\n\r\n"),
	  HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ-==\r\n"
		  "Sec-WebSocket-Version: 13\r\n\r\n"),
	  HTTP1_UPGRADE_MALFORMED },
	{ TEXT(WS KEY "Sec-WebSocket-Version: 13\r\nContent-Length: 1\r\n\r\n"),
	  HTTP1_UPGRADE_MALFORMED },
	{ TEXT(POST "Connection: Upgrade\r\nUpgrade: websocket\r\n" KEY
		    "Sec-WebSocket-Version: 13\r\n\r\n"),
	  HTTP1_UPGRADE_MALFORMED },
	{ TEXT("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" KEY
	       "Sec-WebSocket-Version: 13\r\n\r\n"),
	  HTTP1_UPGRADE_MALFORMED },
	{ TEXT(POST "Content-Length: 1\r\nExpect: x\r\n\r\n"), HTTP1_EXPECTATION },
	{ TEXT(POST "Content-Length: 1\r\nExpect: 100-continue, x\r\n\r\n"), HTTP1_EXPECTATION },
	{ TEXT(POST "Content-Length: 1\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
	  HTTP1_EXPECTATION },
	{ TEXT(GET "Expect: 100-continue\r\n\r\n"), HTTP1_EXPECTATION },
	{ TEXT(POST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"), HTTP1_EXPECTATION },
};

/* read_cut() - as if it came in pieces of @piece octets; *used: how much had to come */
static enum http1_step read_cut(struct http1_request *ret, size_t *used, struct span input,
				size_t piece)
{
	struct http1_scan scan = { 0 };
	enum http1_step step = HTTP1_MORE;

	for (*used = 0; step == HTTP1_MORE && *used < input.len;) {
		*used = *used + piece < input.len ? *used + piece : input.len;
		step = http1_request_read(ret, &scan, (struct span){ input.ptr, *used },
					  &http1_limits_default);
	}
	return step;
}

static void test_accepted(void)
{
	static struct http1_request request;
	char summary[SUMMARY_OCTETS];

	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++)
		for (size_t piece = 1; piece <= accepted[i].head.len; piece += 6) {
			size_t used = 0;
			enum http1_step step = read_cut(&request, &used, accepted[i].head, piece);

			CHECK(step == HTTP1_DONE, "row %zu by %zu: %d %s", i, piece, (int)step,
			      step == HTTP1_REFUSED ? http1_fault_text(request.fault) : "");
			if (step != HTTP1_DONE)
				continue;
			summarize(summary, &request);
			CHECK(strcmp(summary, accepted[i].summary) == 0, "row %zu: %s", i, summary);
			CHECK(request.head_octets == accepted[i].head.len, "row %zu", i);
		}
}

static void test_refused(void)
{
	static struct http1_request request;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		for (size_t piece = 1; piece < refused[i].head.len + 6; piece += 6) {
			size_t used = 0;
			enum http1_step step = read_cut(&request, &used, refused[i].head, piece);

			CHECK(step == HTTP1_REFUSED && request.fault == refused[i].want,
			      "row %zu by %zu: %d %s", i, piece, (int)step,
			      step == HTTP1_REFUSED ? http1_fault_text(request.fault) : "");
		}
}

/* Half a head is neither accepted nor refused, wherever it is cut. */
static void test_more(void)
{
	static const char head[] = POST "Content-Length: 5\r\nX: y\r\n\r\n12345GET";
	size_t whole = sizeof(head) - 1 - 8;
	static struct http1_request request;

	for (size_t len = 0; len < sizeof(head); len++) {
		struct http1_scan scan = { 0 };
		enum http1_step step = http1_request_read(
		    &request, &scan, (struct span){ head, len }, &http1_limits_default);

		CHECK(step == (len < whole ? HTTP1_MORE : HTTP1_DONE), "%zu: %d", len, (int)step);
		CHECK(len < whole || request.head_octets == whole, "%zu", request.head_octets);
	}
}

static void test_limits(void)
{
	const struct span input =
	    SPAN("POST /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
	const struct {
		size_t head, target;
		uint64_t body;
		unsigned fields;
		enum http1_fault want;
	} rows[] = {
		{ 50, 4, 9, 2, HTTP1_FAULTLESS },   { 49, 4, 9, 2, HTTP1_HEAD_LONG },
		{ 20, 4, 9, 2, HTTP1_HEAD_LONG },   { 19, 4, 9, 2, HTTP1_TARGET_LONG },
		{ 50, 3, 9, 2, HTTP1_TARGET_LONG }, { 50, 4, 9, 1, HTTP1_FIELDS_MANY },
		{ 50, 4, 8, 2, HTTP1_BODY_LONG },   { 60, 4, 9, 200, HTTP1_FAULTLESS },
	};

	CHECK(input.len == 50, "%zu", input.len);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http1_limits limits = { .head_octets_max = rows[i].head,
					       .target_octets_max = rows[i].target,
					       .fields_max = rows[i].fields,
					       .body_octets_max = rows[i].body };
		enum http1_fault fault = fault_of(input, &limits);

		CHECK(fault == rows[i].want, "row %zu: %s", i, http1_fault_text(fault));
	}
}

int main(void)
{
	test_accepted();
	test_refused();
	test_more();
	test_limits();
	return test_failures > 0;
}
