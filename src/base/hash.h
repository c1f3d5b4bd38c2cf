/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - FNV-1a, 32 and 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
 *
 * For tables of bounded size: it can be foreseen, so who chooses the keys chooses how long a look-up
 * takes.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/base.h"

#define HASH_START 2166136261U

static inline uint32_t hash_octet(uint32_t hash, uint8_t octet)
{
	return (hash ^ octet) * 16777619U;
}

/* hash_text() - of a C string, folded so that its low bits depend on all */
static inline uint32_t hash_text(const char *text)
{
	uint32_t hash = HASH_START;

	for (; *text != '\0'; text++)
		hash = hash_octet(hash, (uint8_t)*text);
	return hash ^ hash >> 16;
}

/* hash_octets64() - for what is then compared all the same */
static inline uint64_t hash_octets64(struct span octets)
{
	uint64_t hash = 14695981039346656037U;

	for (size_t i = 0; i < octets.len; i++)
		hash = (hash ^ (uint8_t)octets.ptr[i]) * 1099511628211U;
	return hash;
}

#endif
