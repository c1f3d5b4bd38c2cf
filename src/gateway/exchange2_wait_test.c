// SPDX-License-Identifier: Apache-2.0
/* What waits for a side that takes nothing for now, and what becomes of it when it does. */
#include "gateway/exchange2_test_priv.h"

enum { WINDOW_OCTETS = 65535, SPINS = 30 };

static const struct row plain = { .name = "plain", .path = "/" };

static void spin_some(struct rig *rig)
{
	for (int i = 0; i < SPINS; i++)
		spin(rig);
}

/* close_window() - of streams towards @peer, from now on */
static void close_window(struct peer *peer)
{
	const nghttp2_settings_entry none = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 };

	CHECK(nghttp2_submit_settings(peer->session, 0, &none, 1) == 0, "settings");
}

static void begin(struct rig *rig, const nghttp2_data_provider *body)
{
	const nghttp2_nv head[] = { field(":method", body != NULL ? "POST" : "GET"),
				    field(":scheme", "http"), field(":authority", "a.test"),
				    field(":path", "/") };

	CHECK(nghttp2_submit_request(rig->program.session, NULL, head, ARRAY_SIZE(head), body,
				     NULL) > 0,
	      "request");
}

static void respond(struct rig *rig, const nghttp2_data_provider *body)
{
	const nghttp2_nv status = field(":status", "200");

	CHECK(nghttp2_submit_response(rig->server.session, 1, &status, 1, body) == 0, "response");
}

/* A body and its trailers, all of which is there when the side may have it: nothing is lost, and the connection
 * stays. */
static void test_gathered(enum tls_side from, size_t body_octets, size_t trailer_octets)
{
	const nghttp2_data_provider body = { .read_callback = read_body };
	struct rig rig;

	open_rig(&rig, &plain);
	struct peer *sender = from == TLS_INSIDE ? &rig.program : &rig.server;
	struct peer *taker = from == TLS_INSIDE ? &rig.server : &rig.program;
	sender->to_send = body_octets;
	sender->trailers = true;
	sender->trailer_octets = trailer_octets;
	close_window(taker);
	spin_some(&rig);
	begin(&rig, from == TLS_INSIDE ? &body : NULL);
	spin_some(&rig);
	if (from == TLS_UPSTREAM)
		respond(&rig, &body);
	spin_some(&rig);
	CHECK(sender->to_send == 0 && taker->came == 0, "%zu octets came", taker->came);
	CHECK(nghttp2_submit_window_update(taker->session, 0, 1, WINDOW_OCTETS) == 0, "window");
	spin_some(&rig);
	CHECK(!rig.over && !rig.exchange.lost, "side %d, %zu and %zu octets: the connection broke",
	      (int)from, body_octets, trailer_octets);
	CHECK(taker->came == body_octets && taker->heads == 2 && taker->ended,
	      "side %d, %zu and %zu octets: %zu came, %u heads", (int)from, body_octets,
	      trailer_octets, taker->came, taker->heads);
	close_rig(&rig);
}

static void test_all_gathered(void)
{
	/* what is left of 64 KiB after four frames of DATA: 110 octets, 5, 1, none; or of three: a frame's */
	static const size_t bodies[] = { 65390, 65495, 65499, 65500, 49152 };
	static const size_t trailers[] = { 1, 199, 16 * 1024 - 37 };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		for (size_t k = 0; k < ARRAY_SIZE(trailers); k++) {
			test_gathered(TLS_INSIDE, bodies[i], trailers[k]);
			test_gathered(TLS_UPSTREAM, bodies[i], trailers[k]);
		}
}

/* work_alone() - as spin(), but the program takes nothing */
static void work_alone(struct rig *rig)
{
	for (int i = 0; i < SPINS; i++) {
		work(&rig->server);
		loop_arm(rig->loop, &rig->turn, TURN_NS);
		CHECK(loop_run(rig->loop) == 0, "loop");
	}
}

struct interims {
	unsigned streams, each;  /* so many on each stream */
	unsigned fields, octets; /* of each; up to 3 KiB HPACK makes an octet of a field */
	bool fine;
	size_t wait_max;
};

static void say_interims(struct rig *rig, const struct interims *say)
{
	static char value[4096];
	nghttp2_nv head[16] = { field(":status", "103") };

	memset(value, '~', say->octets);
	value[say->octets] = '\0';
	for (unsigned i = 1; i <= say->fields; i++)
		head[i] = field("x-hint", value);
	for (unsigned i = 0; i < say->streams * say->each; i++)
		CHECK(nghttp2_submit_headers(rig->server.session, 0,
					     (int32_t)(1 + i / say->each * 2), NULL, head,
					     say->fields + 1, NULL) == 0,
		      "interim");
}

/* open_small() - of a program that takes little at once, and no field by its place in HPACK's table: what is few
 * octets for the server is many for it */
static void open_small(struct rig *rig)
{
	const nghttp2_settings_entry none = { NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0 };
	const int least = 1; /* the kernel makes it some KiB: socket(7) */

	open_rig(rig, &plain);
	CHECK(nghttp2_submit_settings(rig->program.session, 0, &none, 1) == 0, "settings");
	spin_some(rig);
	CHECK(setsockopt(rig->ends.fd[TLS_INSIDE], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) ==
		  0,
	      "%d", errno);
}

/* Heads that the program does not take are bounded by their octets, however few they were when they came. Some
 * of many octets, or many of few, are fine. */
static void test_interims(void)
{
	static const struct interims cases[] = {
		{ 8, 2, 14, 2900, true, EXCHANGE2_HEADS_OCTETS_MAX },
		{ 90, 4, 1, 50, true, EXCHANGE2_HEADS_OCTETS_MAX },
		{ 8, 16, 14, 2900, false, EXCHANGE2_HEADS_OCTETS_MAX },
		/* the server is not read any more, then */
		{ 7, 2, 11, 3500, true, (size_t)384 * 1024 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;

		open_small(&rig);
		for (unsigned k = 0; k < cases[i].streams; k++)
			begin(&rig, NULL);
		spin_some(&rig);
		CHECK(rig.asks == cases[i].streams, "%u asked", rig.asks);
		say_interims(&rig, &cases[i]);
		work_alone(&rig);
		CHECK((rig.server.code < 0) == cases[i].fine, "case %zu: %d", i, rig.server.code);
		CHECK(rig.exchange.heads <= cases[i].wait_max, "case %zu: %zu octets wait", i,
		      rig.exchange.heads);
		for (int k = 0; k < 10; k++)
			spin_some(&rig);
		CHECK(rig.exchange.heads == 0 && !rig.over, "case %zu: %zu octets wait", i,
		      rig.exchange.heads);
		CHECK(!cases[i].fine || rig.program.heads == cases[i].streams * cases[i].each,
		      "case %zu: %u came", i, rig.program.heads);
		close_rig(&rig);
	}
}

int main(void)
{
	test_interims();
	test_all_gathered();
	return test_failures > 0;
}
