// SPDX-License-Identifier: Apache-2.0
#include "net/judge.h"

#include "base/test.h"

static struct net_judgement judge(const char *text)
{
	struct net_address address = { 0 };

	CHECK(net_address_parse(&address, span_of(text)) == 0, "%s", text);
	return net_judge(&address);
}

/* First and last address of each block; @why: part of the reason. */
static void test_blocks(void)
{
	static const struct {
		const char *first, *last;
		enum net_class class;
		const char *why;
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0", NET_UNSPECIFIED, "RFC 1122" },
		{ "0.0.0.1", "0.255.255.255", NET_UNSPECIFIED, "RFC 791" },
		{ "1.0.0.0", "9.255.255.255", NET_PUBLIC, "public" },
		{ "10.0.0.0", "10.255.255.255", NET_PRIVATE, "RFC 1918" },
		{ "11.0.0.0", "100.63.255.255", NET_PUBLIC, "public" },
		{ "100.64.0.0", "100.127.255.255", NET_SHARED, "RFC 6598" },
		{ "100.128.0.0", "126.255.255.255", NET_PUBLIC, "public" },
		{ "127.0.0.0", "127.255.255.255", NET_LOOPBACK, "RFC 1122" },
		{ "128.0.0.0", "169.253.255.255", NET_PUBLIC, "public" },
		{ "169.254.0.0", "169.254.255.255", NET_LINK_LOCAL, "RFC 3927" },
		{ "169.255.0.0", "172.15.255.255", NET_PUBLIC, "public" },
		{ "172.16.0.0", "172.31.255.255", NET_PRIVATE, "RFC 1918" },
		{ "172.32.0.0", "191.255.255.255", NET_PUBLIC, "public" },
		{ "192.0.0.0", "192.0.0.7", NET_RESERVED, "RFC 7335" },
		{ "192.0.0.8", "192.0.0.8", NET_RESERVED, "RFC 7600" },
		{ "192.0.0.9", "192.0.0.9", NET_RESERVED, "RFC 7723" },
		{ "192.0.0.10", "192.0.0.10", NET_RESERVED, "RFC 8155" },
		{ "192.0.0.11", "192.0.0.169", NET_RESERVED, "RFC 6890" },
		{ "192.0.0.170", "192.0.0.171", NET_RESERVED, "RFC 7050" },
		{ "192.0.0.172", "192.0.0.255", NET_RESERVED, "RFC 6890" },
		{ "192.0.1.0", "192.0.1.255", NET_PUBLIC, "public" },
		{ "192.0.2.0", "192.0.2.255", NET_DOCUMENTATION, "RFC 5737" },
		{ "192.0.3.0", "192.31.195.255", NET_PUBLIC, "public address" },
		{ "192.31.196.0", "192.31.196.255", NET_PUBLIC, "RFC 7535" },
		{ "192.52.193.0", "192.52.193.255", NET_PUBLIC, "RFC 7450" },
		{ "192.52.194.0", "192.88.98.255", NET_PUBLIC, "public address" },
		{ "192.88.99.0", "192.88.99.255", NET_RESERVED, "RFC 7526" },
		{ "192.88.100.0", "192.167.255.255", NET_PUBLIC, "public" },
		{ "192.168.0.0", "192.168.255.255", NET_PRIVATE, "RFC 1918" },
		{ "192.169.0.0", "192.175.47.255", NET_PUBLIC, "public address" },
		{ "192.175.48.0", "192.175.48.255", NET_PUBLIC, "RFC 7534" },
		{ "192.175.49.0", "198.17.255.255", NET_PUBLIC, "public address" },
		{ "198.18.0.0", "198.19.255.255", NET_BENCHMARK, "RFC 2544" },
		{ "198.20.0.0", "198.51.99.255", NET_PUBLIC, "public" },
		{ "198.51.100.0", "198.51.100.255", NET_DOCUMENTATION, "RFC 5737" },
		{ "198.51.101.0", "203.0.112.255", NET_PUBLIC, "public" },
		{ "203.0.113.0", "203.0.113.255", NET_DOCUMENTATION, "RFC 5737" },
		{ "203.0.114.0", "223.255.255.255", NET_PUBLIC, "public" },
		{ "224.0.0.0", "239.255.255.255", NET_MULTICAST, "RFC 5771" },
		{ "240.0.0.0", "255.255.255.254", NET_RESERVED, "RFC 1112" },
		{ "255.255.255.255", "255.255.255.255", NET_BROADCAST, "RFC 919" },

		{ "::", "::", NET_UNSPECIFIED, "RFC 4291" },
		{ "::1", "::1", NET_LOOPBACK, "RFC 4291" },
		{ "::1:0:0", "::fffe:ffff:ffff", NET_RESERVED, "2000::/3" },
		{ "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "64:ff9b::1:0:0", NET_RESERVED,
		  "2000::/3" },
		{ "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "64:ff9b:2::", NET_RESERVED, "2000::/3" },
		{ "100::", "100::ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 6666" },
		{ "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 9780" },
		{ "100:0:0:2::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED,
		  "2000::/3" },
		{ "2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "public" },
		{ "2001:1::", "2001:1::", NET_RESERVED, "RFC 2928" },
		{ "2001:1::1", "2001:1::1", NET_RESERVED, "RFC 7723" },
		{ "2001:1::2", "2001:1::2", NET_RESERVED, "RFC 8155" },
		{ "2001:1::3", "2001:1::3", NET_RESERVED, "RFC 9665" },
		{ "2001:1::4", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 2928" },
		{ "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", NET_BENCHMARK, "RFC 5180" },
		{ "2001:2:1::", "2001:2:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 2928" },
		{ "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "RFC 7450" },
		{ "2001:4::", "2001:4:111:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 2928" },
		{ "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "RFC 7535" },
		{ "2001:4:113::", "2001:f:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED,
		  "RFC 2928" },
		{ "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 4843" },
		{ "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 7343" },
		{ "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 9374" },
		{ "2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 2928" },
		{ "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "public" },
		{ "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", NET_DOCUMENTATION,
		  "RFC 3849" },
		{ "2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "public" },
		{ "2003::", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "public address" },
		{ "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC,
		  "RFC 7534" },
		{ "2620:4f:8001::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC,
		  "public address" },
		{ "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", NET_DOCUMENTATION,
		  "RFC 9637" },
		{ "3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_PUBLIC, "public" },
		{ "4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "2000::/3" },
		{ "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "RFC 9602" },
		{ "5f01::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "2000::/3" },
		{ "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_PRIVATE, "RFC 4193" },
		{ "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_RESERVED, "2000::/3" },
		{ "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_LINK_LOCAL, "RFC 4291" },
		{ "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_PRIVATE, "RFC 3879" },
		{ "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NET_MULTICAST, "RFC 4291" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_judgement first = judge(rows[i].first), last = judge(rows[i].last);

		CHECK(first.class == rows[i].class && last.class == rows[i].class, "%s: %s, %s",
		      rows[i].first, first.why, last.why);
		CHECK(strstr(first.why, rows[i].why) != NULL, "%s: %s", rows[i].first, first.why);
		CHECK(strstr(last.why, rows[i].why) != NULL, "%s: %s", rows[i].last, last.why);
		CHECK(first.inside == NULL && last.inside == NULL, "%s: inside", rows[i].first);
	}
}

static void test_metadata(void)
{
	static const char *const rows[] = {
		"169.254.169.254",
		"169.254.170.2",
		"169.254.170.23",
		"169.254.42.42",
		"169.254.0.23",
		"168.63.129.16",
		"100.100.100.200",
		"192.0.0.192",
		"fd00:ec2::254",
		"fd00:ec2::23",
		"fd20:ce::254",
		"fd00:c1::a9fe:a9fe",
		"fd00:42::42",
		"fd00:a9fe:a9fe::1",
		"fe80::a9fe:a9fe",
		/* hidden */
		"::ffff:169.254.169.254",
		"64:ff9b::169.254.169.254",
		"2002:a83f:8110::1",
		"fe80::5efe:169.254.169.254",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_judgement j = judge(rows[i]);

		CHECK(j.class == NET_METADATA, "%s: %s", rows[i], j.why);
		CHECK(strstr(j.why, "metadata") != NULL, "%s: %s", rows[i], j.why);
	}
	CHECK(judge("168.63.129.17").class == NET_PUBLIC, "a neighbour");
	CHECK(judge("fd00:ec2::253").class == NET_PRIVATE, "a neighbour");
	CHECK(judge("100.100.100.201").class == NET_SHARED, "a neighbour");
}

static void test_nested(void)
{
	static const struct {
		const char *text;
		enum net_class class;
		const char *inside; /* NULL: the judgement is of the address itself */
	} rows[] = {
		{ "::ffff:8.8.8.8", NET_PUBLIC, NULL },
		{ "::ffff:127.0.0.1", NET_LOOPBACK, "IPv4-mapped" },
		{ "::ffff:0.0.0.0", NET_UNSPECIFIED, "IPv4-mapped" },
		{ "::ffff:255.255.255.255", NET_BROADCAST, "IPv4-mapped" },
		{ "::8.8.8.8", NET_RESERVED, NULL },
		{ "::127.0.0.1", NET_LOOPBACK, "IPv4-compatible" },
		{ "::2", NET_UNSPECIFIED, "IPv4-compatible" },
		{ "::ffff:0:8.8.8.8", NET_RESERVED, NULL },
		{ "::ffff:0:10.0.0.1", NET_PRIVATE, "IPv4-translated" },
		{ "64:ff9b::8.8.8.8", NET_PUBLIC, NULL },
		{ "64:ff9b::10.0.0.1", NET_PRIVATE, "NAT64" },
		{ "64:ff9b::224.0.0.1", NET_MULTICAST, "NAT64" },
		{ "64:ff9b:1::8.8.8.8", NET_PRIVATE, NULL },
		{ "64:ff9b:1::127.0.0.1", NET_LOOPBACK, "NAT64" },
		{ "64:ff9b:1:a9fe:a9:fe00::", NET_METADATA, "NAT64" },   /* /48 */
		{ "64:ff9b:1:a9:fe:a9fe::", NET_METADATA, "NAT64" },     /* /56 */
		{ "64:ff9b:1:0:a9:fea9:fe00:0", NET_METADATA, "NAT64" }, /* /64 */
		{ "2002:808:808::1", NET_TUNNEL, NULL },
		{ "2002:7f00:1::", NET_LOOPBACK, "6to4" },
		{ "2002:c0a8:101::1", NET_PRIVATE, "6to4" },
		/* server 8.8.8.8, client 8.8.4.4 */
		{ "2001:0:808:808:0:0:f7f7:fbfb", NET_TUNNEL, NULL },
		/* server 127.0.0.1 */
		{ "2001:0:7f00:1:0:0:f7f7:fbfb", NET_LOOPBACK, "Teredo" },
		/* client 127.0.0.1 */
		{ "2001:0:808:808:0:0:80ff:fffe", NET_LOOPBACK, "Teredo" },
		/* not inverted, the client is 128.255.255.254 */
		{ "2001:0:808:808:0:0:7f00:1", NET_TUNNEL, NULL },
		{ "2a00:1450::5efe:127.0.0.1", NET_LOOPBACK, "ISATAP" },
		{ "2a00:1450::200:5efe:10.0.0.1", NET_PRIVATE, "ISATAP" },
		{ "2a00:1450::5efe:8.8.8.8", NET_PUBLIC, NULL },
		{ "2a00:1450::100:5efe:127.0.0.1", NET_PUBLIC, NULL },
		{ "fe80::5efe:8.8.8.8", NET_LINK_LOCAL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_judgement j = judge(rows[i].text);

		CHECK(j.class == rows[i].class, "%s: %s", rows[i].text, j.why);
		const char *inside = j.inside != NULL ? j.inside : "";
		const char *want = rows[i].inside != NULL ? rows[i].inside : "";
		CHECK(strcmp(inside, want) == 0, "%s: in \"%s\"", rows[i].text, inside);
	}
}

static void test_words(void)
{
	struct net_judgement none = net_judge(&(struct net_address){ 0 });

	CHECK(none.class == NET_NO_ADDRESS && !net_class_is_public(none.class), "%s", none.why);
	for (int class = 0; class <= NET_PUBLIC; class ++) {
		CHECK(net_class_name((enum net_class) class)[0] != '\0', "%d", class);
		CHECK(net_class_is_public((enum net_class) class) == (class == NET_PUBLIC), "%d",
		      class);
	}
	CHECK(strcmp(net_class_name(NET_LINK_LOCAL), "link-local") == 0, "name");
}

int main(void)
{
	test_blocks();
	test_metadata();
	test_nested();
	test_words();
	return test_failures > 0;
}
