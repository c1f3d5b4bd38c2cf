/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket - what goes over a WebSocket is frames (wire/ws_frame.h) and messages, which are watched on their
 * way, counted and capped. No octet is kept or changed, unless there are secrets: then messages of the program
 * are looked through for placeholders, and those of the server for values (websocket_change.h).
 */
#ifndef GATEWAY_WEBSOCKET_H
#define GATEWAY_WEBSOCKET_H

#include "gateway/websocket_change.h"
#include "tls/bridge.h"
#include "wire/ws_frame.h"

struct exchange1_caps;
struct exchange1_end;
struct websocket_scan;

struct websocket {
	bool on;                            /* the server has agreed */
	bool offered;                       /* permessage-deflate, in what was sent to it */
	struct ws_reader reader[TLS_SIDES]; /* of the frames from that side */
	uint64_t message[TLS_SIDES];        /* octets of the message under way */
	bool compressed;                    /* the program's */
	struct websocket_scan *scan;        /* owned; NULL: there are no secrets */
	struct websocket_change
	    *change; /* owned: of the server's frames; NULL: none for this host */
};

/* websocket_agree() - the server has: frames follow. @deflate: it takes permessage-deflate */
void websocket_agree(struct websocket *socket, bool deflate);

/* websocket_guard() - there are secrets. @inject: those for this host; borrowed. Return: false: no memory */
MUST_USE bool websocket_guard(struct websocket *socket, const struct inject *inject);
void websocket_free(struct websocket *socket);

/**
 * websocket_watch() - @data is about to go on from @from
 *
 * It is counted in @end. Return: false: it may not go on, end->why says why, end->blocked whether for a
 * cap; nothing of it is counted. A placeholder in what the program says is one reason: unless it is compressed,
 * which the host of a secret is not offered.
 */
MUST_USE bool websocket_watch(struct websocket *socket, struct exchange1_end *end,
			      const struct exchange1_caps *caps, enum tls_side from,
			      struct span data);

#endif
