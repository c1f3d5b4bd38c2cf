/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - a growing byte buffer with a stated limit. Octets go in at the end and out at the front.
 * Allocates; a failed or excessive append changes nothing. One that may hold secrets wipes memory before it lets
 * go of it, also when it grows.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"

struct buf {
	char *ptr;         /* owned */
	size_t start;      /* octets already taken off the front */
	size_t end;        /* octets in use, those taken included */
	size_t capacity;   /* octets allocated */
	size_t octets_max; /* limit on what it may hold */
	bool wipes;        /* it may hold secrets */
};

#define BUF(max)        ((struct buf){ .octets_max = (max) })
#define BUF_SECRET(max) ((struct buf){ .octets_max = (max), .wipes = true })

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline struct span buf_span(const struct buf *b)
{
	/* nothing may be added to NULL, not even 0 */
	return (struct span){ b->ptr != NULL ? b->ptr + b->start : NULL, b->end - b->start };
}

/* buf_reserve() - room for @len more octets at *@ret. Return: 0; -ENOBUFS: over the limit; -ENOMEM. */
MUST_USE int buf_reserve(char **ret, struct buf *b, size_t len);

/* buf_commit() - count @len octets that were written into what buf_reserve() gave */
static inline void buf_commit(struct buf *b, size_t len)
{
	b->end += len;
}

/* buf_append() - Return: 0; -ENOBUFS: over the limit; -ENOMEM. */
MUST_USE int buf_append(struct buf *b, struct span data);

/* buf_printf() - append formatted text, without its NUL. Return: as buf_append(). */
MUST_USE int buf_printf(struct buf *b, const char *format, ...) PRINTF(2, 3);

/* buf_drop() - take @len octets off the front; @len is at most buf_len() */
void buf_drop(struct buf *b, size_t len);

/* buf_free() - free the memory and leave an empty buffer of the same kind */
void buf_free(struct buf *b);

#define CLEANUP_BUF CLEANUP(buf_free)

#endif
