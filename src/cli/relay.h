/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - our own standard streams, where a program inside must not get them as they are: a terminal
 * (it could be reconfigured or typed into), a socket (it could be connected to somewhere else), a
 * plain file (it could be truncated, given another mode, or opened anew for writing), a device.
 * Reads and writes never block the loop for long and never change the descriptor's flags, which
 * other processes share.
 */
#ifndef CLI_RELAY_H
#define CLI_RELAY_H

#include "base/buf.h"
#include "cli/screen.h"
#include "loop/loop.h"

enum { RELAY_QUEUE_OCTETS_MAX = 4 * 1024 * 1024, RELAY_FULL_OCTETS = 256 * 1024 };

/* What to do with one of our streams. */
enum relay_kind {
	RELAY_PASS,   /* /dev/null and its kin: the program may have it */
	RELAY_PIPE,   /* a pipe: the program gets another, see conduit.h */
	RELAY_PUMP,   /* goes through us */
	RELAY_NONE,   /* closed: the program gets /dev/null */
	RELAY_REFUSE, /* a folder: a way out of any root */
	RELAY_BROKEN, /* cannot be looked at: errno says why */
};

MUST_USE enum relay_kind relay_kind(int fd);

struct relay_in {
	struct loop_source source;
	void (*data)(void *context, struct span data); /* len 0: its end, or .error */
	int error;                                     /* -errno of a read that failed; 0: none */
	void *context;
	struct loop *loop;
	int fd; /* borrowed */
	bool paused, closed, is_plain;
	struct loop_timer plain; /* of relay_in_plain() */
};

struct relay_out {
	struct loop_source source;
	struct buf queue;
	int fd;
	struct loop *loop;
	bool terminal;
	bool as_text; /* a terminal that the program shall not drive: see screen.h */
	struct screen screen;
	bool broken;                    /* nothing can be written to it any more */
	int error;                      /* why, if not for want of a reader: -errno */
	void (*changed)(void *context); /* it became full, or empty again, or broke */
	void *context;
};

MUST_USE int relay_in_open(struct relay_in *in, struct loop *loop, int fd);

/* relay_in_plain() - the same for a plain file, which epoll does not watch: it is always ready */
MUST_USE int relay_in_plain(struct relay_in *in, struct loop *loop, int fd);
void relay_in_pause(struct relay_in *in, bool paused);
void relay_in_close(struct relay_in *in);

void relay_out_open(struct relay_out *out, struct loop *loop, int fd);

/* relay_out_drive() - the program has a terminal of its own, so it drives ours as it is */
void relay_out_drive(struct relay_out *out);
void relay_out_write(struct relay_out *out, struct span data);
MUST_USE bool relay_out_full(const struct relay_out *out);

/* relay_out_finish() - nothing more will come; changed() tells when all is written, or broke */
void relay_out_finish(struct relay_out *out);
MUST_USE bool relay_out_done(const struct relay_out *out);

/* relay_out_abandon() - what is still queued is not written; fine for one that was never opened */
void relay_out_abandon(struct relay_out *out);

/* relay_out_drain() - write what is queued, waiting for the reader if need be; signals have their
 * defaults meanwhile, blocked or not, so that it can be ended */
void relay_out_drain(struct relay_out *out);

/* relay_out_close() - finish, drain, and stop */
void relay_out_close(struct relay_out *out);

#endif
