// SPDX-License-Identifier: Apache-2.0
#include "wire/http2_head.h"

#include "base/test.h"
#include "wire/http2_head_text.h"

#define GET  ":method GET\n:scheme https\n:authority a.test\n:path /\n"
#define POST ":method POST\n:scheme https\n:authority a.test\n:path /\n"
#define WS                                                                               \
	":method CONNECT\n:protocol websocket\n:scheme https\n:authority a.test\n:path " \
	"/s\nsec-websocket-version 13\n"

static char room[HTTP2_LIST_OCTETS_MAX];

/* What is accepted, and how it is written; what is refused, and with which status. */
static const struct row {
	const char *text;
	bool ended;
	unsigned status;
	const char *written;
} rows[] = {
	{ GET, true, 0, GET },
	{ POST, false, 0, POST },
	{ GET "x-a b\ncookie c=1\ncookie d=2\n", true, 0, GET "x-a b\ncookie c=1\ncookie d=2\n" },
	{ ":path /%7ea/../b?c=d\n:authority A.Test:8443\n:scheme HTTPS\n:method GET\n", true, 0,
	  ":method GET\n:scheme https\n:authority a.test:8443\n:path /b?c=d\n" },
	{ GET "host a.test\n", true, 0, GET },
	{ GET "host A.TEST:443\n", true, 0, GET },
	{ ":method GET\n:scheme http\n:path /\nhost a.test:80\n", true, 0,
	  ":method GET\n:scheme http\n:authority a.test:80\n:path /\n" },
	{ ":method GET\n:scheme http\n:path /\n:authority [0:0::1]:8\n", true, 0,
	  ":method GET\n:scheme http\n:authority [::1]:8\n:path /\n" },
	{ ":method OPTIONS\n:scheme https\n:authority a.test\n:path *\n", true, 0,
	  ":method OPTIONS\n:scheme https\n:authority a.test\n:path *\n" },
	{ GET "te trailers\nproxy-authorization x\n", true, 0, GET "te trailers\n" },
	{ POST "content-length 5\nexpect 100-continue\n", false, 0,
	  POST "content-length 5\nexpect 100-continue\n" },
	{ POST "content-length 0\n", true, 0, POST "content-length 0\n" },
	{ POST "expect 100-continue\n", false, 0, POST "expect 100-continue\n" },
	{ GET "!authorization s\n", true, 0, GET "!authorization s\n" },
	{ GET "x-empty \n", true, 0, GET "x-empty \n" },
	{ GET "x a\tb\n", true, 0, GET "x a\tb\n" },
	{ WS, false, 0, WS },
	/* pseudo fields: RFC 9113 section 8.3 */
	{ "", true, 400, NULL },
	{ ":scheme https\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method GET\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority \n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path \n", true, 400, NULL },
	{ GET ":path /b\n", true, 400, NULL },
	{ GET ":method GET\n", true, 400, NULL },
	{ GET ":authority a.test\n", true, 400, NULL },
	{ GET ":scheme https\n", true, 400, NULL },
	{ ":status 200\n" GET, true, 400, NULL },
	{ GET ":other x\n", true, 400, NULL },
	{ GET ": x\n", true, 400, NULL },
	{ ":Method GET\n:scheme https\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme https\nx y\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme ftp\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method get\n:scheme https\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method G T\n:scheme https\n:authority a.test\n:path /\n", true, 400, NULL },
	{ ":method TRACE\n:scheme https\n:authority a.test\n:path /\n", true, 405, NULL },
	{ ":method TRACK\n:scheme https\n:authority a.test\n:path /\n", true, 405, NULL },
	{ ":method ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG\n:scheme https\n:authority a.test\n:path /\n",
	  true, 501, NULL },
	/* who is meant */
	{ GET "host b.test\n", true, 421, NULL },
	{ GET "host a.test:80\n", true, 421, NULL },
	{ GET "host a.test\nhost a.test\n", true, 400, NULL },
	{ GET "host a..test\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority u@a.test\n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test:0\n:path /\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority 0x7f.1\n:path /\n", true, 400, NULL },
	/* paths, in one form: as of HTTP/1 */
	{ ":method GET\n:scheme https\n:authority a.test\n:path a\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path *\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path https://a.test/\n", true, 400,
	  NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path //a\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path /%2e%2e/a\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path /a%2fb\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path /a\\b\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path /a b\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path /a#b\n", true, 400, NULL },
	{ ":method GET\n:scheme https\n:authority a.test\n:path /a\r\n", true, 400, NULL },
	/* fields: sections 8.2 */
	{ GET "X-A b\n", true, 400, NULL },
	{ GET "x:a b\n", true, 400, NULL },
	{ GET " b\n", true, 400, NULL },
	{ GET "x\xe9 b\n", true, 400, NULL },
	{ GET "x b\r\n", true, 400, NULL },
	{ GET "x b\x01\n", true, 400, NULL },
	{ GET "x b \n", true, 400, NULL },
	{ GET "x  b\n", true, 400, NULL },
	{ GET "connection close\n", true, 400, NULL },
	{ GET "keep-alive x\n", true, 400, NULL },
	{ GET "proxy-connection x\n", true, 400, NULL },
	{ POST "transfer-encoding chunked\n", false, 400, NULL },
	{ GET "upgrade h2c\n", true, 400, NULL },
	{ GET "te gzip\n", true, 400, NULL },
	{ GET "te trailers, gzip\n", true, 400, NULL },
	{ GET "trailer content-length\n", true, 400, NULL },
	{ POST "content_length 5\n", false, 400, NULL },
	{ POST "transfer_encoding chunked\n", false, 400, NULL },
	/* bodies */
	{ POST "content-length 5\ncontent-length 5\n", false, 400, NULL },
	{ POST "content-length 5, 5\n", false, 400, NULL },
	{ POST "content-length +5\n", false, 400, NULL },
	{ POST "content-length 9223372036854775808\n", false, 400, NULL },
	{ POST "content-length 5\n", true, 400, NULL },
	{ GET "expect 100-continue\n", true, 417, NULL },
	{ POST "expect x\n", false, 417, NULL },
	/* tunnels: RFC 8441 */
	{ ":method CONNECT\n:authority a.test:443\n", false, 405, NULL },
	{ ":method CONNECT\n:protocol ip\n:scheme https\n:authority a.test\n:path /\n", false, 501,
	  NULL },
	{ ":protocol websocket\n" GET, false, 400, NULL },
	{ WS, true, 400, NULL },
	{ WS "content-length 0\n", false, 400, NULL },
	{ WS "sec-websocket-version 8\n", false, 400, NULL },
	{ ":method CONNECT\n:protocol websocket\n:scheme https\n:authority a.test\n:path /\n",
	  false, 400, NULL },
};

static bool same_list(const struct http2_list *list, const char *text)
{
	struct http2_block want, is = HTTP2_BLOCK;

	http2_block_of(&want, span_of(text));
	for (unsigned i = 0; i < list->count; i++)
		http2_block_add(&is, list->at[i].name, list->at[i].value, list->at[i].sensitive);
	bool same = buf_len(&want.octets) == buf_len(&is.octets) &&
		    (want.octets.ptr == NULL || is.octets.ptr == NULL ||
		     memcmp(want.octets.ptr, is.octets.ptr, buf_len(&is.octets)) == 0);
	http2_block_free(&want);
	http2_block_free(&is);
	return same;
}

static void test_requests(void)
{
	static struct http2_request request;
	static struct http2_list list;
	char authority[HTTP2_AUTHORITY_OCTETS];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct http2_block block;

		http2_block_of(&block, span_of(row->text));
		struct http2_fault fault = http2_request_read(&request, room, &block, row->ended);
		CHECK(fault.status == row->status, "row %zu: %u: %s", i, fault.status, fault.why);
		if (fault.status == 0 && row->written != NULL) {
			http2_request_write(&list, authority, &request);
			CHECK(same_list(&list, row->written), "row %zu", i);
			CHECK(request.websocket == (row->text[8] == 'C'), "row %zu", i);
		}
		http2_block_free(&block);
	}
}

static const struct {
	const char *text;
	bool ended, websocket;
	unsigned status; /* 0: accepted; else refused */
} responses[] = {
	{ ":status 200\nx-a b\ncontent-length 5\n", false, false, 0 },
	{ ":status 204\ncontent-length 0\n", true, false, 0 },
	{ ":status 304\ncontent-length 5\n", true, false, 0 },
	{ ":status 103\nlink x\n", false, false, 0 },
	{ ":status 999\n", true, false, 0 },
	{ ":status 200\n", false, true, 0 },
	{ "", true, false, 400 },
	{ "x y\n", true, false, 400 },
	{ ":status 101\n", false, false, 400 },
	{ ":status 101\n", false, true, 400 },
	{ ":status 103\n", true, false, 502 },
	{ ":status 99\n", true, false, 400 },
	{ ":status 1000\n", true, false, 400 },
	{ ":status 2x0\n", true, false, 400 },
	{ ":status \n", true, false, 400 },
	{ ":status 200\n:status 200\n", true, false, 400 },
	{ ":status 200\n:path /\n", true, false, 400 },
	{ "x y\n:status 200\n", true, false, 400 },
	{ ":status 200\nconnection close\n", true, false, 400 },
	{ ":status 200\ntransfer-encoding chunked\n", false, false, 400 },
	{ ":status 200\nX-A b\n", true, false, 400 },
	{ ":status 200\nx a\r\n", true, false, 400 },
	{ ":status 200\ncontent-length 1\ncontent-length 1\n", false, false, 400 },
	{ ":status 200\ncontent-length -1\n", false, false, 400 },
	{ ":status 204\ncontent-length 5\n", true, false, 400 },
	{ ":status 200\ncontent-length 5\n", false, true, 400 },
};

static void test_responses(void)
{
	static struct http2_response response;
	static struct http2_list list;
	char status[4];

	for (size_t i = 0; i < ARRAY_SIZE(responses); i++) {
		struct http2_block block;

		http2_block_of(&block, span_of(responses[i].text));
		struct http2_fault fault = http2_response_read(
		    &response, &block, responses[i].ended, responses[i].websocket);
		CHECK(fault.status == responses[i].status, "row %zu: %u: %s", i, fault.status,
		      fault.why);
		if (fault.status == 0) {
			http2_response_write(&list, status, &response);
			CHECK(same_list(&list, responses[i].text), "row %zu", i);
		}
		http2_block_free(&block);
	}
}

static const struct {
	const char *text;
	unsigned status;
} trailers[] = {
	{ "grpc-status 0\ngrpc-message \n", 0 },
	{ "", 0 },
	{ ":status 200\n", 400 },
	{ ":path /\n", 400 },
	{ "content-length 5\n", 400 },
	{ "content_length 5\n", 400 },
	{ "host a.test\n", 400 },
	{ "authorization x\n", 400 },
	{ "te trailers\n", 400 },
	{ "Grpc-Status 0\n", 400 },
};

static void test_trailers(void)
{
	static struct http2_fields fields;

	for (size_t i = 0; i < ARRAY_SIZE(trailers); i++) {
		struct http2_block block;

		http2_block_of(&block, span_of(trailers[i].text));
		struct http2_fault fault = http2_trailers_read(&fields, &block);
		CHECK(fault.status == trailers[i].status, "row %zu: %u: %s", i, fault.status,
		      fault.why);
		http2_block_free(&block);
	}
}

/* status_with() - of GET with so many more fields, of so many octets each */
static unsigned status_with(unsigned count, size_t octets)
{
	static struct http2_request request;
	static char value[HTTP2_LIST_OCTETS_MAX];
	struct http2_block block;

	memset(value, 'v', sizeof(value));
	http2_block_of(&block, SPAN(GET));
	for (unsigned i = 0; i < count; i++)
		http2_block_add(&block, SPAN("x"), (struct span){ value, octets }, false);
	unsigned status = http2_request_read(&request, room, &block, true).status;
	CHECK(buf_len(&block.octets) <= HTTP2_LIST_OCTETS_MAX, "too much is kept");
	http2_block_free(&block);
	return status;
}

static void test_limits(void)
{
	const size_t used = 10 + 12 + 16 + 6 + 4 * 32; /* of GET */

	CHECK(status_with(HTTP2_FIELDS_MAX - 4, 1) == 0, "as many fields as may be");
	CHECK(status_with(HTTP2_FIELDS_MAX - 3, 1) == 431, "one more");
	CHECK(status_with(100000, 1) == 431, "many more");
	CHECK(status_with(1, HTTP2_LIST_OCTETS_MAX - used - 33) == 0, "as long as may be");
	CHECK(status_with(1, HTTP2_LIST_OCTETS_MAX - used - 32) == 431, "one octet more");
	CHECK(status_with(1000, 4096) == 431, "a bomb");
}

static void test_long_target(void)
{
	static struct http2_request request;
	static char path[20000];
	struct http2_block block;

	memset(path, 'p', sizeof(path));
	path[0] = '/';
	for (size_t len = 16384; len <= 16385; len++) {
		http2_block_of(&block, SPAN(":method GET\n:scheme https\n:authority a.test\n"));
		http2_block_add(&block, SPAN(":path"), (struct span){ path, len }, false);
		unsigned status = http2_request_read(&request, room, &block, true).status;
		CHECK(status == (len > 16384 ? 414 : 0), "%zu octets: %u", len, status);
		http2_block_free(&block);
	}
}

int main(void)
{
	test_requests();
	test_responses();
	test_trailers();
	test_limits();
	test_long_target();
	return test_failures > 0;
}
