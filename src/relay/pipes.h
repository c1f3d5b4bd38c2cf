/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipes - a few pipes, made before their process is confined, and lent to relays while octets are on
 * their way, so that idle flows hold none. What is lent must come back empty or by
 * pipes_give_back(), which empties it.
 */
#ifndef RELAY_PIPES_H
#define RELAY_PIPES_H

#include "base/base.h"

enum {
	/* A flow keeps one while its receiver is slow; when all are out, relays copy. 16 pages each
	 * of the 16384 that one user may hold in all pipes (pipe(7), pipe-user-pages-soft). */
	PIPES_MAX = 32,
};

struct pipes {
	int ends[PIPES_MAX][2]; /* owned; [0] is read from */
	uint8_t free[PIPES_MAX];
	unsigned free_count;
};

/* pipes_open() - Return: 0; -errno: nothing is open. */
MUST_USE int pipes_open(struct pipes *pipes);
void pipes_close(struct pipes *pipes);

/* pipes_take() - Return: which one is lent; -1: all are. */
MUST_USE int pipes_take(struct pipes *pipes);

/* pipes_give_back() - @held: octets that are still in it and are thrown away */
void pipes_give_back(struct pipes *pipes, int which, size_t held);

#endif
