/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink - write a batch of rtnetlink or nfnetlink requests and have the kernel carry it out.
 *
 * For requests whose content we wrote ourselves: one that outgrows the batch is our bug and ends
 * the program. Formats: Documentation/userspace-api/netlink/intro.rst, linux/netlink.h.
 */
#ifndef JAIL_NETLINK_H
#define JAIL_NETLINK_H

#include <stdalign.h>

#include "base/base.h"

enum {
	NL_BATCH_OCTETS_MAX = 8192, /* twice what capture_nft.c, the largest user, writes */
	NL_MESSAGES_MAX = 48,
};

/* On the caller's stack; nl_start() makes it ready, it needs no release. */
struct nl_batch {
	size_t len;     /* octets in use */
	size_t message; /* where the last request starts */
	unsigned count;
	const char
	    *stages[NL_MESSAGES_MAX]; /* what each request does; it is number i + 1 on the wire */
	alignas(4) char octets[NL_BATCH_OCTETS_MAX];
};

void nl_start(struct nl_batch *batch);

/**
 * nl_request() - begin the next request
 * @flags:	NLM_F_* besides NLM_F_REQUEST
 * @stage:	what it does, for the user; borrowed as long as anybody may read the stage of a
 * failure
 * @head:	the fixed part that precedes the attributes, @head_len octets
 */
void nl_request(struct nl_batch *batch, unsigned type, unsigned flags, const char *stage,
		const void *head, size_t head_len);

/* nl_put() - add an attribute to the request, or to the nest that is open */
void nl_put(struct nl_batch *batch, unsigned type, const void *data, size_t len);
void nl_put_be32(struct nl_batch *batch, unsigned type, uint32_t value);
void nl_put_text(struct nl_batch *batch, unsigned type, const char *text); /* with its NUL */

/* nl_nest() - begin an attribute made of attributes. Return: what nl_nest_end() wants. */
MUST_USE size_t nl_nest(struct nl_batch *batch, unsigned type);
void nl_nest_end(struct nl_batch *batch, size_t nest);

/**
 * nl_run() - send all requests in one system call and read what became of every one
 * @protocol:	NETLINK_ROUTE, NETLINK_NETFILTER
 * @ret_stage:	written on failure only: the first request that the kernel refused
 *
 * At least one request must carry NLM_F_ACK.
 * Return: 0; the kernel's errno for that request; -EPROTO: it did not confirm.
 */
MUST_USE int nl_run(struct nl_batch *batch, int protocol, const char **ret_stage);

/* nl_run_keep() - as nl_run(), but on a socket that stays. @ret: owned by the caller, non-blocking */
MUST_USE int nl_run_keep(int *ret, struct nl_batch *batch, int protocol, const char **ret_stage);

#endif
