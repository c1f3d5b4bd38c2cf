// SPDX-License-Identifier: Apache-2.0
#include "gateway/exchange1_priv.h"

static struct http1_response response; /* too large for the stack of a step */

bool exchange1_bad_gateway(struct exchange1 *x, const char *why)
{
	if (x->down != DOWN_IDLE && x->down != DOWN_HEAD)
		return false;
	x->last = true;
	x->end.status = 502;
	x->unread = x->unread || x->up == UP_BODY || x->up == UP_GO;
	x->end.why = why;
	exchange1_answer(x, 502, span_of(why), x->asked.method == HTTP1_HEAD);
	return true;
}

/* framing_out() - of a body for this client: HTTP/1.0 knows no chunks */
static enum http1_framing framing_out(const struct exchange1 *x, enum http1_framing framing)
{
	return x->old && framing == HTTP1_BODY_CHUNKED ? HTTP1_BODY_CLOSE : framing;
}

/* framing_changed() - of a body that may become longer or shorter: in chunks */
static enum http1_framing framing_changed(const struct exchange1 *x, enum http1_framing framing)
{
	bool on = x->change[TLS_UPSTREAM].on;

	return framing_out(x, on && framing == HTTP1_BODY_LENGTH ? HTTP1_BODY_CHUNKED : framing);
}

/* look_for_secrets() - in the body, if it is text */
static void look_for_secrets(struct exchange1 *x)
{
	struct span coding = change_field(&response.fields, "content-encoding");
	bool plain = coding.len == 0 || span_is(coding, "identity");

	change_end(x, TLS_UPSTREAM);
	if (x->inject == NULL || response.interim || !plain ||
	    response.framing == HTTP1_BODY_NONE || response.framing == HTTP1_BODY_TUNNEL ||
	    !inject_is_text(change_field(&response.fields, "content-type")))
		return;
	change_begin(x, TLS_UPSTREAM, INJECT_PLAIN, false);
	x->change[TLS_UPSTREAM].chunks = framing_changed(x, response.framing) == HTTP1_BODY_CHUNKED;
}

static bool write_head(const struct exchange1 *x, struct outlet *out)
{
	const bool tunnel = response.framing == HTTP1_BODY_TUNNEL;
	size_t len = 0;
	const struct http1_response_out head = {
		.status = response.status,
		.reason = response.reason,
		.fields = response.fields.at,
		.count = response.fields.count,
		.hop = { .framing = framing_changed(x, response.announced),
			 .length = response.length,
			 .close = x->last && !response.interim && !tunnel,
			 .websocket = tunnel },
	};
	const struct http1_room room = { out->octets + out->len, sizeof(out->octets) - out->len };

	if (http1_response_write(&len, room, &head) < 0)
		return false;
	out->len += len;
	return true;
}

static void begin_body(struct exchange1 *x)
{
	static struct http1_fields trailers; /* used and forgotten in exchange1_carry_body() */

	x->end.status = response.status;
	x->end.down = response.head_octets; /* of its body: exchange1_carry_body() */
	if (response.framing == HTTP1_BODY_TUNNEL) {
		websocket_agree(&x->websocket, exchange1_offers_deflate(&response.fields));
		x->end.websocket = true;
		x->up = UP_TUNNEL;
		x->down = DOWN_TUNNEL;
		return;
	}
	exchange1_begin_body(x, TLS_UPSTREAM, response.framing, response.length, &trailers);
	x->down = DOWN_BODY;
}

/* take_head() - of a final response, or an interim one. Return: false: the exchange broke */
static bool take_head(struct exchange1 *x, struct span *input, struct outlet *out)
{
	if (response.status == 101 && x->up != UP_DONE)
		return exchange1_bad_gateway(
		    x, "the server switched protocols in the middle of a request");
	if (response.interim && ++x->interims > EXCHANGE1_INTERIMS_MAX)
		return exchange1_bad_gateway(x, "the server says too much before its response");
	if (response.framing == HTTP1_BODY_LENGTH &&
	    exchange1_is_over_cap(x, TLS_UPSTREAM, response.length)) {
		x->unread = x->unread || x->up == UP_BODY;
		exchange1_refuse_cap(x, TLS_UPSTREAM);
		return true;
	}
	look_for_secrets(x);
	if (response.framing == HTTP1_BODY_TUNNEL && x->secrets &&
	    !websocket_guard(&x->websocket, x->inject))
		return exchange1_bad_gateway(x, "there is no memory to look for secrets in it");
	if (!response.interim)
		x->last = x->last || !response.persistent ||
			  framing_changed(x, response.framing) == HTTP1_BODY_CLOSE;
	bool written =
	    change_response(x, &response) && ((response.interim && x->old) || write_head(x, out));
	change_wipe();
	if (!written)
		return exchange1_bad_gateway(x, "the head of the server's response is too long");
	*input = span_drop(*input, response.head_octets);
	x->scan[TLS_UPSTREAM] = (struct http1_scan){ 0 };
	if (!response.interim)
		begin_body(x);
	return true;
}

static bool carry_body(struct exchange1 *x, struct span *input, struct outlet *out, unsigned ended)
{
	enum http1_step step =
	    exchange1_carry_body(x, TLS_UPSTREAM, input, out, ended == TLS_CLOSED);

	if (step == HTTP1_MORE && ended != 0)
		step = HTTP1_REFUSED;
	if (step == HTTP1_DONE)
		x->down = DOWN_DONE;
	if (step == HTTP1_REFUSED && x->body[TLS_UPSTREAM].fault == HTTP1_BODY_LONG)
		return exchange1_over_cap(x, TLS_UPSTREAM, out);
	if (step == HTTP1_REFUSED)
		x->end.why = "the server's response broke off, or is malformed";
	return step != HTTP1_REFUSED;
}

/* read_heads() - interim ones, and the final one. Return: false: the exchange broke */
static bool read_heads(struct exchange1 *x, struct span *input, struct outlet *out, unsigned ended)
{
	while (x->down == DOWN_HEAD) {
		switch (http1_response_read(&response, &x->scan[TLS_UPSTREAM], *input, x->asked,
					    &exchange1_limits)) {
		case HTTP1_DONE:
			if (!take_head(x, input, out))
				return false;
			if (buf_len(&x->reply) > 0)
				return true;
			break;
		case HTTP1_MORE:
		case HTTP1_DATA:
			return ended == 0 ||
			       exchange1_bad_gateway(
				   x, "the server closed the connection without a response");
		case HTTP1_REFUSED:
			return exchange1_bad_gateway(x, http1_fault_text(response.fault));
		}
	}
	return true;
}

/* speak_first() - between two exchanges a server may close, but say nothing, unless it is no HTTP */
static void speak_first(struct exchange1 *x, struct span *input, struct outlet *out, unsigned ended)
{
	if (input->len > 0 && x->fresh && x->raw) {
		exchange1_tunnel(x);
		outlet_put(out, *input);
	} else if (x->up == UP_HEAD && (input->len > 0 || ended != 0)) {
		x->last = true;
		x->up = UP_DRAIN;
	} else if (input->len > 0) {
		x->spoke = true;
	} /* else a request is on its way, and will find the end */
	*input = (struct span){ 0 };
}

bool exchange1_down(struct exchange1 *x, struct span *input, struct outlet *out, unsigned ended)
{
	if (x->down == DOWN_HEAD && !read_heads(x, input, out, ended))
		return false;
	switch (x->down) {
	case DOWN_IDLE:
		speak_first(x, input, out, ended);
		return true;
	case DOWN_BODY:
		return carry_body(x, input, out, ended);
	case DOWN_TUNNEL:
		return exchange1_carry_tunnel(x, TLS_UPSTREAM, input, out);
	case DOWN_HEAD:
	case DOWN_DONE:
		break;
	}
	return true;
}
