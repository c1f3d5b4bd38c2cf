// SPDX-License-Identifier: Apache-2.0
#include "wire/sha1.h"

enum { WORDS = 5, ROUNDS = 80, LENGTH_AT = SHA1_BLOCK_OCTETS - 8 };

static uint32_t turn(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static uint32_t load(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store(uint8_t *at, uint32_t word)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* mix() - the function and constant of a round (sections 4.1.1 and 4.2.1) */
static uint32_t mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
	if (round < 20)
		return ((b & c) ^ (~b & d)) + 0x5a827999;
	if (round < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (round < 60)
		return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

/* digest() - one block (section 6.1.2) */
static void digest(uint32_t *state, const uint8_t *block)
{
	uint32_t w[ROUNDS], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (int t = 0; t < 16; t++)
		w[t] = load(block + (ptrdiff_t)4 * t);
	for (int t = 16; t < ROUNDS; t++)
		w[t] = turn(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (int t = 0; t < ROUNDS; t++) {
		uint32_t next = turn(a, 5) + mix(t, b, c, d) + e + w[t];

		e = d;
		d = c;
		c = turn(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void sha1_start(struct sha1 *s)
{
	*s = (struct sha1){ .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
				       0xc3d2e1f0 } }; /* section 5.3.1 */
}

void sha1_add(struct sha1 *s, struct span data)
{
	size_t held = s->octets % SHA1_BLOCK_OCTETS;

	s->octets += data.len;
	while (data.len > 0) {
		size_t n =
		    SHA1_BLOCK_OCTETS - held < data.len ? SHA1_BLOCK_OCTETS - held : data.len;

		memcpy(s->block + held, data.ptr, n);
		data = span_drop(data, n);
		held = (held + n) % SHA1_BLOCK_OCTETS;
		if (held == 0)
			digest(s->state, s->block);
	}
}

void sha1_end(uint8_t *ret, struct sha1 *s)
{
	static const char padding[SHA1_BLOCK_OCTETS] = { '\x80' }; /* section 5.1.1 */
	const uint64_t bits = s->octets * 8;
	const size_t held = s->octets % SHA1_BLOCK_OCTETS;
	uint8_t length[8];

	sha1_add(s,
		 (struct span){ padding, held < LENGTH_AT ? LENGTH_AT - held
							  : LENGTH_AT + SHA1_BLOCK_OCTETS - held });
	store(length, (uint32_t)(bits >> 32));
	store(length + 4, (uint32_t)bits);
	sha1_add(s, (struct span){ (const char *)length, sizeof(length) });
	for (size_t i = 0; i < WORDS; i++)
		store(ret + 4 * i, s->state[i]);
}
