/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends - the two ends of a flow that is read: plaintext to and from the program and the server,
 * whether TLS is on their sockets (tls/bridge.h) or not. Sides and results are those of the bridge.
 *
 * Write only what ends_flush() says TLS_DONE for: then all of it, up to ENDS_WRITE_OCTETS_MAX, is
 * taken. Read until TLS_WANT_READ: TLS holds octets of which no poll tells.
 */
#ifndef GATEWAY_ENDS_H
#define GATEWAY_ENDS_H

#include "base/buf.h"
#include "loop/loop.h"
#include "tls/bridge.h"

enum { ENDS_WRITE_OCTETS_MAX = BRIDGE_WRITE_OCTETS_MAX };

struct ends {
	int fd[TLS_SIDES];     /* owned, non-blocking; -1: there is no server */
	struct bridge *bridge; /* owned; NULL: no TLS */
	bool opening;          /* its handshakes are not over: ready() is to step it */
	struct loop_source source[TLS_SIDES];
	struct buf left[TLS_SIDES]; /* no TLS: what the socket did not take */
	uint8_t ended[TLS_SIDES];   /* enum tls_result of the last read, if it was an end */
	bool closed[TLS_SIDES];     /* ends_close() was called, and all was sent */
	bool waiting[TLS_SIDES];    /* there is nothing to read until the next event */
	uint64_t octets[TLS_SIDES]; /* that were read from it */
	/* a side can be read or written, or the last two: see ends_watch() */
	void (*ready)(struct ends *ends);
};

/**
 * ends_open() - take both sockets
 * @ends:	bridge and ready are set, the rest is 0
 * @inside, @upstream:	owned on success; @upstream may be -1
 */
MUST_USE int ends_open(struct ends *ends, struct loop *loop, int inside, int upstream);

/* ends_read() - Return: TLS_DONE: 1 to @capacity octets; TLS_WANT_READ; an end, again whenever called */
MUST_USE enum tls_result ends_read(size_t *ret_len, struct ends *ends, enum tls_side side,
				   char *buffer, size_t capacity);

/* ends_write() - after a flush that was done. Return: TLS_DONE: @data was taken; an end */
MUST_USE enum tls_result ends_write(struct ends *ends, enum tls_side side, struct span data);

/* ends_flush() - Return: TLS_DONE: write; TLS_WANT_WRITE: @side takes no more for now; an end */
MUST_USE enum tls_result ends_flush(struct ends *ends, enum tls_side side);

/* ends_close() - we send no more to @side, once all was sent. Return: as ends_flush() */
MUST_USE enum tls_result ends_close(struct ends *ends, enum tls_side side);

/* ends_watch() - call ready() when there is something to read from a side of @read, room on one that
 * does not take more, or progress of a handshake */
void ends_watch(struct ends *ends, const bool read[TLS_SIDES]);

/* ends_drop() - there is no such side any more */
void ends_drop(struct ends *ends, enum tls_side side);

/* ends_finish() - close both sockets in order */
void ends_finish(struct ends *ends);

/* ends_reset() - close both so that the peers see a reset; fine for ends that were never opened */
void ends_reset(struct ends *ends);

#endif
