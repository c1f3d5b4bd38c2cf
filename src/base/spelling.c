// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the optimal string alignment distance, in three rolling rows of the usual
 * table.
 */
#include "base/spelling.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t spelling_distance(const char *a, const char *b)
{
	size_t rows[3][SPELLING_OCTETS_MAX + 1] = { { 0 } };
	size_t *before = rows[0], *above = rows[1], *here = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > SPELLING_OCTETS_MAX || b_len > SPELLING_OCTETS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;

		here[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			here[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			here[j] = least(here[j], 1 + least(above[j], here[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				here[j] = least(here[j], before[j - 2] + 1);
		}
		before = above;
		above = here;
		here = spare;
	}
	return above[b_len];
}
