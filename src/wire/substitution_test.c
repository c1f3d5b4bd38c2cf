// SPDX-License-Identifier: Apache-2.0
#include "wire/substitution.h"

#include <errno.h>

#include "base/test.h"

#define A SUBSTITUTION_PREFIX "0123456789abcdef0123456789abcdef"
#define B SUBSTITUTION_PREFIX "ffffffffffffffffffffffffffffffff"
#define P(literal)                             \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

static void test_both_ways(void)
{
	const struct substitutions list = { 2,
					    { { SUBSTITUTION_HEADER, P(A), P("sk-live") },
					      { SUBSTITUTION_ANYWHERE, P(B), P("\xff: \"%") } } };
	static const char want[] = "\x01\x07\0" A "sk-live\x0f\x05\0" B "\xff: \"%";
	struct substitutions again = { 0 };
	char room[256];
	size_t len = 0;

	CHECK(substitutions_encode(&len, room, sizeof(room), &list) == 0, "encode");
	CHECK(len == sizeof(want) - 1 && memcmp(room, want, len) == 0, "octets");
	CHECK(substitutions_decode(&again, (struct span){ room, len }) == 0 && again.count == 2,
	      "decode");
	CHECK(again.at[1].where == SUBSTITUTION_ANYWHERE && span_is(again.at[1].placeholder, B) &&
		  span_is(again.at[0].value, "sk-live"),
	      "the same");
	CHECK(substitutions_encode(&len, room, sizeof(want) - 2, &list) == -ENOBUFS, "room");
	CHECK(substitutions_decode(&again, SPAN("")) == 0 && again.count == 0, "none");
	for (size_t cut = 1; cut < sizeof(want) - 1; cut++)
		CHECK(cut == sizeof(A) + 2 + 7 ||
			  substitutions_decode(&again, (struct span){ want, cut }) == -EPROTO,
		      "cut at %zu", cut);
}

static void test_refused(void)
{
	const struct span rows[] = {
		SPAN("\x00\x04\0" A "1234"),                    /* nowhere */
		SPAN("\x10\x04\0" A "1234"),                    /* no such place */
		SPAN("\x01\x03\0" A "123"),                     /* short */
		SPAN("\x01\x04\0" A "12\n4"),                   /* B5 */
		SPAN("\x01\x04\0" A "12\r4"),                   /* B5 */
		SPAN("\x01\x04\0" A "12\0004"),                 /* B5 */
		SPAN("\x01\x04\0" A "123 "),                    /* no header keeps it */
		SPAN("\x01\x0e\0" A SUBSTITUTION_PREFIX),       /* what stands for another */
		SPAN("\x01\x04\0" A "1234x"),                   /* more */
		SPAN("\x01\x04\0" A "1234\x01\x04\0" A "5678"), /* twice */
		SPAN("\x01\x04\0IMMURE_SECRET_0123456789ABCDEF0123456789abcdef1234"),
		SPAN("\x01\x04\0IMMURE_SECRE__0123456789abcdef0123456789abcdef1234"),
	};
	struct substitutions list = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(substitutions_decode(&list, rows[i]) == -EPROTO, "row %zu", i);
}

static void test_lengths(void)
{
	static char value[SUBSTITUTION_VALUE_OCTETS_MAX + 1];

	memset(value, 'x', sizeof(value));
	CHECK(substitution_value_fault((struct span){ value, sizeof(value) }) != NULL, "long");
	CHECK(substitution_value_fault((struct span){ value, sizeof(value) - 1 }) == NULL, "max");
	CHECK(substitution_value_fault(SPAN("1234")) == NULL, "min");
}

int main(void)
{
	test_both_ways();
	test_refused();
	test_lengths();
	return test_failures > 0;
}
