/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1_fuzz - what the fuzz targets of the HTTP/1.1 codec share.
 */
#ifndef WIRE_HTTP1_FUZZ_H
#define WIRE_HTTP1_FUZZ_H

#include <stdlib.h>

#include "wire/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static inline void must(bool holds)
{
	if (!holds)
		abort();
}

/* exact_copy() - of @s in memory of its size, so that a read behind it is noticed; to be freed */
static inline char *exact_copy(struct span s)
{
	char *copy = malloc(s.len > 0 ? s.len : 1);

	must(copy != NULL);
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

static inline bool same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* next_kept() - the next field from *@i on that a writer passes on; NULL: none */
static inline const struct http1_field *next_kept(const struct http1_fields *fields, unsigned *i)
{
	while (*i < fields->count) {
		const struct http1_field *field = &fields->at[(*i)++];

		if (!field->hop && field->id != HTTP1_HOST && field->id != HTTP1_CONTENT_LENGTH)
			return field;
	}
	return NULL;
}

/* must_keep_fields() - what is not of one hop has gone through, in its order */
static inline void must_keep_fields(const struct http1_fields *a, const struct http1_fields *b)
{
	const struct http1_field *left = NULL, *right = NULL;
	unsigned i = 0, j = 0;

	do {
		left = next_kept(a, &i);
		right = next_kept(b, &j);
		must((left == NULL) == (right == NULL));
		must(left == NULL ||
		     (same(left->name, right->name) && same(left->value, right->value)));
	} while (left != NULL);
}

#endif
