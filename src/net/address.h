/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - an IPv4 or IPv6 address without a port, and a prefix of addresses (CIDR).
 *
 * Stricter than inet_aton() and getaddrinfo(): IPv4 is four decimal numbers without leading zeros
 * (RFC 6943 section 3.1.1 says why), IPv6 has no zone and no brackets.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/base.h"

enum {
	NET_ADDRESS_TEXT_OCTETS = 40, /* room for an address as text with its NUL: 8 x 4 + 7 + 1 */
	NET_PREFIX_TEXT_OCTETS = NET_ADDRESS_TEXT_OCTETS + 4, /* and "/128" */
};

struct net_address {
	uint8_t family;     /* 4, 6; 0: no address */
	uint8_t octets[16]; /* IPv4 in the first four; what is unused is 0 */
};

struct net_prefix {
	struct net_address address; /* bits beyond the prefix are 0 */
	uint8_t bits;               /* 0 to 32, for IPv6 0 to 128 */
};

/**
 * net_address_parse() - read an address: 192.0.2.1, 2001:db8::1, ::ffff:192.0.2.1
 *
 * Any form of IPv6 of RFC 4291 section 2.2 is read, upper case too.
 *
 * Return: 0; -EINVAL.
 */
MUST_USE int net_address_parse(struct net_address *ret, struct span text);

/**
 * net_address_format() - write the one canonical text (RFC 5952), NUL-terminated
 * @ret:	room for NET_ADDRESS_TEXT_OCTETS
 *
 * Return: octets written without the NUL; 0 for no address.
 */
size_t net_address_format(char *ret, const struct net_address *address);

/* net_address_bits() - length of an address: 32, 128; 0 for no address */
unsigned net_address_bits(const struct net_address *address);

bool net_address_equal(const struct net_address *a, const struct net_address *b);

/* net_address_unmap() - ::ffff:192.0.2.1 as 192.0.2.1, where the kernel would connect; else a copy */
struct net_address net_address_unmap(const struct net_address *address);

/**
 * net_prefix_parse() - read ADDRESS/LENGTH, or ADDRESS for that address alone
 *
 * A prefix of IPv4-mapped addresses becomes one of IPv4.
 *
 * Return: NULL; else why it is refused, static.
 */
MUST_USE const char *net_prefix_parse(struct net_prefix *ret, struct span text);

/**
 * net_prefix_format() - write the canonical text, always with the length, NUL-terminated
 * @ret:	room for NET_PREFIX_TEXT_OCTETS
 *
 * Return: octets written without the NUL; 0 for no address.
 */
size_t net_prefix_format(char *ret, const struct net_prefix *prefix);

/* net_prefix_contains() - false when the families differ: unmap the address first */
bool net_prefix_contains(const struct net_prefix *prefix, const struct net_address *address);

/* net_address_mask() - the address with all but its first @bits set to 0 */
struct net_address net_address_mask(const struct net_address *address, unsigned bits);

#endif
