/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - the synthetic addresses that stand for host names inside one sandbox.
 *
 * A name has one IPv4 address in 198.18.0.0/15 (RFC 2544: benchmarks, so no real host) and one IPv6
 * address in fd69:6d6d:7572::/96 with the same number. They stay its own while a flow to it is open
 * and for NAMES_KEEP_S after it was last answered or its last flow ended; then another name may take
 * its place, under other addresses, so that a stale address leads nowhere rather than elsewhere.
 * 198.18.0.0/24 is left for addresses of our own.
 */
#ifndef GATEWAY_NAMES_H
#define GATEWAY_NAMES_H

#include "base/list.h"
#include "net/address.h"
#include "net/name.h"

enum {
	NAMES_MAX = 4096,     /* 1.2 MB when all are in use */
	NAMES_BUCKETS = 4096, /* of the hash table; a power of two */
	NAMES_KEEP_S = 600, /* ten times the TTL we give, for clients that keep addresses longer */
};

struct names_entry {
	struct list_node node; /* in names.idle; in no list: a flow holds it */
	int64_t used_ns;
	uint32_t flows;
	uint16_t next;       /* in its bucket, index + 1 */
	uint16_t generation; /* how often another name had this entry, modulo those that fit */
	char name[NET_NAME_OCTETS];
};

struct names {
	struct names_entry entries[NAMES_MAX];
	uint16_t buckets[NAMES_BUCKETS]; /* index of an entry + 1; 0: none */
	uint16_t made;                   /* entries that ever had a name: the first ones */
	struct list idle;                /* longest unused first */
};

/* names_init() - @names is all zero */
void names_init(struct names *names);

/**
 * names_get() - the entry of @name (canonical, at most 253 octets), made if there is none
 *
 * It counts as answered at @now_ns, of any clock that does not jump back.
 *
 * Return: NULL: the table is full of names in use.
 */
MUST_USE struct names_entry *names_get(struct names *names, const char *name, int64_t now_ns);

/* names_find() - whose address is it? Either family, not IPv4-mapped. Return: NULL: nobody's. */
MUST_USE struct names_entry *names_find(struct names *names, const struct net_address *address);

/* names_is_synthetic() - is @address in one of the two ranges? */
bool names_is_synthetic(const struct net_address *address);

/* names_address() - of @family 4 or 6 */
struct net_address names_address(const struct names *names, const struct names_entry *entry,
				 uint8_t family);

/* names_hold(), names_release() - a flow to it began, ended */
void names_hold(struct names_entry *entry);
void names_release(struct names *names, struct names_entry *entry, int64_t now_ns);

#endif
