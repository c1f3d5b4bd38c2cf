// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: this table is the format. The encoder walks it and writes what is there; the
 * parser walks it and takes what it finds in this order. To add a field, add a row and a member, and a
 * line in docs/schemas/audit-entry.v1.json; only fields that may be absent can be added, or lines of
 * before would no longer read.
 */
#include "audit/entry_priv.h"

#define WORDS(a) ARRAY_SIZE(a), a
#define AT(m)    offsetof(struct audit_entry, m)

const char *const audit_phases[4] = { "", "begin", "end", "event" };
const char *const audit_decisions[4] = { "", "deny", "allow", "ask" };
const char *const audit_modes[4] = { "", "audit", "ask", "enforce" };
const char *const audit_sights[7] = {
	"", "gateway", "warden", "ebpf", "seccomp", "vfs", "overlay"
};

/* clang-format off */
const struct field audit_fields[FIELDS] = {
	{ FIELD_SEQ,    "\"seq\":", AT(seq), 0, NULL },
	{ FIELD_HASH,   "\"prev\":\"", AT(prev), AUDIT_HASH_OCTETS, NULL },
	{ FIELD_TIME,   "\"timestamp\":\"", AT(time_ns), 0, NULL },
	{ FIELD_TEXT,   "\"request_id\":\"", AT(request_id), 64, NULL },
	{ FIELD_WORD,   "\"phase\":\"", AT(phase), WORDS(audit_phases) },
	{ FIELD_TEXT,   "\"action\":\"", AT(action), 64, NULL },
	{ FIELD_OPEN,   "\"actor\":{", 0, 0, NULL },
	{ FIELD_TEXT,   "\"app\":\"", AT(actor.app), 128, NULL },
	{ FIELD_TEXT,   "\"sandbox\":\"", AT(actor.sandbox), 64, NULL },
	{ FIELD_NUMBER, "\"pid\":", AT(actor.pid), 0, NULL },
	{ FIELD_TEXT,   "\"program\":\"", AT(actor.program), 256, NULL },
	{ FIELD_CLOSE,  "}", 0, 0, NULL },
	{ FIELD_OPEN,   "\"resource\":{", 0, 0, NULL },
	{ FIELD_TEXT,   "\"protocol\":\"", AT(resource.protocol), 32, NULL },
	{ FIELD_TEXT,   "\"host\":\"", AT(resource.host), 256, NULL },
	{ FIELD_NUMBER, "\"port\":", AT(resource.port), 0, NULL },
	{ FIELD_TEXT,   "\"method\":\"", AT(resource.method), 64, NULL },
	{ FIELD_TEXT,   "\"url\":\"", AT(resource.url), 2048, NULL },
	{ FIELD_TEXT,   "\"path\":\"", AT(resource.path), 4096, NULL },
	{ FIELD_CLOSE,  "}", 0, 0, NULL },
	{ FIELD_WORD,   "\"decision\":\"", AT(decision), WORDS(audit_decisions) },
	{ FIELD_TEXT,   "\"decision_id\":\"", AT(decision_id), 64, NULL },
	{ FIELD_TEXT,   "\"rule\":\"", AT(rule), 256, NULL },
	{ FIELD_TEXT,   "\"policy_hash\":\"", AT(policy_hash), 128, NULL },
	{ FIELD_LIST,   "\"reasons\":[", AT(reasons), 320, NULL },
	{ FIELD_WORD,   "\"mode\":\"", AT(mode), WORDS(audit_modes) },
	{ FIELD_WORD,   "\"seen_by\":\"", AT(seen_by), WORDS(audit_sights) },
	{ FIELD_OPEN,   "\"request_response_digests\":{", 0, 0, NULL },
	{ FIELD_TEXT,   "\"request\":\"", AT(digests.request), 128, NULL },
	{ FIELD_TEXT,   "\"response\":\"", AT(digests.response), 128, NULL },
	{ FIELD_CLOSE,  "}", 0, 0, NULL },
	{ FIELD_LIST,   "\"redactions\":[", AT(redactions), 128, NULL },
	{ FIELD_MILLIS, "\"latency_ms\":", AT(latency_us), 0, NULL },
	{ FIELD_TEXT,   "\"error_code\":\"", AT(error_code), 64, NULL },
	{ FIELD_NUMBER, "\"request_bytes\":", AT(request_bytes), 0, NULL },
	{ FIELD_NUMBER, "\"response_bytes\":", AT(response_bytes), 0, NULL },
	{ FIELD_NUMBER, "\"status_code\":", AT(status_code), 0, NULL },
	{ FIELD_TEXT,   "\"checkpoint\":\"", AT(checkpoint.log), AUDIT_LOG_NAME_OCTETS - 1, NULL },
	{ FIELD_OPEN,   "\"ledger\":{", 0, 0, NULL },
	{ FIELD_TEXT,   "\"event\":\"", AT(ledger.event), 16, NULL },
	{ FIELD_TEXT,   "\"log\":\"", AT(ledger.log), AUDIT_LOG_NAME_OCTETS - 1, NULL },
	{ FIELD_TEXT,   "\"app\":\"", AT(ledger.app), 128, NULL },
	{ FIELD_NUMBER, "\"entries\":", AT(ledger.entries), 0, NULL },
	{ FIELD_TEXT,   "\"last\":\"", AT(ledger.last), 2 * AUDIT_HASH_OCTETS, NULL },
	{ FIELD_CLOSE,  "}", 0, 0, NULL },
	{ FIELD_TEXT,   "\"key\":\"", AT(key), 2 * AUDIT_KEY_OCTETS, NULL },
	{ FIELD_TEXT,   "\"signature\":\"", AT(signature), 2 * AUDIT_SIGNATURE_OCTETS, NULL },
};
/* clang-format on */

size_t audit_line_bound(void)
{
	enum { ESCAPED = 6, NUMBER_OCTETS = 20 };
	size_t sum = sizeof(AUDIT_HEAD) + sizeof("}\n");

	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &audit_fields[i];

		sum += strlen(field->name) + sizeof(",\"") + STAMP_OCTETS + NUMBER_OCTETS;
		if (field->kind == FIELD_TEXT || field->kind == FIELD_HASH)
			sum += ESCAPED * field->most;
		if (field->kind == FIELD_LIST)
			sum += AUDIT_LIST_MAX * (ESCAPED * field->most + sizeof("\"\","));
	}
	return sum;
}

void audit_hex(char *ret, const uint8_t *octets, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[octets[i] >> 4];
		ret[2 * i + 1] = digits[octets[i] & 15];
	}
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool audit_unhex(uint8_t *ret, size_t len, struct span text)
{
	if (text.ptr == NULL || text.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit_of(text.ptr[2 * i]), low = digit_of(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
