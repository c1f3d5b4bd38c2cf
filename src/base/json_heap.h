/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_heap - did jansson run out of memory? It forgets a failed append while it reads a string, and
 * hands out what it has (its lex_save()); whoever must not act on a part asks here.
 */
#ifndef BASE_JSON_HEAP_H
#define BASE_JSON_HEAP_H

/* json_heap_watch() - count failures from now on; once, before jansson is used */
void json_heap_watch(void);

/* json_heap_failures() - so far; compare before and after */
unsigned long json_heap_failures(void);

#endif
