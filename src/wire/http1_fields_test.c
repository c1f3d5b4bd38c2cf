// SPDX-License-Identifier: Apache-2.0
#include "wire/http1.h"

#include "base/test.h"
#include "wire/http1_test_priv.h"

/* However high a caller's limit, the table has its size. */
static void test_many_fields(void)
{
	static char head[8192];
	struct http1_limits limits = http1_limits_default;
	size_t at = 0;

	limits.fields_max = 100000;
	at += (size_t)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 1; i <= HTTP1_FIELDS_MAX; i++) {
		memcpy(head + at, "\r\n", 2);
		enum http1_fault fault = fault_of((struct span){ head, at + 2 }, &limits);

		CHECK(fault == HTTP1_FAULTLESS, "%u: %s", i, http1_fault_text(fault));
		memcpy(head + at, "X: y\r\n", 6);
		at += 6;
	}
	memcpy(head + at, "\r\n", 2);
	CHECK(fault_of((struct span){ head, at + 2 }, &limits) == HTTP1_FIELDS_MANY, "129 fields");
}

static void test_fields(void)
{
	static const char head[] =
	    "GET / HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nX-Secret: 1\r\nClose: "
	    "1\r\nKeep-Alive: 5\r\n"
	    "Connection: x-secret, close, keep-alive\r\nProxy-Connection: x\r\n"
	    "accept: b \t\r\n\r\n";
	static const struct {
		const char *name, *value;
		bool hop;
	} want[] = {
		{ "Host", "a.test", false },
		{ "Accept", "*/*", false },
		{ "X-Secret", "1", true },
		{ "Close", "1", false },
		{ "Keep-Alive", "5", true },
		{ "Connection", "x-secret, close, keep-alive", true },
		{ "Proxy-Connection", "x", true },
		{ "accept", "b", false },
	};
	static struct http1_request request;
	struct http1_scan scan = { 0 };

	CHECK(http1_request_read(&request, &scan, SPAN(head), &http1_limits_default) == HTTP1_DONE,
	      "%s", http1_fault_text(request.fault));
	CHECK(request.fields.count == ARRAY_SIZE(want), "%u", request.fields.count);
	for (size_t i = 0; i < ARRAY_SIZE(want) && i < request.fields.count; i++) {
		const struct http1_field *field = &request.fields.at[i];

		CHECK(span_is(field->name, want[i].name) && span_is(field->value, want[i].value),
		      "field %zu", i);
		CHECK(field->hop == want[i].hop, "field %zu: %d", i, field->hop);
	}
	CHECK(span_is(http1_field_value(&request.fields, HTTP1_HOST), "a.test"), "Host");
	CHECK(http1_field_value(&request.fields, HTTP1_EXPECT).ptr == NULL, "Expect");
}

/* A value holds no control but tabs, wherever it stands: eight octets are judged at once. */
static void test_octets(void)
{
	enum { VALUE_OCTETS_MAX = 19 };
	static const char line[] = "GET / HTTP/1.0\r\nX:";
	char head[sizeof(line) + VALUE_OCTETS_MAX + 4];
	size_t start = sizeof(line) - 1;

	memcpy(head, line, start);
	for (size_t len = 1; len <= VALUE_OCTETS_MAX; len++)
		for (size_t i = 0; i < len * 256; i++) {
			unsigned octet = i % 256;
			bool sound = (octet >= 0x20 && octet != 0x7f) || octet == '\t';

			memset(head + start, i % 2 == 0 ? '~' : '\xff', len);
			head[start + i / 256] = (char)octet;
			memcpy(head + start + len, "\r\n\r\n", 4);
			enum http1_fault fault =
			    fault_of((struct span){ head, start + len + 4 }, &http1_limits_default);
			CHECK((fault == HTTP1_FAULTLESS) == sound, "%zu octets, %u at %zu: %s", len,
			      octet, i / 256, http1_fault_text(fault));
		}
}

/* Each name we act on is known by any case of its letters, and is not to be imitated. */
static void test_names(void)
{
	static const char *const names[] = {
		"",
		"CONNECTION",
		"Content-Length",
		"expect",
		"Host",
		"keep-Alive",
		"Proxy-Authenticate",
		"proxy-authorization",
		"Proxy-Connection",
		"Te",
		"tRAILER",
		"Transfer-Encoding",
		"Upgrade",
		"Sec-WebSocket-Accept",
		"Sec-WebSocket-Key",
		"Sec-WebSocket-Version",
	};
	static struct http1_request request;
	char head[128];

	CHECK(ARRAY_SIZE(names) == HTTP1_NAMES, "a name without a row");
	for (size_t i = 1; i < ARRAY_SIZE(names); i++) {
		struct http1_scan scan = { 0 };
		int len = snprintf(head, sizeof(head), "GET / HTTP/1.0\r\n%s: \r\n\r\n", names[i]);

		(void)!http1_request_read(&request, &scan, (struct span){ head, (size_t)len },
					  &http1_limits_default);
		CHECK(request.fields.times[i] == 1, "%s", names[i]);
		char *hyphen = strchr(head, '-');
		if (hyphen == NULL)
			continue;
		*hyphen = '_';
		CHECK(fault_of((struct span){ head, (size_t)len }, &http1_limits_default) ==
			  HTTP1_FIELD_ALIAS,
		      "%s", head);
	}
}

/* Each reason has a text and a status that a proxy may answer with. */
static void test_faults(void)
{
	static const unsigned statuses[] = { 400, 405, 413, 414, 417, 421, 431, 501, 505 };

	for (int fault = HTTP1_FAULTLESS + 1; fault < HTTP1_FAULTS; fault++) {
		unsigned status = http1_fault_status((enum http1_fault)fault);
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
			known |= status == statuses[i];
		CHECK(known, "fault %d: %u", fault, status);
		CHECK(http1_fault_text((enum http1_fault)fault) != NULL, "fault %d", fault);
	}
}

int main(void)
{
	test_many_fields();
	test_fields();
	test_octets();
	test_names();
	test_faults();
	return test_failures > 0;
}
