// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each entry hangs in the bucket of its key: a name, a suffix, a prefix. A
 * match asks for the few keys under which something could hang that matches: the whole name, each
 * suffix of whole labels, the address cut to each length that occurs. Names are hashed from the
 * right, so one walk over a name gives the hashes of all its suffixes. What hangs there is judged
 * by pattern_match(): the index can make a match late, never wrong.
 *
 * Patterns come from the owner's settings, so nobody hostile chooses what shares a bucket.
 */
#include "net/pattern.h"

#include <errno.h>

#include "base/hash.h"

enum {
	CAPACITY_MIN = 16,
};

static uint32_t hash_name(const char *name, size_t len)
{
	uint32_t hash = HASH_START;

	while (len > 0)
		hash = hash_octet(hash, (uint8_t)name[--len]);
	return hash;
}

/* hash_prefix() - @address has no bits beyond @bits */
static uint32_t hash_prefix(const struct net_address *address, unsigned bits)
{
	uint32_t hash = hash_octet(hash_octet(HASH_START, address->family), (uint8_t)bits);

	for (size_t i = 0; i < sizeof(address->octets); i++)
		hash = hash_octet(hash, address->octets[i]);
	return hash;
}

static uint32_t hash_pattern(const struct pattern *pattern)
{
	uint32_t hash = HASH_START;

	if (pattern->kind == PATTERN_PREFIX)
		hash = hash_prefix(&pattern->prefix.address, pattern->prefix.bits);
	else
		hash = hash_name(pattern->name, pattern->len);
	return hash_octet(hash, (uint8_t)pattern->kind);
}

static uint16_t bucket_of(uint32_t hash)
{
	return (uint16_t)((hash ^ hash >> 16) % PATTERN_BUCKETS);
}

static int make_room(struct pattern_set *set)
{
	size_t capacity = set->capacity > 0 ? 2 * set->capacity : CAPACITY_MIN;

	if (set->count < set->capacity)
		return 0;
	struct pattern_entry *entries = realloc(set->entries, capacity * sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	set->entries = entries;
	set->capacity = capacity;
	return 0;
}

int pattern_set_add(struct pattern_set *set, const struct pattern *pattern)
{
	uint32_t hash = hash_pattern(pattern);
	uint16_t *first = &set->bucket[bucket_of(hash)];

	if (set->count >= PATTERN_SET_MAX)
		return -ENOSPC;
	int r = make_room(set);
	if (r < 0)
		return r;
	set->entries[set->count] =
	    (struct pattern_entry){ .pattern = *pattern, .hash = hash, .next = *first };
	*first = (uint16_t)++set->count;
	if (pattern->kind == PATTERN_PREFIX) {
		bool *seen = pattern->prefix.address.family == 4 ? set->bits4 : set->bits6;
		seen[pattern->prefix.bits] = true;
	}
	return 0;
}

/* One search: what is looked for, and the lowest number found so far. */
struct search {
	const struct pattern_set *set;
	const struct net_name *name;
	unsigned port;
	size_t best; /* number + 1; 0: none yet */
};

/* look_under() - go through what hangs under @key of @kind */
static void look_under(struct search *search, uint32_t key, enum pattern_kind kind)
{
	const struct pattern_set *set = search->set;
	uint32_t hash = hash_octet(key, kind);

	for (size_t at = set->bucket[bucket_of(hash)]; at != 0; at = set->entries[at - 1].next) {
		const struct pattern_entry *entry = &set->entries[at - 1];

		if ((search->best == 0 || at < search->best) && entry->hash == hash &&
		    pattern_match(&entry->pattern, search->name, search->port))
			search->best = at;
	}
}

static void look_for_name(struct search *search)
{
	uint32_t hash = HASH_START;

	for (size_t i = search->name->len; i > 0; i--) {
		char c = search->name->text[i - 1];

		if (c == '.')
			look_under(search, hash, PATTERN_BELOW);
		hash = hash_octet(hash, (unsigned char)c);
	}
	look_under(search, hash, PATTERN_EXACT);
}

static void look_for_address(struct search *search)
{
	const struct net_address *address = &search->name->address;
	const bool *seen = address->family == 4 ? search->set->bits4 : search->set->bits6;

	for (unsigned bits = 0; bits <= net_address_bits(address); bits++) {
		if (!seen[bits])
			continue;
		struct net_address masked = net_address_mask(address, bits);
		look_under(search, hash_prefix(&masked, bits), PATTERN_PREFIX);
	}
}

int pattern_set_match(const struct pattern_set *set, const struct net_name *name, unsigned port)
{
	struct search search = { .set = set, .name = name, .port = port };

	look_under(&search, HASH_START, PATTERN_ANY);
	if (name->kind == NET_NAME_DNS)
		look_for_name(&search);
	else if (name->kind == NET_NAME_ADDRESS)
		look_for_address(&search);
	return (int)search.best - 1;
}

void pattern_set_free(struct pattern_set *set)
{
	free(set->entries);
	*set = (struct pattern_set){ 0 };
}
