// SPDX-License-Identifier: Apache-2.0
/* CSV: quoting, and nothing that a spreadsheet would run. OCSF: classes and activities. */
#include "audit/export.h"

#include <jansson.h>

#include "base/test.h"

static void test_csv(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "plain", ",\"plain\"," },
		{ "a,b\"c", ",\"a,b\"\"c\"," },
		{ "=1+1", ",\"'=1+1\"," },
		{ "+1", ",\"'+1\"," },
		{ "-1", ",\"'-1\"," },
		{ "@x", ",\"'@x\"," },
		{ "\tx", ",\"'\\x09x\"," },
		{ "a\r\nb", ",\"a\\x0d\\x0ab\"," },
		{ "\xe2\x80\xae", ",\"\\xe2\\x80\\xae\"," },
		{ "caf\xc3\xa9", ",\"caf\xc3\xa9\"," },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf got = BUF(65536);
		struct audit_found found = { .entry = {
						 .request_id = SPAN("r"),
						 .resource = { .path = span_of(rows[i].text) } } };

		CHECK(audit_export_csv(&got, &found) == 0, "%s", rows[i].text);
		CHECK(memmem(got.ptr, buf_len(&got), rows[i].want, strlen(rows[i].want)) != NULL,
		      "%s: %.*s", rows[i].text, (int)buf_len(&got), got.ptr);
		CHECK(memcmp(got.ptr + buf_len(&got) - 2, "\r\n", 2) == 0, "no CRLF");
	}
}

static void test_csv_list(void)
{
	CLEANUP_BUF struct buf got = BUF(65536);
	struct audit_found found = { .entry = { .reasons = { { SPAN("=a"), SPAN("b\"") }, 2 } } };

	CHECK(audit_export_csv(&got, &found) == 0 && buf_append(&got, SPAN("\0")) == 0, "csv");
	CHECK(strstr(got.ptr, ",\"'=a; b\"\"\",") != NULL, "%s", got.ptr);
}

/* test_csv_end() - what the last line says counts; where it says nothing, the first */
static void test_csv_end(void)
{
	static const struct {
		enum audit_decision decision, end_decision;
		const char *reason, *end_reason; /* NULL: none */
		const char *want;                /* somewhere */
	} rows[] = {
		{ AUDIT_ALLOW, AUDIT_DECISION_NONE, "a", NULL, ",allow," },
		{ AUDIT_ALLOW, AUDIT_DENY, "a", NULL, ",deny," },
		{ AUDIT_DENY, AUDIT_ALLOW, NULL, NULL, ",allow," },
		{ AUDIT_ALLOW, AUDIT_DECISION_NONE, "first", NULL, ",\"first\"," },
		{ AUDIT_ALLOW, AUDIT_DECISION_NONE, "first", "last", ",\"last\"," },
		{ AUDIT_ALLOW, AUDIT_DECISION_NONE, NULL, "last", ",\"last\"," },
		{ AUDIT_ALLOW, AUDIT_DECISION_NONE, NULL, NULL, ",7,9," },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf got = BUF(65536);
		struct audit_found found = {
			.end_line = SPAN("{}"),
			.entry = { .decision = rows[i].decision,
				   .request_bytes = AUDIT_NUMBER(7),
				   .response_bytes = AUDIT_NUMBER(8) },
			.end = { .decision = rows[i].end_decision,
				 .response_bytes = AUDIT_NUMBER(9) },
		};

		if (rows[i].reason != NULL)
			found.entry.reasons = (struct audit_list){ { span_of(rows[i].reason) }, 1 };
		if (rows[i].end_reason != NULL)
			found.end.reasons =
			    (struct audit_list){ { span_of(rows[i].end_reason) }, 1 };
		CHECK(audit_export_csv(&got, &found) == 0, "%zu", i);
		CHECK(memmem(got.ptr, buf_len(&got), rows[i].want, strlen(rows[i].want)) != NULL,
		      "%zu: %.*s", i, (int)buf_len(&got), got.ptr);
	}
}

static void test_ocsf(void)
{
	static const struct {
		const char *action, *method;
		enum audit_decision decision;
		int class, activity;
	} rows[] = {
		{ "http.request", "GET", AUDIT_ALLOW, 4002, 3 },
		{ "http.request", "POST", AUDIT_DENY, 4002, 6 },
		{ "http.request", "PATCH", AUDIT_ALLOW, 4002, 99 },
		{ "dns.query", NULL, AUDIT_ALLOW, 4003, 1 },
		{ "net.connect", NULL, AUDIT_ALLOW, 4001, 1 },
		{ "net.connect", NULL, AUDIT_DENY, 4001, 5 },
		{ "fs.write", NULL, AUDIT_ALLOW, 1001, 3 },
		{ "fs.unlink", NULL, AUDIT_DENY, 1001, 4 },
		{ "fs.other", NULL, AUDIT_ALLOW, 1001, 99 },
		{ "exec", NULL, AUDIT_ALLOW, 1007, 1 },
		{ "sandbox.start", NULL, AUDIT_DECISION_NONE, 6002, 3 },
		{ "audit.repair", NULL, AUDIT_DECISION_NONE, 6002, 99 },
		{ "x", NULL, AUDIT_DECISION_NONE, 6002, 99 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf got = BUF(65536);
		struct audit_found found = {
			.entry = { .request_id = SPAN("r"),
				   .time_ns = INT64_C(1700000000123456789),
				   .action = span_of(rows[i].action),
				   .decision = rows[i].decision,
				   .resource = { .path = SPAN("/a/\xe2\x80\xae/b"),
						 .host = SPAN("a.test") } },
		};

		if (rows[i].method != NULL)
			found.entry.resource.method = span_of(rows[i].method);
		CHECK(audit_export_ocsf(&got, &found) == 0, "%s", rows[i].action);
		json_t *event = json_loadb(got.ptr, buf_len(&got), 0, NULL);
#define NUMBER(name) ((int)json_integer_value(json_object_get(event, name)))
		CHECK(NUMBER("class_uid") == rows[i].class &&
			  NUMBER("activity_id") == rows[i].activity,
		      "%s: %d %d", rows[i].action, NUMBER("class_uid"), NUMBER("activity_id"));
		CHECK(NUMBER("category_uid") == rows[i].class / 1000 &&
			  NUMBER("type_uid") == rows[i].class * 100 + rows[i].activity,
		      "%s", rows[i].action);
		CHECK(NUMBER("action_id") == (rows[i].decision == AUDIT_DENY ? 2 : 1), "%s",
		      rows[i].action);
		CHECK(json_integer_value(json_object_get(event, "time")) == INT64_C(1700000000123),
		      "time");
		for (size_t k = 0; k < buf_len(&got); k++)
			CHECK((unsigned char)got.ptr[k] < 0x7f, "not ASCII");
		json_decref(event);
	}
}

int main(void)
{
	test_csv();
	test_csv_list();
	test_csv_end();
	test_ocsf();
	return test_failures > 0;
}
