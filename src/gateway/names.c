// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an address is a number below 2^17, the offset in its range, and the number
 * is a key: generation x NAMES_MAX + index of the entry, spread over the hosts .1 to .254 of the
 * /24 networks from the second one on. So an address leads to its entry by arithmetic, and to none
 * when the entry has another generation meanwhile.
 */
#include "gateway/names.h"

#include <assert.h>

#include "base/hash.h"

enum {
	RANGE = 1 << 17, /* addresses in 198.18.0.0/15 */
	HOSTS = 254,     /* of a /24, without .0 and .255, which some programs refuse */
	FIRST = 256,     /* 198.18.1.0 */
	KEYS = (RANGE / 256 - 1) * HOSTS,
	GENERATIONS = KEYS / NAMES_MAX,
};

static const uint8_t base4[4] = { 198, 18, 0, 0 };
static const uint8_t base6[16] = { 0xfd, 0x69, 0x6d, 0x6d, 0x75, 0x72 };

void names_init(struct names *names)
{
	list_init(&names->idle);
}

/* bucket_of() - that it can be foreseen costs a hostile program's own lookups */
static uint16_t *bucket_of(struct names *names, const char *name)
{
	return &names->buckets[hash_text(name) % NAMES_BUCKETS];
}

static void unlink_name(struct names *names, struct names_entry *entry)
{
	uint16_t *at = bucket_of(names, entry->name);

	while (&names->entries[*at - 1] != entry)
		at = &names->entries[*at - 1].next;
	*at = entry->next;
}

/* make_room() - an entry without a name. Return: NULL: all are in use. */
static struct names_entry *make_room(struct names *names, int64_t now_ns)
{
	if (names->made < NAMES_MAX)
		return &names->entries[names->made++];

	struct list_node *oldest = list_first(&names->idle);
	if (oldest == NULL)
		return NULL;
	struct names_entry *entry = container_of(oldest, struct names_entry, node);
	if (now_ns - entry->used_ns < NAMES_KEEP_S * INT64_C(1000000000))
		return NULL;
	unlink_name(names, entry);
	entry->generation = (uint16_t)((entry->generation + 1) % GENERATIONS);
	return entry;
}

static void touch(struct names *names, struct names_entry *entry, int64_t now_ns)
{
	entry->used_ns = now_ns;
	if (entry->flows == 0)
		list_append(&names->idle, &entry->node);
}

struct names_entry *names_get(struct names *names, const char *name, int64_t now_ns)
{
	uint16_t *bucket = bucket_of(names, name);
	struct names_entry *entry = NULL;

	for (uint16_t at = *bucket; at != 0; at = entry->next) {
		entry = &names->entries[at - 1];
		if (strcmp(entry->name, name) == 0) {
			touch(names, entry, now_ns);
			return entry;
		}
	}
	entry = make_room(names, now_ns);
	if (entry == NULL)
		return NULL;
	memcpy(entry->name, name, strlen(name) + 1);
	entry->next = *bucket;
	*bucket = (uint16_t)(entry - names->entries + 1);
	touch(names, entry, now_ns);
	return entry;
}

/* offset_of() - the number of a synthetic address. Return: -1: it is none. */
static int offset_of(const struct net_address *address)
{
	const uint8_t *o = address->octets;

	if (address->family == 4 && o[0] == base4[0] && (o[1] & 0xfe) == base4[1])
		return (o[1] & 1) << 16 | o[2] << 8 | o[3];
	if (address->family == 6 && memcmp(o, base6, 12) == 0 && o[12] == 0 && o[13] < 2)
		return o[13] << 16 | o[14] << 8 | o[15];
	return -1;
}

bool names_is_synthetic(const struct net_address *address)
{
	return offset_of(address) >= 0;
}

struct names_entry *names_find(struct names *names, const struct net_address *address)
{
	int offset = offset_of(address), host = offset & 0xff;

	if (offset < FIRST || host == 0 || host == 255)
		return NULL;
	int key = (offset - FIRST) / 256 * HOSTS + host - 1;
	struct names_entry *entry = &names->entries[key % NAMES_MAX];
	bool is = key % NAMES_MAX < names->made && entry->generation == key / NAMES_MAX;
	return is ? entry : NULL;
}

struct net_address names_address(const struct names *names, const struct names_entry *entry,
				 uint8_t family)
{
	int key = entry->generation * NAMES_MAX + (int)(entry - names->entries);
	int offset = FIRST + key / HOSTS * 256 + key % HOSTS + 1;
	struct net_address address = { .family = family };
	uint8_t *last = &address.octets[family == 4 ? 3 : 15];

	if (family == 4)
		memcpy(address.octets, base4, sizeof(base4));
	else
		memcpy(address.octets, base6, sizeof(base6));
	last[0] = (uint8_t)(offset & 0xff);
	last[-1] = (uint8_t)(offset >> 8 & 0xff);
	last[-2] = (uint8_t)(last[-2] | offset >> 16);
	return address;
}

void names_hold(struct names_entry *entry)
{
	entry->flows++;
	list_remove(&entry->node);
}

void names_release(struct names *names, struct names_entry *entry, int64_t now_ns)
{
	assert(entry->flows > 0);
	entry->flows--;
	touch(names, entry, now_ns);
}
