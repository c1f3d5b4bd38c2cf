/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache - a bounded map from names to values; full, it forgets what was unused for longest.
 */
#ifndef TLS_CACHE_H
#define TLS_CACHE_H

#include "base/base.h"

enum {
	CACHE_KEY_OCTETS_MAX = 263, /* "[name]:65535": 253 + 6, and some */
	CACHE_BUCKETS = 256,
};

struct cache_entry;

struct cache {
	struct cache_entry *bucket[CACHE_BUCKETS]; /* owned */
	struct cache_entry *newest, *oldest;
	size_t count, count_max;
	void (*free_value)(void *value); /* called for each value that is dropped */
};

#define CACHE(max, free_fn) ((struct cache){ .count_max = (max), .free_value = (free_fn) })

/* cache_get() - the value of @key, used just now; NULL: there is none. Borrowed until the next put. */
void *cache_get(struct cache *cache, struct span key);

/**
 * cache_put() - keep @value under @key in place of what was there
 * @value:	consumed on success
 *
 * Return: 0; -ENOMEM; -ENAMETOOLONG.
 */
MUST_USE int cache_put(struct cache *cache, struct span key, void *value);

/* cache_remove() - forget @key and free its value; fine if there is none */
void cache_remove(struct cache *cache, struct span key);

/* cache_free() - forget all; leaves an empty cache */
void cache_free(struct cache *cache);

#endif
