/* SPDX-License-Identifier: Apache-2.0 */
/*
 * substitution - which placeholders stand for which secrets in one request: the data of a REQUEST that
 * allows (gate.h). None at all is no octet; else one after the other:
 *
 *	u8  where		enum substitution_where
 *	u16 value_len		little-endian
 *	u8  placeholder[46]	"IMMURE_SECRET_" and 32 hexadecimal digits in lower case
 *	u8  value[value_len]
 *
 * There is one text for each list: no placeholder twice, no place that is not known, nothing behind it.
 */
#ifndef WIRE_SUBSTITUTION_H
#define WIRE_SUBSTITUTION_H

#include "base/base.h"

#define SUBSTITUTION_PREFIX "IMMURE_SECRET_"

enum {
	SUBSTITUTION_PREFIX_OCTETS = sizeof(SUBSTITUTION_PREFIX) - 1,
	SUBSTITUTION_PLACEHOLDER_OCTETS = SUBSTITUTION_PREFIX_OCTETS + 32,
	SUBSTITUTION_HEAD_OCTETS = 3 + SUBSTITUTION_PLACEHOLDER_OCTETS,
	SUBSTITUTION_VALUE_OCTETS_MIN = 4, /* less would be found wherever one looks */
	SUBSTITUTION_VALUE_OCTETS_MAX = 8192,
	SUBSTITUTIONS_MAX = 32,
};

enum substitution_where {
	SUBSTITUTION_HEADER = 1,
	SUBSTITUTION_QUERY = 2,
	SUBSTITUTION_BASIC = 4, /* user or password of Authorization: Basic */
	SUBSTITUTION_BODY = 8,
	SUBSTITUTION_ANYWHERE = 15,
};

struct substitution {
	unsigned where;          /* one place or more */
	struct span placeholder; /* borrowed, as is: */
	struct span value;       /* see substitution_value_fault() */
};

struct substitutions {
	size_t count;
	struct substitution at[SUBSTITUTIONS_MAX];
};

/* substitution_value_fault() - Return: NULL; else why that is no value that can be sent, static. */
MUST_USE const char *substitution_value_fault(struct span value);

/* substitution_is_placeholder() - exactly one, in its plain form */
MUST_USE bool substitution_is_placeholder(struct span text);

/**
 * substitutions_encode() - @ret: room for @size octets
 *
 * Return: 0; -EINVAL: not as above; -ENOBUFS.
 */
MUST_USE int substitutions_encode(size_t *ret_len, char *ret, size_t size,
				  const struct substitutions *list);

/* substitutions_decode() - spans of @ret borrow from @data. Return: 0; -EPROTO. */
MUST_USE int substitutions_decode(struct substitutions *ret, struct span data);

#endif
