// SPDX-License-Identifier: Apache-2.0
#include "wire/jks.h"

#include <errno.h>

#include "wire/sha1.h"

#define TYPE "X.509"

static const uint32_t MAGIC = 0xfeedfeed;

enum {
	VERSION = 2,
	HEAD_OCTETS = 12,
	COUNT_AT = 8,
	TAG_CERTIFICATE = 2,
	/* of an entry beside alias and certificate */
	FIXED_OCTETS = 4 + 2 + 8 + 2 + sizeof(TYPE) - 1 + 4,
	ALIAS_OCTETS_MAX = 1024,
};

/* get() - a number of @octets. Return: 0; -EINVAL: the end. */
static int get(uint64_t *ret, struct span *rest, size_t octets)
{
	uint64_t value = 0;

	if (rest->len < octets)
		return -EINVAL;
	for (size_t i = 0; i < octets; i++)
		value = value << 8 | (unsigned char)rest->ptr[i];
	*rest = span_drop(*rest, octets);
	*ret = value;
	return 0;
}

/* get_octets() - as many as the number of @width octets before them says. Return: 0; -EINVAL. */
static int get_octets(struct span *ret, struct span *rest, size_t width, size_t octets_max)
{
	uint64_t len = 0;
	int r = get(&len, rest, width);

	if (r < 0 || len == 0 || len > octets_max || len > rest->len)
		return -EINVAL;
	*ret = (struct span){ rest->ptr, (size_t)len };
	*rest = span_drop(*rest, (size_t)len);
	return 0;
}

int jks_read(struct jks_reader *ret, struct span store)
{
	uint64_t magic = 0, version = 0, count = 0;

	if (store.len > JKS_OCTETS_MAX || store.len < HEAD_OCTETS + SHA1_OCTETS)
		return -EINVAL;
	store.len -= SHA1_OCTETS;
	if (get(&magic, &store, 4) < 0 || get(&version, &store, 4) < 0 ||
	    get(&count, &store, 4) < 0 || magic != MAGIC || version != VERSION ||
	    count > JKS_ENTRIES_MAX)
		return -EINVAL;
	*ret = (struct jks_reader){ (uint32_t)count, store };
	return 0;
}

int jks_next(struct jks_entry *ret, struct jks_reader *reader)
{
	struct jks_entry entry = { 0 };
	struct span rest = reader->rest, type = { 0 };
	uint64_t tag = 0;

	if (reader->left == 0)
		return rest.len == 0 ? -ENOENT : -EINVAL;
	if (get(&tag, &rest, 4) < 0 || tag != TAG_CERTIFICATE ||
	    get_octets(&entry.alias, &rest, 2, ALIAS_OCTETS_MAX) < 0 ||
	    get(&entry.added_ms, &rest, 8) < 0 ||
	    get_octets(&type, &rest, 2, sizeof(TYPE) - 1) < 0 || !span_is(type, TYPE) ||
	    get_octets(&entry.der, &rest, 4, JKS_DER_OCTETS_MAX) < 0)
		return -EINVAL;
	*reader = (struct jks_reader){ reader->left - 1, rest };
	*ret = entry;
	return 0;
}

static void put(char **at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*(*at)++ = (char)(value >> (8 * (octets - 1 - i)));
}

static void put_octets(char **at, struct span octets, size_t width)
{
	put(at, octets.len, width);
	memcpy(*at, octets.ptr, octets.len);
	*at += octets.len;
}

int jks_write(struct buf *ret)
{
	char *at = NULL;
	int r = buf_reserve(&at, ret, HEAD_OCTETS);

	if (r < 0)
		return r;
	put(&at, MAGIC, 4);
	put(&at, VERSION, 4);
	put(&at, 0, 4);
	buf_commit(ret, HEAD_OCTETS);
	return 0;
}

int jks_add(struct buf *store, const struct jks_entry *entry)
{
	const size_t len = FIXED_OCTETS + entry->alias.len + entry->der.len;
	struct span head = buf_span(store);
	uint64_t count = 0;
	char *at = NULL;

	if (entry->alias.len == 0 || entry->der.len == 0 || head.ptr == NULL ||
	    head.len < HEAD_OCTETS)
		return -EINVAL;
	head = span_drop(head, COUNT_AT);
	if (get(&count, &head, 4) < 0)
		return -EINVAL;
	if (entry->alias.len > ALIAS_OCTETS_MAX || entry->der.len > JKS_DER_OCTETS_MAX ||
	    count == JKS_ENTRIES_MAX)
		return -ENOBUFS;
	int r = buf_reserve(&at, store, len);
	if (r < 0)
		return r;
	put(&at, TAG_CERTIFICATE, 4);
	put_octets(&at, entry->alias, 2);
	put(&at, entry->added_ms, 8);
	put_octets(&at, SPAN(TYPE), 2);
	put_octets(&at, entry->der, 4);
	buf_commit(store, len);
	at = store->ptr + store->start + COUNT_AT;
	put(&at, count + 1, 4);
	return 0;
}

int jks_end(struct buf *store)
{
	static const char salt[] = "\0c\0h\0a\0n\0g\0e\0i\0t"
				   "Mighty Aphrodite";
	uint8_t sum[SHA1_OCTETS];
	struct sha1 sha1;

	sha1_start(&sha1);
	sha1_add(&sha1, SPAN(salt));
	sha1_add(&sha1, buf_span(store));
	sha1_end(sum, &sha1);
	return buf_append(store, (struct span){ (const char *)sum, sizeof(sum) });
}
