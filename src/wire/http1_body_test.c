// SPDX-License-Identifier: Apache-2.0
#include "wire/http1_body.h"

#include "base/test.h"

enum {
	LEN = HTTP1_BODY_LENGTH,
	CHUNKED = HTTP1_BODY_CHUNKED,
	CLOSE = HTTP1_BODY_CLOSE,
	NONE = HTTP1_BODY_NONE,
	BODY_OCTETS = 256,
};

struct result {
	enum http1_step step;
	enum http1_fault fault;
	char data[BODY_OCTETS];
	size_t octets;
	size_t used; /* octets of the input that belong to the message */
	unsigned trailers;
};

/* decode() - as if it came in pieces of @piece octets, and the connection ended behind them */
static void decode(struct result *ret, int framing, uint64_t length, struct span input,
		   size_t piece, const struct http1_limits *limits)
{
	static struct http1_fields trailers;
	struct http1_body body;
	size_t come = 0;

	*ret = (struct result){ .step = HTTP1_MORE };
	http1_body_begin(&body, (enum http1_framing)framing, length, &trailers, limits);
	for (;;) {
		struct span data, rest = { input.ptr + ret->used, come - ret->used };

		ret->step = http1_body_next(&body, &data, &rest);
		ret->used = come - rest.len;
		if (ret->step == HTTP1_DATA) {
			memcpy(ret->data + ret->octets, data.ptr, data.len);
			ret->octets += data.len;
		} else if (ret->step != HTTP1_MORE) {
			break;
		} else if (come == input.len) {
			ret->step = http1_body_end(&body);
			break;
		} else {
			come = come + piece < input.len ? come + piece : input.len;
		}
	}
	ret->fault = body.fault;
	ret->trailers = trailers.count;
}

static void test_sound(void)
{
	const struct {
		struct span input;
		int framing;
		unsigned length;
		const char *data;
		size_t rest; /* octets behind the message */
		unsigned trailers;
	} rows[] = {
		{ SPAN("GET /"), NONE, 0, "", 5, 0 },
		{ SPAN(""), NONE, 0, "", 0, 0 },
		{ SPAN("GET /"), LEN, 0, "", 5, 0 },
		{ SPAN("hello"), LEN, 5, "hello", 0, 0 },
		{ SPAN("helloGET /"), LEN, 5, "hello", 5, 0 },
		{ SPAN("hello"), CLOSE, 0, "hello", 0, 0 },
		{ SPAN(""), CLOSE, 0, "", 0, 0 },
		{ SPAN("0\r\n\r\n"), CHUNKED, 0, "", 0, 0 },
		{ SPAN("0\r\n\r\nGET /"), CHUNKED, 0, "", 5, 0 },
		{ SPAN("0\r\n\r\n\r\n"), CHUNKED, 0, "", 2, 0 },
		{ SPAN("5\r\nhello\r\n0\r\n\r\n"), CHUNKED, 0, "hello", 0, 0 },
		{ SPAN("2\r\nhe\r\n3\r\nllo\r\n00\r\n\r\nx"), CHUNKED, 0, "hello", 1, 0 },
		{ SPAN("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n"), CHUNKED, 0,
		  "hello", 0, 0 },
		{ SPAN("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"), CHUNKED, 0,
		  "01234567890123456789a", 0, 0 },
		{ SPAN("2\r\n\r\n\r\n0\r\n\r\n"), CHUNKED, 0, "\r\n", 0, 0 },
		{ SPAN("1\r\nx\r\n0\r\nDigest: y\r\nX-Sum: 1\r\n\r\nGET"), CHUNKED, 0, "x", 3, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece <= rows[i].input.len + 1; piece++) {
			struct result r;

			decode(&r, rows[i].framing, rows[i].length, rows[i].input, piece,
			       &http1_limits_default);
			CHECK(r.step == HTTP1_DONE, "row %zu by %zu: %d %s", i, piece, (int)r.step,
			      http1_fault_text(r.fault));
			CHECK(span_is((struct span){ r.data, r.octets }, rows[i].data),
			      "row %zu by %zu: %.*s", i, piece, (int)r.octets, r.data);
			CHECK(rows[i].input.len - r.used >= rows[i].rest, "row %zu: %zu", i,
			      r.used);
			CHECK(r.used + rows[i].rest == rows[i].input.len, "row %zu by %zu: %zu", i,
			      piece, r.used);
			CHECK(r.trailers == rows[i].trailers, "row %zu: %u", i, r.trailers);
		}
}

static void test_refused(void)
{
	const struct {
		struct span input;
		enum http1_fault want;
		int framing; /* 0: chunked */
		unsigned length;
	} rows[] = {
		/* sizes */
		{ SPAN("\r\nhello"), HTTP1_CHUNK_SIZE },
		{ SPAN("0x5\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5 \r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN(" 5\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5\t\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("+5\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("-1\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5g\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("g\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5_0\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5\0\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5\rhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5\r\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("00000000000000005\r\nhello"), HTTP1_CHUNK_SIZE },
		{ SPAN("10000000000000005\r\nhello"), HTTP1_CHUNK_SIZE },
		{ SPAN("ffffffffffffffff\r\nhello"), HTTP1_BODY_LONG },
		{ SPAN("8000000000000000\r\nhello"), HTTP1_BODY_LONG },
		{ SPAN("5\r\nhello\r\n7fffffffffffffff\r\nx"), HTTP1_BODY_LONG },
		/* extensions */
		{ SPAN("5;\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_EXTENSION },
		{ SPAN("5;a=b\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_EXTENSION },
		{ SPAN("5;\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_EXTENSION },
		{ SPAN("5 ;a\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_SIZE },
		{ SPAN("5\r\nhello\r\n0;a\r\n\r\n"), HTTP1_CHUNK_EXTENSION },
		/* ends */
		{ SPAN("5\r\nhellox\r\n0\r\n\r\n"), HTTP1_CHUNK_END },
		{ SPAN("5\r\nhello\n0\r\n\r\n"), HTTP1_CHUNK_END },
		{ SPAN("5\r\nhello\r0\r\n\r\n"), HTTP1_CHUNK_END },
		{ SPAN("5\r\nhello0\r\n\r\n"), HTTP1_CHUNK_END },
		{ SPAN("6\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_END },
		{ SPAN("4\r\nhello\r\n0\r\n\r\n"), HTTP1_CHUNK_END },
		/* trailers */
		{ SPAN("0\r\n\n"), HTTP1_BARE_LF },
		{ SPAN("0\r\nX: y\n\r\n"), HTTP1_BARE_LF },
		{ SPAN("0\r\nX: y\r\n\n"), HTTP1_BARE_LF },
		{ SPAN("0\r\nX : y\r\n\r\n"), HTTP1_FIELD_NAME },
		{ SPAN("0\r\nGET / HTTP/1.1\r\n\r\n"), HTTP1_FIELD_NAME },
		{ SPAN("0\r\nX: y\r\n z\r\n\r\n"), HTTP1_FOLDED },
		{ SPAN("0\r\nX: y\0\r\n\r\n"), HTTP1_FIELD_VALUE },
		{ SPAN("0\r\nX: y\rz\r\n\r\n"), HTTP1_BARE_CR },
		{ SPAN("0\r\nContent-Length: 5\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nContent_Length: 5\r\n\r\n"), HTTP1_FIELD_ALIAS },
		{ SPAN("0\r\ntransfer-encoding: chunked\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nHost: b\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nX: y\r\nAuthorization: b\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nCookie: b\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nset_cookie: b\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nConnection: close\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nTrailer: x\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		{ SPAN("0\r\nIf-Match: x\r\n\r\n"), HTTP1_TRAILER_FORBIDDEN },
		/* cut off */
		{ SPAN(""), HTTP1_TRUNCATED },
		{ SPAN("5"), HTTP1_TRUNCATED },
		{ SPAN("5\r"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhell"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhello"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhello\r"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhello\r\n"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhello\r\n0\r\n"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhello\r\n0\r\n\r"), HTTP1_TRUNCATED },
		{ SPAN("5\r\nhello\r\n0\r\nX: y\r\n"), HTTP1_TRUNCATED },
		{ SPAN("hell"), HTTP1_TRUNCATED, LEN, 5 },
		{ SPAN(""), HTTP1_TRUNCATED, LEN, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece <= rows[i].input.len + 1; piece++) {
			struct result r;

			decode(&r, rows[i].framing == 0 ? CHUNKED : rows[i].framing, rows[i].length,
			       rows[i].input, piece, &http1_limits_default);
			CHECK(r.step == HTTP1_REFUSED && r.fault == rows[i].want,
			      "row %zu by %zu: %d %s", i, piece, (int)r.step,
			      http1_fault_text(r.fault));
			CHECK(r.trailers == 0, "row %zu: %u", i, r.trailers);
		}
}

static void test_limits(void)
{
	const struct {
		struct span input;
		int framing;
		uint64_t body;
		size_t trailer;
		unsigned fields;
		enum http1_fault want;
	} rows[] = {
		{ SPAN("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), CHUNKED, 5, 2, 0, HTTP1_FAULTLESS },
		{ SPAN("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), CHUNKED, 4, 2, 0, HTTP1_BODY_LONG },
		{ SPAN("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), CHUNKED, 5, 1, 0, HTTP1_HEAD_LONG },
		{ SPAN("0\r\nX: y\r\n\r\n"), CHUNKED, 0, 8, 1, HTTP1_FAULTLESS },
		{ SPAN("0\r\nX: y\r\n\r\n"), CHUNKED, 0, 7, 1, HTTP1_HEAD_LONG },
		{ SPAN("0\r\nX: y\r\n\r\n"), CHUNKED, 0, 8, 0, HTTP1_FIELDS_MANY },
		{ SPAN("abcde"), CLOSE, 5, 0, 0, HTTP1_FAULTLESS },
		{ SPAN("abcde"), CLOSE, 4, 0, 0, HTTP1_BODY_LONG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece <= rows[i].input.len; piece++) {
			struct http1_limits limits = { .body_octets_max = rows[i].body,
						       .trailer_octets_max = rows[i].trailer,
						       .fields_max = rows[i].fields };
			struct result r;

			decode(&r, rows[i].framing, 0, rows[i].input, piece, &limits);
			CHECK(r.fault == rows[i].want, "row %zu by %zu: %s", i, piece,
			      http1_fault_text(r.fault));
		}
}

/* What was refused stays refused, and what ended takes nothing more. */
static void test_final(void)
{
	static struct http1_fields trailers;
	struct http1_body body;
	struct span data, input = SPAN("x5\r\nhello\r\n0\r\n\r\n");

	http1_body_begin(&body, HTTP1_BODY_CHUNKED, 0, &trailers, &http1_limits_default);
	for (int i = 0; i < 3; i++)
		CHECK(http1_body_next(&body, &data, &input) == HTTP1_REFUSED, "%d", i);
	CHECK(http1_body_end(&body) == HTTP1_REFUSED && body.fault == HTTP1_CHUNK_SIZE, "end");

	input = SPAN("0\r\n\r\n0\r\n\r\n");
	http1_body_begin(&body, HTTP1_BODY_CHUNKED, 0, &trailers, &http1_limits_default);
	for (int i = 0; i < 3; i++)
		CHECK(http1_body_next(&body, &data, &input) == HTTP1_DONE && input.len == 5,
		      "%d: %zu", i, input.len);
}

int main(void)
{
	test_sound();
	test_refused();
	test_limits();
	test_final();
	return test_failures > 0;
}
