/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - what kind of place an address is, so that a name of the outside cannot lead inside
 * (SSRF, DNS rebinding).
 *
 * Only NET_PUBLIC is harmless without asking. Exceptions are the policy's business: it may allow a
 * class or a prefix, but a NET_METADATA address only if the rule names exactly that address.
 */
#ifndef NET_JUDGE_H
#define NET_JUDGE_H

#include "base/base.h"
#include "net/address.h"

/* From the worst on, for an address that hides another is the worse of the two. */
enum net_class {
	NET_NO_ADDRESS = 0,
	NET_METADATA,    /* hands out credentials of the machine */
	NET_LOOPBACK,    /* this host */
	NET_LINK_LOCAL,  /* this network segment */
	NET_PRIVATE,     /* this site */
	NET_SHARED,      /* this provider: carrier-grade NAT, overlay networks */
	NET_UNSPECIFIED, /* connecting to 0.0.0.0 or :: reaches this host */
	NET_BROADCAST,
	NET_MULTICAST,
	NET_RESERVED, /* nothing of the public Internet may be there */
	NET_BENCHMARK,
	NET_DOCUMENTATION,
	NET_TUNNEL, /* 6to4, Teredo: leads to whatever IPv4 address is inside */
	NET_PUBLIC,
};

struct net_judgement {
	enum net_class class;
	const char *why;    /* "private address (RFC 1918)"; static */
	const char *inside; /* "NAT64": the judged address hides in one of that kind; NULL: no */
};

/* net_judge() - never laxer than the judgement of any IPv4 address that @address may stand for */
MUST_USE struct net_judgement net_judge(const struct net_address *address);

static inline bool net_class_is_public(enum net_class class)
{
	return class == NET_PUBLIC;
}

/* net_class_name() - one word for logs and rules: "private"; static */
const char *net_class_name(enum net_class class);

#endif
