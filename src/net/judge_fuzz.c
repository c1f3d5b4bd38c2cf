// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an IPv4 address of 4 octets, then the 16 of an IPv6 address to hide it in. Property: no
 * form that can lead to the IPv4 address is judged laxer than the address itself, whatever the
 * other octets are; nothing outside of 2000::/3 is public, translators aside.
 */
#include <stdint.h>
#include <stdlib.h>

#include "net/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static void must(bool holds)
{
	if (!holds)
		abort();
}

struct form {
	size_t fixed; /* so many octets of head are given */
	uint8_t head[16];
	uint8_t at[4];
	uint8_t flip;
};

static const struct form forms[] = {
	{ 12, { [10] = 0xff, [11] = 0xff }, { 12, 13, 14, 15 }, 0 }, /* mapped */
	{ 12, { 0 }, { 12, 13, 14, 15 }, 0 },                        /* compatible */
	{ 12, { [8] = 0xff, [9] = 0xff }, { 12, 13, 14, 15 }, 0 },   /* translated */
	{ 12, { 0, 0x64, 0xff, 0x9b }, { 12, 13, 14, 15 }, 0 },      /* NAT64 */
	{ 6, { 0, 0x64, 0xff, 0x9b, 0, 1 }, { 12, 13, 14, 15 }, 0 }, /* local NAT64, /96 */
	{ 6, { 0, 0x64, 0xff, 0x9b, 0, 1 }, { 9, 10, 11, 12 }, 0 },  /* /64 */
	{ 6, { 0, 0x64, 0xff, 0x9b, 0, 1 }, { 7, 9, 10, 11 }, 0 },   /* /56 */
	{ 6, { 0, 0x64, 0xff, 0x9b, 0, 1 }, { 6, 7, 9, 10 }, 0 },    /* /48 */
	{ 2, { 0x20, 0x02 }, { 2, 3, 4, 5 }, 0 },                    /* 6to4 */
	{ 4, { 0x20, 0x01, 0, 0 }, { 4, 5, 6, 7 }, 0 },              /* Teredo server */
	{ 4, { 0x20, 0x01, 0, 0 }, { 12, 13, 14, 15 }, 0xff },       /* Teredo client */
};

static struct net_address hide(const struct form *form, const uint8_t v4[4], const uint8_t v6[16])
{
	struct net_address address = { .family = 6 };

	memcpy(address.octets, v6, sizeof(address.octets));
	memcpy(address.octets, form->head, form->fixed);
	for (size_t i = 0; i < 4; i++)
		address.octets[form->at[i]] = v4[i] ^ form->flip;
	return address;
}

static void check_sound(const struct net_address *address)
{
	struct net_judgement j = net_judge(address);
	const uint8_t *o = address->octets;
	const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	must(j.class > NET_NO_ADDRESS && j.class <= NET_PUBLIC && j.why != NULL);
	must(net_class_name(j.class) != NULL);
	if (address->family == 6 && net_class_is_public(j.class) && o[0] >> 5 != 1)
		must(memcmp(o, mapped, 12) == 0 || memcmp(o, nat64, 12) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_address v4 = { .family = 4 }, v6 = { .family = 6 };

	if (size < 20)
		return 0;
	memcpy(v4.octets, data, 4);
	memcpy(v6.octets, data + 4, 16);
	check_sound(&v4);
	check_sound(&v6);
	struct net_judgement plain = net_judge(&v4);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct net_address hidden = hide(&forms[i], data, data + 4);

		must(net_judge(&hidden).class <= plain.class);
		check_sound(&hidden);
	}
	struct net_address isatap = v6;
	memcpy(isatap.octets + 8, (const uint8_t[]){ data[4] & 2, 0, 0x5e, 0xfe }, 4);
	memcpy(isatap.octets + 12, data, 4);
	must(net_judge(&isatap).class <= plain.class);

	/* to a socket a mapped address is the IPv4 address */
	struct net_address mapped = hide(&forms[0], data, data + 4);
	must(net_judge(&mapped).class == plain.class);
	return 0;
}
