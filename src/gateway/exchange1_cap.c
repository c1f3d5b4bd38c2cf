// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a body that says its length is judged before any of it is carried. Any other is read
 * with its cap as the limit, and found too long by the first octet, or announced chunk, that is. What
 * follows an upgrade is a body each way, whose messages have caps of their own.
 *
 * The server's connection is reset when a request is broken off, so that it cannot take what it got for all
 * there is; the program is answered 413 if it has not got any of a response yet.
 */
#include <strings.h>

#include "gateway/exchange1_priv.h"

static const char *const whys[TLS_SIDES] = {
	[TLS_INSIDE] = "the request's body is longer than request_bytes of its rule",
	[TLS_UPSTREAM] = "the response's body is longer than response_bytes of its rule",
};

void exchange1_begin_body(struct exchange1 *x, enum tls_side from, enum http1_framing framing,
			  uint64_t length, struct http1_fields *trailers)
{
	uint64_t cap = x->caps.octets[from];

	x->limits[from] = exchange1_limits;
	if (cap != 0)
		x->limits[from].body_octets_max = cap;
	http1_body_begin(&x->body[from], framing, length, trailers, &x->limits[from]);
}

bool exchange1_is_over_cap(const struct exchange1 *x, enum tls_side from, uint64_t length)
{
	return x->caps.octets[from] != 0 && length > x->caps.octets[from];
}

static void blame(struct exchange1 *x, enum tls_side from)
{
	x->end.blocked = true;
	x->end.why = whys[from];
}

void exchange1_refuse_cap(struct exchange1 *x, enum tls_side from)
{
	blame(x, from);
	x->last = true;
	x->end.status = from == TLS_INSIDE ? 413 : 502;
	exchange1_answer(x, x->end.status, span_of(whys[from]), x->asked.method == HTTP1_HEAD);
}

bool exchange1_over_cap(struct exchange1 *x, enum tls_side from, struct outlet *out)
{
	if (x->caps.octets[from] == 0) { /* of 2^63 octets */
		x->end.why = http1_fault_text(HTTP1_BODY_LONG);
		return false;
	}
	if (from == TLS_UPSTREAM || x->down != DOWN_HEAD) {
		blame(x, from);
		return false;
	}
	ends_drop(x->ends, TLS_UPSTREAM);
	buf_free(&x->left[TLS_UPSTREAM]);
	out->len = 0;
	x->unread = true;
	exchange1_refuse_cap(x, from);
	return true;
}

bool exchange1_offers_deflate(const struct http1_fields *fields)
{
	static const char name[] = "sec-websocket-extensions";

	for (unsigned i = 0; i < fields->count; i++)
		if (fields->at[i].name.len == sizeof(name) - 1 &&
		    strncasecmp(fields->at[i].name.ptr, name, sizeof(name) - 1) == 0 &&
		    ws_has_deflate(fields->at[i].value))
			return true;
	return false;
}

/* change_frames() - of the server, as far as there is room. Return: false: no memory */
static bool change_frames(struct exchange1 *x, struct span *input, struct outlet *out)
{
	struct inject_room room = { .ptr = out->octets + out->len,
				    .size = sizeof(out->octets) - out->len };
	int r = websocket_change(x->websocket.change, &room, input);

	out->len += room.used;
	x->watched = input->len;
	if (r < 0)
		x->end.why = "there is no memory to look for secrets in its messages";
	return r == 0;
}

bool exchange1_carry_tunnel(struct exchange1 *x, enum tls_side from, struct span *input,
			    struct outlet *out)
{
	const bool changes = from == TLS_UPSTREAM && x->websocket.change != NULL;
	const size_t old = changes ? x->watched : 0;
	const struct span fresh = old > 0 ? span_drop(*input, old) : *input;

	x->tunnelled[from] += fresh.len;
	if (exchange1_is_over_cap(x, from, x->tunnelled[from])) {
		blame(x, from);
		return false;
	}
	if (x->websocket.on && !websocket_watch(&x->websocket, &x->end, &x->caps, from, fresh)) {
		if (from == TLS_INSIDE && !x->end.blocked)
			x->owner->refused(x, 0, x->end.why);
		return false;
	}
	*(from == TLS_INSIDE ? &x->end.up : &x->end.down) += fresh.len;
	if (changes)
		return change_frames(x, input, out);
	outlet_put(out, *input);
	*input = (struct span){ 0 };
	return true;
}
