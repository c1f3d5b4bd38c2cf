/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - what all intercepted flows of a gateway share: its key, certificates minted for it, the
 * roots that upstreams are judged by, keys of tickets, sessions of upstreams. All in memory.
 *
 * Made before the process confines itself. From then on TLS needs these system calls, and no file:
 *
 *	recvmsg sendmsg	the flows
 *	getpid		at each random number: has the process forked?
 *	getrandom	every hour, or every 256 seeds
 *	clock_gettime	where the vDSO cannot
 *	brk, mmap	as the heap grows; neither if it was grown before, as tests/tls/relay.c does
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "base/base.h"
#include "net/name.h"
#include "tls/authority.h"

enum {
	TLS_LEAVES_MAX = 1024,        /* certificates kept; 3 MiB */
	TLS_SESSIONS_NAMES_MAX = 128, /* upstreams whose sessions are kept; each some 10 KiB */
	TLS_SESSIONS_MAX = 4,         /* of one upstream: a TLS 1.3 ticket is for one connection */
	TLS_SESSION_AGE_MAX_S = 3600, /* then its certificate is judged again */
};

struct tls_context;

struct tls_settings {
	struct span roots;      /* PEM: what this host trusts; read during the call */
	struct span more_roots; /* PEM: what the user adds; may be empty */
};

/**
 * tls_context_new() - make a key, read the roots
 * @ret:	owned by the caller; must outlive its bridges
 *
 * Certificates among the roots that cannot be read are passed over, as long as one can.
 *
 * Return: 0; -EINVAL: no roots in what was given; -ENOMEM; with @diag set.
 */
MUST_USE int tls_context_new(struct tls_context **ret, const struct tls_settings *settings,
			     struct diag *diag);
void tls_context_free(struct tls_context *context); /* wipes the keys; NULL is fine */
DEFINE_FREEP(struct tls_context, tls_context_free)

/* tls_context_key() - what the authority must certify for us */
void tls_context_key(struct authority_key *ret, const struct tls_context *context);

/* tls_context_has_leaf() - is there a certificate for @name that is good for another hour? */
bool tls_context_has_leaf(struct tls_context *context, const struct net_name *name);

/**
 * tls_context_put_leaf() - keep the certificate that was minted for @name
 *
 * Return: 0; -EINVAL: no certificate of our key; -ENOMEM.
 */
MUST_USE int tls_context_put_leaf(struct tls_context *context, const struct net_name *name,
				  struct span der);

/* tls_context_forget() - judge every upstream anew: for when what is trusted has changed */
void tls_context_forget(struct tls_context *context);

#endif
