// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the rows lie apart from the filter, so that a program which only raises the
 * wall does not carry the texts.
 */
#include "jail/seccomp.h"

#include <errno.h>

#if defined(__aarch64__)
#include "jail/seccomp_rows_aarch64.h"
#define ROWS rows_aarch64
#else
#include "jail/seccomp_rows_x86_64.h"
#define ROWS rows_x86_64
#endif

const struct seccomp_row *seccomp_explain(uint32_t number)
{
	size_t low = 0, high = ARRAY_SIZE(ROWS);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ROWS[middle].number == number)
			return &ROWS[middle];
		if (ROWS[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
