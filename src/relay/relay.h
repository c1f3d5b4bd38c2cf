/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - carries octets between two connected sockets, both ways at once, unchanged and unseen.
 *
 * The end of one way is passed on (shutdown for writing) while the other goes on: half-close. An
 * error on one side resets the other, so that nobody takes a part for the whole. A receiver that
 * does not read stops its sender: at most one pipe or COPY octets of a way are out of both sockets.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "loop/loop.h"
#include "relay/pipes.h"

enum relay_side { RELAY_INSIDE = 0, RELAY_OUTSIDE = 1 };

/* What comes from one side and goes to the other. */
struct relay_way {
	uint64_t octets; /* that the receiver's socket took */
	size_t held;     /* octets in the pipe */
	int pipe;        /* lent by relay.pipes; -1: none */
	bool blocked;    /* the receiver takes no more for now */
	bool eof;        /* the sender sends no more */
	bool done;       /* and the receiver was told */
};

struct relay {
	struct loop_source source[2]; /* by enum relay_side, as all the pairs here */
	int fd[2];                    /* owned while it runs */
	struct relay_way way[2];      /* by the side it comes from */
	bool last;                    /* the inside only had to be heard out: see relay_last() */
	struct pipes *pipes;          /* borrowed */
	/* octets moved. Called from within: it must not stop the relay */
	void (*active)(struct relay *relay);
	/* it is over, and the sockets are closed; @clean: both ways ended in order. May free it */
	void (*ended)(struct relay *relay, bool clean);
};

/**
 * relay_start() - begin
 * @relay:	its callbacks and pipes are set, the rest is 0
 * @inside:	a TCP socket (for tests, another stream socket), non-blocking; owned on success
 * @outside:	likewise
 *
 * Return: 0; -errno: nothing was begun and the sockets are still the caller's.
 */
MUST_USE int relay_start(struct relay *relay, struct loop *loop, int inside, int outside);

/* relay_last() - no program is left inside: end as soon as the outside got all that it sent. Calls
 * ended() itself if that is now. */
void relay_last(struct relay *relay);

/* relay_stop() - end it from outside: both sockets are reset, relay->ended is not called */
void relay_stop(struct relay *relay);

/* relay_reset() - close a TCP socket so that its peer sees a reset; writes -1 */
void relay_reset(int *fd);

/* relay_finish() - close a TCP socket in order, and let the kernel deliver what was sent; writes -1 */
void relay_finish(int *fd);

#endif
