// SPDX-License-Identifier: Apache-2.0
#include "base/spelling.h"

#include "base/test.h"

static void test_distance(void)
{
	const struct {
		const char *a, *b;
		size_t want;
	} rows[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "list", "lits", 1 },
		{ "kitten", "sitting", 3 },
		{ "run", "rn", 1 },
		{ "volume", "volme", 1 },
		{ "a", "b", 1 },
		{ "ab", "ba", 1 },
		{ "0123456789012345678901234567890123456789", "", 40 },
		{ "", "0123456789012345678901234567890123456789x", SIZE_MAX },
		{ "0123456789012345678901234567890123456789x", "", SIZE_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(spelling_distance(rows[i].a, rows[i].b) == rows[i].want, "row %zu", i);
}

int main(void)
{
	test_distance();
	return test_failures > 0;
}
