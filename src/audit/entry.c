// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: this table is the format. The encoder walks it and writes what is there; the
 * parser walks it and takes what it finds in this order. To add a field, add a row and a member, and a
 * line in docs/schemas/audit-entry.v1.json; only fields that may be absent can be added, or lines of
 * before would no longer read.
 */
#include "audit/entry_priv.h"

#define WORDS(a) ARRAY_SIZE(a), a
/* clang-format off */
#define N(name) { (name), sizeof(name) - 1 }
#define AT(m)    offsetof(struct audit_entry, m)

const char *const audit_phases[4] = { "", "begin", "end", "event" };
const char *const audit_decisions[4] = { "", "deny", "allow", "ask" };
const char *const audit_modes[4] = { "", "audit", "ask", "enforce" };
const char *const audit_sights[7] = {
	"", "gateway", "warden", "ebpf", "seccomp", "vfs", "overlay"
};

const struct field audit_fields[FIELDS] = {
	{ FIELD_SEQ,    N("\"seq\":"), AT(seq), 0, NULL },
	{ FIELD_HASH,   N("\"prev\":\""), AT(prev), AUDIT_HASH_OCTETS, NULL },
	{ FIELD_TIME,   N("\"timestamp\":\""), AT(time_ns), 0, NULL },
	{ FIELD_TEXT,   N("\"request_id\":\""), AT(request_id), 64, NULL },
	{ FIELD_WORD,   N("\"phase\":\""), AT(phase), WORDS(audit_phases) },
	{ FIELD_TEXT,   N("\"action\":\""), AT(action), 64, NULL },
	{ FIELD_OPEN,   N("\"actor\":{"), 0, 0, NULL },
	{ FIELD_TEXT,   N("\"app\":\""), AT(actor.app), 128, NULL },
	{ FIELD_TEXT,   N("\"sandbox\":\""), AT(actor.sandbox), 64, NULL },
	{ FIELD_NUMBER, N("\"pid\":"), AT(actor.pid), 0, NULL },
	{ FIELD_TEXT,   N("\"program\":\""), AT(actor.program), 256, NULL },
	{ FIELD_CLOSE,  N("}"), 0, 0, NULL },
	{ FIELD_OPEN,   N("\"resource\":{"), 0, 0, NULL },
	{ FIELD_TEXT,   N("\"protocol\":\""), AT(resource.protocol), 32, NULL },
	{ FIELD_TEXT,   N("\"host\":\""), AT(resource.host), 256, NULL },
	{ FIELD_NUMBER, N("\"port\":"), AT(resource.port), 0, NULL },
	{ FIELD_TEXT,   N("\"method\":\""), AT(resource.method), 64, NULL },
	{ FIELD_TEXT,   N("\"url\":\""), AT(resource.url), 2048, NULL },
	{ FIELD_TEXT,   N("\"path\":\""), AT(resource.path), 4096, NULL },
	{ FIELD_CLOSE,  N("}"), 0, 0, NULL },
	{ FIELD_WORD,   N("\"decision\":\""), AT(decision), WORDS(audit_decisions) },
	{ FIELD_TEXT,   N("\"decision_id\":\""), AT(decision_id), 64, NULL },
	{ FIELD_TEXT,   N("\"rule\":\""), AT(rule), 256, NULL },
	{ FIELD_TEXT,   N("\"policy_hash\":\""), AT(policy_hash), 128, NULL },
	{ FIELD_LIST,   N("\"reasons\":["), AT(reasons), 320, NULL },
	{ FIELD_WORD,   N("\"mode\":\""), AT(mode), WORDS(audit_modes) },
	{ FIELD_WORD,   N("\"seen_by\":\""), AT(seen_by), WORDS(audit_sights) },
	{ FIELD_OPEN,   N("\"request_response_digests\":{"), 0, 0, NULL },
	{ FIELD_TEXT,   N("\"request\":\""), AT(digests.request), 128, NULL },
	{ FIELD_TEXT,   N("\"response\":\""), AT(digests.response), 128, NULL },
	{ FIELD_CLOSE,  N("}"), 0, 0, NULL },
	{ FIELD_LIST,   N("\"redactions\":["), AT(redactions), 128, NULL },
	{ FIELD_MILLIS, N("\"latency_ms\":"), AT(latency_us), 0, NULL },
	{ FIELD_TEXT,   N("\"error_code\":\""), AT(error_code), 64, NULL },
	{ FIELD_NUMBER, N("\"request_bytes\":"), AT(request_bytes), 0, NULL },
	{ FIELD_NUMBER, N("\"response_bytes\":"), AT(response_bytes), 0, NULL },
	{ FIELD_NUMBER, N("\"status_code\":"), AT(status_code), 0, NULL },
	{ FIELD_TEXT,   N("\"checkpoint\":\""), AT(checkpoint.log), AUDIT_LOG_NAME_OCTETS - 1, NULL },
	{ FIELD_OPEN,   N("\"ledger\":{"), 0, 0, NULL },
	{ FIELD_TEXT,   N("\"event\":\""), AT(ledger.event), 16, NULL },
	{ FIELD_TEXT,   N("\"log\":\""), AT(ledger.log), AUDIT_LOG_NAME_OCTETS - 1, NULL },
	{ FIELD_TEXT,   N("\"app\":\""), AT(ledger.app), 128, NULL },
	{ FIELD_NUMBER, N("\"entries\":"), AT(ledger.entries), 0, NULL },
	{ FIELD_TEXT,   N("\"last\":\""), AT(ledger.last), 2UL * AUDIT_HASH_OCTETS, NULL },
	{ FIELD_CLOSE,  N("}"), 0, 0, NULL },
	{ FIELD_TEXT,   N("\"key\":\""), AT(key), 2UL * AUDIT_KEY_OCTETS, NULL },
	{ FIELD_TEXT,   N("\"signature\":\""), AT(signature), 2UL * AUDIT_SIGNATURE_OCTETS, NULL },
};
/* clang-format on */

size_t audit_line_bound(void)
{
	const size_t escaped = 6, number_octets = 20;
	size_t sum = sizeof(AUDIT_HEAD) + sizeof("}\n");

	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &audit_fields[i];

		sum += field->name.len + sizeof(",\"") + STAMP_OCTETS + number_octets;
		if (field->kind == FIELD_TEXT || field->kind == FIELD_HASH)
			sum += escaped * field->most;
		if (field->kind == FIELD_LIST)
			sum += (size_t)AUDIT_LIST_MAX * (escaped * field->most + sizeof("\"\","));
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

/* One more than the digit; 0: none. */
static const uint8_t values[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool audit_unhex(uint8_t *ret, size_t len, struct span text)
{
	if (text.ptr == NULL || text.len != 2 * len)
		return false;
	const uint8_t *digits = (const uint8_t *)text.ptr;
	bool good = true;

	for (size_t i = 0; i < len; i++) {
		unsigned high = values[digits[2 * i]], low = values[digits[2 * i + 1]];

		good = good && high > 0 && low > 0;
		ret[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return good;
}
