// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a table of columns for CSV. What is not plain text goes out as \xNN, an octet
 * each, and a cell that a spreadsheet would take for a formula has an apostrophe in front.
 */
#include "audit/export.h"

#include "audit/entry_priv.h"
#include "base/utf8.h"

enum column_kind {
	COLUMN_TIME,
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_MILLIS,
	COLUMN_WORD,
	COLUMN_LIST
};

static const struct {
	const char *name;
	enum column_kind kind;
	bool of_end; /* what the last line says counts, if it says something */
	size_t offset;
	const char *const *words;
} columns[] = {
#define AT(m) offsetof(struct audit_entry, m), NULL
	{ "timestamp", COLUMN_TIME, false, AT(time_ns) },
	{ "request_id", COLUMN_TEXT, false, AT(request_id) },
	{ "app", COLUMN_TEXT, false, AT(actor.app) },
	{ "sandbox", COLUMN_TEXT, false, AT(actor.sandbox) },
	{ "pid", COLUMN_NUMBER, false, AT(actor.pid) },
	{ "program", COLUMN_TEXT, false, AT(actor.program) },
	{ "action", COLUMN_TEXT, false, AT(action) },
	{ "host", COLUMN_TEXT, false, AT(resource.host) },
	{ "port", COLUMN_NUMBER, false, AT(resource.port) },
	{ "method", COLUMN_TEXT, false, AT(resource.method) },
	{ "url", COLUMN_TEXT, false, AT(resource.url) },
	{ "path", COLUMN_TEXT, false, AT(resource.path) },
	{ "decision", COLUMN_WORD, true, offsetof(struct audit_entry, decision), audit_decisions },
	{ "decision_id", COLUMN_TEXT, false, AT(decision_id) },
	{ "rule", COLUMN_TEXT, false, AT(rule) },
	{ "policy_hash", COLUMN_TEXT, false, AT(policy_hash) },
	{ "reasons", COLUMN_LIST, true, AT(reasons) },
	{ "mode", COLUMN_WORD, false, offsetof(struct audit_entry, mode), audit_modes },
	{ "seen_by", COLUMN_WORD, false, offsetof(struct audit_entry, seen_by), audit_sights },
	{ "status_code", COLUMN_NUMBER, true, AT(status_code) },
	{ "error_code", COLUMN_TEXT, true, AT(error_code) },
	{ "request_bytes", COLUMN_NUMBER, true, AT(request_bytes) },
	{ "response_bytes", COLUMN_NUMBER, true, AT(response_bytes) },
	{ "request_digest", COLUMN_TEXT, true, AT(digests.request) },
	{ "response_digest", COLUMN_TEXT, true, AT(digests.response) },
	{ "latency_ms", COLUMN_MILLIS, true, AT(latency_us) },
#undef AT
};

const struct audit_entry *audit_outcome(const struct audit_found *found)
{
	return found->end_line.ptr != NULL ? &found->end : &found->entry;
}

int audit_export_jsonl(struct buf *ret, const struct audit_found *found)
{
	int r = buf_append(ret, found->line);

	if (r == 0)
		r = buf_append(ret, SPAN("\n"));
	if (r < 0 || found->end_line.ptr == NULL)
		return r;
	r = buf_append(ret, found->end_line);
	return r == 0 ? buf_append(ret, SPAN("\n")) : r;
}

/* plain_run() - octets at the front that stand for themselves: visible ASCII but quotes */
static size_t plain_run(struct span text)
{
	size_t i = 0;

	while (i < text.len && text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f && text.ptr[i] != '"')
		i++;
	return i;
}

static int put_text(struct buf *ret, struct span text)
{
	int r = 0;

	while (r == 0 && text.len > 0) {
		uint32_t code = 0;
		size_t run = plain_run(text), len = run > 0 ? run : utf8_decode(&code, text);

		if (run == 0 && len > 0 && code == '"')
			r = buf_append(ret, SPAN("\"\""));
		else if (run > 0 || (len > 0 && utf8_is_plain(code)))
			r = buf_append(ret, (struct span){ text.ptr, len });
		else
			r = buf_printf(ret, "\\x%02x", (unsigned)(unsigned char)text.ptr[0]);
		text = span_drop(text, run > 0 || (len > 0 && utf8_is_plain(code)) ? len : 1);
	}
	return r;
}

/* put_cell() - in quotes, so that commas do no harm */
static int put_cell(struct buf *ret, struct span text)
{
	bool formula = text.len > 0 && memchr("=+-@\t\r\n", text.ptr[0], 7) != NULL;
	int r = buf_append(ret, formula ? SPAN("\"'") : SPAN("\""));

	if (r == 0)
		r = put_text(ret, text);
	return r == 0 ? buf_append(ret, SPAN("\"")) : r;
}

static int put_list(struct buf *ret, const struct audit_list *list)
{
	int r = list->len > 0 ? put_cell(ret, list->items[0]) : 0;

	for (size_t i = 1; r == 0 && i < list->len; i++) {
		ret->end--; /* its closing quote: all in one cell */
		r = buf_append(ret, SPAN("; "));
		if (r == 0)
			r = put_text(ret, list->items[i]);
		if (r == 0)
			r = buf_append(ret, SPAN("\""));
	}
	return r;
}

static int put_column(struct buf *ret, size_t i, const struct audit_entry *entry)
{
	const void *value = (const char *)entry + columns[i].offset;
	const struct audit_number *number = value;
	char stamp[STAMP_OCTETS];

	switch (columns[i].kind) {
	case COLUMN_TIME:
		stamp_put(stamp, *(const int64_t *)value);
		return buf_append(ret, (struct span){ stamp, sizeof(stamp) });
	case COLUMN_TEXT:
		return put_cell(ret, *(const struct span *)value);
	case COLUMN_LIST:
		return put_list(ret, value);
	case COLUMN_WORD:
		return buf_append(ret, span_of(columns[i].words[*(const unsigned *)value]));
	case COLUMN_MILLIS:
	case COLUMN_NUMBER:
		break;
	}
	if (!number->is_set)
		return 0;
	unsigned long long n = number->value;
	return columns[i].kind == COLUMN_NUMBER
		   ? buf_printf(ret, "%llu", n)
		   : buf_printf(ret, "%llu.%03llu", n / 1000, n % 1000);
}

/* says() - is there something in column @i? */
static bool says(const struct audit_entry *entry, size_t i)
{
	const void *value = (const char *)entry + columns[i].offset;

	switch (columns[i].kind) {
	case COLUMN_TEXT:
		return ((const struct span *)value)->ptr != NULL;
	case COLUMN_LIST:
		return ((const struct audit_list *)value)->len > 0;
	case COLUMN_WORD:
		return *(const unsigned *)value != 0;
	case COLUMN_MILLIS:
	case COLUMN_NUMBER:
		return ((const struct audit_number *)value)->is_set;
	case COLUMN_TIME:
		break;
	}
	return true;
}

int audit_export_csv(struct buf *ret, const struct audit_found *found)
{
	const struct audit_entry *end = found != NULL ? audit_outcome(found) : NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(columns); i++) {
		if (i > 0)
			r = buf_append(ret, SPAN(","));
		if (r == 0 && found == NULL)
			r = buf_append(ret, span_of(columns[i].name));
		else if (r == 0)
			r = put_column(ret, i,
				       columns[i].of_end && says(end, i) ? end : &found->entry);
	}
	return r == 0 ? buf_append(ret, SPAN("\r\n")) : r;
}
