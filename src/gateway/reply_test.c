// SPDX-License-Identifier: Apache-2.0
#include "gateway/reply.h"

#include "base/test.h"
#include "wire/http1.h"

static const unsigned statuses[] = {
	400, 403, 405, 413, 414, 417, 421, 429, 431, 501, 502, 503, 505
};

/* check_head() - our own parser must find in it what was meant */
static void check_head(struct span text, unsigned status, bool head, bool close)
{
	static struct http1_response response;
	struct http1_scan scan = { 0 };
	const struct http1_asked asked = { head ? HTTP1_HEAD : HTTP1_GET, false };

	enum http1_step step =
	    http1_response_read(&response, &scan, text, asked, &http1_limits_default);
	CHECK(step == HTTP1_DONE, "%u: %d", status, (int)step);
	CHECK(response.status == status && response.persistent == !close, "%u", status);
	CHECK(response.announced == HTTP1_BODY_LENGTH &&
		  response.head_octets + (head ? 0 : response.length) == text.len,
	      "%u: %zu and %zu", status, response.head_octets, (size_t)response.length);
}

static void test_statuses(void)
{
	for (size_t i = 0; i < 4 * ARRAY_SIZE(statuses); i++) {
		const unsigned status = statuses[i / 4];
		const bool head = (i & 1) != 0, close = (i & 2) != 0;
		CLEANUP_BUF struct buf text = BUF(REPLY_OCTETS_MAX);
		const struct reply reply = reply_of_status(status, span_of("because"), 0x2a);

		CHECK(reply.status == status, "%u: %u", status, reply.status);
		CHECK(reply_http1(&text, &reply, head, close) == 0, "%u", status);
		check_head(buf_span(&text), status, head, close);
	}
	CHECK(reply_of_status(999, (struct span){ 0 }, 0).status == 400, "unknown");
}

static const struct row {
	const char *why, *want;
} rows[] = {
	{ "", "" },
	{ "plain text: 'x' <y> & z", "plain text: 'x' <y> & z" },
	{ "a\"b\\c", "a\\\"b\\\\c" },
	{ "a\r\nb\tc\x01\x7f", "a??b?c??" },
	{ "\xc3\xa4", "??" },
};

static void test_text(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf text = BUF(REPLY_OCTETS_MAX), want = BUF(REPLY_OCTETS_MAX);
		const struct reply reply = reply_of_status(403, span_of(rows[i].why), 0x2a);

		CHECK(reply_body(&text, &reply) == 0 &&
			  buf_printf(&want,
				     "{\"error_code\": \"policy_denied\", \"message\": \"%s\", "
				     "\"retryable\": false, \"policy_explanation\": \"%s\", "
				     "\"request_id\": \"req-0000002a\"}\n",
				     reply.message, rows[i].want) == 0,
		      "row %zu", i);
		CHECK(buf_len(&text) == buf_len(&want) &&
			  memcmp(text.ptr, want.ptr, buf_len(&want)) == 0,
		      "row %zu: %.*s", i, (int)buf_len(&text), text.ptr);
	}
}

/* However long, and full of what is escaped: it fits. */
static void test_long(void)
{
	static char quotes[64 * 1024];
	CLEANUP_BUF struct buf text = BUF(REPLY_OCTETS_MAX);

	memset(quotes, '"', sizeof(quotes));
	const struct reply reply =
	    reply_of_status(403, (struct span){ quotes, sizeof(quotes) }, UINT32_MAX);
	CHECK(reply_http1(&text, &reply, false, true) == 0, "%zu", buf_len(&text));
	check_head(buf_span(&text), 403, false, true);
}

int main(void)
{
	test_statuses();
	test_text();
	test_long();
	return test_failures > 0;
}
