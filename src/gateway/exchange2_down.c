// SPDX-License-Identifier: Apache-2.0
#include "gateway/exchange2_priv.h"

enum {
	STATUS_NO_CONTENT = 204,
	STATUS_NOT_MODIFIED = 304,
	INTERIMS_OF_ONE_MAX = 16,
};

static struct http2_response response; /* too large for the stack of a step */

static void bad_gateway(struct exchange2_stream *s, const char *why)
{
	s->end.status = 502;
	if (s->end.why == NULL)
		s->end.why = why;
	exchange2_answer(s, 502, span_of(why));
}

static bool is_bodiless(const struct exchange2_stream *s)
{
	return s->head_only || response.status == STATUS_NO_CONTENT ||
	       response.status == STATUS_NOT_MODIFIED;
}

static bool is_too_long(const struct exchange2_stream *s)
{
	return !response.interim && response.has_length && !is_bodiless(s) &&
	       exchange2_is_over_cap(s, TLS_UPSTREAM, response.length);
}

/* is_too_much() - one more interim response, which has no other bound than these */
static bool is_too_much(struct exchange2_stream *s)
{
	struct exchange2 *x = s->exchange;

	return ++s->interims > INTERIMS_OF_ONE_MAX || !exchange2_spend_interim(x) ||
	       x->heads + HTTP2_LIST_OCTETS_MAX > EXCHANGE2_HEADS_OCTETS_MAX;
}

/* send_head() - of a final response, or an interim one. Return: false: it cannot be sent */
static bool send_head(const struct exchange2_stream *s, bool ended)
{
	static struct http2_list list;
	const nghttp2_data_provider body = { .read_callback = exchange2_read_body };
	nghttp2_session *session = s->exchange->session[TLS_INSIDE];
	int32_t id = s->id[TLS_INSIDE];
	char status[4];
	int r = 0;

	http2_response_write(&list, status, &response);
	if (response.interim)
		r = nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, id, NULL,
					   exchange2_vector(&list), list.count, NULL);
	else
		r = nghttp2_submit_response(session, id, exchange2_vector(&list), list.count,
					    ended ? NULL : &body);
	if (r == 0)
		exchange2_head_waits(s->exchange, TLS_INSIDE, &list);
	return r == 0;
}

static void begin_body(struct exchange2_stream *s, bool ended)
{
	struct exchange2_way *way = &s->way[TLS_UPSTREAM];
	bool none = is_bodiless(s);

	if (s->websocket && response.status / 100 == 2) {
		websocket_agree(&s->socket, exchange2_offers_deflate(&response.fields));
		s->end.websocket = true;
	}
	s->responded = true;
	s->end.status = response.status;
	s->end.down = exchange2_head_octets(&s->head);
	way->exact = none || response.has_length;
	way->expected = none ? 0 : response.length;
	if (ended)
		exchange2_ended(s, TLS_UPSTREAM);
}

void exchange2_down(struct exchange2_stream *s, bool ended)
{
	if (s->broken || s->state != STREAM_OPEN)
		return;
	struct http2_fault fault = http2_response_read(&response, &s->head, ended, s->websocket);
	if (fault.status != 0) {
		bad_gateway(s, fault.why);
	} else if (response.interim && is_too_much(s)) {
		exchange2_break(s, NGHTTP2_ENHANCE_YOUR_CALM,
				"the server says too much before its response");
	} else if (is_too_long(s)) {
		exchange2_over_cap(s, TLS_UPSTREAM);
	} else if (!change2_response(s, &response, !ended)) {
		bad_gateway(s, "the head of the server's response is too long");
	} else if (!send_head(s, ended)) {
		exchange2_break(s, NGHTTP2_INTERNAL_ERROR, "its response could not be passed on");
	} else if (!response.interim) {
		begin_body(s, ended);
	}
	change2_wipe();
	http2_block_free(&s->head);
}

void exchange2_down_trailers(struct exchange2_stream *s, bool ended)
{
	static struct http2_fields trailers;
	struct http2_fault fault = http2_trailers_read(&trailers, &s->way[TLS_UPSTREAM].trailers);

	if (fault.status == 0 && (!ended || s->websocket))
		fault = (struct http2_fault){ 502, "trailers do not end the server's response" };
	if (fault.status != 0)
		exchange2_break(s, NGHTTP2_PROTOCOL_ERROR, fault.why);
	else
		exchange2_ended(s, TLS_UPSTREAM);
}
