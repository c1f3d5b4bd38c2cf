// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as in exchange1_cap.c; here a body that passes its cap costs no more than its stream.
 * What goes on over WebSocket counts as bodies do.
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
