// SPDX-License-Identifier: Apache-2.0
/* Flows that go well: versions, protocols, sizes, ends, sessions. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tls/certificate_priv.h"
#include "tls/test_rig_priv.h"

static const char both[] = "\x02h2\x08http/1.1";

/* Versions, protocols, sizes: octets arrive, both close. */
static void test_conversations(void)
{
	static const struct {
		const char *what, *want_alpn;
		int want_program, want_server;
		struct setup setup;
		size_t up, down;
	} rows[] = {
		{ "1.3", "", TLS1_3_VERSION, TLS1_3_VERSION, { 0 }, 100, 100 },
		{ "1.2",
		  "",
		  TLS1_2_VERSION,
		  TLS1_2_VERSION,
		  { .program_version = TLS1_2_VERSION, .server_version = TLS1_2_VERSION },
		  100,
		  100 },
		{ "1.2 inside",
		  "",
		  TLS1_2_VERSION,
		  TLS1_3_VERSION,
		  { .program_version = TLS1_2_VERSION },
		  100,
		  100 },
		{ "1.2 outside",
		  "",
		  TLS1_3_VERSION,
		  TLS1_2_VERSION,
		  { .server_version = TLS1_2_VERSION },
		  100,
		  100 },
		{ "h2",
		  "h2",
		  TLS1_3_VERSION,
		  TLS1_3_VERSION,
		  { .offer = both, .server_speaks = "\x02h2" },
		  100,
		  100 },
		{ "http/1.1",
		  "http/1.1",
		  TLS1_3_VERSION,
		  TLS1_3_VERSION,
		  { .offer = both, .server_speaks = "\x08http/1.1" },
		  100,
		  100 },
		{ "upstream without ALPN",
		  "",
		  TLS1_3_VERSION,
		  TLS1_3_VERSION,
		  { .offer = both },
		  1,
		  1 },
		{ "program without ALPN",
		  "",
		  TLS1_3_VERSION,
		  TLS1_3_VERSION,
		  { .server_speaks = "\x02h2" },
		  1,
		  1 },
		{ "h2 on 1.2",
		  "h2",
		  TLS1_2_VERSION,
		  TLS1_2_VERSION,
		  { .program_version = TLS1_2_VERSION,
		    .server_version = TLS1_2_VERSION,
		    .offer = both,
		    .server_speaks = "\x02h2" },
		  100,
		  100 },
		{ "5 MiB", "", TLS1_3_VERSION, TLS1_3_VERSION, { 0 }, 5UL * MIB, 5UL * MIB },
		{ "5 MiB on 1.2",
		  "",
		  TLS1_2_VERSION,
		  TLS1_2_VERSION,
		  { .program_version = TLS1_2_VERSION, .server_version = TLS1_2_VERSION },
		  5UL * MIB,
		  5UL * MIB },
		{ "nothing up", "", TLS1_3_VERSION, TLS1_3_VERSION, { 0 }, 0, 70000 },
		{ "nothing at all", "", TLS1_3_VERSION, TLS1_3_VERSION, { 0 }, 0, 0 },
		{ "one octet a turn",
		  "h2",
		  TLS1_3_VERSION,
		  TLS1_3_VERSION,
		  { .offer = both, .server_speaks = "\x02h2", .octets_a_turn = 1 },
		  300,
		  20000 },
		{ "one octet a turn on 1.2",
		  "",
		  TLS1_2_VERSION,
		  TLS1_2_VERSION,
		  { .program_version = TLS1_2_VERSION,
		    .server_version = TLS1_2_VERSION,
		    .octets_a_turn = 1 },
		  20000,
		  300 },
		{ "a slow peer",
		  "",
		  TLS1_3_VERSION,
		  TLS1_3_VERSION,
		  { .octets_a_turn = 999 },
		  MIB,
		  MIB },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;

		tls_context_forget(world.context);
		rig_new(&rig, &rows[i].setup);
		rig.program.to_send = rows[i].up;
		rig.server.to_send = rows[i].down;
		CHECK(turns(&rig, all_said), "%s: got %zu %zu, state %d: %s %s", rows[i].what,
		      rig.server.got, rig.program.got, rig.state,
		      rig.program.error != NULL ? rig.program.error : "",
		      rig.server.error != NULL ? rig.server.error : "");
		CHECK(SSL_version(rig.program.ssl) == rows[i].want_program, "%s", rows[i].what);
		CHECK(SSL_version(rig.server.ssl) == rows[i].want_server, "%s", rows[i].what);
		CHECK(strcmp(chosen(rig.program.ssl), rows[i].want_alpn) == 0, "%s: \"%s\"",
		      rows[i].what, chosen(rig.program.ssl));
		CHECK(strcmp(chosen(rig.server.ssl), rows[i].want_alpn) == 0, "%s: \"%s\"",
		      rows[i].what, chosen(rig.server.ssl));
		CHECK(span_is(bridge_alpn(rig.bridge), rows[i].want_alpn), "%s", rows[i].what);
		rig.program.close_after = rig.server.close_after = true;
		CHECK(turns(&rig, both_closed), "%s: not closed", rows[i].what);
		rig_end(&rig);
	}
}

/* The program says it is done, and still gets all of a long answer; and the other way round. */
static void test_half_close(void)
{
	for (int from = 0; from < TLS_SIDES; from++) {
		struct rig rig;

		rig_new(&rig, &(struct setup){ 0 });
		struct talker *first = from == TLS_INSIDE ? &rig.program : &rig.server;
		struct talker *second = from == TLS_INSIDE ? &rig.server : &rig.program;

		first->to_send = 1000;
		first->close_after = true;
		for (int i = 0; i < TURNS_MAX && !second->heard_close; i++)
			turn(&rig);
		CHECK(second->heard_close && second->got == 1000, "%d: %zu", from, second->got);
		CHECK(!first->heard_close, "%d: the other direction closed, too", from);
		second->to_send = 3UL * MIB;
		second->close_after = true;
		CHECK(turns(&rig, both_closed), "%d: %zu of 3 MiB", from, first->got);
		CHECK(first->got == 3UL * MIB, "%d: %zu", from, first->got);
		rig_end(&rig);
	}
}

/* An end without close_notify is seen as one, and all that came before it arrives. */
static void test_truncated(void)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < ARRAY_SIZE(versions) * 2; i++) {
		enum tls_side side = i % 2 == 0 ? TLS_UPSTREAM : TLS_INSIDE;
		const struct setup setup = { .program_version = versions[i / 2],
					     .server_version = versions[i / 2] };
		const char *why = NULL;
		struct rig rig;

		rig_new(&rig, &setup);
		struct talker *leaving = side == TLS_INSIDE ? &rig.program : &rig.server;
		struct talker *other = side == TLS_INSIDE ? &rig.server : &rig.program;

		leaving->to_send = 50000;
		for (int n = 0; n < TURNS_MAX && leaving->sent < 50000; n++)
			turn(&rig);
		leave(leaving);
		CHECK(turns(&rig, any_ended), "row %zu", i);
		CHECK(rig.ended[side] == TLS_TRUNCATED, "row %zu: %d", i, rig.ended[side]);
		CHECK(bridge_fault(rig.bridge, side, &why) == TLS_FAULT_CLOSED &&
			  strstr(why, "close_notify") != NULL,
		      "row %zu: %s", i, why);
		for (int n = 0; n < 20; n++)
			turn(&rig);
		CHECK(other->got == 50000 && !other->heard_close && !other->broken,
		      "row %zu: %zu octets, closed %d", i, other->got, other->heard_close);
		rig_end(&rig);
	}
}

/* resumed() - a conversation; did both sides resume? Keeps the program's session. */
static void resumed(const char *what, SSL_SESSION **session, int version, bool want)
{
	const struct setup setup = { .session = *session,
				     .program_version = version,
				     .server_version = version };
	struct rig rig;

	rig_new(&rig, &setup);
	rig.program.to_send = rig.server.to_send = 100;
	CHECK(turns(&rig, all_said), "%s", what);
	CHECK(bridge_resumed(rig.bridge, TLS_INSIDE) == want, "%s: inside", what);
	CHECK(bridge_resumed(rig.bridge, TLS_UPSTREAM) == want, "%s: upstream", what);
	CHECK((SSL_session_reused(rig.server.ssl) == 1) == want, "%s: server", what);
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(rig.program.ssl);
	SSL_set_shutdown(rig.program.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_set_shutdown(rig.server.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	rig_end(&rig); /* in the middle: as flows end */
}

static void test_resumption(void)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		SSL_SESSION *session = NULL;

		tls_context_forget(world.context);
		resumed("first", &session, versions[i], false);
		for (int n = 0; n < 10; n++)
			resumed("again", &session, versions[i], true);
		tls_context_forget(world.context);
		SSL_SESSION_free(session);
		session = NULL;
		resumed("forgotten", &session, versions[i], false);
		SSL_SESSION_free(session);
	}
}

/* The hello was read to find the name: it comes as head, cut anywhere. */
static void test_head(void)
{
	for (size_t cut = 1; cut < 500; cut += 83) {
		struct rig rig;
		char head[500];

		rig_new(&rig, &(struct setup){ 0 });
		bridge_free(rig.bridge);
		talk(&rig.program);
		link_carry(&rig.link[TLS_INSIDE], MIB);
		ssize_t n = recv(rig.link[TLS_INSIDE].bridge, head, cut, 0);
		CHECK(n > 0, "%d", errno);
		const struct bridge_plan plan = {
			.context = world.context,
			.name = name_of(host),
			.port = 443,
			.fd = { rig.link[TLS_INSIDE].bridge, rig.link[TLS_UPSTREAM].bridge },
			.head = { head, n > 0 ? (size_t)n : 0 },
		};
		CHECK(bridge_new(&rig.bridge, &plan) == 0, "bridge");
		rig.program.to_send = rig.server.to_send = 1000;
		CHECK(turns(&rig, all_said), "cut at %zu", cut);
		rig_end(&rig);
	}
}

/* A peer that does not read stops the other; nothing piles up. */
static void test_back_pressure(void)
{
	struct rig rig;
	size_t before = 0;

	rig_new(&rig, &(struct setup){ 0 });
	CHECK(turns(&rig, is_open), "%d", rig.state);
	rig.program.to_send = 50UL * MIB;
	SSL *reader = rig.server.ssl;
	rig.server.ssl = NULL;
	for (int i = 0; i < 500; i++)
		turn(&rig);
	before = rig.program.sent;
	for (int i = 0; i < 500; i++)
		turn(&rig);
	CHECK(rig.program.sent == before && before < 3UL * MIB, "%zu, then %zu", before,
	      rig.program.sent);
	CHECK((bridge_wants(rig.bridge, TLS_UPSTREAM) & EPOLLOUT) != 0, "waits for nothing");
	rig.server.ssl = reader;
	rig.program.to_send = rig.program.sent + MIB;
	CHECK(turns(&rig, all_said), "%zu of %zu", rig.server.got, rig.program.to_send);
	CHECK((bridge_wants(rig.bridge, TLS_UPSTREAM) & EPOLLOUT) == 0, "waits for room");
	rig_end(&rig);
}

static void test_keyupdate(void)
{
	struct rig rig;

	rig_new(&rig, &(struct setup){ 0 });
	CHECK(turns(&rig, is_open), "%d", rig.state);
	for (int i = 1; i <= 10; i++) {
		SSL_key_update(rig.program.ssl, SSL_KEY_UPDATE_REQUESTED);
		SSL_key_update(rig.server.ssl, SSL_KEY_UPDATE_REQUESTED);
		rig.program.to_send = rig.server.to_send = (size_t)i * 1000;
		CHECK(turns(&rig, all_said), "update %d", i);
	}
	rig_end(&rig);
}

int main(void)
{
	world_new();
	test_conversations();
	test_half_close();
	test_truncated();
	test_resumption();
	test_head();
	test_back_pressure();
	test_keyupdate();
	world_end();
	return test_failures > 0;
}
