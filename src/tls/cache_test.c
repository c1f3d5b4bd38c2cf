// SPDX-License-Identifier: Apache-2.0
#include "tls/cache.h"

#include <errno.h>

#include "base/test.h"

static int freed;

static void count_free(void *value)
{
	(void)value;
	freed++;
}

static int values[8];

static void put(struct cache *cache, const char *key, int number)
{
	CHECK(cache_put(cache, span_of(key), &values[number]) == 0, "%s", key);
}

static int at(struct cache *cache, const char *key)
{
	const int *value = cache_get(cache, span_of(key));

	return value == NULL ? -1 : (int)(value - values);
}

static void test_order(void)
{
	struct cache cache = CACHE(3, count_free);

	freed = 0;
	put(&cache, "a", 0);
	put(&cache, "b", 1);
	put(&cache, "c", 2);
	CHECK(at(&cache, "a") == 0, "a is the newest now");
	put(&cache, "d", 3);
	CHECK(at(&cache, "b") == -1 && freed == 1, "b was unused for longest: %d", freed);
	CHECK(at(&cache, "a") == 0 && at(&cache, "c") == 2 && at(&cache, "d") == 3, "the rest");
	put(&cache, "a", 4);
	CHECK(at(&cache, "a") == 4 && freed == 2 && cache.count == 3, "replaced: %d", freed);
	cache_remove(&cache, SPAN("c"));
	cache_remove(&cache, SPAN("c"));
	CHECK(at(&cache, "c") == -1 && freed == 3 && cache.count == 2, "removed: %d", freed);
	cache_free(&cache);
	CHECK(freed == 5 && cache.count == 0 && cache.newest == NULL, "all freed: %d", freed);
}

/* More keys than buckets, so that chains are walked and cut everywhere. */
static void test_many(void)
{
	enum { MANY = 4000, ROOM = 1000 };
	struct cache cache = CACHE(ROOM, count_free);
	char key[16];

	freed = 0;
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "name%d", i);
		put(&cache, key, i % 8);
	}
	CHECK(cache.count == ROOM && freed == MANY - ROOM, "%zu %d", cache.count, freed);
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "name%d", i);
		CHECK(at(&cache, key) == (i < MANY - ROOM ? -1 : i % 8), "%s", key);
	}
	cache_free(&cache);
	CHECK(freed == MANY, "%d", freed);
}

static void test_long_key(void)
{
	char key[CACHE_KEY_OCTETS_MAX + 1];
	struct cache cache = CACHE(1, count_free);

	memset(key, 'x', sizeof(key));
	CHECK(cache_put(&cache, (struct span){ key, sizeof(key) }, values) == -ENAMETOOLONG,
	      "long");
	CHECK(cache_put(&cache, (struct span){ key, sizeof(key) - 1 }, values) == 0, "longest");
	cache_free(&cache);
}

int main(void)
{
	test_order();
	test_many();
	test_long_key();
	return test_failures > 0;
}
