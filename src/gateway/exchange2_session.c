// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the library reads and writes frames, keeps the windows and HPACK's tables; its own
 * judgement of messages is off, for http2_head has one. Its callbacks find the stream and say what
 * happened to it. Sessions are freed between calls into them, never within.
 */
#include "base/clock.h"
#include "gateway/exchange2_priv.h"

enum {
	HPACK_OCTETS = 4096,
	FIELD_OVERHEAD_OCTETS = 32, /* as HTTP2_LIST_OCTETS_MAX counts */
	CONTINUATIONS_MAX = 8,
	/* a list as long as may be, and what secrets or placeholders add: a longer one is refused before */
	HEAD_OUT_OCTETS_MAX = 256 * 1024,
	SETTINGS_MAX = 32,
	ACKS_MAX = 200,
	RESETS_MAX = 400, /* streams that ended before their time */
	RESETS_PER_S = 50,
	FRAMES_MAX = 10000, /* frames that move nothing: clients measure by PING */
	FRAMES_PER_S = 1000,
	INTERIMS_MAX = 400,
	INTERIMS_PER_S = 50,
};

#define NS_PER_S INT64_C(1000000000)

static enum tls_side side_of(const struct exchange2 *x, const nghttp2_session *session)
{
	return session == x->session[TLS_INSIDE] ? TLS_INSIDE : TLS_UPSTREAM;
}

/* spend() - one of what a peer may do. Return: false: it has had all of it */
static bool spend(struct exchange2_calm *calm, unsigned most, unsigned per_s)
{
	if (calm->left == 0 || calm->since_ns == 0) {
		int64_t now_ns = clock_mono_ns();
		int64_t more =
		    calm->since_ns == 0 ? most : (now_ns - calm->since_ns) * per_s / NS_PER_S;

		calm->left = more > most ? most : (unsigned)more;
		calm->since_ns = now_ns;
	}
	if (calm->left == 0)
		return false;
	calm->left--;
	return true;
}

bool exchange2_spend_interim(struct exchange2 *x)
{
	return spend(&x->interims, INTERIMS_MAX, INTERIMS_PER_S);
}

void exchange2_calm_down(struct exchange2 *x, enum tls_side side, const char *why)
{
	if (x->calmed[side])
		return;
	x->calmed[side] = true;
	x->owner->refused(x, side == TLS_INSIDE ? 400 : 502, why);
	if (side == TLS_UPSTREAM)
		x->lost = true;
	(void)nghttp2_session_terminate_session(x->session[side], NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct exchange2 *x = context;
	enum tls_side side = side_of(x, session);
	int32_t id = frame->hd.stream_id;
	struct exchange2_stream *s = exchange2_stream_of(x, side, id);

	x->block[side] = NULL;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (side == TLS_INSIDE && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		s = exchange2_stream_new(x, id);
		if (s == NULL)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		x->block[side] = &s->head;
	} else if (s != NULL) {
		bool trailers = side == TLS_INSIDE || s->responded;

		x->block[side] = trailers ? &s->way[side].trailers : &s->head;
	}
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): its parameters are the library's */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *context)
{
	struct exchange2 *x = context;
	struct http2_block *block = x->block[side_of(x, session)];

	(void)frame;
	if (block != NULL)
		http2_block_add(block, (struct span){ (const char *)name, name_len },
				(struct span){ (const char *)value, value_len },
				(flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0);
	return 0;
}

static void take_block(struct exchange2 *x, enum tls_side side, const nghttp2_frame *frame)
{
	struct exchange2_stream *s = exchange2_stream_of(x, side, frame->hd.stream_id);
	const struct http2_block *block = x->block[side];
	bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	x->block[side] = NULL;
	x->blocks += side == TLS_INSIDE;
	if (s == NULL || block == NULL)
		return;
	if (side == TLS_INSIDE && block == &s->head)
		exchange2_up(s, ended);
	else if (side == TLS_INSIDE)
		exchange2_up_trailers(s, ended);
	else if (block == &s->head)
		exchange2_down(s, ended);
	else
		exchange2_down_trailers(s, ended);
}

/* offer_websocket() - RFC 8441 section 3: say it once the server has */
static void offer_websocket(struct exchange2 *x)
{
	const nghttp2_settings_entry entry = { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 };

	if (x->offered ||
	    nghttp2_session_get_remote_settings(x->session[TLS_UPSTREAM],
						NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 1)
		return;
	x->offered = true;
	(void)nghttp2_submit_settings(x->session[TLS_INSIDE], NGHTTP2_FLAG_NONE, &entry, 1);
}

static void take_settings(struct exchange2 *x, enum tls_side side)
{
	if (side == TLS_UPSTREAM)
		offer_websocket(x);
	else
		x->settled = true;
}

/* is_idle() - a frame that moves nothing, of which there can be too many */
static bool is_idle(const nghttp2_frame *frame)
{
	if (frame->hd.type == NGHTTP2_DATA)
		return frame->hd.length == frame->data.padlen &&
		       (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
	return frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_WINDOW_UPDATE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct exchange2 *x = context;
	enum tls_side side = side_of(x, session);

	if (is_idle(frame) && !spend(&x->frames[side], FRAMES_MAX, FRAMES_PER_S)) {
		exchange2_calm_down(x, side, "too many HTTP/2 frames that move nothing");
		return 0;
	}
	if (frame->hd.type == NGHTTP2_HEADERS) {
		take_block(x, side, frame);
	} else if (frame->hd.type == NGHTTP2_DATA &&
		   (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
		struct exchange2_stream *s = exchange2_stream_of(x, side, frame->hd.stream_id);

		if (s != NULL)
			exchange2_ended(s, side);
	} else if (frame->hd.type == NGHTTP2_SETTINGS &&
		   (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
		take_settings(x, side);
	} else if (frame->hd.type == NGHTTP2_GOAWAY && side == TLS_UPSTREAM) {
		exchange2_leave(x);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t len, void *context)
{
	struct exchange2 *x = context;
	enum tls_side side = side_of(x, session);
	struct exchange2_stream *s = exchange2_stream_of(x, side, id);

	(void)flags;
	if (s == NULL)
		(void)nghttp2_session_consume(session, id, len);
	else if (s->way[side].dropped)
		exchange2_unwanted(s, side, len);
	else
		exchange2_came(s, side, (struct span){ (const char *)data, len });
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct exchange2 *x = context;
	enum tls_side side = side_of(x, session);
	struct exchange2_stream *s = exchange2_stream_of(x, side, id);

	bool early = code != NGHTTP2_NO_ERROR || (s != NULL && !s->said);

	if (side == TLS_INSIDE && early && !spend(&x->resets, RESETS_MAX, RESETS_PER_S))
		exchange2_calm_down(x, side, "too many HTTP/2 streams were reset");
	if (s != NULL)
		exchange2_closed(s, side, code);
	return 0;
}

/* head_left() - a head does not wait for the program any more: it was sent, or never will be */
static void head_left(struct exchange2 *x, const nghttp2_session *session,
		      const nghttp2_frame *frame)
{
	size_t octets = 0;

	if (frame->hd.type != NGHTTP2_HEADERS || side_of(x, session) != TLS_INSIDE)
		return;
	for (size_t i = 0; i < frame->headers.nvlen; i++)
		octets += frame->headers.nva[i].namelen + frame->headers.nva[i].valuelen +
			  FIELD_OVERHEAD_OCTETS;
	x->heads -= octets < x->heads ? octets : x->heads;
}

void exchange2_head_waits(struct exchange2 *x, enum tls_side to, const struct http2_list *list)
{
	if (to != TLS_INSIDE) /* those are as many as there are streams */
		return;
	for (unsigned i = 0; i < list->count; i++)
		x->heads += list->at[i].name.len + list->at[i].value.len + FIELD_OVERHEAD_OCTETS;
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct exchange2 *x = context;
	bool request = frame->hd.type == NGHTTP2_HEADERS &&
		       frame->headers.cat == NGHTTP2_HCAT_REQUEST &&
		       side_of(x, session) == TLS_UPSTREAM;
	bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
		    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	head_left(x, session, frame);
	x->unsent -= request && x->unsent > 0;
	if (!last || side_of(x, session) != TLS_INSIDE)
		return 0;
	struct exchange2_stream *s = exchange2_stream_of(x, TLS_INSIDE, frame->hd.stream_id);
	if (s != NULL)
		exchange2_said_all(s);
	return 0;
}

/* on_not_sent() - a request: the server went away, or takes no more. Others are of streams that are reset */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
		       void *context)
{
	struct exchange2 *x = context;

	(void)error;
	head_left(x, session, frame);
	if (frame->hd.type != NGHTTP2_HEADERS || side_of(x, session) != TLS_UPSTREAM)
		return 0;
	x->unsent -= frame->headers.cat == NGHTTP2_HCAT_REQUEST && x->unsent > 0;
	for (struct list_node *node = x->streams.head.next; node != &x->streams.head;
	     node = node->next) {
		struct exchange2_stream *s = container_of(node, struct exchange2_stream, node);

		if (s->id[TLS_UPSTREAM] != frame->hd.stream_id)
			continue;
		exchange2_closed(s, TLS_UPSTREAM, NGHTTP2_REFUSED_STREAM);
		break;
	}
	return 0;
}

static int on_invalid(nghttp2_session *session, const nghttp2_frame *frame, int error,
		      void *context)
{
	struct exchange2 *x = context;
	enum tls_side side = side_of(x, session);

	(void)frame;
	x->owner->refused(x, side == TLS_INSIDE ? 400 : 502, nghttp2_strerror(error));
	return 0;
}

static int new_options(nghttp2_option **ret)
{
	if (nghttp2_option_new(ret) != 0)
		return -1;
	nghttp2_option_set_no_auto_window_update(*ret, 1);
	nghttp2_option_set_no_http_messaging(*ret, 1);
	nghttp2_option_set_no_closed_streams(*ret, 1);
	nghttp2_option_set_max_send_header_block_length(*ret, HEAD_OUT_OCTETS_MAX);
	nghttp2_option_set_max_outbound_ack(*ret, ACKS_MAX);
	nghttp2_option_set_max_settings(*ret, SETTINGS_MAX);
	nghttp2_option_set_max_continuations(*ret, CONTINUATIONS_MAX);
	nghttp2_option_set_max_deflate_dynamic_table_size(*ret, HPACK_OCTETS);
	nghttp2_option_set_stream_reset_rate_limit(*ret, 2 * (uint64_t)RESETS_MAX,
						   2 * (uint64_t)RESETS_PER_S);
	nghttp2_option_set_max_reserved_remote_streams(*ret, 0);
	return 0;
}

static int new_callbacks(nghttp2_session_callbacks **ret)
{
	if (nghttp2_session_callbacks_new(ret) != 0)
		return -1;
	nghttp2_session_callbacks_set_on_begin_headers_callback(*ret, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(*ret, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(*ret, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*ret, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(*ret, on_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(*ret, on_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(*ret, on_not_sent);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(*ret, on_invalid);
	nghttp2_session_callbacks_set_send_data_callback(*ret, exchange2_send_body);
	return 0;
}

/* greet() - our settings. Return: false: no memory */
static bool greet(nghttp2_session *session, enum tls_side side)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, EXCHANGE2_WINDOW_OCTETS },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_LIST_OCTETS_MAX },
		side == TLS_INSIDE
		    ? (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
						EXCHANGE2_STREAMS_MAX }
		    : (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
				       side == TLS_INSIDE ? 4 : 3) == 0 &&
	       nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
						     EXCHANGE2_CONNECTION_OCTETS) == 0;
}

nghttp2_session *exchange2_session(struct exchange2 *x, enum tls_side side)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_session *session = NULL;
	nghttp2_option *options = NULL;
	int r = new_options(&options);

	if (r == 0)
		r = new_callbacks(&callbacks);
	if (r == 0)
		r = side == TLS_INSIDE
			? nghttp2_session_server_new2(&session, callbacks, x, options)
			: nghttp2_session_client_new3(&session, callbacks, x, options,
						      x->secrets ? change2_memory() : NULL);
	if (r == 0 && !greet(session, side)) {
		nghttp2_session_del(session);
		session = NULL;
	}
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	return session;
}
