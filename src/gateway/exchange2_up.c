// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as in exchange1_up.c a head is read twice, once to judge and ask, once, when it is
 * allowed, to write it; in between its block is kept.
 */
#include "gateway/exchange2_priv.h"

static struct http2_request request; /* too large for the stack of a step */
static char path_room[HTTP2_LIST_OCTETS_MAX];

/* is_for_host() - does the request name the host and port that its flow goes to? */
static bool is_for_host(const struct exchange2 *x)
{
	const struct http1_authority *asked = &request.authority;

	return request.https == x->host.https && strcmp(asked->host, x->host.text) == 0 &&
	       (asked->port == 0 || asked->port == x->host.port);
}

static bool server_takes_websocket(const struct exchange2 *x)
{
	nghttp2_session *session = x->session[TLS_UPSTREAM];

	return session == NULL || nghttp2_session_get_remote_settings(
				      session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

static struct http2_fault judge(const struct exchange2_stream *s)
{
	const struct exchange2 *x = s->exchange;
	struct http2_fault fault = http2_request_read(&request, path_room, &s->head, s->bodiless);

	if (fault.status == 0 && !is_for_host(x))
		fault = (struct http2_fault){
			421, ":authority names another host than the one that was connected to"
		};
	if (fault.status == 0 && request.websocket && !server_takes_websocket(x))
		fault = (struct http2_fault){ 501, "the server takes no WebSocket over HTTP/2" };
	return fault;
}

static void ask(struct exchange2_stream *s)
{
	static char what[HTTP1_METHOD_OCTETS_MAX + 1 + sizeof(path_room)];
	struct exchange2 *x = s->exchange;
	size_t len = request.method_text.len;

	memcpy(what, request.method_text.ptr, len);
	what[len++] = ' ';
	memcpy(what + len, request.path.text.ptr, request.path.text.len);
	len += request.path.text.len;
	s->websocket = request.websocket;
	s->way[TLS_INSIDE].exact = request.has_length;
	s->way[TLS_INSIDE].expected = request.length;
	s->state = STREAM_ASKED;
	x->asked++;
	if (x->owner->ask(s, (struct span){ what, len }, request.websocket))
		return;
	x->asked--;
	exchange2_answer(s, 503, SPAN("too many requests of this sandbox wait"));
}

void exchange2_up(struct exchange2_stream *s, bool ended)
{
	struct exchange2 *x = s->exchange;

	s->bodiless = s->way[TLS_INSIDE].ended = ended;
	if (x->lost) { /* it may try again on another connection: RFC 9113 section 8.7 */
		exchange2_break(s, NGHTTP2_REFUSED_STREAM, NULL);
		return;
	}
	struct http2_fault fault = judge(s);
	s->head_only = request.method == HTTP1_HEAD;
	s->end.up = exchange2_head_octets(&s->head);
	if (fault.status == 0) {
		ask(s);
		return;
	}
	x->owner->refused(x, fault.status, fault.why);
	exchange2_answer(s, fault.status, span_of(fault.why));
}

void exchange2_up_trailers(struct exchange2_stream *s, bool ended)
{
	static struct http2_fields trailers;
	struct exchange2_way *way = &s->way[TLS_INSIDE];

	if (way->dropped) {
		http2_block_free(&way->trailers);
		way->ended = way->ended || ended;
		return;
	}
	struct http2_fault fault = http2_trailers_read(&trailers, &way->trailers);
	if (fault.status == 0 && !ended)
		fault = (struct http2_fault){ 400, "trailers do not end the request" };
	if (fault.status == 0 && s->websocket)
		fault = (struct http2_fault){ 400, "a tunnel has no trailers" };
	if (fault.status != 0)
		exchange2_blame(s, fault.status, fault.why);
	else
		exchange2_ended(s, TLS_INSIDE);
}

void exchange2_go(struct exchange2_stream *s)
{
	static struct http2_list list;
	char authority[HTTP2_AUTHORITY_OCTETS];
	const nghttp2_data_provider body = { .read_callback = exchange2_read_body };
	struct exchange2 *x = s->exchange;
	int32_t id = -1;

	s->state = STREAM_OPEN;
	bool sound = x->session[TLS_UPSTREAM] != NULL && !x->lost &&
		     x->unsent < EXCHANGE2_STREAMS_MAX && judge(s).status == 0;
	const char *why = sound ? change2_request(s, &request) : NULL;
	if (sound && why == NULL) {
		s->socket.offered = exchange2_offers_deflate(&request.fields);
		http2_request_write(&list, authority, &request);
		change2_mark(&list);
		id = nghttp2_submit_request(x->session[TLS_UPSTREAM], NULL, exchange2_vector(&list),
					    list.count, s->bodiless ? NULL : &body, s);
	}
	change2_wipe();
	http2_block_free(&s->head);
	if (why != NULL) {
		exchange2_forbid(s, why);
	} else if (id > 0) {
		s->id[TLS_UPSTREAM] = id;
		x->unsent++;
	} else {
		exchange2_break(s, NGHTTP2_REFUSED_STREAM, "the server takes no more requests");
	}
}
