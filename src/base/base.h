/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base - the few words every component shares. No state, no I/O, no logging.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

#define MUST_USE      __attribute__((warn_unused_result))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define CLEANUP(fn)   __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* container_of() - the struct of @type whose @member is at @ptr */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Defines <fn>p, which CLEANUP() wants: it frees what the pointer holds when the scope ends. */
#define DEFINE_FREEP(type, fn)              \
	static inline void fn##p(type **pp) \
	{                                   \
		fn(*pp);                    \
	}

/*
 * Why something was refused, ready for the user: what happened, why, and what to do next.
 * Libraries fill it in and never log; only a main() or a reply prints it.
 */
enum { DIAG_OCTETS = 320 }; /* a longer reason is cut */

struct diag {
	unsigned line; /* from 1, in the text that was refused; 0: no position */
	char why[DIAG_OCTETS];
};

/* diag_set() - write the reason; always returns @error, so that "return diag_set(...)" reads well */
int diag_set(struct diag *diag, int error, const char *format, ...) PRINTF(3, 4);

/* A borrowed byte string: never owned, not NUL-terminated. ptr is NULL once used up. */
struct span {
	const char *ptr;
	size_t len; /* octets */
};

#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })

/* span_of() - the text of a C string, without its NUL. */
static inline struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* span_is() - does @s hold exactly the text @literal? */
static inline bool span_is(struct span s, const char *literal)
{
	return s.len == strlen(literal) &&
	       (s.len == 0 || (s.ptr != NULL && memcmp(s.ptr, literal, s.len) == 0));
}

/* span_drop() - @s without its first @n octets; @n is at most s.len. */
static inline struct span span_drop(struct span s, size_t n)
{
	return (struct span){ s.ptr + n, s.len - n };
}

/**
 * span_cut() - take what precedes the first @sep off the front of @rest
 *
 * Without a @sep it takes all and leaves rest->ptr NULL, so "a." gives "a", then "", then ends.
 */
static inline struct span span_cut(struct span *rest, char sep)
{
	struct span head = *rest;
	const char *end = head.len > 0 ? memchr(head.ptr, sep, head.len) : NULL;

	if (end == NULL) {
		*rest = (struct span){ 0 };
		return head;
	}
	head.len = (size_t)(end - head.ptr);
	*rest = span_drop(*rest, head.len + 1);
	return head;
}

/* span_trim() - @s without blanks, tabs and carriage returns at either end. */
static inline struct span span_trim(struct span s)
{
	while (s.len > 0 && memchr(" \t\r", s.ptr[0], 3) != NULL)
		s = span_drop(s, 1);
	while (s.len > 0 && memchr(" \t\r", s.ptr[s.len - 1], 3) != NULL)
		s.len--;
	return s;
}

#endif
