/* SPDX-License-Identifier: Apache-2.0 */
/* entry_priv - the table of fields, which encoder and parser share, and escaping. */
#ifndef AUDIT_ENTRY_PRIV_H
#define AUDIT_ENTRY_PRIV_H

#include "audit/entry.h"

enum field_kind {
	FIELD_OPEN, /* an object begins; it is left out if it would be empty */
	FIELD_CLOSE,
	FIELD_TEXT,   /* struct span, of octets_max */
	FIELD_LIST,   /* struct audit_list of such */
	FIELD_NUMBER, /* struct audit_number */
	FIELD_MILLIS, /* the same, thousandths */
	FIELD_SEQ,    /* uint64_t, always there */
	FIELD_TIME,   /* int64_t, always there: RFC 3339, nanoseconds, Z */
	FIELD_HASH,   /* octets in hex, always there */
	FIELD_WORD,   /* an enum; 0: absent */
};

struct field {
	enum field_kind kind;
	struct span name; /* as it stands: "\"seq\":" */
	size_t offset;    /* in struct audit_entry */
	size_t most;      /* octets of a text; words of an enum */
	const char *const *words;
};

enum { FIELDS = 47, STAMP_OCTETS = sizeof("2024-01-15T10:30:00.123456789Z") - 1 };

/* more is written as this: 18 digits */
static const uint64_t NUMBER_MOST = UINT64_C(999999999999999999);

/* the last that is written, 2254-12-31T23:59:59.999999999Z: nanoseconds in 63 bits reach to 2262 */
static const int64_t TIME_MOST = INT64_C(8993721599999999999);

#define AUDIT_HEAD "{\"version\":1"

extern const struct field audit_fields[FIELDS];

static inline const void *field_at(const struct audit_entry *entry, const struct field *field)
{
	return (const char *)entry + field->offset;
}

static inline void *field_slot(struct audit_entry *entry, const struct field *field)
{
	return (char *)entry + field->offset;
}

/* escape() - @text at @to, at most @most octets of it. Return: behind what was written. */
char *escape(char *to, struct span text, size_t most);

/* escaped_skip() - the text that begins at @at and ends at a quote before @end
 * @ret_octets:	how long it is unescaped
 * Return: the quote; NULL: it is not what escape() writes. */
const char *escaped_skip(size_t *ret_octets, const char *at, const char *end);

/* stamp_put() - STAMP_OCTETS at @to */
void stamp_put(char *to, int64_t time_ns);

/* stamp_read() - Return: are the STAMP_OCTETS at @from what stamp_put() writes of *ret? */
bool stamp_read(int64_t *ret, const char *from);

#endif
