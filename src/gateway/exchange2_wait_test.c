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

int main(void)
{
	test_all_gathered();
	return test_failures > 0;
}
