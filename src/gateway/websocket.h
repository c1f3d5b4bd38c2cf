/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket - what goes over a WebSocket is frames (wire/ws_frame.h) and messages, which are watched on their
 * way, counted and capped. No octet is kept or changed.
 */
#ifndef GATEWAY_WEBSOCKET_H
#define GATEWAY_WEBSOCKET_H

#include "tls/bridge.h"
#include "wire/ws_frame.h"

struct exchange1_caps;
struct exchange1_end;

struct websocket {
	bool on;                            /* the server has agreed */
	bool offered;                       /* permessage-deflate, in what was sent to it */
	struct ws_reader reader[TLS_SIDES]; /* of the frames from that side */
	uint64_t message[TLS_SIDES];        /* octets of the message under way */
};

/* websocket_agree() - the server has: frames follow. @deflate: it takes permessage-deflate */
void websocket_agree(struct websocket *socket, bool deflate);

/**
 * websocket_watch() - @data is about to go on from @from
 *
 * It is counted in @end. Return: false: it may not go on, end->why says why, end->blocked whether for a
 * cap; nothing of it is counted.
 */
MUST_USE bool websocket_watch(struct websocket *socket, struct exchange1_end *end,
			      const struct exchange1_caps *caps, enum tls_side from,
			      struct span data);

#endif
