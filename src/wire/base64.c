// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: encoding looks up 12 bits at a time in a table of two characters (8 KiB,
 * fits the first-level cache), four look-ups for each 6 octets. Decoding looks up each character in
 * a table whose words carry the 6 bits and a mark far above them: the mark of four words is tested
 * once, and shifts push it out of the 24 bits that are kept. What is not in the alphabet is 0, so
 * it has no mark. Both tables are constants; nothing here depends on the byte order.
 *
 * The output is reserved whole before the first octet is written and committed after the last one,
 * so a refused text leaves no trace. Strictness (RFC 4648 sections 3.3 and 3.5): one text for one
 * byte string, so nothing can be hidden in blanks or in the unused bits before the padding.
 */
#include "wire/base64.h"

#include <endian.h>
#include <errno.h>

/* P: one pair; R: the 64 pairs that begin with the character @h */
#define P(h, l)          \
	{                \
		(h), (l) \
	}
#define R8(h, a, b, c, d, e, f, g, i) \
	P(h, a), P(h, b), P(h, c), P(h, d), P(h, e), P(h, f), P(h, g), P(h, i)
#define R(h)                                               \
	R8(h, 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'),     \
	    R8(h, 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P'), \
	    R8(h, 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X'), \
	    R8(h, 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f'), \
	    R8(h, 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n'), \
	    R8(h, 'o', 'p', 'q', 'r', 's', 't', 'u', 'v'), \
	    R8(h, 'w', 'x', 'y', 'z', '0', '1', '2', '3'), \
	    R8(h, '4', '5', '6', '7', '8', '9', '+', '/')

static const char pairs[4096][2] = {
	R('A'), R('B'), R('C'), R('D'), R('E'), R('F'), R('G'), R('H'), R('I'), R('J'), R('K'),
	R('L'), R('M'), R('N'), R('O'), R('P'), R('Q'), R('R'), R('S'), R('T'), R('U'), R('V'),
	R('W'), R('X'), R('Y'), R('Z'), R('a'), R('b'), R('c'), R('d'), R('e'), R('f'), R('g'),
	R('h'), R('i'), R('j'), R('k'), R('l'), R('m'), R('n'), R('o'), R('p'), R('q'), R('r'),
	R('s'), R('t'), R('u'), R('v'), R('w'), R('x'), R('y'), R('z'), R('0'), R('1'), R('2'),
	R('3'), R('4'), R('5'), R('6'), R('7'), R('8'), R('9'), R('+'), R('/'),
};

/* put4() - the characters of 24 bits */
static inline void put4(char *to, uint32_t bits)
{
	memcpy(to, pairs[bits >> 12 & 0xfff], 2);
	memcpy(to + 2, pairs[bits & 0xfff], 2);
}

/* put_tail() - the last 1 or 2 octets and their padding (RFC 4648 section 4, cases 2 and 3) */
static void put_tail(char *to, const unsigned char *in, size_t len)
{
	uint32_t bits = (uint32_t)in[0] << 16 | (len > 1 ? (uint32_t)in[1] << 8 : 0);

	put4(to, bits);
	to[3] = '=';
	if (len == 1)
		to[2] = '=';
}

int base64_encode(struct buf *ret, struct span data)
{
	const unsigned char *in = (const unsigned char *)data.ptr;
	size_t left = data.len;
	char *to = NULL;

	if (left == 0)
		return 0;
	if (left > SIZE_MAX / 4 * 3 - 3)
		return -ENOBUFS;
	int r = buf_reserve(&to, ret, BASE64_OCTETS(data.len));
	if (r < 0)
		return r;
	for (; left >= 8; left -= 6, in += 6, to += 8) { /* reads 8, uses 6 */
		uint64_t bits = 0;

		memcpy(&bits, in, 8);
		bits = be64toh(bits);
		put4(to, (uint32_t)(bits >> 40));
		put4(to + 4, (uint32_t)(bits >> 16));
	}
	for (; left >= 3; left -= 3, in += 3, to += 4)
		put4(to, (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2]);
	if (left > 0)
		put_tail(to, in, left);
	buf_commit(ret, BASE64_OCTETS(data.len));
	return 0;
}

#define MARK (1U << 24)
/* NOLINTBEGIN(bugprone-macro-parentheses): initializers take none */
#define V(c, n)           [(c)] = MARK | (n)
#define V4(a, b, c, d, n) V(a, n), V(b, (n) + 1), V(c, (n) + 2), V(d, (n) + 3)
/* NOLINTEND(bugprone-macro-parentheses) */

static const uint32_t values[256] = {
	V4('A', 'B', 'C', 'D', 0),  V4('E', 'F', 'G', 'H', 4),  V4('I', 'J', 'K', 'L', 8),
	V4('M', 'N', 'O', 'P', 12), V4('Q', 'R', 'S', 'T', 16), V4('U', 'V', 'W', 'X', 20),
	V4('Y', 'Z', 'a', 'b', 24), V4('c', 'd', 'e', 'f', 28), V4('g', 'h', 'i', 'j', 32),
	V4('k', 'l', 'm', 'n', 36), V4('o', 'p', 'q', 'r', 40), V4('s', 't', 'u', 'v', 44),
	V4('w', 'x', 'y', 'z', 48), V4('0', '1', '2', '3', 52), V4('4', '5', '6', '7', 56),
	V4('8', '9', '+', '/', 60),
};

/* get4() - 24 bits of four characters; *@all is MARK at first and 0 after a bad character */
static inline uint32_t get4(const unsigned char *in, uint32_t *all)
{
	uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];

	*all &= a & b & c & d;
	return a << 18 | b << 12 | c << 6 | d;
}

static inline void put3(char *to, uint32_t bits)
{
	to[0] = (char)(bits >> 16);
	to[1] = (char)(bits >> 8);
	to[2] = (char)bits;
}

/* put6() - 48 bits at once; writes 8 octets, of which the last 2 are to be overwritten */
static inline void put6(char *to, uint64_t bits)
{
	bits = htobe64(bits << 16);
	memcpy(to, &bits, 8);
}

/* get_tail() - the octets of the last four characters. Return: 1 to 3, or -EINVAL. */
static int get_tail(char *to, const unsigned char *in)
{
	int pad = in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
	unsigned char four[4] = { in[0], in[1], pad == 2 ? 'A' : in[2], pad > 0 ? 'A' : in[3] };
	uint32_t all = MARK, bits = get4(four, &all);
	uint32_t unused = pad == 2 ? 0xffff : pad == 1 ? 0xff : 0;

	if (all == 0 || (bits & unused) != 0)
		return -EINVAL;
	for (int i = 0; i < 3 - pad; i++)
		to[i] = (char)(bits >> (16 - 8 * i));
	return 3 - pad;
}

int base64_decode_into(size_t *ret_len, char *room, struct span text)
{
	const unsigned char *in = (const unsigned char *)text.ptr;
	uint32_t all = MARK;
	char *to = room;

	if (text.len == 0 || text.len % 4 != 0)
		return -EINVAL;
	size_t left =
	    text.len - 4; /* the last four may be padded; their room is slack for put6() */
	for (; left >= 8; left -= 8, in += 8, to += 6)
		put6(to,
		     (uint64_t)(get4(in, &all) & 0xffffff) << 24 | (get4(in + 4, &all) & 0xffffff));
	if (left > 0) {
		put3(to, get4(in, &all));
		in += 4;
		to += 3;
	}
	int tail = get_tail(to, in);
	if (all == 0 || tail < 0)
		return -EINVAL;
	*ret_len = (size_t)(to - room) + (size_t)tail;
	return 0;
}

int base64_decode(struct buf *ret, struct span text)
{
	char *room = NULL;
	size_t len = 0;

	if (text.len == 0)
		return 0;
	if (text.len % 4 != 0)
		return -EINVAL;
	int r = buf_reserve(&room, ret, text.len / 4 * 3);
	if (r == 0)
		r = base64_decode_into(&len, room, text);
	if (r == 0)
		buf_commit(ret, len);
	return r;
}
