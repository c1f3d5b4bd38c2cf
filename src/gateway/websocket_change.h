/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket_change - secrets out of what a server sends over WebSocket. Messages may become longer or shorter, so
 * they go on in frames of our own; no extension that minds was agreed on (RFC 6455 section 5.4).
 */
#ifndef GATEWAY_WEBSOCKET_CHANGE_H
#define GATEWAY_WEBSOCKET_CHANGE_H

#include "gateway/inject.h"

struct websocket_change;

/* websocket_change_new() - @inject: borrowed. Return: NULL: no memory */
struct websocket_change *websocket_change_new(const struct inject *inject);
void websocket_change_free(struct websocket_change *change); /* wipes; NULL is fine */

/**
 * websocket_change() - the next octets of sound frames
 * @room:	what goes on is put there
 * @in:		what is done with is taken off its front: all, unless there is no room
 *
 * What is held back because a value may begin in it goes on with its message's end at the latest. Return: 0;
 * -ENOMEM: octets were lost.
 */
MUST_USE int websocket_change(struct websocket_change *change, struct inject_room *room,
			      struct span *in);

/* websocket_change_waits() - for room alone: call again, though nothing more came */
MUST_USE bool websocket_change_waits(const struct websocket_change *change);

#endif
