// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a message is judged by the heads of its frames, before their payload goes on. How many
 * the program may begin in a minute is a token bucket for each rule, kept as in warden/egress_quota.c:
 * the time at which it is full again. A gateway has one sandbox, so a rule is its number. Pings and pongs
 * count like messages, for they carry what one likes.
 */
#include "gateway/websocket.h"

#include <stdlib.h>

#include "base/clock.h"
#include "gateway/exchange1.h"

enum { RULES_MAX = 1024 }; /* policy/policy.h */

#define NS_PER_MINUTE (INT64_C(60) * 1000000000)

/* What the program says. A message is one text, whatever control frames are in it. */
struct websocket_scan {
	struct inject_scan data, control;
};

static int64_t full_ns[RULES_MAX];

void websocket_agree(struct websocket *socket, bool deflate)
{
	socket->on = true;
	for (int side = 0; side < TLS_SIDES; side++)
		socket->reader[side] = (struct ws_reader){
			.client = side == TLS_INSIDE,
			.deflate = deflate && socket->offered,
		};
}

bool websocket_guard(struct websocket *socket, const struct inject *inject)
{
	socket->scan = calloc(1, sizeof(*socket->scan));
	if (inject != NULL)
		socket->change = websocket_change_new(inject);
	if (socket->scan == NULL || (inject != NULL && socket->change == NULL))
		return false;
	socket->scan->data.inject = socket->scan->control.inject = inject;
	return true;
}

void websocket_free(struct websocket *socket)
{
	free(socket->scan);
	websocket_change_free(socket->change);
	socket->scan = NULL;
	socket->change = NULL;
}

/* scan() - @data, which is masked, of the program's frame. Return: NULL; else why it may not go on */
static const char *scan(struct websocket *socket, struct span data)
{
	const struct ws_reader *reader = &socket->reader[TLS_INSIDE];
	uint64_t at = reader->at - data.len;
	char plain[4096];

	if (socket->scan == NULL || (socket->compressed && !ws_is_control(reader->frame.opcode)))
		return NULL;
	struct inject_scan *to =
	    ws_is_control(reader->frame.opcode) ? &socket->scan->control : &socket->scan->data;
	while (data.len > 0) {
		size_t len = data.len < sizeof(plain) ? data.len : sizeof(plain);

		ws_mask(plain, (struct span){ data.ptr, len }, reader->frame.key, at);
		if (!inject_scan(to, (struct span){ plain, len }))
			return to->why;
		data = span_drop(data, len);
		at += len;
	}
	return NULL;
}

/* take_token() - Return: false: there is none left */
static bool take_token(const struct exchange1_caps *caps)
{
	int64_t *full = &full_ns[caps->rule < RULES_MAX ? caps->rule : RULES_MAX - 1];
	int64_t now_ns = clock_mono_ns(), share_ns = NS_PER_MINUTE / caps->messages_per_minute;
	int64_t begin_ns = *full > now_ns ? *full : now_ns;

	if (begin_ns - now_ns > NS_PER_MINUTE - share_ns)
		return false;
	*full = begin_ns + share_ns;
	return true;
}

/* judge_head() - of a sound frame. Return: NULL; else which cap it exceeds, static */
static const char *judge_head(struct websocket *socket, const struct exchange1_caps *caps,
			      enum tls_side from)
{
	static const char *const longer[TLS_SIDES] = {
		[TLS_INSIDE] =
		    "the program's WebSocket message is longer than message_bytes of its rule",
		[TLS_UPSTREAM] =
		    "the server's WebSocket message is longer than message_bytes of its rule",
	};
	const struct ws_frame *frame = &socket->reader[from].frame;
	uint64_t *message = &socket->message[from];

	if (!ws_is_control(frame->opcode)) {
		if (frame->opcode != WS_CONTINUATION)
			*message = 0;
		if (__builtin_add_overflow(*message, frame->length, message))
			*message = UINT64_MAX;
		if (caps->message_octets != 0 && *message > caps->message_octets)
			return longer[from];
	}
	if (from == TLS_INSIDE && frame->opcode != WS_CONTINUATION && frame->opcode != WS_CLOSE &&
	    caps->messages_per_minute != 0 && !take_token(caps))
		return "the program's WebSocket messages are more than messages_per_minute of its "
		       "rule";
	return NULL;
}

/* count_done() - a frame is whole */
static void count_done(struct gate_socket_way *count, const struct ws_reader *reader)
{
	if (reader->frame.opcode == WS_CLOSE)
		count->close_code = reader->close_code;
	else if (reader->frame.fin && !ws_is_control(reader->frame.opcode))
		count->messages++;
}

/* watch() - Return: NULL; else why it may not go on */
static const char *watch(struct websocket *socket, struct gate_socket_way *count,
			 const struct exchange1_caps *caps, enum tls_side from, struct span data,
			 bool *capped)
{
	struct ws_reader *reader = &socket->reader[from];
	const char *why = NULL;
	struct span some = { 0 };

	for (;;) {
		switch (ws_next(reader, &some, &data)) {
		case WS_MORE:
			return NULL;
		case WS_HEAD:
			why = judge_head(socket, caps, from);
			*capped = why != NULL;
			if (why != NULL)
				return why;
			if (from == TLS_INSIDE && reader->frame.opcode != WS_CONTINUATION &&
			    !ws_is_control(reader->frame.opcode))
				socket->compressed = reader->frame.rsv1;
			count->frames++;
			break;
		case WS_DATA:
			if (!ws_is_control(reader->frame.opcode))
				count->octets += some.len;
			why = from == TLS_INSIDE ? scan(socket, some) : NULL;
			if (why != NULL)
				return why;
			break;
		case WS_DONE:
			count_done(count, reader);
			break;
		case WS_REFUSED:
			return ws_fault_text(reader->fault, reader->client);
		}
	}
}

bool websocket_watch(struct websocket *socket, struct exchange1_end *end,
		     const struct exchange1_caps *caps, enum tls_side from, struct span data)
{
	struct gate_socket_way *count = from == TLS_INSIDE ? &end->socket.up : &end->socket.down;
	const struct gate_socket_way before = *count;
	bool capped = false;
	const char *why = watch(socket, count, caps, from, data, &capped);

	end->websocket = true;
	if (why == NULL)
		return true;
	*count = before;
	end->blocked = capped;
	end->why = why;
	return false;
}
