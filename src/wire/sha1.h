/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha1 - the hash of FIPS 180-4 section 6.1, where an old format wants it as its checksum
 * (wire/jks.h). It withstands no forger: trust nothing because of it.
 */
#ifndef WIRE_SHA1_H
#define WIRE_SHA1_H

#include "base/base.h"

enum { SHA1_OCTETS = 20, SHA1_BLOCK_OCTETS = 64 };

struct sha1 {
	uint32_t state[5];
	uint64_t octets; /* seen so far */
	uint8_t block[SHA1_BLOCK_OCTETS];
};

void sha1_start(struct sha1 *s);
void sha1_add(struct sha1 *s, struct span data);

/* sha1_end() - @s is spent. @ret: room for SHA1_OCTETS. */
void sha1_end(uint8_t *ret, struct sha1 *s);

#endif
