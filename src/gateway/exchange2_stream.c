// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a stream is the program's; the server's is attached to it when the request goes out
 * and may end before it. It is freed when the program's is closed, for whatever reason, so each way to
 * end it is a reset towards the program, or the end of a response.
 *
 * Octets of a body wait in a way's buffer until the library asks for them to fill a frame towards the other
 * side; then the one who sent them gets the credit for as many more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/exchange2_priv.h"
#include "gateway/reply.h"

enum { UNWANTED_OCTETS_MAX = 256 * 1024 };

static size_t waiting_octets; /* of all exchanges */

size_t exchange2_waiting_octets(void)
{
	return waiting_octets;
}

struct exchange2_stream *exchange2_stream_new(struct exchange2 *x, int32_t id)
{
	/* what the program wants to have first is not ours to say: all have their turn */
	const nghttp2_extpri fair = { NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1 };
	struct exchange2_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->exchange = x;
	s->id[TLS_INSIDE] = id;
	s->head = HTTP2_BLOCK;
	for (int i = 0; i < TLS_SIDES; i++) {
		s->way[i].data =
		    x->secrets ? BUF_SECRET(EXCHANGE2_WINDOW_OCTETS) : BUF(EXCHANGE2_WINDOW_OCTETS);
		s->way[i].trailers = HTTP2_BLOCK;
	}
	if (nghttp2_session_set_stream_user_data(x->session[TLS_INSIDE], id, s) != 0) {
		free(s);
		return NULL;
	}
	(void)nghttp2_session_change_extpri_stream_priority(x->session[TLS_INSIDE], id, &fair, 1);
	list_append(&x->streams, &s->node);
	x->stream_count++;
	return s;
}

struct exchange2_stream *exchange2_stream_of(struct exchange2 *x, enum tls_side side, int32_t id)
{
	return nghttp2_session_get_stream_user_data(x->session[side], id);
}

/* pay() - @len octets from @side are not ours any more: it may send as many again */
static void pay(struct exchange2_stream *s, enum tls_side side, size_t len)
{
	nghttp2_session *session = s->exchange->session[side];

	if (s->way[side].ours || len == 0)
		return;
	waiting_octets -= len;
	if (session == NULL)
		return;
	if (s->id[side] != 0)
		(void)nghttp2_session_consume(session, s->id[side], len);
	else
		(void)nghttp2_session_consume_connection(session, len);
}

void exchange2_drop(struct exchange2_stream *s, enum tls_side side)
{
	struct exchange2_way *way = &s->way[side];

	way->dropped = true;
	if (change2_holds(way)) { /* what is ready is paid for */
		waiting_octets -= buf_len(&way->data);
		pay(s, side, change2_held(way));
	} else {
		pay(s, side, buf_len(&way->data));
	}
	change2_drop(way);
	http2_block_free(&way->trailers);
}

void exchange2_stream_free(struct exchange2_stream *s)
{
	struct exchange2 *x = s->exchange;

	for (int i = 0; i < TLS_SIDES; i++) {
		exchange2_drop(s, (enum tls_side)i);
		if (s->id[i] != 0)
			(void)nghttp2_session_set_stream_user_data(x->session[i], s->id[i], NULL);
		if (x->block[i] == &s->head || x->block[i] == &s->way[i].trailers)
			x->block[i] = NULL;
	}
	if (s->state == STREAM_ASKED) {
		x->asked--;
		x->owner->left(s);
	}
	s->end.clean = s->said && s->end.why == NULL;
	if (s->allowed)
		x->owner->ended(s, &s->end);
	websocket_free(&s->socket);
	inject_free(s->inject);
	http2_block_free(&s->head);
	list_remove(&s->node);
	x->stream_count--;
	free(s);
}

static void reset(struct exchange2_stream *s, enum tls_side side, uint32_t code)
{
	if (s->id[side] != 0)
		(void)nghttp2_submit_rst_stream(s->exchange->session[side], NGHTTP2_FLAG_NONE,
						s->id[side], code);
}

/* part() - from the server's stream */
static void part(struct exchange2_stream *s, uint32_t code)
{
	if (s->id[TLS_UPSTREAM] == 0)
		return;
	reset(s, TLS_UPSTREAM, code);
	(void)nghttp2_session_set_stream_user_data(s->exchange->session[TLS_UPSTREAM],
						   s->id[TLS_UPSTREAM], NULL);
	s->id[TLS_UPSTREAM] = 0;
}

void exchange2_break(struct exchange2_stream *s, uint32_t code, const char *why)
{
	if (s->broken)
		return;
	s->broken = true;
	if (s->end.why == NULL)
		s->end.why = why;
	exchange2_drop(s, TLS_INSIDE);
	exchange2_drop(s, TLS_UPSTREAM);
	part(s, code);
	reset(s, TLS_INSIDE, code);
}

void exchange2_blame(struct exchange2_stream *s, unsigned status, const char *why)
{
	if (s->broken)
		return;
	s->exchange->owner->refused(s->exchange, status, why);
	exchange2_break(s, NGHTTP2_PROTOCOL_ERROR, why);
}

void exchange2_forbid(struct exchange2_stream *s, const char *why)
{
	if (s->broken)
		return;
	s->exchange->owner->refused(s->exchange, s->responded ? 0 : 403, why);
	s->end.why = why;
	if (s->responded) {
		exchange2_break(s, NGHTTP2_CANCEL, why);
		return;
	}
	s->end.status = 403;
	exchange2_answer(s, 403, span_of(why));
}

/* wake() - there is something for the side that @from sends to */
static void wake(struct exchange2_stream *s, enum tls_side from)
{
	enum tls_side to = exchange2_other(from);

	if (!s->way[from].waits || s->id[to] == 0)
		return;
	s->way[from].waits = false;
	(void)nghttp2_session_resume_data(s->exchange->session[to], s->id[to]);
}

static void miscounted(struct exchange2_stream *s, enum tls_side side)
{
	if (side == TLS_INSIDE)
		exchange2_blame(s, 400, "the body is not as long as Content-Length says");
	else
		exchange2_break(s, NGHTTP2_PROTOCOL_ERROR,
				"the server's response is not as long as it should be");
}

/* is_early() - something of a response's body, before its head */
static bool is_early(const struct exchange2_stream *s, enum tls_side side)
{
	return side == TLS_UPSTREAM && s->state == STREAM_OPEN && !s->responded;
}

static void break_early(struct exchange2_stream *s)
{
	exchange2_break(s, NGHTTP2_PROTOCOL_ERROR, "the server's body comes before its head");
}

void exchange2_came(struct exchange2_stream *s, enum tls_side side, struct span data)
{
	struct exchange2_way *way = &s->way[side];
	struct exchange2 *x = s->exchange;

	if (is_early(s, side)) {
		(void)nghttp2_session_consume(x->session[side], s->id[side], data.len);
		break_early(s);
		return;
	}
	if (!exchange2_watch(s, side, data)) {
		(void)nghttp2_session_consume_connection(x->session[side], data.len);
		return;
	}
	way->came += data.len;
	waiting_octets += data.len;
	*(side == TLS_INSIDE ? &s->end.up : &s->end.down) += data.len;
	const char *why = NULL;
	int r = change2_take(way, &why, data);
	if (r < 0)
		pay(s, side, data.len);
	if (why != NULL) {
		exchange2_forbid(s, why);
	} else if (r < 0) {
		exchange2_break(s, NGHTTP2_INTERNAL_ERROR, "there is no memory for its body");
	} else if (way->exact && way->came > way->expected) {
		miscounted(s, side);
	} else if (exchange2_is_over_cap(s, side, way->came)) {
		exchange2_over_cap(s, side);
	} else if (waiting_octets > EXCHANGE2_WAITING_OCTETS_MAX) {
		exchange2_calm_down(x, side, "too much waits to be taken by the other side");
	} else {
		wake(s, side);
	}
}

void exchange2_ended(struct exchange2_stream *s, enum tls_side side)
{
	struct exchange2_way *way = &s->way[side];

	if (is_early(s, side)) {
		break_early(s);
		return;
	}
	way->ended = true;
	if (!way->dropped && way->exact && way->came != way->expected)
		miscounted(s, side);
	else
		wake(s, side);
}

/*
 * stop_program() - nobody wants the rest of its request (RFC 9113 section 8.1). Not at once: there are
 * clients that take a reset while they still send for the loss of the response.
 */
static void stop_program(struct exchange2_stream *s)
{
	struct exchange2_way *way = &s->way[TLS_INSIDE];

	if (s->said && s->id[TLS_UPSTREAM] == 0 && !way->ended && s->unwanted > UNWANTED_OCTETS_MAX)
		reset(s, TLS_INSIDE, NGHTTP2_NO_ERROR);
}

void exchange2_said_all(struct exchange2_stream *s)
{
	s->said = true;
	stop_program(s);
}

void exchange2_unwanted(struct exchange2_stream *s, enum tls_side side, size_t len)
{
	(void)nghttp2_session_consume(s->exchange->session[side], s->id[side], len);
	s->unwanted += len;
	if (side == TLS_INSIDE)
		stop_program(s);
}

static void server_closed(struct exchange2_stream *s, uint32_t code)
{
	if (!s->way[TLS_UPSTREAM].ended || code != NGHTTP2_NO_ERROR) {
		exchange2_break(s, code != NGHTTP2_NO_ERROR ? code : NGHTTP2_INTERNAL_ERROR,
				"the server's response broke off");
		return;
	}
	exchange2_drop(s, TLS_INSIDE);
	stop_program(s);
}

void exchange2_closed(struct exchange2_stream *s, enum tls_side side, uint32_t code)
{
	s->id[side] = 0;
	if (side == TLS_UPSTREAM) {
		server_closed(s, code);
		return;
	}
	part(s, code != NGHTTP2_NO_ERROR ? code : NGHTTP2_CANCEL);
	exchange2_stream_free(s);
}

/* Bodies on their way out. */

/* send_trailers() - after what is being sent. Return: are there any? */
static bool send_trailers(struct exchange2_stream *s, enum tls_side from)
{
	static struct http2_fields trailers;
	static struct http2_list list;
	enum tls_side to = exchange2_other(from);
	struct http2_block *block = &s->way[from].trailers;

	if (block->count == 0 || http2_trailers_read(&trailers, block).status != 0 ||
	    !change2_trailers(s, from, &trailers))
		return false;
	http2_trailers_write(&list, &trailers);
	bool sent =
	    list.count > 0 && nghttp2_submit_trailer(s->exchange->session[to], s->id[to],
						     exchange2_vector(&list), list.count) == 0;
	if (sent)
		exchange2_head_waits(s->exchange, to, &list);
	change2_wipe();
	return sent;
}

/* fill() - of a body that is held: what may go on. Return: false: no more of it may */
static bool fill(struct exchange2_stream *s, enum tls_side from)
{
	struct exchange2_way *way = &s->way[from];
	size_t before = buf_len(&way->data);
	const char *why = NULL;
	size_t used = change2_fill(way, &why);

	waiting_octets += buf_len(&way->data) - before;
	pay(s, from, used);
	if (why != NULL)
		exchange2_forbid(s, why);
	return why == NULL;
}

/* NOLINTNEXTLINE(readability-function-size): its parameters are the library's */
ssize_t exchange2_read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t length,
			    uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct exchange2 *x = context;
	enum tls_side to = session == x->session[TLS_INSIDE] ? TLS_INSIDE : TLS_UPSTREAM;
	struct exchange2_stream *s = exchange2_stream_of(x, to, id);

	(void)room;
	(void)source;
	if (s == NULL || s->broken)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	struct exchange2_way *way = &s->way[exchange2_other(to)];
	if (!fill(s, exchange2_other(to)))
		return NGHTTP2_ERR_DEFERRED; /* it was reset */
	size_t all = buf_len(&way->data), len = all < length ? all : length;
	bool whole = way->ended && change2_held(way) == 0 && !change2_waits(way);
	if (len == 0 && !whole) {
		way->waits = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (len == all && whole) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (send_trailers(s, exchange2_other(to)))
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	}
	if (len > 0)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	return (ssize_t)len;
}

static void put(const void *octets, size_t len)
{
	memcpy(exchange2_outlet.octets + exchange2_outlet.len, octets, len);
	exchange2_outlet.len += len;
}

int exchange2_send_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
			size_t length, nghttp2_data_source *source, void *context)
{
	enum { FRAME_HEAD_OCTETS = 9 };
	struct exchange2 *x = context;
	enum tls_side to = session == x->session[TLS_INSIDE] ? TLS_INSIDE : TLS_UPSTREAM;
	struct exchange2_stream *s = exchange2_stream_of(x, to, frame->hd.stream_id);

	(void)source;
	if (s == NULL || s->broken)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	enum tls_side from = exchange2_other(to);
	struct buf *data = &s->way[from].data;
	const char *octets = buf_span(data).ptr;
	if (octets == NULL || buf_len(data) < length || frame->data.padlen > 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE; /* a fault of ours */
	if (sizeof(exchange2_outlet.octets) - exchange2_outlet.len < FRAME_HEAD_OCTETS + length)
		return NGHTTP2_ERR_WOULDBLOCK; /* it comes back with the next write */
	put(head, FRAME_HEAD_OCTETS);
	put(octets, length);
	buf_drop(data, length);
	if (buf_len(data) == 0)
		change2_clear(&s->way[from]);
	if (change2_holds(&s->way[from]))
		waiting_octets -= length; /* it was paid for */
	else
		pay(s, from, length);
	return NGHTTP2_ERR_PAUSE; /* it is sent; whether the next frame has room is seen before each */
}

/* Our own answers. */

const nghttp2_nv *exchange2_vector(const struct http2_list *list)
{
	static nghttp2_nv vector[ARRAY_SIZE(list->at)];

	for (unsigned i = 0; i < list->count; i++) {
		const struct http2_field *field = &list->at[i];

		/* it copies them, and only its type wants them writable */
		vector[i] = (nghttp2_nv){
			.name = (uint8_t *)(uintptr_t)field->name.ptr,
			.namelen = field->name.len,
			.value = (uint8_t *)(uintptr_t)field->value.ptr,
			.valuelen = field->value.len,
			.flags = field->sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE,
		};
	}
	return vector;
}

static int submit_answer(struct exchange2_stream *s, const struct reply *reply)
{
	struct http2_list list = { .count = 5 };
	char code[4], length[24], error[64], retry[16];
	const nghttp2_data_provider body = { .read_callback = exchange2_read_body };
	size_t len = buf_len(&s->way[TLS_UPSTREAM].data);

	(void)snprintf(code, sizeof(code), "%u", reply->status % 1000);
	(void)snprintf(length, sizeof(length), "%zu", len);
	(void)snprintf(error, sizeof(error), "immure; error=%s", reply->proxy_error);
	list.at[0] = (struct http2_field){ .name = SPAN(":status"), .value = span_of(code) };
	list.at[1] =
	    (struct http2_field){ .name = SPAN("content-type"), .value = SPAN("application/json") };
	list.at[2] =
	    (struct http2_field){ .name = SPAN("content-length"), .value = span_of(length) };
	list.at[3] =
	    (struct http2_field){ .name = SPAN("cache-control"), .value = SPAN("no-store") };
	list.at[4] = (struct http2_field){ .name = SPAN("proxy-status"), .value = span_of(error) };
	if (reply->retry_after_s > 0) {
		(void)snprintf(retry, sizeof(retry), "%u", reply->retry_after_s);
		list.at[list.count++] =
		    (struct http2_field){ .name = SPAN("retry-after"), .value = span_of(retry) };
	}
	int r = nghttp2_submit_response(s->exchange->session[TLS_INSIDE], s->id[TLS_INSIDE],
					exchange2_vector(&list), list.count,
					s->head_only ? NULL : &body);
	if (r == 0)
		exchange2_head_waits(s->exchange, TLS_INSIDE, &list);
	return r;
}

void exchange2_answer(struct exchange2_stream *s, unsigned status, struct span why)
{
	struct reply reply = s->end.blocked ? reply_of_cap(status, why, s->ask_id)
					    : reply_of_status(status, why, s->ask_id);
	struct exchange2_way *way = &s->way[TLS_UPSTREAM];

	if (!s->allowed)
		reply.retry_after_s = s->caps.retry_after_s;
	part(s, NGHTTP2_CANCEL);
	http2_block_free(&s->head); /* @why is not of it */
	exchange2_drop(s, TLS_INSIDE);
	exchange2_drop(s, TLS_UPSTREAM);
	s->state = STREAM_ANSWERED;
	way->ours = way->ended = true;
	way->exact = false;
	way->data = BUF(REPLY_OCTETS_MAX);
	if (reply_body(&way->data, &reply) < 0 || submit_answer(s, &reply) != 0)
		exchange2_break(s, NGHTTP2_INTERNAL_ERROR, NULL);
	else if (s->head_only)
		buf_free(&way->data);
}
