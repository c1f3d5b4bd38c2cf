// SPDX-License-Identifier: Apache-2.0
#include "wire/http1_priv.h"

enum {
	Q = CHAR_QUERY,               /* only in a query */
	T = CHAR_TOKEN,               /* only in a token */
	TQ = CHAR_TOKEN | CHAR_QUERY, /* and so on */
	P = CHAR_PATH | CHAR_QUERY,
	TP = CHAR_TOKEN | P,
	UN = TP | CHAR_UNRESERVED,
	LA = UN | CHAR_LABEL,
};

const uint8_t http1_chars[256] = {
	/* clang-format off */
	['!'] = TP, ['#'] = T,  ['$'] = TP, ['%'] = T,  ['&'] = TP, ['\''] = TP, ['('] = P, [')'] = P,
	['*'] = TP, ['+'] = TP, [','] = P,  ['-'] = LA, ['.'] = UN, ['/'] = Q,
	['0'] = LA, ['1'] = LA, ['2'] = LA, ['3'] = LA, ['4'] = LA, ['5'] = LA, ['6'] = LA, ['7'] = LA,
	['8'] = LA, ['9'] = LA, [':'] = P,  [';'] = P,  ['='] = P,  ['?'] = Q,  ['@'] = P,
	['A'] = LA, ['B'] = LA, ['C'] = LA, ['D'] = LA, ['E'] = LA, ['F'] = LA, ['G'] = LA, ['H'] = LA,
	['I'] = LA, ['J'] = LA, ['K'] = LA, ['L'] = LA, ['M'] = LA, ['N'] = LA, ['O'] = LA, ['P'] = LA,
	['Q'] = LA, ['R'] = LA, ['S'] = LA, ['T'] = LA, ['U'] = LA, ['V'] = LA, ['W'] = LA, ['X'] = LA,
	['Y'] = LA, ['Z'] = LA, ['['] = Q,  [']'] = Q,  ['^'] = TQ, ['_'] = LA, ['`'] = TQ,
	['a'] = LA, ['b'] = LA, ['c'] = LA, ['d'] = LA, ['e'] = LA, ['f'] = LA, ['g'] = LA, ['h'] = LA,
	['i'] = LA, ['j'] = LA, ['k'] = LA, ['l'] = LA, ['m'] = LA, ['n'] = LA, ['o'] = LA, ['p'] = LA,
	['q'] = LA, ['r'] = LA, ['s'] = LA, ['t'] = LA, ['u'] = LA, ['v'] = LA, ['w'] = LA, ['x'] = LA,
	['y'] = LA, ['z'] = LA, ['{'] = Q,  ['|'] = TQ, ['}'] = Q,  ['~'] = UN,
	/* clang-format on */
};

/* may_have_control() - exact but for tabs; @octets: eight of them. A borrow out of the high bit tells
 * an octet below 0x20, or one equal to 0x7f. */
static bool may_have_control(uint64_t octets)
{
	const uint64_t ones = 0x0101010101010101, high = ones * 0x80;
	uint64_t del = octets ^ ones * 0x7f;

	return (((octets - ones * 0x20) & ~octets) | ((del - ones) & ~del)) & high;
}

static bool has_control(const char *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (http1_is_control(octets[i]))
			return true;
	return false;
}

bool http1_has_control(struct span text)
{
	uint64_t octets;

	for (; text.len >= sizeof(octets); text = span_drop(text, sizeof(octets))) {
		memcpy(&octets, text.ptr, sizeof(octets));
		if (may_have_control(octets) && has_control(text.ptr, sizeof(octets)))
			return true;
	}
	return has_control(text.ptr, text.len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool http1_value_is_sound(struct span value)
{
	if (value.len > 0 && (is_blank(value.ptr[0]) || is_blank(value.ptr[value.len - 1])))
		return false;
	return !http1_has_control(value);
}

bool http1_number_read(uint64_t *ret, struct span text)
{
	uint64_t number = 0;

	/* 2^63-1 has 19 digits: no sum below can wrap */
	if (text.len == 0 || text.len > 19 || (text.ptr[0] == '0' && text.len > 1))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	if (number > INT64_MAX)
		return false;
	*ret = number;
	return true;
}
