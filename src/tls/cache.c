// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: chained buckets for finding, one doubly linked list for the order of use.
 * Keys are names that a policy approved, so the hash needs no secret.
 */
#include "tls/cache.h"

#include <errno.h>

struct cache_entry {
	struct cache_entry *next;          /* in the bucket */
	struct cache_entry *newer, *older; /* by last use */
	struct cache_entry **bucket;
	void *value;
	uint16_t len;
	char key[]; /* len octets */
};

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash_of(struct span key)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (uint8_t)key.ptr[i]) * 16777619U;
	return hash;
}

static struct cache_entry **bucket_of(struct cache *cache, struct span key)
{
	return &cache->bucket[hash_of(key) % CACHE_BUCKETS];
}

static struct cache_entry *find(struct cache *cache, struct span key)
{
	for (struct cache_entry *e = *bucket_of(cache, key); e != NULL; e = e->next)
		if (e->len == key.len && memcmp(e->key, key.ptr, key.len) == 0)
			return e;
	return NULL;
}

static void detach(struct cache *cache, struct cache_entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void attach_newest(struct cache *cache, struct cache_entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void drop(struct cache *cache, struct cache_entry *entry)
{
	struct cache_entry **at = entry->bucket;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	detach(cache, entry);
	cache->count--;
	cache->free_value(entry->value);
	free(entry);
}

void *cache_get(struct cache *cache, struct span key)
{
	struct cache_entry *entry = find(cache, key);

	if (entry == NULL)
		return NULL;
	detach(cache, entry);
	attach_newest(cache, entry);
	return entry->value;
}

int cache_put(struct cache *cache, struct span key, void *value)
{
	if (key.len > CACHE_KEY_OCTETS_MAX)
		return -ENAMETOOLONG;
	struct cache_entry *entry = malloc(sizeof(*entry) + key.len);
	if (entry == NULL)
		return -ENOMEM;
	cache_remove(cache, key);
	if (cache->count >= cache->count_max)
		drop(cache, cache->oldest);
	entry->bucket = bucket_of(cache, key);
	entry->next = *entry->bucket;
	entry->value = value;
	entry->len = (uint16_t)key.len;
	memcpy(entry->key, key.ptr, key.len);
	*entry->bucket = entry;
	attach_newest(cache, entry);
	cache->count++;
	return 0;
}

void cache_remove(struct cache *cache, struct span key)
{
	struct cache_entry *entry = find(cache, key);

	if (entry != NULL)
		drop(cache, entry);
}

void cache_free(struct cache *cache)
{
	for (struct cache_entry *e = cache->newest, *older = NULL; e != NULL; e = older) {
		older = e->older;
		cache->free_value(e->value);
		free(e);
	}
	*cache = CACHE(cache->count_max, cache->free_value);
}
