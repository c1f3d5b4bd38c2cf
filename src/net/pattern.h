/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern - what a list of allowed hosts may hold, and sets of it.
 *
 *	example.com		that name
 *	*.example.com		every name below it, however deep; not itself
 *	*			everything, addresses too
 *	192.0.2.1, [2001:db8::1], 10.0.0.0/8, 2001:db8::/32
 *				flows to such an address by number; never a name that resolves to it
 *	...:443			only that port; IPv6 needs brackets then: [2001:db8::/32]:443
 *
 * "*.com" is allowed: which suffixes are public is a matter of lists that age. A match says that a
 * host was meant, not that its address is harmless: see net/judge.h.
 */
#ifndef NET_PATTERN_H
#define NET_PATTERN_H

#include "base/base.h"
#include "net/name.h"

enum {
	PATTERN_TEXT_OCTETS = NET_NAME_OCTETS + 2 + 6, /* room for text and NUL: "*.", ":65535" */
	PATTERN_PORT_UNKNOWN = 1 << 16, /* in a match: a DNS query, any port may follow */
	PATTERN_SET_MAX = 4096,         /* patterns; a bound on memory: 1.2 MiB */
	PATTERN_BUCKETS = 4096,
};

enum pattern_kind {
	PATTERN_NONE = 0, /* matches nothing */
	PATTERN_EXACT,
	PATTERN_BELOW,
	PATTERN_ANY,
	PATTERN_PREFIX,
};

struct pattern {
	enum pattern_kind kind;
	uint16_t port;              /* 0: any */
	uint8_t len;                /* octets of name */
	struct net_prefix prefix;   /* of PREFIX */
	char name[NET_NAME_OCTETS]; /* of EXACT, BELOW: canonical, without "*."; NUL-terminated */
};

/* pattern_parse() - Return: NULL; else why it is refused, static. */
MUST_USE const char *pattern_parse(struct pattern *ret, struct span text);

/**
 * pattern_format() - write the canonical text, NUL-terminated
 * @ret:	room for PATTERN_TEXT_OCTETS
 *
 * Return: octets written without the NUL.
 */
size_t pattern_format(char *ret, const struct pattern *pattern);

/* pattern_match() - @port: 0 to 65535, PATTERN_PORT_UNKNOWN */
bool pattern_match(const struct pattern *pattern, const struct net_name *name, unsigned port);

struct pattern_entry {
	struct pattern pattern;
	uint32_t hash;
	uint16_t next; /* index + 1 of the next entry in its bucket; 0: none */
};

/* Many patterns, with an index. All zero it is empty, and matches nothing. Only adding allocates. */
struct pattern_set {
	struct pattern_entry *entries; /* owned; in the order of adding */
	size_t count, capacity;
	uint16_t bucket[PATTERN_BUCKETS]; /* as next: the first entry */
	bool bits4[33], bits6[129];       /* lengths of prefixes that occur */
};

/**
 * pattern_set_add() - add a copy of @pattern; on failure nothing changes
 *
 * Return: 0; -ENOSPC: it holds PATTERN_SET_MAX; -ENOMEM.
 */
MUST_USE int pattern_set_add(struct pattern_set *set, const struct pattern *pattern);

/**
 * pattern_set_match() - the first pattern, in the order of adding, that matches
 *
 * Takes time by the length of the name, not by the size of the set.
 *
 * Return: its number, from 0; -1: none matches.
 */
MUST_USE int pattern_set_match(const struct pattern_set *set, const struct net_name *name,
			       unsigned port);

/* pattern_set_free() - free the memory and leave an empty set */
void pattern_set_free(struct pattern_set *set);

#endif
