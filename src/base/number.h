/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/base.h"

/* number_parse() - the whole of @text as a decimal number up to @max, which is 9 at least. Return: false: it is none */
static inline bool number_parse(uint64_t *ret, struct span text, uint64_t max)
{
	uint64_t value = 0;

	if (text.ptr == NULL || text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';

		if (digit > 9 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

#endif
