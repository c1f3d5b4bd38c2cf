// SPDX-License-Identifier: Apache-2.0
#include "warden/decider_cache.h"

#include <stdlib.h>

#include "base/hash.h"

struct decider_kept {
	size_t key_len, packet_len;
	char octets[]; /* of the key, then of the packet */
};

/* add() - @text behind its length, so that no two lists of texts look the same. Return: does it fit? */
static bool add(struct decider_key *key, struct span text)
{
	const uint32_t len = (uint32_t)text.len;

	if (text.len > sizeof(key->octets) ||
	    key->len + sizeof(len) + text.len > sizeof(key->octets))
		return false;
	memcpy(key->octets + key->len, &len, sizeof(len));
	if (len > 0)
		memcpy(key->octets + key->len + sizeof(len), text.ptr, len);
	key->len += sizeof(len) + len;
	return true;
}

static bool add_number(struct decider_key *key, uint32_t number)
{
	return add(key, (struct span){ (const char *)&number, sizeof(number) });
}

bool decider_key_of(struct decider_key *ret, const struct policy_request *request, unsigned reads)
{
	struct span query = request->target;
	struct span path = span_cut(&query, '?');

	ret->len = 0;
	return (reads & JUDGE_READS_ELSE) == 0 && add_number(ret, (uint32_t)request->kind) &&
	       add(ret, span_of(request->host->text)) && add_number(ret, request->port) &&
	       add_number(ret, request->https) &&
	       ((reads & JUDGE_READS_METHOD) == 0 ||
		(add(ret, request->method) && add_number(ret, request->websocket))) &&
	       ((reads & JUDGE_READS_PATH) == 0 || add(ret, path)) &&
	       /* "/a" and "/a?" are two */
	       ((reads & JUDGE_READS_QUERY) == 0 ||
		(add_number(ret, query.ptr != NULL) && add(ret, query))) &&
	       ((reads & JUDGE_READS_PROGRAM) == 0 || add(ret, request->program)) &&
	       ((reads & JUDGE_READS_PID) == 0 || add_number(ret, request->pid));
}

static size_t place_of(const struct decider_key *key)
{
	uint64_t hash = hash_octets64((struct span){ key->octets, key->len });

	return (size_t)(hash ^ hash >> 32) % DECIDER_CACHE_PLACES;
}

struct span decider_cache_get(const struct decider_cache *cache, const struct decider_key *key)
{
	const struct decider_kept *kept = cache->places[place_of(key)];

	if (kept == NULL || kept->key_len != key->len ||
	    memcmp(kept->octets, key->octets, key->len) != 0)
		return (struct span){ 0 };
	return (struct span){ kept->octets + kept->key_len, kept->packet_len };
}

void decider_cache_put(struct decider_cache *cache, const struct decider_key *key,
		       struct span packet)
{
	struct decider_kept **place = &cache->places[place_of(key)];
	struct decider_kept *kept = malloc(sizeof(*kept) + key->len + packet.len);

	if (kept == NULL)
		return;
	kept->key_len = key->len;
	kept->packet_len = packet.len;
	memcpy(kept->octets, key->octets, key->len);
	memcpy(kept->octets + key->len, packet.ptr, packet.len);
	free(*place);
	*place = kept;
}

void decider_cache_empty(struct decider_cache *cache)
{
	for (size_t i = 0; i < DECIDER_CACHE_PLACES; i++) {
		free(cache->places[i]);
		cache->places[i] = NULL;
	}
}
