// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the parser walks the table beside the line. A field whose name stands at the
 * cursor is read; one whose name does not is absent. At the end nothing may be left. So there is one
 * order, and a line that two readers might read in two ways (a key twice, other escapes, a number of
 * another form) is none.
 */
#include <errno.h>

#include "audit/entry_priv.h"

struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *cursor, struct span text)
{
	if ((size_t)(cursor->end - cursor->at) < text.len ||
	    memcmp(cursor->at, text.ptr, text.len) != 0)
		return false;
	cursor->at += text.len;
	return true;
}

static bool take_octet(struct cursor *cursor, char octet)
{
	if (cursor->at == cursor->end || *cursor->at != octet)
		return false;
	cursor->at++;
	return true;
}

/* take_number() - decimal, no zeros in front, at most NUMBER_MOST */
static bool take_number(uint64_t *ret, struct cursor *cursor)
{
	const char *start = cursor->at;
	uint64_t number = 0;

	while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
		if (cursor->at - start >= 18)
			return false;
		number = number * 10 + (uint64_t)(*cursor->at++ - '0');
	}
	*ret = number;
	return cursor->at > start && (*start != '0' || cursor->at == start + 1);
}

static bool take_millis(uint64_t *ret, struct cursor *cursor)
{
	uint64_t whole = 0, part = 0;

	if (!take_number(&whole, cursor) || whole > NUMBER_MOST / 1000 ||
	    !take_octet(cursor, '.') || cursor->end - cursor->at < 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (cursor->at[i] < '0' || cursor->at[i] > '9')
			return false;
		part = part * 10 + (uint64_t)(cursor->at[i] - '0');
	}
	cursor->at += 3;
	*ret = whole * 1000 + part;
	return true;
}

static bool take_text(struct span *ret, struct cursor *cursor, size_t most)
{
	size_t octets = 0;
	const char *end = escaped_skip(&octets, cursor->at, cursor->end);

	if (end == NULL || octets > most)
		return false;
	*ret = (struct span){ cursor->at, (size_t)(end - cursor->at) };
	cursor->at = end + 1;
	return true;
}

static bool take_list(struct audit_list *ret, struct cursor *cursor, size_t most)
{
	do {
		if (ret->len == AUDIT_LIST_MAX || !take_octet(cursor, '"') ||
		    !take_text(&ret->items[ret->len], cursor, most))
			return false;
		ret->len++;
	} while (take_octet(cursor, ','));
	return take_octet(cursor, ']');
}

static bool take_word(unsigned *ret, struct cursor *cursor, const struct field *field)
{
	struct span word = { 0 };

	if (!take_text(&word, cursor, 16))
		return false;
	for (unsigned i = 1; i < field->most; i++)
		if (span_is(word, field->words[i])) {
			*ret = i;
			return true;
		}
	return false;
}

static uint64_t digits(const char *from, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number * 10 + (uint64_t)(unsigned char)(from[i] - '0');
	return number;
}

/* days_of() - of a date since 1970: see put_date() */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(uint64_t year, uint64_t month, uint64_t day)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	/* 2255: see TIME_MOST */
	return year >= 1970 && year < 2255 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= lengths[month - 1] + (uint64_t)(month == 2 && leap);
}

bool stamp_read(int64_t *ret, const char *from)
{
	static const char form[] = "0000-00-00T00:00:00.000000000Z";

	for (size_t i = 0; i < STAMP_OCTETS; i++)
		if (form[i] == '0' ? from[i] < '0' || from[i] > '9' : from[i] != form[i])
			return false;
	uint64_t year = digits(from, 4), month = digits(from + 5, 2), day = digits(from + 8, 2);
	uint64_t hour = digits(from + 11, 2), minute = digits(from + 14, 2);
	uint64_t second = digits(from + 17, 2);

	if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
		return false;
	int64_t days = days_of((int64_t)year, (int64_t)month, (int64_t)day);
	*ret = (days * 86400 + (int64_t)(hour * 3600 + minute * 60 + second)) * 1000000000 +
	       (int64_t)digits(from + 20, 9);
	return true;
}

static bool take_time(int64_t *ret, struct cursor *cursor)
{
	if (cursor->end - cursor->at < (ptrdiff_t)STAMP_OCTETS || !stamp_read(ret, cursor->at))
		return false;
	cursor->at += STAMP_OCTETS;
	return take_octet(cursor, '"');
}

static bool take_hash(uint8_t *ret, struct cursor *cursor, size_t len)
{
	struct span text = { cursor->at, 2 * len };

	if ((size_t)(cursor->end - cursor->at) < text.len || !audit_unhex(ret, len, text))
		return false;
	cursor->at += text.len;
	return take_octet(cursor, '"');
}

static bool take_value(struct audit_entry *ret, struct cursor *cursor, const struct field *field)
{
	void *slot = field_slot(ret, field);
	struct audit_number *number = slot;

	switch (field->kind) {
	case FIELD_TEXT:
		return take_text(slot, cursor, field->most);
	case FIELD_LIST:
		return take_list(slot, cursor, field->most);
	case FIELD_NUMBER:
		number->is_set = true;
		return take_number(&number->value, cursor);
	case FIELD_MILLIS:
		number->is_set = true;
		return take_millis(&number->value, cursor);
	case FIELD_SEQ:
		return take_number(slot, cursor);
	case FIELD_TIME:
		return take_time(slot, cursor);
	case FIELD_HASH:
		return take_hash(slot, cursor, field->most);
	case FIELD_WORD:
		return take_word(slot, cursor, field);
	case FIELD_OPEN:
	case FIELD_CLOSE:
		break;
	}
	return true;
}

static bool is_needed(enum field_kind kind)
{
	return kind == FIELD_SEQ || kind == FIELD_TIME || kind == FIELD_HASH;
}

/* past() - behind the object that begins at field @i */
static size_t past(size_t i)
{
	while (audit_fields[i].kind != FIELD_CLOSE)
		i++;
	return i;
}

/* take_name() - of @field, with the comma in front that belongs there */
static bool take_name(struct cursor *cursor, const struct field *field, bool first)
{
	bool comma = !first && field->kind != FIELD_CLOSE;
	const char *at = cursor->at + comma;
	size_t len = field->name.len;

	/* most are absent: the first letter tells, which only a name of one octet has not */
	if ((size_t)(cursor->end - cursor->at) < len + comma || (comma && *cursor->at != ',') ||
	    at[len > 1] != field->name.ptr[len > 1] || memcmp(at, field->name.ptr, len) != 0)
		return false;
	cursor->at = at + len;
	return true;
}

/* fields_take() - Return: NULL, or the name of the field that is wrong or missing */
static const char *fields_take(struct audit_entry *ret, struct cursor *cursor)
{
	bool first = false; /* in its object */

	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &audit_fields[i];

		if (field->kind == FIELD_CLOSE && first)
			return "an empty object";
		if (!take_name(cursor, field, first)) {
			if (is_needed(field->kind) || field->kind == FIELD_CLOSE)
				return field->name.ptr;
			if (field->kind == FIELD_OPEN)
				i = past(i);
			continue;
		}
		if (!take_value(ret, cursor, field))
			return field->name.ptr;
		first = field->kind == FIELD_OPEN;
	}
	return NULL;
}

/* kind_fault() - a line is an entry, a checkpoint or of the ledger, with what that needs */
static const char *kind_fault(const struct audit_entry *entry)
{
	bool is_signed = entry->key.ptr != NULL && entry->signature.ptr != NULL;
	bool is_ledger = entry->ledger.event.ptr != NULL,
	     is_point = entry->checkpoint.log.ptr != NULL;

	if (!audit_is_entry(entry))
		return is_signed && is_ledger != is_point ? NULL : "it is no kind of line";
	if (is_ledger || is_point || entry->key.ptr != NULL || entry->signature.ptr != NULL)
		return "it is two kinds of line";
	return entry->action.ptr != NULL && entry->phase != AUDIT_PHASE_NONE
		   ? NULL
		   : "it has no action or phase";
}

int audit_parse(struct audit_entry *ret, struct span line, struct diag *diag)
{
	struct cursor cursor = { line.ptr, line.ptr + line.len };
	struct audit_entry entry = { 0 };
	const char *fault = NULL;

	if (line.len == 0 || line.len >= AUDIT_LINE_OCTETS_MAX || !take(&cursor, SPAN(AUDIT_HEAD)))
		return diag_set(diag, -EINVAL, "it does not begin as an entry of version 1");
	fault = fields_take(&entry, &cursor);
	if (fault != NULL)
		return diag_set(diag, -EINVAL, "it has no valid %s", fault);
	if (!take_octet(&cursor, '}') || cursor.at != cursor.end)
		return diag_set(diag, -EINVAL, "something at octet %zu does not belong there",
				(size_t)(cursor.at - line.ptr));
	fault = kind_fault(&entry);
	if (fault != NULL)
		return diag_set(diag, -EINVAL, "%s", fault);
	*ret = entry;
	return 0;
}
