// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the payload of a message is searched as one text, whatever its frames. What is done of it
 * goes on as a frame each time, the first with the message's kind, the last with FIN. A control frame is
 * kept until it is whole; one that shows a value goes on without its payload, as it has no room for a placeholder
 * that is longer.
 */
#include "gateway/websocket_change.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "wire/ws_frame.h"

enum {
	HEAD_OCTETS = 10,         /* at most, without a mask */
	PIECE_OCTETS = 16 * 1024, /* that are read at once */
	HELD_OCTETS_MAX = PIECE_OCTETS + INJECT_TEXT_OCTETS_MAX,
	CODE_OCTETS = 2,
};

struct websocket_change {
	struct ws_reader reader;
	struct inject_body body;
	struct buf held;       /* of the message: came, and is not done */
	enum ws_opcode opcode; /* of its next frame */
	bool ending;           /* all of it came */
	bool control;          /* a control frame is whole, and waits */
	size_t len;            /* of its payload so far */
	char payload[WS_CONTROL_OCTETS_MAX];
};

struct websocket_change *websocket_change_new(const struct inject *inject)
{
	struct websocket_change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->body = (struct inject_body){ .inject = inject, .hide = true };
	c->held = BUF_SECRET(HELD_OCTETS_MAX);
	return c;
}

void websocket_change_free(struct websocket_change *c)
{
	if (c == NULL)
		return;
	buf_free(&c->held);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* put() - a frame whose payload is in @room already, HEAD_OCTETS behind what is used of it */
static void put(struct inject_room *room, enum ws_opcode opcode, bool fin, size_t len)
{
	const struct ws_frame frame = { .opcode = opcode, .fin = fin, .length = len };
	char head[WS_HEAD_OCTETS_MAX];
	char *at = room->ptr + room->used;
	size_t head_len = ws_head_write(head, &frame);

	memmove(at + head_len, at + HEAD_OCTETS, len);
	memcpy(at, head, head_len);
	room->used += head_len + len;
}

/* push() - what is done of the message. Return: false: there is no room for the rest */
static bool push(struct websocket_change *c, struct inject_room *room)
{
	if (buf_len(&c->held) == 0 && !c->ending)
		return true;
	c->body.full = room->size - room->used <= HEAD_OCTETS;
	if (c->body.full)
		return false;
	struct inject_room to = { .ptr = room->ptr + room->used + HEAD_OCTETS,
				  .size = room->size - room->used - HEAD_OCTETS };
	size_t used = inject_body(&c->body, &to, buf_span(&c->held), c->ending);
	bool fin = c->ending && used == buf_len(&c->held) && !c->body.full;
	buf_drop(&c->held, used);
	if (to.used > 0 || fin) {
		put(room, c->opcode, fin, to.used);
		c->opcode = WS_CONTINUATION;
	}
	if (fin) {
		c->ending = false;
		buf_free(&c->held);
	}
	return !c->body.full;
}

/* push_control() - the control frame that waits, if one does. Return: false: there is no room */
static bool push_control(struct websocket_change *c, struct inject_room *room)
{
	char octets[2 * WS_CONTROL_OCTETS_MAX];
	struct inject_room rest = { .ptr = octets, .size = sizeof(octets) };
	struct span payload = { c->payload, c->len }, shown = payload;

	if (!c->control)
		return true;
	if (room->size - room->used < HEAD_OCTETS + sizeof(c->payload))
		return false;
	if (inject_hide(&shown, c->body.inject, &rest, payload) != INJECT_AS_IS)
		payload.len = c->reader.frame.opcode == WS_CLOSE ? CODE_OCTETS : 0;
	explicit_bzero(octets, sizeof(octets));
	memcpy(room->ptr + room->used + HEAD_OCTETS, payload.ptr, payload.len);
	put(room, c->reader.frame.opcode, true, payload.len);
	c->control = false;
	c->len = 0;
	return true;
}

/* take() - what ws_next() said. Return: 0 or -ENOMEM */
static int take(struct websocket_change *c, enum ws_step step, struct span data)
{
	const struct ws_frame *frame = &c->reader.frame;
	const bool whole = step != WS_HEAD && c->reader.at == frame->length;

	if (ws_is_control(frame->opcode)) {
		if (step == WS_DATA && data.len <= sizeof(c->payload) - c->len) {
			memcpy(c->payload + c->len, data.ptr, data.len);
			c->len += data.len;
		}
		c->control = step == WS_DONE;
		return 0;
	}
	if (step == WS_HEAD && frame->opcode != WS_CONTINUATION)
		c->opcode = frame->opcode;
	/* one that is not empty ends with its last octets, so that FIN goes with them */
	if (whole && (step == WS_DATA || frame->length == 0))
		c->ending = frame->fin;
	return step == WS_DATA && buf_append(&c->held, data) < 0 ? -ENOMEM : 0;
}

int websocket_change(struct websocket_change *c, struct inject_room *room, struct span *in)
{
	int r = 0;

	while (r == 0 && push(c, room) && push_control(c, room)) {
		const size_t len = in->len < PIECE_OCTETS ? in->len : PIECE_OCTETS;
		struct span data = { 0 }, piece = { in->ptr, len };
		enum ws_step step = ws_next(&c->reader, &data, &piece);

		if (piece.len < len)
			*in = span_drop(*in, len - piece.len);
		if (step == WS_REFUSED || (step == WS_MORE && in->len == 0))
			break;
		if (step != WS_MORE)
			r = take(c, step, data);
	}
	return r;
}

bool websocket_change_waits(const struct websocket_change *c)
{
	return c->control || c->body.full;
}
