// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an address or prefix as text. Property: what is read is what inet_pton() reads; the text
 * that is written reads back as the same, and is the one canonical form of it; inet_ntop() agrees
 * but for IPv4-compatible addresses, which we write as any other.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const struct net_address *address)
{
	char text[NET_ADDRESS_TEXT_OCTETS], theirs[INET6_ADDRSTRLEN];
	struct net_address again;
	size_t len = net_address_format(text, address);
	const uint8_t zeros[12] = { 0 };

	must(len > 0 && len < sizeof(text) && strlen(text) == len);
	must(net_address_parse(&again, (struct span){ text, len }) == 0);
	must(net_address_equal(&again, address));
	must(inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets, theirs,
		       sizeof(theirs)) != NULL);
	if (address->family == 4 || memcmp(address->octets, zeros, sizeof(zeros)) != 0)
		must(strcmp(text, theirs) == 0);
}

static void check_against_libc(struct span text, const struct net_address *address)
{
	char copy[64] = "";
	uint8_t octets[16] = { 0 };

	if (text.len >= sizeof(copy) || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL)) {
		must(address->family == 0);
		return;
	}
	memcpy(copy, text.ptr, text.len);
	must((inet_pton(AF_INET, copy, octets) == 1) == (address->family == 4));
	if (address->family != 4)
		must((inet_pton(AF_INET6, copy, octets) == 1) == (address->family == 6));
	must(memcmp(octets, address->octets, sizeof(octets)) == 0 || address->family == 0);
}

static void check_prefix(struct span text)
{
	char written[NET_PREFIX_TEXT_OCTETS];
	struct net_prefix prefix, again;

	if (net_prefix_parse(&prefix, text) != NULL)
		return;
	size_t len = net_prefix_format(written, &prefix);
	must(len < sizeof(written) && strlen(written) == len);
	must(net_prefix_parse(&again, (struct span){ written, len }) == NULL);
	must(again.bits == prefix.bits && net_address_equal(&again.address, &prefix.address));
	must(net_prefix_contains(&prefix, &prefix.address));

	/* the first bit beyond the prefix is free, the last one within is not */
	struct net_address near = prefix.address;
	unsigned bits = net_address_bits(&near);
	if (prefix.bits < bits) {
		near.octets[prefix.bits / 8] ^= (uint8_t)(0x80 >> prefix.bits % 8);
		must(net_prefix_contains(&prefix, &near));
		must(!net_address_equal(&near, &prefix.address));
		near = net_address_mask(&near, prefix.bits);
		must(net_address_equal(&near, &prefix.address));
	}
	if (prefix.bits > 0) {
		unsigned last = prefix.bits - 1U;
		near.octets[last / 8] ^= (uint8_t)(0x80 >> last % 8);
		must(!net_prefix_contains(&prefix, &near));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct net_address address = { 0 };

	if (net_address_parse(&address, text) == 0) {
		check_text(&address);
		struct net_address inner = net_address_unmap(&address);
		check_text(&inner);
	}
	check_against_libc(text, &address);
	check_prefix(text);
	return 0;
}
