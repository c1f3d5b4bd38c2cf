// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as in exchange1_cap.c; here a body that passes its cap costs no more than its stream.
 * What goes on over WebSocket counts as bodies do, and its messages have caps of their own. A program sends none
 * before it has heard that the server agrees (RFC 6455 section 4.1).
 */
#include "gateway/exchange2_priv.h"

bool exchange2_is_over_cap(const struct exchange2_stream *s, enum tls_side side, uint64_t length)
{
	return s->caps.octets[side] != 0 && length > s->caps.octets[side];
}

void exchange2_over_cap(struct exchange2_stream *s, enum tls_side side)
{
	if (s->broken)
		return;
	s->end.blocked = true;
	s->end.why = side == TLS_INSIDE
			 ? "the request's body is longer than request_bytes of its rule"
			 : "the response's body is longer than response_bytes of its rule";
	if (s->responded) {
		exchange2_break(s, NGHTTP2_CANCEL, NULL);
		return;
	}
	s->end.status = side == TLS_INSIDE ? 413 : 502;
	exchange2_answer(s, s->end.status, span_of(s->end.why));
}

bool exchange2_offers_deflate(const struct http2_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (span_is(fields->at[i].name, "sec-websocket-extensions") &&
		    ws_has_deflate(fields->at[i].value))
			return true;
	return false;
}

bool exchange2_watch(struct exchange2_stream *s, enum tls_side side, struct span data)
{
	if (!s->websocket || (!s->socket.on && side == TLS_UPSTREAM))
		return true; /* the body of a response that does not agree */
	if (!s->socket.on) {
		exchange2_blame(s, s->responded ? 0 : 400,
				"the program sends before the server agrees to WebSocket");
		return false;
	}
	if (websocket_watch(&s->socket, &s->end, &s->caps, side, data))
		return true;
	if (s->end.blocked)
		exchange2_break(s, NGHTTP2_CANCEL, NULL);
	else if (side == TLS_INSIDE)
		exchange2_blame(s, 0, s->end.why);
	else
		exchange2_break(s, NGHTTP2_PROTOCOL_ERROR, NULL);
	return false;
}

bool exchange2_refuse_known(struct exchange2_stream *s)
{
	const struct exchange2_way *way = &s->way[TLS_INSIDE];
	uint64_t known = way->exact && way->expected > way->came ? way->expected : way->came;

	if (!exchange2_is_over_cap(s, TLS_INSIDE, known))
		return false;
	s->end.up = 0; /* nothing of it goes out */
	exchange2_over_cap(s, TLS_INSIDE);
	return true;
}
