/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jks - a key store of Java with nothing in it but trusted certificates, as its file of roots
 * (cacerts) is. Every release reads this form, also where it would write another. As
 * sun.security.provider.JavaKeyStore of OpenJDK does it; numbers are big-endian:
 *
 *	u32 0xfeedfeed, u32 2 (version), u32 entries
 *	each:	u32 2 (a trusted certificate), text alias, u64 ms since 1970, text "X.509",
 *		u32 octets, DER
 *	u8 sha1[20]	of the password in UTF-16, "Mighty Aphrodite", and all before
 *
 * A text is u16 octets and those. Who reads with the password "changeit", as is the custom, has the
 * sum checked; Java itself reads its roots without one.
 */
#ifndef WIRE_JKS_H
#define WIRE_JKS_H

#include "base/base.h"
#include "base/buf.h"

enum {
	JKS_ENTRIES_MAX = 4096,
	JKS_DER_OCTETS_MAX = 64 * 1024,
	JKS_OCTETS_MAX = 8 << 20, /* a store; Debian's has 160 KiB */
};

struct jks_entry {
	struct span alias; /* in Java's variant of UTF-8, which nobody looks at here */
	uint64_t added_ms;
	struct span der;
};

/* A store that is read. All is borrowed from it. */
struct jks_reader {
	uint32_t left; /* entries */
	struct span rest;
};

/*
 * jks_read() - Return: 0; -EINVAL: another form, of another version, or too large. The sum is not
 * looked at: the password may be another, and Java trusts such a store all the same.
 */
MUST_USE int jks_read(struct jks_reader *ret, struct span store);

/* jks_next() - Return: 0; -ENOENT: that was the last, and nothing follows it; -EINVAL: malformed, or
 * no trusted certificate. */
MUST_USE int jks_next(struct jks_entry *ret, struct jks_reader *reader);

/* jks_write() - begin a store in the empty @ret, whose limit is JKS_OCTETS_MAX. Return: as
 * buf_append(). */
MUST_USE int jks_write(struct buf *ret);

/* jks_add() - Return: 0; -ENOBUFS: too many, too long; -EINVAL: no alias or certificate; -ENOMEM. */
MUST_USE int jks_add(struct buf *store, const struct jks_entry *entry);

/* jks_end() - append the sum for "changeit"; then @store is one. Return: as buf_append(). */
MUST_USE int jks_end(struct buf *store);

#endif
