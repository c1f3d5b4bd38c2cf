// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "audit/entry_priv.h"
#include "base/test.h"

static const struct audit_entry full = {
	.seq = 42,
	.prev = { 0xab, 0xcd },
	.time_ns = INT64_C(1705314600123456789),
	.request_id = { "req-0000002a", 12 },
	.phase = AUDIT_END,
	.action = { "http.request", 12 },
	.actor = { .app = { "openclaw", 8 },
		   .sandbox = { "vm-a1b2c3d4", 11 },
		   .program = { "/usr/bin/node", 13 },
		   .pid = { true, 7 } },
	.resource = { .host = { "api.example.com", 15 },
		      .method = { "POST", 4 },
		      .url = { "https://api.example.com/v1", 26 },
		      .path = { "/v1", 3 },
		      .protocol = { "https", 5 },
		      .port = { true, 443 } },
	.decision = AUDIT_ALLOW,
	.decision_id = { "dec-1", 5 },
	.rule = { "allowed_hosts", 13 },
	.policy_hash = { "sha256:00", 9 },
	.reasons = { { { "one", 3 }, { "two", 3 } }, 2 },
	.mode = AUDIT_MODE_ENFORCE,
	.seen_by = AUDIT_SEEN_GATEWAY,
	.digests = { { "sha256:01", 9 }, { "sha256:02", 9 } },
	.redactions = { { { "header:authorization", 20 } }, 1 },
	.latency_us = { true, 12345 },
	.error_code = { "policy_denied", 13 },
	.request_bytes = { true, 0 },
	.response_bytes = { true, 10 },
	.status_code = { true, 200 },
};

static const char full_text[] =
    "{\"version\":1,\"seq\":42,\"prev\":"
    "\"abcd000000000000000000000000000000000000000000000000000000000000"
    "\",\"timestamp\":\"2024-01-15T10:30:00.123456789Z\",\"request_id\":\"req-0000002a\",\"phase\":"
    "\"end\","
    "\"action\":\"http.request\",\"actor\":{\"app\":\"openclaw\",\"sandbox\":\"vm-a1b2c3d4\","
    "\"pid\":7,"
    "\"program\":\"/usr/bin/"
    "node\"},\"resource\":{\"protocol\":\"https\",\"host\":\"api.example.com\","
    "\"port\":443,\"method\":\"POST\",\"url\":\"https://api.example.com/v1\",\"path\":\"/v1\"},"
    "\"decision\":\"allow\",\"decision_id\":\"dec-1\",\"rule\":\"allowed_hosts\",\"policy_hash\":"
    "\"sha256:00\","
    "\"reasons\":[\"one\",\"two\"],\"mode\":\"enforce\",\"seen_by\":\"gateway\",\"request_response_"
    "digests\":"
    "{\"request\":\"sha256:01\",\"response\":\"sha256:02\"},\"redactions\":[\"header:"
    "authorization\"],"
    "\"latency_ms\":12.345,\"error_code\":\"policy_denied\",\"request_bytes\":0,\"response_bytes\":"
    "10,"
    "\"status_code\":200}\n";

static const struct audit_entry least = { .request_id = { "r", 1 },
					  .phase = AUDIT_EVENT,
					  .action = { "exec", 4 } };

static char line[AUDIT_LINE_OCTETS_MAX], again[AUDIT_LINE_OCTETS_MAX], room[AUDIT_LINE_OCTETS_MAX];

/* again_is_same() - what @text, without newline, says is spelled so */
static void again_is_same(struct span text, const char *name)
{
	struct audit_entry entry;
	struct diag diag = { 0 };
	int r = audit_parse(&entry, text, &diag);

	CHECK(r == 0, "%s: %s: %.*s", name, diag.why, (int)text.len, text.ptr);
	if (r < 0)
		return;
	audit_unescape(&entry, room);
	size_t len = audit_encode(again, &entry);
	CHECK(len == text.len + 1 && memcmp(again, text.ptr, text.len) == 0, "%s: %.*s\n%.*s", name,
	      (int)text.len, text.ptr, (int)len, again);
}

static void test_spelling(void)
{
	size_t len = audit_encode(line, &full);

	CHECK(len == sizeof(full_text) - 1 && memcmp(line, full_text, len) == 0, "%.*s", (int)len,
	      line);
	again_is_same((struct span){ line, len - 1 }, "full");
	len = audit_encode(line, &least);
	again_is_same((struct span){ line, len - 1 }, "least");
	CHECK(audit_line_bound() <= AUDIT_LINE_OCTETS_MAX, "%zu", audit_line_bound());
}

static void test_foreign_text(void)
{
	static const struct {
		const char *text;
		const char *spelled;
	} rows[] = {
		{ "plain text~", "plain text~" },
		{ "a\"b\\c/", "a\\\"b\\\\c/" },
		{ "\x1b[31m\n\t\x7f", "\\u001b[31m\\u000a\\u0009\\u007f" },
		{ "\xc2\x9b", "\\u009b" },     /* C1: CSI */
		{ "\xe2\x80\xae", "\\u202e" }, /* right-to-left override */
		{ "caf\xc3\xa9", "caf\\u00e9" },
		{ "\xf0\x9f\x92\xa9", "\\ud83d\\udca9" },
		{ "\xff\xc3", "\\\\xff\\\\xc3" },            /* no UTF-8 */
		{ "\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80" }, /* a surrogate */
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct audit_entry entry = least;
		char want[256];

		entry.resource.path = span_of(rows[i].text);
		size_t len = audit_encode(line, &entry);
		snprintf(want, sizeof(want), "\"resource\":{\"path\":\"%s\"}", rows[i].spelled);
		line[len] = '\0';
		CHECK(strstr(line, want) != NULL, "%zu: %s", i, line);
		again_is_same((struct span){ line, len - 1 }, rows[i].spelled);
	}
}

/* test_bounds() - every text as long as may be, and longer; of what takes the most room */
static void test_bounds(void)
{
	static const char *const units[] = { "a", "\x01", "\xff", "\xc3\xa9", "\xf0\x9f\x92\xa9" };
	static char text[8192];

	for (size_t u = 0; u < ARRAY_SIZE(units); u++)
		for (size_t len = 4080; len <= 4112; len += strlen(units[u])) {
			struct audit_entry entry = full;

			for (size_t i = 0; i < len; i += strlen(units[u]))
				memcpy(text + i, units[u], strlen(units[u]));
			struct span big = { text, len };
			entry.resource.path = entry.resource.url = entry.rule = big;
			entry.actor.app = entry.action = entry.request_id = big;
			for (size_t i = 0; i < AUDIT_LIST_MAX; i++)
				entry.reasons.items[i] = entry.redactions.items[i] = big;
			entry.reasons.len = entry.redactions.len = AUDIT_LIST_MAX;
			entry.request_bytes.value = entry.latency_us.value = UINT64_MAX;
			size_t octets = audit_encode(line, &entry);
			again_is_same((struct span){ line, octets - 1 }, "bounds");
			line[octets] = '\0';
			CHECK(strstr(line, "...\"") != NULL, "not cut");
		}
}

static void test_times(void)
{
	static const struct {
		int64_t time_ns;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ INT64_C(951782400000000001), "2000-02-29T00:00:00.000000001Z" },
		{ INT64_C(4107542399999999999), "2100-02-28T23:59:59.999999999Z" },
		{ INT64_C(4107542400000000000), "2100-03-01T00:00:00.000000000Z" },
	};
	char text[STAMP_OCTETS];
	int64_t time_ns = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		stamp_put(text, rows[i].time_ns);
		CHECK(memcmp(text, rows[i].text, STAMP_OCTETS) == 0, "%s", rows[i].text);
		CHECK(stamp_read(&time_ns, rows[i].text) && time_ns == rows[i].time_ns, "%s",
		      rows[i].text);
	}
	stamp_put(text, INT64_MAX);
	CHECK(stamp_read(&time_ns, text) && memcmp(text, "2254-12-31T23:59:59.9", 21) == 0, "%.30s",
	      text);
	stamp_put(text, INT64_MIN);
	CHECK(stamp_read(&time_ns, text) && time_ns == 0, "%.30s", text);
	CHECK(!stamp_read(&time_ns, "2255-01-01T00:00:00.000000000Z"), "too late");
	CHECK(!stamp_read(&time_ns, "2024-04-31T00:00:00.000000000Z"), "April 31");
	CHECK(!stamp_read(&time_ns, "2024-13-01T00:00:00.000000000Z"), "month 13");
	CHECK(!stamp_read(&time_ns, "2024-00-01T00:00:00.000000000Z"), "month 0");
	CHECK(!stamp_read(&time_ns, "2024-01-01T00:00:60.000000000Z"), "second 60");
	CHECK(!stamp_read(&time_ns, "2100-02-29T00:00:00.000000000Z"), "no leap year");
	CHECK(!stamp_read(&time_ns, "2024-01-15T24:00:00.000000000Z"), "hour 24");
	CHECK(!stamp_read(&time_ns, "2024-01-15 10:30:00.000000000Z"), "no T");
}

/* Each is full_text with one thing in another's place: none is an entry. */
static void test_refused(void)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "{\"version\":1,", "{\"version\":2," },
		{ "\"seq\":42", "\"seq\":042" },
		{ "\"seq\":42", "\"seq\":-1" },
		{ "\"seq\":42", "\"seq\": 42" },
		{ "\"seq\":42", "\"seq\":9999999999999999999" },
		{ "\"seq\":42,", "\"seq\":42,\"seq\":42," },
		{ "\"seq\":42,", "" },
		{ "\"prev\":\"abcd", "\"prev\":\"ABCD" },
		{ "\"prev\":\"abcd", "\"prev\":\"abc" },
		{ "Z\"", "z\"" },
		{ "openclaw", "open\\claw" },
		{ "openclaw", "open\\u0041claw" },
		{ "openclaw", "open\\u00E9claw" },
		{ "openclaw", "open\\ud83d" },
		{ "openclaw", "open\\udca9" },
		{ "openclaw", "open\\/claw" },
		{ "openclaw", "open\ttab" },
		{ "openclaw", "caf\xc3\xa9" },
		{ "\"phase\":\"end\"", "\"phase\":\"ended\"" },
		{ "\"phase\":\"end\",", "" },
		{ "\"decision\":\"allow\"", "\"decision\":\"\"" },
		{ "\"pid\":7,", "\"pid\":7,\"pid\":7," },
		{ "[\"one\",\"two\"]", "[]" },
		{ "[\"one\",\"two\"]", "[\"one\",]" },
		{ "[\"one\",\"two\"]", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]" },
		{ "12.345", "12.34" },
		{ "12.345", "12" },
		{ "{\"request\":\"sha256:01\",\"response\":\"sha256:02\"}", "{}" },
		{ "\"status_code\":200}", "\"status_code\":200,\"new\":1}" },
		{ "\"status_code\":200}",
		  "\"status_code\":200,\"checkpoint\":\"x\",\"key\":\"\",\"signature\":\"\"}" },
		{ "\"status_code\":200}", "\"status_code\":200}}" },
		{ "\"status_code\":200}", "\"status_code\":200 }" },
		{ "\"status_code\":200}", "\"status_code\":200" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = strstr(full_text, rows[i].from);
		struct audit_entry entry;
		struct diag diag = { 0 };

		size_t len = (size_t)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - full_text),
					      full_text, rows[i].to, at + strlen(rows[i].from));
		CHECK(audit_parse(&entry, (struct span){ line, len - 1 }, &diag) == -EINVAL,
		      "%zu: %s", i, rows[i].to);
		CHECK(diag.why[0] != '\0', "%zu", i);
	}
}

/* test_cut() - no beginning of a line is a line */
static void test_cut(void)
{
	struct audit_entry entry;
	struct diag diag;

	for (size_t len = 0; len < sizeof(full_text) - 2; len++)
		CHECK(audit_parse(&entry, (struct span){ full_text, len }, &diag) == -EINVAL, "%zu",
		      len);
}

int main(void)
{
	test_spelling();
	test_foreign_text();
	test_bounds();
	test_times();
	test_refused();
	test_cut();
	return test_failures > 0;
}
