// SPDX-License-Identifier: Apache-2.0
/*
 * A program and a server, each an nghttp2 session of its own at the end of a socket pair, and the
 * exchange between them, all in this thread. A row is what the program asks, what the verdict is and what
 * the server does; then it is compared what the program got, what the server got, and what was told.
 */
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

/* What happens. */
static const struct row {
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
} rows[] = {
	{ .name = "a request",
	  .path = "/",
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .end_clean = true,
	  .server_code = 0 },
	{ .name = "bodies",
	  .path = "/",
	  .upload = true,
	  .download = true,
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .end_clean = true },
	{ .name = "trailers",
	  .path = "/",
	  .download = true,
	  .trailers = true,
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .end_clean = true },
	{ .name = "denied", .path = "/", .verdict = 403, .status = 403, .server_code = -1 },
	{ .name = "denied with its body",
	  .path = "/",
	  .verdict = 403,
	  .upload = true,
	  .status = 403,
	  .server_code = -1 },
	{ .name = "malformed", .path = "/%2f", .status = 400, .server_code = -1 },
	{ .name = "the server resets it",
	  .path = "/",
	  .server_resets = NGHTTP2_REFUSED_STREAM,
	  .ends_told = 1,
	  .code = NGHTTP2_REFUSED_STREAM,
	  .server_code = NGHTTP2_REFUSED_STREAM },
	{ .name = "the program resets it",
	  .path = "/",
	  .program_resets = NGHTTP2_CANCEL,
	  .ends_told = 1,
	  .code = NGHTTP2_CANCEL,
	  .server_code = NGHTTP2_CANCEL },
	{ .name = "it is reset while asked about",
	  .path = "/",
	  .late = true,
	  .program_resets = NGHTTP2_CANCEL,
	  .code = NGHTTP2_CANCEL,
	  .server_code = -1 },
	{ .name = "as long as they may be",
	  .path = "/",
	  .upload = true,
	  .download = true,
	  .cap = { BODY_OCTETS, BODY_OCTETS },
	  .length = true,
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .end_clean = true },
	{ .name = "without saying how long",
	  .path = "/",
	  .upload = true,
	  .download = true,
	  .cap = { BODY_OCTETS, BODY_OCTETS },
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .end_clean = true },
	{ .name = "a request says that it is too long",
	  .path = "/",
	  .upload = true,
	  .cap = { BODY_OCTETS - 1 },
	  .length = true,
	  .status = 413,
	  .ends_told = 1,
	  .end_status = 413,
	  .server_code = -1,
	  .end_blocked = true },
	{ .name = "a request becomes too long",
	  .path = "/",
	  .upload = true,
	  .cap = { BODY_OCTETS - 1 },
	  .late_response = true,
	  .status = 413,
	  .ends_told = 1,
	  .end_status = 413,
	  .server_code = NGHTTP2_CANCEL,
	  .end_blocked = true },
	{ .name = "a request becomes too long after its response began",
	  .path = "/",
	  .upload = true,
	  .download = true,
	  .cap = { BODY_OCTETS - 1 },
	  .endless = true,
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .code = NGHTTP2_CANCEL,
	  .server_code = NGHTTP2_CANCEL,
	  .end_blocked = true },
	{ .name = "a response says that it is too long",
	  .path = "/",
	  .download = true,
	  .cap = { 0, BODY_OCTETS - 1 },
	  .length = true,
	  .status = 502,
	  .ends_told = 1,
	  .end_status = 502,
	  .server_code = NGHTTP2_CANCEL,
	  .end_blocked = true },
	{ .name = "a response becomes too long",
	  .path = "/",
	  .download = true,
	  .cap = { 0, BODY_OCTETS / 2 },
	  .status = 200,
	  .ends_told = 1,
	  .end_status = 200,
	  .code = NGHTTP2_CANCEL,
	  .server_code = NGHTTP2_CANCEL,
	  .end_blocked = true },
};

static struct rig *rig_of(struct exchange2 *exchange)
{
	return container_of(exchange, struct rig, exchange);
}

static bool on_ask(struct exchange2_stream *stream, struct span what, bool websocket)
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

static void on_left(struct exchange2_stream *stream)
{
	rig_of(stream->exchange)->lefts++;
}

static void on_ended(struct exchange2_stream *stream, const struct exchange1_end *end)
{
	rig_of(stream->exchange)->ends_told++;
	rig_of(stream->exchange)->end = *end;
}

static void on_refused(struct exchange2 *exchange, unsigned status, const char *why)
{
	(void)status;
	(void)why;
	rig_of(exchange)->refusals++;
}

static void on_over(struct exchange2 *exchange, bool clean)
{
	rig_of(exchange)->over = true;
	rig_of(exchange)->clean = clean;
}

static void on_again(struct exchange2 *exchange)
{
	(void)exchange2_step(exchange);
}

static const struct exchange2_owner owner = { on_ask,     on_left, on_ended,
					      on_refused, on_over, on_again };

static void on_ready(struct ends *ends)
{
	struct rig *rig = container_of(ends, struct rig, ends);

	if (!rig->over)
		(void)exchange2_step(&rig->exchange);
}

/* The peers. */

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t length,
			 uint32_t *flags, nghttp2_data_source *source, void *context)
{
	static const char name[] = "x-sum", value[] = "7";
	struct peer *peer = context;
	size_t len = peer->to_send < length ? peer->to_send : length;
	nghttp2_nv trailer = { (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, 5, 1, 0 };

	(void)source;
	memset(room, 'b', len);
	peer->to_send -= len;
	if (peer->endless && len == 0)
		return NGHTTP2_ERR_DEFERRED;
	if (peer->to_send > 0 || peer->endless)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (peer->trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		CHECK(nghttp2_submit_trailer(session, id, &trailer, 1) == 0, "trailer");
	}
	return (ssize_t)len;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			     strlen(value), 0 };
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *context)
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

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
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

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t len, void *context)
{
	(void)session;
	(void)flags;
	(void)id;
	(void)data;
	((struct peer *)context)->came += len;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	(void)session;
	(void)id;
	((struct peer *)context)->code = (int)code;
	return 0;
}

static void open_peer(struct peer *peer, int fd, bool server)
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
static void work(struct peer *peer)
{
	const uint8_t *octets = NULL;
	uint8_t room[65536];
	ssize_t n = 0;

	while ((n = recv(peer->fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
		CHECK(nghttp2_session_mem_recv(peer->session, room, (size_t)n) == n, "frames");
	while ((n = nghttp2_session_mem_send(peer->session, &octets)) > 0)
		CHECK(send(peer->fd, octets, (size_t)n, MSG_NOSIGNAL) == n, "%d", errno);
}

static void turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, turn)->loop, 0);
}

static void spin(struct rig *rig)
{
	work(&rig->program);
	work(&rig->server);
	loop_arm(rig->loop, &rig->turn, TURN_NS);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

static void open_rig(struct rig *rig, const struct row *row)
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

static void close_rig(struct rig *rig)
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

static void ask(struct rig *rig, const char *path, bool upload)
{
	const nghttp2_data_provider body = { .read_callback = read_body };
	const nghttp2_nv head[] = { field(":method", upload ? "POST" : "GET"),
				    field(":scheme", "http"), field(":authority", "a.test"),
				    field(":path", path), field("content-length", "700000") };

	rig->program.to_send = upload ? BODY_OCTETS : 0;
	CHECK(nghttp2_submit_request(rig->program.session, NULL, head,
				     ARRAY_SIZE(head) - !(rig->row->length && upload),
				     upload ? &body : NULL, NULL) > 0,
	      "request");
}

/* serve() - the server's part, once it has the request */
static void serve(struct rig *rig)
{
	const struct row *row = rig->row;
	const nghttp2_data_provider body = { .read_callback = read_body };
	const nghttp2_nv head[] = { field(":status", "200"), field("content-length", "700000") };
	struct peer *server = &rig->server;

	if (row->late_response && !server->ended)
		return;
	if (server->heads == 0 || server->asked++ > 0)
		return;
	server->to_send = BODY_OCTETS;
	server->trailers = row->trailers;
	server->endless = row->endless;
	if (row->server_resets != 0)
		CHECK(nghttp2_submit_rst_stream(server->session, 0, 1, row->server_resets) == 0,
		      "reset");
	else if (row->program_resets != 0)
		CHECK(nghttp2_submit_rst_stream(rig->program.session, 0, 1, row->program_resets) ==
			  0,
		      "reset");
	else
		CHECK(nghttp2_submit_response(server->session, 1, head,
					      ARRAY_SIZE(head) - !row->length,
					      row->download ? &body : NULL) == 0,
		      "response");
}

static void judge(struct rig *rig)
{
	const struct row *row = rig->row;

	CHECK(rig->program.code == row->code, "%s: closed by %d", row->name, rig->program.code);
	CHECK(rig->program.status == row->status, "%s: %u", row->name, rig->program.status);
	CHECK(rig->server.code == row->server_code, "%s: server's by %d", row->name,
	      rig->server.code);
	CHECK(rig->ends_told == row->ends_told, "%s: %u ends", row->name, rig->ends_told);
	CHECK(rig->end.status == row->end_status && rig->end.clean == row->end_clean, "%s: %u",
	      row->name, rig->end.status);
	CHECK(rig->lefts == row->late, "%s", row->name);
	CHECK(rig->end.blocked == row->end_blocked, "%s: %d", row->name, rig->end.blocked);
	if (row->end_blocked) {
		CHECK(row->cap[TLS_UPSTREAM] == 0 || rig->program.came <= row->cap[TLS_UPSTREAM] ||
			  row->status != 200,
		      "%s: %zu", row->name, rig->program.came);
		CHECK(row->cap[TLS_INSIDE] == 0 || rig->server.came <= row->cap[TLS_INSIDE],
		      "%s: %zu", row->name, rig->server.came);
		CHECK(!rig->server.ended || !row->upload, "%s: a part for the whole", row->name);
		CHECK(!rig->program.ended || row->status != 200, "%s: likewise", row->name);
		return;
	}
	if (row->download)
		CHECK(rig->program.came == BODY_OCTETS, "%s: %zu", row->name, rig->program.came);
	if (row->upload && row->verdict == 0)
		CHECK(rig->server.came == BODY_OCTETS, "%s: %zu", row->name, rig->server.came);
	if (row->trailers)
		CHECK(rig->program.heads == 2, "%s: %u heads", row->name, rig->program.heads);
	CHECK(rig->exchange.stream_count == 0 && !rig->over, "%s", row->name);
}

static void test_row(const struct row *row)
{
	struct rig rig;

	open_rig(&rig, row);
	ask(&rig, row->path, row->upload);
	for (int i = 0; i < TURNS_MAX && rig.exchange.stream_count + (rig.program.code < 0) > 0;
	     i++) {
		spin(&rig);
		serve(&rig);
		if (row->late && rig.asks > 0 && rig.program.code < 0)
			(void)nghttp2_submit_rst_stream(rig.program.session, 0, 1,
							row->program_resets);
	}
	for (int i = 0; i < 5; i++)
		spin(&rig);
	judge(&rig);
	close_rig(&rig);
}

static const struct row silent = { .name = "silent", .late = true };

/* The end of either side in the middle of it. */
static void test_ends(void)
{
	for (int server = 0; server < 2; server++) {
		struct rig rig;

		open_rig(&rig, server ? &rows[0] : &silent);
		ask(&rig, "/", true);
		for (int i = 0; i < 20; i++)
			spin(&rig);
		CHECK(rig.asks == 1 && rig.exchange.stream_count == 1, "under way");
		(void)shutdown(server ? rig.server.fd : rig.program.fd, SHUT_RDWR);
		for (int i = 0; i < 20; i++)
			spin(&rig);
		if (server)
			CHECK(rig.program.status == 502 && rig.program.goaway && rig.ends_told == 1,
			      "%u", rig.program.status);
		else
			CHECK(rig.over && !rig.clean && rig.lefts == 1, "over");
		close_rig(&rig);
	}
}

/* A server may send a window more than the program takes, and no more is kept. */
static void test_windows(void)
{
	const struct row row = { .name = "windows", .download = true };
	struct rig rig;

	open_rig(&rig, &row);
	(void)nghttp2_session_set_local_window_size(rig.program.session, 0, 0, 1);
	ask(&rig, "/", false);
	for (int i = 0; i < 300; i++) {
		if (i > 5) { /* the program has said what it has to, and reads no more */
			work(&rig.server);
			loop_arm(rig.loop, &rig.turn, TURN_NS);
			CHECK(loop_run(rig.loop) == 0, "loop");
		} else {
			spin(&rig);
		}
		serve(&rig);
	}
	size_t taken = BODY_OCTETS - rig.server.to_send;
	CHECK(taken >= EXCHANGE2_WINDOW_OCTETS, "%zu", taken);
	CHECK(taken <= EXCHANGE2_WINDOW_OCTETS + 65535 + 1, "%zu", taken);
	close_rig(&rig);
	CHECK(rig.ends_told == 1 && !rig.end.clean, "an end is told");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		test_row(&rows[i]);
	test_ends();
	test_windows();
	return test_failures > 0;
}
