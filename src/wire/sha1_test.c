// SPDX-License-Identifier: Apache-2.0
#include "wire/sha1.h"

#include <stdio.h>

#include "base/test.h"

enum { MANY = 1000000 };

#define A8  "aaaaaaaa"
#define A55 A8 A8 A8 A8 A8 A8 "aaaaaaa"

static const struct {
	const char *text, *want;
} rows[] = {
	/* examples of FIPS 180-4 */
	{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
	/* where the padding just fits, and just does not; of coreutils' sha1sum */
	{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ A55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
	{ A55 "a", "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
	{ A55 A8, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" },
	{ A55 A8 "a", "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
	{ A55 A8 "aa", "11655326c708d70319be2610e8a57d9a5b959d3b" },
};

static void check(struct sha1 *s, const char *want, const char *what)
{
	uint8_t sum[SHA1_OCTETS];
	char got[2 * SHA1_OCTETS + 1];

	sha1_end(sum, s);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(got + 2 * i, 3, "%02x", sum[i]);
	CHECK(strcmp(got, want) == 0, "%s: %s", what, got);
}

/* Whole, and in parts of each length. */
static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t part = 1; part <= SHA1_BLOCK_OCTETS + 2; part++) {
			struct span rest = span_of(rows[i].text);
			struct sha1 s;

			sha1_start(&s);
			while (rest.len > 0) {
				size_t n = part < rest.len ? part : rest.len;

				sha1_add(&s, (struct span){ rest.ptr, n });
				rest = span_drop(rest, n);
			}
			check(&s, rows[i].want, rows[i].text);
		}
}

static void test_long(void)
{
	struct sha1 s;

	sha1_start(&s);
	for (size_t i = 0; i < MANY / 8; i++)
		sha1_add(&s, SPAN(A8));
	check(&s, "34aa973cd4c4daa4f61eeb2bdbad27316534016f", "a million of a"); /* FIPS 180-4 */
}

int main(void)
{
	test_rows();
	test_long();
	return test_failures > 0;
}
