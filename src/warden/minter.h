/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minter - certificates for the hosts of allowed flows, from the warden's side: starts
 * immure-authority at the first one that is asked for, and another when it died.
 */
#ifndef WARDEN_MINTER_H
#define WARDEN_MINTER_H

#include "loop/loop.h"
#include "net/name.h"
#include "warden/service.h"
#include "wire/leaf.h"

struct minter;

/* minter_new() - @ret: owned by the caller. @home: of the state, borrowed for the call. Nothing is
 * started. Return: 0 or -errno. */
MUST_USE int minter_new(struct minter **ret, struct loop *loop, int home);

/**
 * minter_ask() - a certificate that @key serves @name
 * @name, @key:	borrowed for the call
 * @done:	gets @der, which is empty if it was refused
 *
 * Return: as service_ask(), by whose question it can be cancelled; -EINVAL: no such name or key.
 */
MUST_USE int minter_ask(struct service_question **ret, struct minter *minter,
			const struct net_name *name, const uint8_t key[LEAF_KEY_OCTETS],
			void (*done)(void *context, struct span der), void *context);

/* minter_free() - ends the process; nothing is called any more. NULL is fine. */
void minter_free(struct minter *minter);
DEFINE_FREEP(struct minter, minter_free)

#endif
