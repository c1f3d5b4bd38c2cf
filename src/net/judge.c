// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the first row of a table that contains the address names its class, so
 * narrow blocks stand before the wide ones around them. Then each IPv4 address that an IPv6 address
 * may stand for is decoded and judged by the same table, and the worst judgement is the answer.
 *
 * The tables follow the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190).
 * They are stricter where "globally reachable" does not mean a server of the Internet: the anycast
 * addresses of PCP and TURN are answered by the caller's own NAT, and ORCHIDs are no locators.
 */
#include "net/judge.h"

struct row {
	struct net_prefix prefix;
	enum net_class class;
	const char *why;
};

#define PAIR(g) (uint8_t)((g) >> 8), (uint8_t)((g)&0xff)
#define V4(a, b, c, d, bits)                \
	{                                   \
		{ 4, { a, b, c, d } }, bits \
	}
#define V6(a, b, c, d, e, f, g, h, bits)                                                           \
	{                                                                                          \
		{ 6, { PAIR(a), PAIR(b), PAIR(c), PAIR(d), PAIR(e), PAIR(f), PAIR(g), PAIR(h) } }, \
		    bits                                                                           \
	}

#define PRIVATE_WHY  "private address (RFC 1918)"
#define ANYCAST_WHY  "anycast address that the own network's NAT answers"
#define DOCUMENT_WHY "documentation address (RFC 5737)"
#define AS112_WHY    "AS112 sink of the public DNS"

static const struct row rows4[] = {
	/* each cloud's own manual; 169.254.170.2 ECS and .23 EKS credentials, 42.42 Scaleway */
	{ V4(169, 254, 169, 254, 32), NET_METADATA, "metadata service of most clouds" },
	{ V4(169, 254, 170, 2, 32), NET_METADATA, "metadata service of AWS ECS" },
	{ V4(169, 254, 170, 23, 32), NET_METADATA, "metadata service of AWS EKS" },
	{ V4(169, 254, 42, 42, 32), NET_METADATA, "metadata service of Scaleway" },
	{ V4(169, 254, 0, 23, 32), NET_METADATA, "metadata service of Tencent Cloud" },
	{ V4(168, 63, 129, 16, 32), NET_METADATA, "metadata service of Azure (WireServer)" },
	{ V4(100, 100, 100, 200, 32), NET_METADATA, "metadata service of Alibaba Cloud" },
	{ V4(192, 0, 0, 192, 32), NET_METADATA, "metadata service of Oracle Cloud" },

	{ V4(0, 0, 0, 0, 32), NET_UNSPECIFIED, "unspecified address (RFC 1122)" },
	{ V4(0, 0, 0, 0, 8), NET_UNSPECIFIED, "address of \"this network\" (RFC 791)" },
	{ V4(10, 0, 0, 0, 8), NET_PRIVATE, PRIVATE_WHY },
	{ V4(100, 64, 0, 0, 10), NET_SHARED, "shared address (RFC 6598)" },
	{ V4(127, 0, 0, 0, 8), NET_LOOPBACK, "loopback address (RFC 1122)" },
	{ V4(169, 254, 0, 0, 16), NET_LINK_LOCAL, "link-local address (RFC 3927)" },
	{ V4(172, 16, 0, 0, 12), NET_PRIVATE, PRIVATE_WHY },
	{ V4(192, 0, 0, 0, 29), NET_RESERVED, "IPv4 service continuity address (RFC 7335)" },
	{ V4(192, 0, 0, 8, 32), NET_RESERVED, "dummy address (RFC 7600)" },
	{ V4(192, 0, 0, 9, 32), NET_RESERVED, ANYCAST_WHY " (RFC 7723)" },
	{ V4(192, 0, 0, 10, 32), NET_RESERVED, ANYCAST_WHY " (RFC 8155)" },
	{ V4(192, 0, 0, 170, 31), NET_RESERVED, "NAT64 discovery address (RFC 7050, 8880)" },
	{ V4(192, 0, 0, 0, 24), NET_RESERVED, "protocol assignment (RFC 6890)" },
	{ V4(192, 0, 2, 0, 24), NET_DOCUMENTATION, DOCUMENT_WHY },
	{ V4(192, 31, 196, 0, 24), NET_PUBLIC, AS112_WHY " (RFC 7535)" },
	{ V4(192, 52, 193, 0, 24), NET_PUBLIC, "public multicast relay (RFC 7450)" },
	{ V4(192, 88, 99, 0, 24), NET_RESERVED, "deprecated 6to4 or 6a44 relay (RFC 7526, 6751)" },
	{ V4(192, 168, 0, 0, 16), NET_PRIVATE, PRIVATE_WHY },
	{ V4(192, 175, 48, 0, 24), NET_PUBLIC, AS112_WHY " (RFC 7534)" },
	{ V4(198, 18, 0, 0, 15), NET_BENCHMARK, "benchmarking address (RFC 2544)" },
	{ V4(198, 51, 100, 0, 24), NET_DOCUMENTATION, DOCUMENT_WHY },
	{ V4(203, 0, 113, 0, 24), NET_DOCUMENTATION, DOCUMENT_WHY },
	{ V4(224, 0, 0, 0, 4), NET_MULTICAST, "multicast address (RFC 5771)" },
	{ V4(255, 255, 255, 255, 32), NET_BROADCAST, "broadcast address (RFC 919)" },
	{ V4(240, 0, 0, 0, 4), NET_RESERVED, "reserved address (RFC 1112)" },
	{ V4(0, 0, 0, 0, 0), NET_PUBLIC, "public address" },
};

static const struct row rows6[] = {
	/* each cloud's own manual, as above */
	{ V6(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254, 128), NET_METADATA, "metadata service of AWS" },
	{ V6(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23, 128), NET_METADATA,
	  "metadata service of AWS EKS" },
	{ V6(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254, 128), NET_METADATA,
	  "metadata service of Google Cloud" },
	{ V6(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe, 128), NET_METADATA,
	  "metadata service of Oracle Cloud" },
	{ V6(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42, 128), NET_METADATA,
	  "metadata service of Scaleway" },
	{ V6(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1, 128), NET_METADATA,
	  "metadata service of Akamai" },
	{ V6(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe, 128), NET_METADATA,
	  "metadata service of OpenStack" },

	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 128), NET_UNSPECIFIED, "unspecified address (RFC 4291)" },
	{ V6(0, 0, 0, 0, 0, 0, 0, 1, 128), NET_LOOPBACK, "loopback address (RFC 4291)" },
	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 96), NET_RESERVED,
	  "deprecated IPv4-compatible address (RFC 4291)" },
	/* to a socket these are the IPv4 address inside, and nothing else */
	{ V6(0, 0, 0, 0, 0, 0xffff, 0, 0, 96), NET_PUBLIC, "public address" },
	{ V6(0, 0, 0, 0, 0xffff, 0, 0, 0, 96), NET_RESERVED,
	  "IPv4-translated address (RFC 2765, 7915)" },
	{ V6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0, 96), NET_PUBLIC,
	  "public address by NAT64 (RFC 6052)" },
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48), NET_PRIVATE,
	  "local-use NAT64 address (RFC 8215)" },
	{ V6(0x100, 0, 0, 0, 0, 0, 0, 0, 64), NET_RESERVED, "discard-only address (RFC 6666)" },
	{ V6(0x100, 0, 0, 1, 0, 0, 0, 0, 64), NET_RESERVED, "dummy address (RFC 9780)" },
	{ V6(0x2001, 0, 0, 0, 0, 0, 0, 0, 32), NET_TUNNEL, "Teredo address (RFC 4380)" },
	{ V6(0x2001, 1, 0, 0, 0, 0, 0, 1, 128), NET_RESERVED, ANYCAST_WHY " (RFC 7723)" },
	{ V6(0x2001, 1, 0, 0, 0, 0, 0, 2, 128), NET_RESERVED, ANYCAST_WHY " (RFC 8155)" },
	{ V6(0x2001, 1, 0, 0, 0, 0, 0, 3, 128), NET_RESERVED,
	  "anycast address that the own network's DNS answers (RFC 9665)" },
	{ V6(0x2001, 2, 0, 0, 0, 0, 0, 0, 48), NET_BENCHMARK, "benchmarking address (RFC 5180)" },
	{ V6(0x2001, 3, 0, 0, 0, 0, 0, 0, 32), NET_PUBLIC, "public multicast relay (RFC 7450)" },
	{ V6(0x2001, 4, 0x112, 0, 0, 0, 0, 0, 48), NET_PUBLIC, AS112_WHY " (RFC 7535)" },
	{ V6(0x2001, 0x10, 0, 0, 0, 0, 0, 0, 28), NET_RESERVED,
	  "deprecated ORCHID, a hash (RFC 4843)" },
	{ V6(0x2001, 0x20, 0, 0, 0, 0, 0, 0, 28), NET_RESERVED, "ORCHIDv2, a hash (RFC 7343)" },
	{ V6(0x2001, 0x30, 0, 0, 0, 0, 0, 0, 28), NET_RESERVED, "drone identifier (RFC 9374)" },
	{ V6(0x2001, 0, 0, 0, 0, 0, 0, 0, 23), NET_RESERVED, "protocol assignment (RFC 2928)" },
	{ V6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0, 32), NET_DOCUMENTATION,
	  "documentation address (RFC 3849)" },
	{ V6(0x2002, 0, 0, 0, 0, 0, 0, 0, 16), NET_TUNNEL, "6to4 address (RFC 3056, 7526)" },
	{ V6(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0, 48), NET_PUBLIC, AS112_WHY " (RFC 7534)" },
	{ V6(0x3fff, 0, 0, 0, 0, 0, 0, 0, 20), NET_DOCUMENTATION,
	  "documentation address (RFC 9637)" },
	{ V6(0x5f00, 0, 0, 0, 0, 0, 0, 0, 16), NET_RESERVED, "segment identifier (RFC 9602)" },
	{ V6(0xfc00, 0, 0, 0, 0, 0, 0, 0, 7), NET_PRIVATE, "unique local address (RFC 4193)" },
	{ V6(0xfe80, 0, 0, 0, 0, 0, 0, 0, 10), NET_LINK_LOCAL, "link-local address (RFC 4291)" },
	{ V6(0xfec0, 0, 0, 0, 0, 0, 0, 0, 10), NET_PRIVATE,
	  "deprecated site-local address (RFC 3879)" },
	{ V6(0xff00, 0, 0, 0, 0, 0, 0, 0, 8), NET_MULTICAST, "multicast address (RFC 4291)" },
	/* RFC 4291 section 2.4; IANA assigns unicast space from this block alone */
	{ V6(0x2000, 0, 0, 0, 0, 0, 0, 0, 3), NET_PUBLIC, "public address" },
	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 0), NET_RESERVED, "address outside of 2000::/3 (RFC 4291)" },
};

/* Where an IPv6 address holds an IPv4 address. */
struct nest {
	struct net_prefix prefix;
	uint8_t at[4]; /* which octets */
	uint8_t flip;  /* exclusive or */
	const char *kind;
};

static const struct nest nests[] = {
	{ V6(0, 0, 0, 0, 0, 0xffff, 0, 0, 96), { 12, 13, 14, 15 }, 0, "IPv4-mapped" },
	{ V6(0, 0, 0, 0, 0, 0, 0, 0, 96), { 12, 13, 14, 15 }, 0, "IPv4-compatible" },
	{ V6(0, 0, 0, 0, 0xffff, 0, 0, 0, 96), { 12, 13, 14, 15 }, 0, "IPv4-translated" },
	{ V6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0, 96), { 12, 13, 14, 15 }, 0, "NAT64" },
	/* networks choose a length in the local-use block: 48, 56, 64, 96 (RFC 6052 section 2.2) */
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48), { 6, 7, 9, 10 }, 0, "NAT64" },
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48), { 7, 9, 10, 11 }, 0, "NAT64" },
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48), { 9, 10, 11, 12 }, 0, "NAT64" },
	{ V6(0x64, 0xff9b, 1, 0, 0, 0, 0, 0, 48), { 12, 13, 14, 15 }, 0, "NAT64" },
	{ V6(0x2002, 0, 0, 0, 0, 0, 0, 0, 16), { 2, 3, 4, 5 }, 0, "6to4" },
	/* RFC 4380 section 4: the server, then the client with all bits inverted */
	{ V6(0x2001, 0, 0, 0, 0, 0, 0, 0, 32), { 4, 5, 6, 7 }, 0, "Teredo" },
	{ V6(0x2001, 0, 0, 0, 0, 0, 0, 0, 32), { 12, 13, 14, 15 }, 0xff, "Teredo" },
};

static const struct nest isatap = { .at = { 12, 13, 14, 15 }, .kind = "ISATAP" };

/* is_isatap() - interface identifier 00-00-5E-FE or 02-00-5E-FE (RFC 5214 section 6.1) */
static bool is_isatap(const struct net_address *address)
{
	const uint8_t *id = address->octets + 8;

	return (id[0] & ~2U) == 0 && id[1] == 0 && id[2] == 0x5e && id[3] == 0xfe;
}

/* find_row() - the tables end in a row that contains all */
static struct net_judgement find_row(const struct row *rows, const struct net_address *address)
{
	while (!net_prefix_contains(&rows->prefix, address))
		rows++;
	return (struct net_judgement){ rows->class, rows->why, NULL };
}

/* judge_nested() - make *@worst worse if the IPv4 address in @nest is */
static void judge_nested(struct net_judgement *worst, const struct nest *nest,
			 const struct net_address *address)
{
	struct net_address inner = { .family = 4 };

	for (size_t i = 0; i < ARRAY_SIZE(nest->at); i++)
		inner.octets[i] = address->octets[nest->at[i]] ^ nest->flip;
	struct net_judgement judgement = find_row(rows4, &inner);
	if (judgement.class >= worst->class)
		return;
	*worst = judgement;
	worst->inside = nest->kind;
}

static struct net_judgement judge_v6(const struct net_address *address)
{
	struct net_judgement worst = find_row(rows6, address);

	for (size_t i = 0; i < ARRAY_SIZE(nests); i++)
		if (net_prefix_contains(&nests[i].prefix, address))
			judge_nested(&worst, &nests[i], address);
	if (is_isatap(address))
		judge_nested(&worst, &isatap, address);
	return worst;
}

struct net_judgement net_judge(const struct net_address *address)
{
	if (address->family == 4)
		return find_row(rows4, address);
	if (address->family == 6)
		return judge_v6(address);
	return (struct net_judgement){ NET_NO_ADDRESS, "no address", NULL };
}

const char *net_class_name(enum net_class class)
{
	static const char *const names[] = {
		[NET_NO_ADDRESS] = "none",         [NET_METADATA] = "metadata",
		[NET_LOOPBACK] = "loopback",       [NET_LINK_LOCAL] = "link-local",
		[NET_PRIVATE] = "private",         [NET_SHARED] = "shared",
		[NET_UNSPECIFIED] = "unspecified", [NET_BROADCAST] = "broadcast",
		[NET_MULTICAST] = "multicast",     [NET_RESERVED] = "reserved",
		[NET_BENCHMARK] = "benchmark",     [NET_DOCUMENTATION] = "documentation",
		[NET_TUNNEL] = "tunnel",           [NET_PUBLIC] = "public",
	};

	return names[class];
}
