// SPDX-License-Identifier: Apache-2.0
#include "wire/leaf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

#define L50  "abcdefghijklmnopqrstuvwxyz0123456789-_.abcdefghijkl"
#define N253 L50 L50 L50 L50 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklm"

static const uint8_t point[LEAF_KEY_OCTETS] = { 4, 1, 2, [64] = 9 };
static const uint8_t compressed[LEAF_KEY_OCTETS] = { 2, 1, 2 };

static void test_request(void)
{
	const struct {
		const char *name;
		const uint8_t *key;
		int want;
	} rows[] = {
		{ "a", point, 0 },
		{ "a_b.x-1.example", point, 0 },
		{ "198.51.100.7", point, 0 },
		{ "2001:db8::1", point, 0 },
		{ N253, point, 0 },
		{ N253 "x", point, -EINVAL },
		{ "", point, -EINVAL },
		{ "A.example", point, -EINVAL },
		{ "a b", point, -EINVAL },
		{ "*.example", point, -EINVAL },
		{ "a\n", point, -EINVAL },
		{ "\xc3\xa4", point, -EINVAL },
		{ "a", compressed, -EINVAL },
	};

	_Static_assert(sizeof(N253) == 254, "the longest name");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct leaf_request request = { span_of(rows[i].name), rows[i].key };
		struct leaf_request got;
		char packet[LEAF_REQUEST_OCTETS_MAX + 1];
		size_t len = 0;
		int r = leaf_request_encode(&len, packet, &request);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		if (r < 0)
			continue;
		CHECK(leaf_request_decode(&got, (struct span){ packet, len }) == 0 &&
			  span_is(got.name, rows[i].name) &&
			  memcmp(got.key, point, sizeof(point)) == 0,
		      "row %zu", i);
		/* no other length is right; each is tried in memory of just that size */
		for (size_t cut = 0; cut <= len + 1; cut++) {
			char *part = malloc(cut > 0 ? cut : 1);

			if (part == NULL || cut == len) {
				free(part);
				continue;
			}
			packet[len] = 'x';
			memcpy(part, packet, cut);
			CHECK(leaf_request_decode(&got, (struct span){ part, cut }) == -EPROTO,
			      "row %zu: %zu of %zu octets", i, cut, len);
			free(part);
		}
	}
}

/* One octet of a sound request is another. */
static void test_request_malformed(void)
{
	const struct {
		size_t at;
		char octet;
	} rows[] = {
		{ 0, 3 },   { 0, 5 },   { 0, 0 },    { 1, 1 },      { 1, '\xff' }, { 2, 'A' },
		{ 3, '*' }, { 4, 0 },   { 5, '/' },  { 2, '\x80' }, { 3, '@' },    { 3, '[' },
		{ 6, 2 },   { 6, 3 },   { 6, 0 },    { 2, '`' },    { 2, '{' },    { 2, '+' },
		{ 2, ';' }, { 3, ' ' }, { 4, '\t' },
	};
	const struct leaf_request sound = { SPAN("a.b1"), point };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct leaf_request got;
		char packet[LEAF_REQUEST_OCTETS_MAX];
		size_t len = 0;

		CHECK(leaf_request_encode(&len, packet, &sound) == 0, "encode");
		packet[rows[i].at] = rows[i].octet;
		CHECK(leaf_request_decode(&got, (struct span){ packet, len }) == -EPROTO, "row %zu",
		      i);
	}
}

static void test_answer(void)
{
	static const char der[LEAF_DER_OCTETS_MAX + 1] = { 0x30, 1, 2 };
	static char packet[LEAF_ANSWER_OCTETS_MAX + 2];
	const size_t lengths[] = { 0, 1, 800, LEAF_DER_OCTETS_MAX };
	struct span got;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK(leaf_answer_encode(&len, packet, (struct span){ der, lengths[i] }) == 0 &&
			  leaf_answer_decode(&got, (struct span){ packet, len }) == 0 &&
			  got.len == lengths[i] && memcmp(got.ptr, der, got.len) == 0,
		      "%zu", lengths[i]);
		CHECK(leaf_answer_decode(&got, (struct span){ packet, len + 1 }) == -EPROTO &&
			  leaf_answer_decode(&got, (struct span){ packet, len - 1 }) == -EPROTO,
		      "%zu: another length", lengths[i]);
	}
	CHECK(leaf_answer_encode(&len, packet, (struct span){ der, sizeof(der) }) == -EINVAL,
	      "too long");
	packet[0] = 1, packet[1] = 8; /* 2049 */
	CHECK(leaf_answer_decode(&got, (struct span){ packet, 2 + 2049 }) == -EPROTO, "too long");
	CHECK(leaf_answer_decode(&got, (struct span){ NULL, 0 }) == -EPROTO, "nothing");
}

int main(void)
{
	test_request();
	test_request_malformed();
	test_answer();
	return test_failures > 0;
}
