/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offer - tells a person at a terminal at which ports the program listens, and how each could be
 * published: once a port, three ports at most, none before the program has run for a second.
 */
#ifndef CLI_OFFER_H
#define CLI_OFFER_H

#include <stdio.h>

#include "warden/listeners.h"
#include "warden/sandbox.h"

enum { OFFER_PORTS_MAX = 3 };

struct offer {
	struct loop_timer timer;
	struct listeners listeners;
	const struct sandbox *sandbox;
	FILE *out;
	const bool *raw; /* is the terminal? */
	uint16_t told[OFFER_PORTS_MAX];
	size_t told_len;
};

#define OFFER ((struct offer){ .listeners = LISTENERS })

/* offer_start() - @sandbox runs; it, @out and @raw are borrowed until offer_stop(). Nothing happens if
 * @out is no terminal, or all ports are published anyway. */
void offer_start(struct offer *offer, const struct sandbox *sandbox, FILE *out, const bool *raw);
void offer_stop(struct offer *offer); /* fine for one that was not started */

#endif
