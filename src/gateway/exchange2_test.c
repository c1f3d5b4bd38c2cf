// SPDX-License-Identifier: Apache-2.0
/*
 * A row is what the program asks, what the verdict is and what the server does; then it is compared what the
 * program got, what the server got, and what was told.
 */
#include "gateway/exchange2_test_priv.h"

static const struct row rows[] = {
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
