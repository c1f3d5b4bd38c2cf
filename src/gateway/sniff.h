/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sniff - what a flow speaks, from the first octets that its program sends, which stay unread.
 *
 * A server that speaks first (SMTP, MySQL) settles it as well, unless it greets as those of HTTP/2 do: that
 * is neither TLS nor HTTP.
 */
#ifndef GATEWAY_SNIFF_H
#define GATEWAY_SNIFF_H

#include "loop/loop.h"

enum { SNIFF_PATIENCE_MS = 200 };

enum sniff_kind {
	SNIFF_MORE = 0, /* not known yet */
	SNIFF_TLS,      /* and its ClientHello is there: sniff_hello() */
	SNIFF_HTTP1,
	SNIFF_HTTP2, /* with prior knowledge (RFC 9113 section 3.3) */
	SNIFF_RAW,   /* anything else, the end included */
};

struct sniff {
	struct loop_source inside, outside;
	struct loop_timer patience;
	bool raw;
	/* It is settled, and sniff watches no more. May free it. */
	void (*told)(struct sniff *sniff, enum sniff_kind kind);
};

/**
 * sniff_start() - begin
 * @sniff:	told is set, the rest is 0
 * @inside:	the program's socket, borrowed, non-blocking TCP
 * @outside:	the server's, likewise; -1: there is none
 * @raw:	raw octets may pass: who says little that could become HTTP waits SNIFF_PATIENCE_MS at
 *		most
 *
 * Return: 0; -errno: nothing was begun.
 */
MUST_USE int sniff_start(struct sniff *sniff, struct loop *loop, int inside, int outside, bool raw);

/* sniff_hurry() - wait no longer than SNIFF_PATIENCE_MS, even for the first octet; RAW is told then */
void sniff_hurry(struct sniff *sniff);

/* sniff_stop() - forget it; fine if it was told or never began */
void sniff_stop(struct sniff *sniff);

/* sniff_octets() - what begins so? */
enum sniff_kind sniff_octets(struct span octets);

/* sniff_whole() - what begins so, if nothing more comes? What began as TLS is that: it shall not pass
 * unopened because it came slowly. */
enum sniff_kind sniff_whole(struct span octets);

/* sniff_peek() - the octets that wait on a socket. @room: valid until the next peek. Return: octets;
 * 0: the end; -errno, -EAGAIN. */
MUST_USE int sniff_peek(struct span *ret, int fd);

#endif
