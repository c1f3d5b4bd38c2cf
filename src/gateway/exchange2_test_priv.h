/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange2_test_priv - a program and a server, each an nghttp2 session of its own at the end of a socket pair,
 * and the exchange between them, all in this thread.
 */
#ifndef GATEWAY_EXCHANGE2_TEST_PRIV_H
#define GATEWAY_EXCHANGE2_TEST_PRIV_H

#include "gateway/exchange2.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"

enum { TURN_NS = 500 * 1000, TURNS_MAX = 2000, BODY_OCTETS = 700 * 1000, STREAMS = 8 };

/* One of the two peers. */
struct peer {
	nghttp2_session *session;
	int fd;
	size_t to_send; /* of the body */
	bool trailers, endless;
	size_t trailer_octets; /* of its value; 0: it is one */
	unsigned status;       /* of the last head */
	unsigned heads, asked; /* that came */
	size_t came;
	bool ended;
	int code; /* of the stream that was closed; -1: none was */
	bool goaway;
};

struct rig {
	struct loop *loop;
	struct loop_timer turn;
	struct ends ends;
	struct exchange2 exchange;
	struct peer program, server;
	struct exchange2_stream *asked[STREAMS];
	unsigned asks, lefts, ends_told, refusals;
	struct exchange1_end end;
	bool over, clean;
	const struct row *row;
};

/* What happens, for exchange2_test.c; for others most is 0. */
struct row {
	const char *name;
	const char *path;
	unsigned verdict;        /* 0: it may go out */
	bool late;               /* the verdict comes when the stream is gone */
	bool upload, download;   /* a body of BODY_OCTETS */
	bool trailers;           /* after the server's body */
	uint32_t server_resets;  /* with this code, instead of a response */
	uint32_t program_resets; /* when the server has it */
	size_t cap[TLS_SIDES];   /* of a body; 0: none */
	bool length;             /* bodies say theirs */
	bool late_response;      /* the server answers when it has all */
	bool endless;            /* or says no end */
	/* what comes of it */
	unsigned status, ends_told, end_status;
	bool end_clean;
	int code, server_code;
	bool end_blocked;
};

static inline struct rig *rig_of(struct exchange2 *exchange)
{
	return container_of(exchange, struct rig, exchange);
}

static inline bool on_ask(struct exchange2_stream *stream, struct span what, bool websocket)
{
	struct rig *rig = rig_of(stream->exchange);

	CHECK(what.len > 4 && !websocket, "%s", rig->row->name);
	rig->asked[rig->asks++ % STREAMS] = stream;
	stream->caps.octets[TLS_INSIDE] = rig->row->cap[TLS_INSIDE];
	stream->caps.octets[TLS_UPSTREAM] = rig->row->cap[TLS_UPSTREAM];
	if (!rig->row->late)
		exchange2_verdict(stream, rig->row->verdict,
				  span_of(rig->row->verdict == 0 ? "" : "because"));
	return true;
}

static inline void on_left(struct exchange2_stream *stream)
{
	rig_of(stream->exchange)->lefts++;
}

static inline void on_ended(struct exchange2_stream *stream, const struct exchange1_end *end)
{
	rig_of(stream->exchange)->ends_told++;
	rig_of(stream->exchange)->end = *end;
}

static inline void on_refused(struct exchange2 *exchange, unsigned status, const char *why)
{
	(void)status;
	(void)why;
	rig_of(exchange)->refusals++;
}

static inline void on_over(struct exchange2 *exchange, bool clean)
{
	rig_of(exchange)->over = true;
	rig_of(exchange)->clean = clean;
}

static inline void on_again(struct exchange2 *exchange)
{
	(void)exchange2_step(exchange);
}

static const struct exchange2_owner owner = { on_ask,     on_left, on_ended,
					      on_refused, on_over, on_again };

static inline void on_ready(struct ends *ends)
{
	struct rig *rig = container_of(ends, struct rig, ends);

	if (!rig->over)
		(void)exchange2_step(&rig->exchange);
}

/* The peers. */

static inline ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t length,
				uint32_t *flags, nghttp2_data_source *source, void *context)
{
	static const char name[] = "x-sum";
	static char value[16 * 1024];
	struct peer *peer = context;
	size_t len = peer->to_send < length ? peer->to_send : length;
	nghttp2_nv trailer = { (uint8_t *)(uintptr_t)name, (uint8_t *)value, 5, 1, 0 };

	(void)source;
	memset(room, 'b', len);
	peer->to_send -= len;
	if (peer->endless && len == 0)
		return NGHTTP2_ERR_DEFERRED;
	if (peer->to_send > 0 || peer->endless)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (peer->trailers) {
		memset(value, '~', sizeof(value)); /* the Huffman code makes it no shorter */
		trailer.valuelen = peer->trailer_octets > 0 ? peer->trailer_octets : 1;
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		CHECK(nghttp2_submit_trailer(session, id, &trailer, 1) == 0, "trailer");
	}
	return (ssize_t)len;
}

static inline nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			     strlen(value), 0 };
}

static inline int on_header(nghttp2_session *session, const nghttp2_frame *frame,
			    const uint8_t *name, size_t name_len, const uint8_t *value,
			    size_t value_len, uint8_t flags, void *context)
{
	struct peer *peer = context;

	(void)session;
	(void)frame;
	(void)flags;
	(void)value_len;
	if (name_len == 7 && memcmp(name, ":status", 7) == 0)
		peer->status = (unsigned)strtoul((const char *)value, NULL, 10);
	return 0;
}

static inline int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct peer *peer = context;

	(void)session;
	peer->heads += frame->hd.type == NGHTTP2_HEADERS;
	peer->goaway = peer->goaway || frame->hd.type == NGHTTP2_GOAWAY;
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		peer->ended = true;
	return 0;
}

static inline int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
			  size_t len, void *context)
{
	(void)session;
	(void)flags;
	(void)id;
	(void)data;
	((struct peer *)context)->came += len;
	return 0;
}

static inline int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	(void)session;
	(void)id;
	((struct peer *)context)->code = (int)code;
	return 0;
}

static inline void open_peer(struct peer *peer, int fd, bool server)
{
	nghttp2_session_callbacks *callbacks = NULL;

	*peer = (struct peer){ .fd = fd, .code = -1 };
	CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "memory");
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	CHECK((server ? nghttp2_session_server_new
		      : nghttp2_session_client_new)(&peer->session, callbacks, peer) == 0,
	      "memory");
	nghttp2_session_callbacks_del(callbacks);
	CHECK(nghttp2_submit_settings(peer->session, 0, NULL, 0) == 0, "settings");
}

/* work() - read and write what there is */
static inline void work(struct peer *peer)
{
	const uint8_t *octets = NULL;
	uint8_t room[65536];
	ssize_t n = 0;

	while ((n = recv(peer->fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
		CHECK(nghttp2_session_mem_recv(peer->session, room, (size_t)n) == n, "frames");
	while ((n = nghttp2_session_mem_send(peer->session, &octets)) > 0)
		CHECK(send(peer->fd, octets, (size_t)n, MSG_NOSIGNAL) == n, "%d", errno);
}

static inline void turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, turn)->loop, 0);
}

static inline void spin(struct rig *rig)
{
	work(&rig->program);
	work(&rig->server);
	loop_arm(rig->loop, &rig->turn, TURN_NS);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

static inline void open_rig(struct rig *rig, const struct row *row)
{
	const int room = 4 * 1024 * 1024; /* the peers block, so all must fit */
	int inside[2] = { -1, -1 }, outside[2] = { -1, -1 };

	*rig = (struct rig){ .row = row, .turn.fired = turn_over };
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, inside) == 0 &&
		  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, outside) == 0 &&
		  loop_new(&rig->loop) == 0,
	      "%d", errno);
	(void)setsockopt(inside[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	(void)setsockopt(outside[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	(void)fcntl(inside[1], F_SETFL, 0);
	(void)fcntl(outside[1], F_SETFL, 0);
	open_peer(&rig->program, inside[1], false);
	open_peer(&rig->server, outside[1], true);
	rig->ends.ready = on_ready;
	CHECK(ends_open(&rig->ends, rig->loop, inside[0], outside[0]) == 0, "ends");
	rig->exchange = (struct exchange2){ .ends = &rig->ends,
					    .loop = rig->loop,
					    .owner = &owner,
					    .host = { "a.test", 80, false } };
	CHECK(exchange2_start(&rig->exchange, (struct span){ 0 }) == 0, "start");
	(void)exchange2_step(&rig->exchange);
}

static inline void close_rig(struct rig *rig)
{
	if (!rig->over)
		exchange2_stop(&rig->exchange);
	ends_reset(&rig->ends);
	nghttp2_session_del(rig->program.session);
	nghttp2_session_del(rig->server.session);
	fd_close(&rig->program.fd);
	fd_close(&rig->server.fd);
	loop_disarm(&rig->turn);
	loop_free(rig->loop);
}

#endif
