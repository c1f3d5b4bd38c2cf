// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: text is read part by part between its separators. An IPv6 address grows in
 * octets[] from the left; where "::" stood is remembered, and at the end what came after it moves
 * to the right. Writing follows RFC 5952 section 4: lower case, no leading zeros, "::" for the
 * longest run of two or more zero groups, the first of several.
 */
#include "net/address.h"

#include <ctype.h>
#include <errno.h>

enum {
	V4_OCTETS = 4,
	V6_OCTETS = 16,
	GROUPS = 8,
	NO_GAP = V6_OCTETS + 1,
};

static const struct net_prefix mapped = { { 6, { [10] = 0xff, [11] = 0xff } }, 96 };

/* parse_decimal() - digits without leading zeros, at most @max */
static bool parse_decimal(uint8_t *ret, struct span text, unsigned max)
{
	unsigned value = 0;

	if (text.len == 0 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit((unsigned char)text.ptr[i]))
			return false;
		value = 10 * value + (unsigned)(text.ptr[i] - '0');
	}
	if (value > max)
		return false;
	*ret = (uint8_t)value;
	return true;
}

static bool parse_v4(uint8_t ret[V4_OCTETS], struct span rest)
{
	for (size_t i = 0; i < V4_OCTETS; i++)
		if (rest.ptr == NULL || !parse_decimal(&ret[i], span_cut(&rest, '.'), 255))
			return false;
	return rest.ptr == NULL;
}

/* hex_value() - of a digit in either case; -1: it is none */
static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* parse_group() - one to four hexadecimal digits as two octets */
static bool parse_group(uint8_t ret[2], struct span text)
{
	unsigned value = 0;

	if (text.len == 0 || text.len > 4)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = hex_value(text.ptr[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	ret[0] = (uint8_t)(value >> 8);
	ret[1] = (uint8_t)(value & 0xff);
	return true;
}

/* take_groups() - all groups of @rest into @ret; *@gap: where "::" stood. Return: false: malformed. */
static bool take_groups(uint8_t ret[V6_OCTETS], size_t *len, size_t *gap, struct span rest)
{
	while (rest.len > 0) {
		struct span part = span_cut(&rest, ':');

		if (rest.ptr == NULL && *len <= V6_OCTETS - V4_OCTETS &&
		    parse_v4(ret + *len, part)) {
			*len += V4_OCTETS;
			return true;
		}
		if (*len + 2 > V6_OCTETS || !parse_group(ret + *len, part))
			return false;
		*len += 2;
		if (rest.ptr == NULL)
			return true;
		if (rest.len == 0)
			return false;
		if (rest.ptr[0] == ':') {
			if (*gap != NO_GAP)
				return false;
			*gap = *len;
			rest = span_drop(rest, 1);
		}
	}
	return *gap != NO_GAP;
}

static bool parse_v6(uint8_t ret[V6_OCTETS], struct span text)
{
	uint8_t octets[V6_OCTETS] = { 0 };
	size_t len = 0, gap = NO_GAP;

	if (text.len >= 2 && memcmp(text.ptr, "::", 2) == 0) {
		gap = 0;
		text = span_drop(text, 2);
	}
	if (!take_groups(octets, &len, &gap, text))
		return false;
	if (gap == NO_GAP ? len != V6_OCTETS : len == V6_OCTETS)
		return false;
	memset(ret, 0, V6_OCTETS);
	if (gap == NO_GAP)
		gap = len;
	memcpy(ret, octets, gap);
	memcpy(ret + V6_OCTETS - (len - gap), octets + gap, len - gap);
	return true;
}

int net_address_parse(struct net_address *ret, struct span text)
{
	struct net_address address = { 0 };

	if (text.len == 0)
		return -EINVAL;
	if (parse_v4(address.octets, text))
		address.family = 4;
	else if (parse_v6(address.octets, text))
		address.family = 6;
	else
		return -EINVAL;
	*ret = address;
	return 0;
}

static unsigned group_of(const struct net_address *address, size_t i)
{
	return (unsigned)address->octets[2 * i] << 8 | address->octets[2 * i + 1];
}

/* longest_zeros() - groups in the first longest run, which starts at *@start */
static size_t longest_zeros(size_t *start, const struct net_address *address)
{
	size_t longest = 0;

	for (size_t i = 0; i < GROUPS; i++) {
		size_t run = 0;

		while (i + run < GROUPS && group_of(address, i + run) == 0)
			run++;
		if (run > longest) {
			longest = run;
			*start = i;
		}
	}
	return longest;
}

static size_t format_v4(char *ret, const uint8_t *octets)
{
	return (size_t)snprintf(ret, sizeof("255.255.255.255"), "%u.%u.%u.%u", octets[0], octets[1],
				octets[2], octets[3]);
}

static size_t format_v6(char *ret, const struct net_address *address)
{
	size_t start = GROUPS, len = 0;
	size_t zeros = longest_zeros(&start, address);

	for (size_t i = 0; i < GROUPS; i++) {
		if (zeros >= 2 && i == start) {
			len += (size_t)snprintf(ret + len, 3, "::");
			i += zeros - 1;
			continue;
		}
		bool joined = i > 0 && (zeros < 2 || i != start + zeros);
		len +=
		    (size_t)snprintf(ret + len, 6, "%s%x", joined ? ":" : "", group_of(address, i));
	}
	return len;
}

size_t net_address_format(char *ret, const struct net_address *address)
{
	ret[0] = '\0';
	if (address->family == 4)
		return format_v4(ret, address->octets);
	if (address->family != 6)
		return 0;
	if (net_prefix_contains(&mapped, address)) { /* RFC 5952 section 5 */
		memcpy(ret, "::ffff:", 7);
		return 7 + format_v4(ret + 7, address->octets + 12);
	}
	return format_v6(ret, address);
}

unsigned net_address_bits(const struct net_address *address)
{
	if (address->family == 0)
		return 0;
	return address->family == 4 ? 8 * V4_OCTETS : 8 * V6_OCTETS;
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, V6_OCTETS) == 0;
}

struct net_address net_address_unmap(const struct net_address *address)
{
	struct net_address inner = { .family = 4 };

	if (!net_prefix_contains(&mapped, address))
		return *address;
	memcpy(inner.octets, address->octets + 12, V4_OCTETS);
	return inner;
}

struct net_address net_address_mask(const struct net_address *address, unsigned bits)
{
	struct net_address masked = *address;

	for (unsigned i = 0; i < V6_OCTETS; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			masked.octets[i] &= (uint8_t)(0xff00U >> kept);
	}
	return masked;
}

bool net_prefix_contains(const struct net_prefix *prefix, const struct net_address *address)
{
	unsigned whole = prefix->bits / 8, part = prefix->bits % 8;
	const uint8_t *a = prefix->address.octets, *b = address->octets;

	if (prefix->address.family != address->family || address->family == 0)
		return false;
	if (memcmp(a, b, whole) != 0)
		return false;
	return part == 0 || ((a[whole] ^ b[whole]) & (0xff00U >> part) & 0xffU) == 0;
}

/* unmap_prefix() - ::ffff:10.0.0.0/104 as 10.0.0.0/8; else as it is */
static void unmap_prefix(struct net_prefix *prefix)
{
	if (prefix->bits < mapped.bits || !net_prefix_contains(&mapped, &prefix->address))
		return;
	prefix->address = net_address_unmap(&prefix->address);
	prefix->bits = (uint8_t)(prefix->bits - mapped.bits);
}

const char *net_prefix_parse(struct net_prefix *ret, struct span text)
{
	struct net_prefix prefix = { 0 };
	struct span head = span_cut(&text, '/');

	if (net_address_parse(&prefix.address, head) < 0)
		return "it is not an IPv4 or IPv6 address";
	unsigned bits_max = net_address_bits(&prefix.address);
	prefix.bits = (uint8_t)bits_max;
	if (text.ptr != NULL && !parse_decimal(&prefix.bits, text, bits_max))
		return "the length after \"/\" must be 0 to 32, for IPv6 0 to 128";

	struct net_address masked = net_address_mask(&prefix.address, prefix.bits);
	if (!net_address_equal(&masked, &prefix.address))
		return "the address has bits beyond the length after \"/\"";
	unmap_prefix(&prefix);
	*ret = prefix;
	return NULL;
}

size_t net_prefix_format(char *ret, const struct net_prefix *prefix)
{
	size_t len = net_address_format(ret, &prefix->address);

	if (len == 0)
		return 0;
	return len + (size_t)snprintf(ret + len, sizeof("/128"), "/%u", prefix->bits);
}
