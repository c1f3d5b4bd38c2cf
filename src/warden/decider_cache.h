/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decider_cache - answers of immure-judge by what the policy looked at, while nothing changes by which it
 * decides. A set of fixed places: what falls on a taken one replaces it.
 */
#ifndef WARDEN_DECIDER_CACHE_H
#define WARDEN_DECIDER_CACHE_H

#include "policy/policy.h"
#include "wire/judge.h"

enum {
	DECIDER_CACHE_PLACES = 1024,
	DECIDER_CACHE_KEY_OCTETS = 1024, /* what is longer is not kept */
};

struct decider_cache {
	struct decider_kept *places[DECIDER_CACHE_PLACES]; /* owned */
};

/* What an answer is kept by. */
struct decider_key {
	size_t len;
	char octets[DECIDER_CACHE_KEY_OCTETS];
};

/* decider_key_of() - @reads: what the policy looks at. Return: false: no answer to this may be kept */
MUST_USE bool decider_key_of(struct decider_key *ret, const struct policy_request *request,
			     unsigned reads);

/* decider_cache_get() - the packet kept by @key, borrowed until the next put; ptr NULL: none is */
MUST_USE struct span decider_cache_get(const struct decider_cache *cache,
				       const struct decider_key *key);

/* decider_cache_put() - a copy of @packet; without memory for it, it is not kept */
void decider_cache_put(struct decider_cache *cache, const struct decider_key *key,
		       struct span packet);

void decider_cache_empty(struct decider_cache *cache);

#endif
