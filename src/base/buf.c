// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum { BUF_FIRST_OCTETS = 512 };

/* slide() - move the content to the front of its memory */
static void slide(struct buf *b)
{
	if (b->start == 0)
		return;
	memmove(b->ptr, b->ptr + b->start, buf_len(b));
	b->end -= b->start;
	b->start = 0;
}

static void let_go(struct buf *b)
{
	if (b->wipes && b->ptr != NULL)
		explicit_bzero(b->ptr, b->capacity);
	free(b->ptr);
}

/* grow() - as realloc(), which may leave a copy behind where one must be wiped. Return: NULL: no memory */
static char *grow(struct buf *b, size_t capacity)
{
	if (!b->wipes)
		return realloc(b->ptr, capacity);
	char *ptr = malloc(capacity);
	if (ptr == NULL)
		return NULL;
	if (b->end > 0)
		memcpy(ptr, b->ptr, b->end);
	let_go(b);
	return ptr;
}

int buf_reserve(char **ret, struct buf *b, size_t len)
{
	size_t want = buf_len(b) + len;

	if (len > b->octets_max || want > b->octets_max)
		return -ENOBUFS;
	if (b->end + len > b->capacity) {
		slide(b);
		if (want > b->capacity) {
			size_t capacity = b->capacity > 0 ? b->capacity : BUF_FIRST_OCTETS;

			while (capacity < want)
				capacity *= 2;
			char *ptr = grow(b, capacity);
			if (ptr == NULL)
				return -ENOMEM;
			b->ptr = ptr;
			b->capacity = capacity;
		}
	}
	*ret = b->ptr + b->end;
	return 0;
}

int buf_append(struct buf *b, struct span data)
{
	char *room = NULL;

	if (data.len == 0)
		return 0;
	int r = buf_reserve(&room, b, data.len);
	if (r < 0)
		return r;
	memcpy(room, data.ptr, data.len);
	buf_commit(b, data.len);
	return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	char *room = NULL;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return -EINVAL;
	int r = buf_reserve(&room, b, (size_t)len + 1); /* vsnprintf wants room for its NUL */
	if (r < 0)
		return r;
	va_start(args, format);
	vsnprintf(room, (size_t)len + 1, format, args);
	va_end(args);
	buf_commit(b, (size_t)len);
	return 0;
}

void buf_drop(struct buf *b, size_t len)
{
	assert(len <= buf_len(b));
	b->start += len;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void buf_free(struct buf *b)
{
	let_go(b);
	*b = (struct buf){ .octets_max = b->octets_max, .wipes = b->wipes };
}
