// SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include <errno.h>

#include "base/test.h"

static void test_canonical(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "256.0.0.1", NULL },
		{ "1.2.3", NULL },
		{ "1.2.3.4.5", NULL },
		{ "1.2.3.4.", NULL },
		{ ".1.2.3.4", NULL },
		{ "1..3.4", NULL },
		{ "01.2.3.4", NULL },
		{ "1.2.3.00", NULL },
		{ "0x1.2.3.4", NULL },
		{ "1.2.3.0004", NULL },
		{ "1.2.3.+4", NULL },
		{ "1.2.3.-4", NULL },
		{ " 1.2.3.4", NULL },
		{ "1.2.3.4 ", NULL },
		{ "127.1", NULL },
		{ "2130706433", NULL },
		{ "", NULL },

		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
		{ "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
		  "abcd:ef01:2345:6789:abcd:ef01:2345:6789" },
		/* RFC 5952 section 4.2: not for one group; the longest; of two, the first */
		{ "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7" },
		{ "1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
		{ "1:0:0:2:3:0:0:4", "1::2:3:0:0:4" },
		{ "0:0:1:2:3:0:0:0", "0:0:1:2:3::" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "::ffff:c000:201", "::ffff:192.0.2.1" },
		{ "::192.0.2.1", "::c000:201" },
		{ "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ ":", NULL },
		{ ":::", NULL },
		{ ":1", NULL },
		{ "1:", NULL },
		{ ":1::", NULL },
		{ "1::2::3", NULL },
		{ "1:::2", NULL },
		{ "::1:", NULL },
		{ "1:2:3:4:5:6:7", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "1:2:3:4:5:6:7:8::", NULL },
		{ "::1:2:3:4:5:6:7:8", NULL },
		{ "1:2:3:4::5:6:7:8", NULL },
		{ "1:2:3:4:5:6:7:192.0.2.1", NULL },
		{ "1:2:3:4:5:192.0.2.1", NULL },
		{ "::192.0.2.1:1", NULL },
		{ "::192.0.2", NULL },
		{ "::192.0.2.01", NULL },
		{ "::12345", NULL },
		{ "::g", NULL },
		{ "::0x1", NULL },
		{ "fe80::1%eth0", NULL },
		{ "[::1]", NULL },
		{ "::1/128", NULL },
		{ "::1 ", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_address address = { .family = 9 };
		char text[NET_ADDRESS_TEXT_OCTETS] = "";
		int r = net_address_parse(&address, span_of(rows[i].text));

		CHECK(r == (rows[i].want != NULL ? 0 : -EINVAL), "%s: %d", rows[i].text, r);
		CHECK(r == 0 || address.family == 9, "%s: written", rows[i].text);
		if (r < 0 || rows[i].want == NULL)
			continue;
		size_t len = net_address_format(text, &address);
		CHECK(strcmp(text, rows[i].want) == 0 && len == strlen(text), "%s: %s",
		      rows[i].text, text);
	}
}

static void test_octets(void)
{
	static const uint8_t want[16] = { 0x20, 0x01, 0x0d, 0xb8, [14] = 0x12, [15] = 0x34 };
	static const char nul[] = "1.2.3.4\0";
	struct net_address address;
	char text[NET_ADDRESS_TEXT_OCTETS] = "x";

	CHECK(net_address_parse(&address, SPAN("2001:db8::1234")) == 0 && address.family == 6,
	      "family %u", address.family);
	CHECK(memcmp(address.octets, want, sizeof(want)) == 0, "octets");
	CHECK(net_address_parse(&address, SPAN("9.8.7.6")) == 0 && address.family == 4 &&
		  address.octets[0] == 9 && address.octets[3] == 6 && address.octets[4] == 0,
	      "IPv4");
	CHECK(net_address_parse(&address, (struct span){ nul, sizeof(nul) - 1 }) == -EINVAL, "NUL");
	address = (struct net_address){ 0 };
	CHECK(net_address_format(text, &address) == 0 && text[0] == '\0', "no address");
	CHECK(net_address_bits(&address) == 0, "no bits");
}

static void test_unmap(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "::ffff:192.0.2.1", "192.0.2.1" },           { "192.0.2.1", "192.0.2.1" },
		{ "::fffe:192.0.2.1", "::fffe:c000:201" },     { "::192.0.2.1", "::c000:201" },
		{ "::1:ffff:192.0.2.1", "::1:ffff:c000:201" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_address address;
		char text[NET_ADDRESS_TEXT_OCTETS] = "";

		CHECK(net_address_parse(&address, span_of(rows[i].text)) == 0, "%s", rows[i].text);
		address = net_address_unmap(&address);
		net_address_format(text, &address);
		CHECK(strcmp(text, rows[i].want) == 0, "%s: %s", rows[i].text, text);
	}
}

static void test_prefix(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.0.0.1", "10.0.0.1/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.128/25", "192.0.2.128/25" },
		{ "192.0.2.129/25", NULL },
		{ "10.0.0.1/8", NULL },
		{ "10.0.0.0/33", NULL },
		{ "10.0.0.0/", NULL },
		{ "10.0.0.0/08", NULL },
		{ "10.0.0.0/+8", NULL },
		{ "10.0.0.0/8/8", NULL },
		{ "10.0.0.0/255.0.0.0", NULL },
		{ "10/8", NULL },
		{ "/8", NULL },
		{ "", NULL },
		{ "2001:DB8::/32", "2001:db8::/32" },
		{ "::/0", "::/0" },
		{ "::1", "::1/128" },
		{ "::/129", NULL },
		{ "::1/127", NULL },
		{ "fe80::%1/10", NULL },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "::ffff:10.0.0.1", "10.0.0.1/32" },
		{ "::/95", "::/95" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_prefix prefix = { .bits = 99 };
		char text[NET_PREFIX_TEXT_OCTETS] = "";
		const char *fault = net_prefix_parse(&prefix, span_of(rows[i].text));

		CHECK((fault == NULL) == (rows[i].want != NULL), "%s: %s", rows[i].text,
		      fault != NULL ? fault : "allowed");
		CHECK(fault == NULL || prefix.bits == 99, "%s: written", rows[i].text);
		if (fault != NULL || rows[i].want == NULL)
			continue;
		net_prefix_format(text, &prefix);
		CHECK(strcmp(text, rows[i].want) == 0, "%s: %s", rows[i].text, text);
	}
}

static void test_contains(void)
{
	static const struct {
		const char *prefix, *address;
		bool want;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "172.16.0.0/12", "172.31.255.255", true },
		{ "172.16.0.0/12", "172.32.0.0", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
		{ "192.0.2.0/31", "192.0.2.1", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "1.2.3.4", false },
		{ "::/0", "ffff::", true },
		{ "fe80::/10", "febf:ffff::", true },
		{ "fe80::/10", "fec0::", false },
		{ "::1/128", "::1", true },
		{ "::1/128", "::", false },
		{ "::/96", "::ffff:1.2.3.4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_prefix prefix;
		struct net_address address;

		CHECK(net_prefix_parse(&prefix, span_of(rows[i].prefix)) == NULL, "row %zu", i);
		CHECK(net_address_parse(&address, span_of(rows[i].address)) == 0, "row %zu", i);
		CHECK(net_prefix_contains(&prefix, &address) == rows[i].want, "%s %s",
		      rows[i].prefix, rows[i].address);
	}
	CHECK(!net_prefix_contains(&(struct net_prefix){ 0 }, &(struct net_address){ 0 }),
	      "nothing in nothing");
}

int main(void)
{
	test_canonical();
	test_octets();
	test_unmap();
	test_prefix();
	test_contains();
	return test_failures > 0;
}
