// SPDX-License-Identifier: Apache-2.0
/* Nothing is measured before it is written: audit_line_bound() says that all fits. */
#include "audit/entry_priv.h"

static char *put(char *to, struct span text)
{
	memcpy(to, text.ptr, text.len);
	return to + text.len;
}

static char *put_number(char *to, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return put(to, (struct span){ digits + at, sizeof(digits) - at });
}

/* put_digits() - exactly @len of them, zeros in front */
static void put_digits(char *to, uint64_t number, size_t len)
{
	for (; len-- > 0; number /= 10)
		to[len] = (char)('0' + number % 10);
}

/* put_date() - the proleptic Gregorian date of @days since 1970: years that begin in March have
 * their leap day last, so that a division finds the month */
static void put_date(char *to, int64_t days)
{
	int64_t shifted = days + 719468; /* since 0000-03-01 */
	int64_t era = shifted / 146097, day = shifted % 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	put_digits(to + 8, (uint64_t)(of_year - (153 * month + 2) / 5 + 1), 2);
	put_digits(to + 5, (uint64_t)(month < 10 ? month + 3 : month - 9), 2);
	put_digits(to, (uint64_t)(era * 400 + year + (month >= 10)), 4);
}

void stamp_put(char *to, int64_t time_ns)
{
	const int64_t second_ns = 1000000000, day_s = 86400;
	int64_t seconds = 0, of_day = 0;

	time_ns = time_ns > 0 ? time_ns : 0; /* a clock that is set wrong */
	time_ns = time_ns < TIME_MOST ? time_ns : TIME_MOST;
	seconds = time_ns / second_ns;
	of_day = seconds % day_s;
	memcpy(to, "0000-00-00T00:00:00.000000000Z", STAMP_OCTETS);
	put_date(to, seconds / day_s);
	put_digits(to + 11, (uint64_t)(of_day / 3600), 2);
	put_digits(to + 14, (uint64_t)(of_day / 60 % 60), 2);
	put_digits(to + 17, (uint64_t)(of_day % 60), 2);
	put_digits(to + 20, (uint64_t)(time_ns % second_ns), 9);
}

static char *put_list(char *to, const struct audit_list *list, size_t most)
{
	for (size_t i = 0; i < list->len && i < AUDIT_LIST_MAX; i++) {
		if (i > 0)
			*to++ = ',';
		*to++ = '"';
		to = escape(to, list->items[i], most);
		*to++ = '"';
	}
	*to++ = ']';
	return to;
}

static char *put_number_field(char *to, const struct audit_number *number, bool millis)
{
	uint64_t value = number->value < NUMBER_MOST ? number->value : NUMBER_MOST;

	to = put_number(to, millis ? value / 1000 : value);
	if (!millis)
		return to;
	*to++ = '.';
	put_digits(to, value % 1000, 3);
	return to + 3;
}

/* put_value() - of a field that is there, behind its name */
static char *put_value(char *to, const struct field *field, const void *value)
{
	switch (field->kind) {
	case FIELD_TEXT:
		to = escape(to, *(const struct span *)value, field->most);
		break;
	case FIELD_LIST:
		return put_list(to, value, field->most);
	case FIELD_NUMBER:
	case FIELD_MILLIS:
		return put_number_field(to, value, field->kind == FIELD_MILLIS);
	case FIELD_SEQ:
		return put_number(to, *(const uint64_t *)value);
	case FIELD_TIME:
		stamp_put(to, *(const int64_t *)value);
		to += STAMP_OCTETS;
		break;
	case FIELD_HASH:
		audit_hex(to, value, field->most);
		to += 2 * field->most;
		break;
	case FIELD_WORD:
		to = put(to, span_of(field->words[*(const unsigned *)value]));
		break;
	case FIELD_OPEN:
	case FIELD_CLOSE:
		return to;
	}
	*to++ = '"';
	return to;
}

static bool is_there(const struct field *field, const void *value)
{
	switch (field->kind) {
	case FIELD_TEXT:
		return ((const struct span *)value)->ptr != NULL;
	case FIELD_LIST:
		return ((const struct audit_list *)value)->len > 0;
	case FIELD_NUMBER:
	case FIELD_MILLIS:
		return ((const struct audit_number *)value)->is_set;
	case FIELD_WORD:
		return *(const unsigned *)value > 0 && *(const unsigned *)value < field->most;
	case FIELD_OPEN:
	case FIELD_CLOSE:
	case FIELD_SEQ:
	case FIELD_TIME:
	case FIELD_HASH:
		break;
	}
	return true;
}

size_t audit_encode(char *ret, const struct audit_entry *entry)
{
	char *to = put(ret, SPAN(AUDIT_HEAD));
	char *opened = NULL; /* where the object began that has no field yet */

	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &audit_fields[i];
		const void *value = field_at(entry, field);

		if (field->kind == FIELD_CLOSE && opened != NULL) {
			to = opened;
			opened = NULL;
			continue;
		}
		if (!is_there(field, value))
			continue;
		char *start = to;
		if (opened == NULL && field->kind != FIELD_CLOSE)
			*to++ = ',';
		opened = field->kind == FIELD_OPEN ? start : NULL;
		to = put(to, field->name);
		to = put_value(to, field, value);
	}
	to = put(to, SPAN("}\n"));
	return (size_t)(to - ret);
}
