/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaf - what the warden asks of immure-authority, one message a SOCK_SEQPACKET packet. Each request
 * has one answer, in the order of the requests. Numbers are little-endian:
 *
 *	request		u16 name_len	octets of the name, 1 to 253
 *			name		canonical form (net/name.h), in its alphabet
 *			u8 key[65]	public key: a point of P-256, uncompressed (SEC 1 section 2.3.3)
 *
 *	answer		u16 der_len	octets of the certificate; 0: refused
 *			der		certificate, DER
 */
#ifndef WIRE_LEAF_H
#define WIRE_LEAF_H

#include "base/base.h"

enum {
	LEAF_NAME_OCTETS_MAX = 253, /* RFC 1035 section 2.3.4, without the dot at its end */
	LEAF_KEY_OCTETS = 65,
	LEAF_DER_OCTETS_MAX = 2048, /* as tls/authority.h */
	LEAF_REQUEST_OCTETS_MAX = 2 + LEAF_NAME_OCTETS_MAX + LEAF_KEY_OCTETS,
	LEAF_ANSWER_OCTETS_MAX = 2 + LEAF_DER_OCTETS_MAX,
};

#define LEAF_PROGRAM "immure-authority" /* see warden/sibling.h */
#define LEAF_SERVE   "serve"

/* Files beside the key, for whoever must trust its certificate. */
#define LEAF_CERTIFICATE_FILE "ca.crt"  /* PEM; as tls/authority.h */
#define LEAF_HASH_FILE        "ca.hash" /* LEAF_HASH_DIGITS of hexadecimal and a newline */
enum { LEAF_HASH_DIGITS = 8 }; /* of its subject, by which openssl-rehash(1) names links to it */

enum leaf_fd {
	LEAF_FD_CHANNEL = 3, /* LEAF_SERVE: SOCK_SEQPACKET, whose end ends it; else a pipe */
	LEAF_FD_FOLDER = 4,  /* of the key; nobody else may write to it */
};

struct leaf_request {
	struct span name;   /* borrowed; decoded: from the packet */
	const uint8_t *key; /* borrowed; LEAF_KEY_OCTETS of them */
};

/**
 * leaf_request_encode() - make a packet of it
 * @ret:	room for LEAF_REQUEST_OCTETS_MAX
 *
 * Return: 0; -EINVAL: no such name or key.
 */
MUST_USE int leaf_request_encode(size_t *ret_len, char *ret, const struct leaf_request *request);

/* leaf_request_decode() - Return: 0; -EPROTO: not a request. Whether the name is in canonical form
 * and the key on its curve is for the caller to judge. */
MUST_USE int leaf_request_decode(struct leaf_request *ret, struct span packet);

/* leaf_answer_encode() - @der: empty: refused. @ret: room for LEAF_ANSWER_OCTETS_MAX.
 * Return: 0; -EINVAL: too long. */
MUST_USE int leaf_answer_encode(size_t *ret_len, char *ret, struct span der);

/* leaf_answer_decode() - @ret: borrowed from @packet; empty: refused. Return: 0; -EPROTO. */
MUST_USE int leaf_answer_decode(struct span *ret, struct span packet);

#endif
