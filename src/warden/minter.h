/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minter - certificates for the hosts of allowed flows, from the warden's side: starts
 * immure-authority at the first one that is asked for, and another when it died.
 */
#ifndef WARDEN_MINTER_H
#define WARDEN_MINTER_H

#include "loop/loop.h"
#include "net/name.h"
#include "wire/leaf.h"

enum { MINTER_WAITING_MAX = 1024 };

struct minter;
struct minter_request;

/* minter_new() - @ret: owned by the caller. @home: of the state, borrowed for the call. Nothing is
 * started. Return: 0 or -errno. */
MUST_USE int minter_new(struct minter **ret, struct loop *loop, int home);

/**
 * minter_ask() - a certificate that @key serves @name
 * @ret:	until done() was called; it frees itself then
 * @name, @key:	borrowed for the call
 * @done:	called from the loop, once, in the order of the asks: @der is borrowed for the call
 *		and empty if it was refused. It may ask and cancel, but not free the minter.
 *
 * Return: 0; -EINVAL: no such name or key; -ENOBUFS: MINTER_WAITING_MAX wait already; -ENOTCONN:
 * it could not be started a moment ago; -ENOMEM.
 */
MUST_USE int minter_ask(struct minter_request **ret, struct minter *minter,
			const struct net_name *name, const uint8_t key[LEAF_KEY_OCTETS],
			void (*done)(void *context, struct span der), void *context);

/* minter_cancel() - done() will not be called; NULL is fine */
void minter_cancel(struct minter_request *request);

/* minter_free() - ends the process; nothing is called any more. NULL is fine. */
void minter_free(struct minter *minter);
DEFINE_FREEP(struct minter, minter_free)

#endif
