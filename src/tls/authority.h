/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority - the certificate authority of this installation: sandboxes trust it, so that flows
 * whose rule says so can be read and judged.
 *
 * Its key lives in two places: the file ca.key and the memory of the process that mints. Gateways,
 * which read hostile octets, never have it: each makes a key of its own at its start and sends the
 * public half; what it gets back is a certificate for one name that was approved.
 *
 *	ca.key	0600; private key and certificate, PEM: one file, so that they always fit
 *	ca.crt	0644; the certificate alone, for whoever must trust it: a copy, renewed when it differs
 */
#ifndef TLS_AUTHORITY_H
#define TLS_AUTHORITY_H

#include "base/base.h"
#include "net/name.h"

enum {
	AUTHORITY_KEY_OCTETS = 65,        /* a point of P-256, uncompressed: SEC 1 section 2.3.3 */
	AUTHORITY_LEAF_OCTETS_MAX = 2048, /* the longest name makes 800 */
	AUTHORITY_PRINT_OCTETS = 65,      /* room for SHA-256 in hex with its NUL */
	AUTHORITY_HASH_OCTETS = 9,
};

#define AUTHORITY_KEY_FILE  "ca.key"
#define AUTHORITY_CERT_FILE "ca.crt"

struct authority;

/* The public key of a gateway. */
struct authority_key {
	uint8_t point[AUTHORITY_KEY_OCTETS];
};

/* A certificate for one name: DER, as it goes over a channel. */
struct authority_leaf {
	uint16_t len; /* octets */
	uint8_t der[AUTHORITY_LEAF_OCTETS_MAX];
};

struct authority_facts {
	char fingerprint[AUTHORITY_PRINT_OCTETS]; /* SHA-256 of the certificate, lower-case hex */
	char hash[AUTHORITY_HASH_OCTETS];  /* of its subject, as openssl-rehash(1) names links */
	int64_t not_before_s, not_after_s; /* since 1970 */
};

/**
 * authority_open() - load the authority of the folder @dir, or make it if there is none
 * @ret:	owned by the caller
 * @dir:	borrowed, only used during the call; nobody else may write to it
 *
 * Any number of processes may do so at once: all get the same. A key file that others can read,
 * that belongs to somebody else, is cut short, expired, or holds what does not fit together is
 * refused with a reason and never repaired.
 *
 * Return: 0; -EPERM, -EINVAL, -EKEYEXPIRED, -ENOMEM or another -errno, with @diag set.
 */
MUST_USE int authority_open(struct authority **ret, int dir, struct diag *diag);

/* authority_rotate() - put a new one in its place; who has the old one open keeps it. Return: 0 or
 * -errno with @diag set. */
MUST_USE int authority_rotate(int dir, struct diag *diag);

/* authority_free() - wipes the key; NULL is fine */
void authority_free(struct authority *authority);
DEFINE_FREEP(struct authority, authority_free)

/* authority_certificate() - what to trust, PEM; borrowed from @authority */
struct span authority_certificate(const struct authority *authority);

void authority_describe(struct authority_facts *ret, const struct authority *authority);

/**
 * authority_mint() - certify that @key serves @name
 * @key:	hostile: a point that is not on the curve is refused
 *
 * It costs one signature (0.05 ms) and keeps nothing: who uses the certificate caches it.
 *
 * Return: 0; -EINVAL: no such key or name; -ENOMEM.
 */
MUST_USE int authority_mint(struct authority_leaf *ret, const struct authority *authority,
			    const struct authority_key *key, const struct net_name *name);

#endif
