// SPDX-License-Identifier: Apache-2.0
/* Flows that do not go well: upstreams and programs that are refused, vanish, or wait. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tls/certificate_priv.h"
#include "tls/test_fresh_priv.h"
#include "tls/test_rig_priv.h"

static const char both[] = "\x02h2\x08http/1.1";

/* refused() - the upstream has @certificate: what is said? The program hears nothing of it. */
static void refused(const char *what, X509 *certificate, int version, enum tls_fault want,
		    const char *why)
{
	struct setup setup = { .certificate = certificate };
	const char *said = NULL;
	struct rig rig;

	tls_context_forget(world.context);
	if (version != 0)
		SSL_CTX_set_min_proto_version(world.server, 0);
	rig_new(&rig, &setup);
	if (version != 0)
		SSL_set_max_proto_version(rig.server.ssl, version);
	CHECK(turns(&rig, any_ended), "%s", what);
	CHECK(rig.state == BRIDGE_REFUSED, "%s: %d", what, rig.state);
	CHECK(bridge_fault(rig.bridge, TLS_UPSTREAM, &said) == want, "%s: %s", what, said);
	CHECK(strstr(said, why) != NULL, "%s: \"%s\" lacks \"%s\"", what, said, why);
	CHECK(!rig.program.open && !rig.program.broken, "%s: the program heard of it", what);
	rig_end(&rig);
	X509_free(certificate);
}

static X509 *certificate(EVP_PKEY *key, const char *name, int days)
{
	struct net_name parsed = name_of(name);
	X509 *root = key == world.key ? world.root : world.own_root;

	return fresh(certificate_leaf(root, key, world.key, &parsed,
				      clock_unix_s() + (int64_t)days * DAY_S));
}

static void test_refused(void)
{
	refused("expired", certificate(world.key, host, -9), 0, TLS_FAULT_EXPIRED, "expired on 20");
	refused("early", certificate(world.key, host, 3), 0, TLS_FAULT_NOT_YET_VALID,
		"not valid before 20");
	refused("self-signed", certificate_root(world.key, clock_unix_s()), 0, TLS_FAULT_UNTRUSTED,
		"signed by itself");
	refused("unknown root", certificate(world.own_key, host, 0), 0, TLS_FAULT_UNTRUSTED,
		"no authority that is trusted");
	refused("other name", certificate(world.key, "other.example", 0), 0, TLS_FAULT_WRONG_NAME,
		"another host (it is for other.example)");
	refused("an address", certificate(world.key, "192.0.2.1", 0), 0, TLS_FAULT_WRONG_NAME,
		"another host");
	refused("TLS 1.1", NULL, TLS1_1_VERSION, TLS_FAULT_VERSION, "");
}

/* Octets of an upstream that are no handshake. */
static void test_upstream_babbles(void)
{
	static const struct {
		const char *octets, *why;
		enum tls_fault want;
	} rows[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS", TLS_FAULT_NOT_TLS },
		{ "SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS", TLS_FAULT_NOT_TLS },
		{ "\x15\x03\x03\x00\x02\x02\x28 ", "handshake_failure", TLS_FAULT_ALERT },
		{ "\x15\x03\x03\x00\x02\x02\x70 ", "unrecognized_name", TLS_FAULT_ALERT },
		{ "", "during the handshake", TLS_FAULT_CLOSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = i == 2 || i == 3 ? 7 : strlen(rows[i].octets);
		const char *why = NULL;
		struct rig rig;

		rig_new(&rig, &(struct setup){ 0 });
		SSL_free(rig.server.ssl);
		rig.server.ssl = NULL;
		CHECK(send(rig.server.fd, rows[i].octets, len, 0) == (ssize_t)len, "%d", errno);
		fd_close(&rig.server.fd);
		CHECK(turns(&rig, any_ended) && rig.state == BRIDGE_REFUSED, "row %zu", i);
		CHECK(bridge_fault(rig.bridge, TLS_UPSTREAM, &why) == rows[i].want, "row %zu: %s",
		      i, why);
		CHECK(strstr(why, rows[i].why) != NULL, "row %zu: %s", i, why);
		rig_end(&rig);
	}
}

/* The program can be told why. */
static void test_answer(void)
{
	static const struct {
		const char *offer, *want;
	} rows[] = { { both, "http/1.1" }, { "\x02h2", "" }, { NULL, "" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		X509 *expired = certificate(world.key, host, -9);
		char buffer[16], *answer = buffer;
		size_t n = 0;
		struct rig rig;

		rig_new(&rig, &(struct setup){ .certificate = expired, .offer = rows[i].offer });
		CHECK(turns(&rig, any_ended) && rig.state == BRIDGE_REFUSED, "row %zu", i);
		leave(&rig.server);
		bridge_answer(rig.bridge, "http/1.1");
		for (int turn_count = 0; turn_count < 50; turn_count++) {
			rig.ended[TLS_INSIDE] = rig.ended[TLS_UPSTREAM] = TLS_TRUNCATED;
			turn(&rig);
		}
		CHECK(rig.state == BRIDGE_OPEN && rig.program.open, "row %zu: %d", i, rig.state);
		CHECK(strcmp(chosen(rig.program.ssl), rows[i].want) == 0, "row %zu", i);
		CHECK(bridge_wants(rig.bridge, TLS_UPSTREAM) == 0, "row %zu", i);
		fill(answer, 9, 0);
		CHECK(bridge_write(&n, rig.bridge, TLS_INSIDE, (struct span){ answer, 9 }) ==
			  TLS_DONE,
		      "row %zu", i);
		CHECK(bridge_write(&n, rig.bridge, TLS_UPSTREAM, SPAN("x")) == TLS_FAILED,
		      "row %zu", i);
		CHECK(bridge_close(rig.bridge, TLS_INSIDE) == TLS_DONE, "row %zu", i);
		for (int turn_count = 0; turn_count < 20; turn_count++)
			turn(&rig);
		CHECK(rig.program.got == 9 && rig.program.heard_close, "row %zu", i);
		rig_end(&rig);
		X509_free(expired);
	}
}

/* Another name than the one that was judged is refused, whatever the parser before us thought. */
static void test_sni(void)
{
	const char *why = NULL;
	struct rig rig;

	rig_new(&rig, &(struct setup){ .sni = "front.example" });
	CHECK(turns(&rig, any_ended) && rig.state == BRIDGE_DEAD, "%d", rig.state);
	CHECK(bridge_fault(rig.bridge, TLS_INSIDE, &why) == TLS_FAULT_SNI, "%s", why);
	CHECK(turns(&rig, program_broken), "no alert");
	CHECK(rig.program.error != NULL && strstr(rig.program.error, "unrecognized name") != NULL,
	      "%s", rig.program.error);
	rig_end(&rig);
	rig_new(&rig, &(struct setup){ .sni = "API.Example.com" });
	CHECK(turns(&rig, is_open), "upper case: %d", rig.state);
	rig_end(&rig);
}

/* Whoever vanishes, in whatever state, after whatever octet: nothing hangs, nothing leaks. */
static void test_vanishing(void)
{
	enum { MOST = 6000 };

	for (int who = 0; who < TLS_SIDES; who++)
		for (int turn_count = 0; turn_count < MOST;
		     turn_count += turn_count < 40 ? 1 : 97) {
			struct rig rig;

			tls_context_forget(world.context);
			rig_new(&rig, &(struct setup){ .octets_a_turn = 1 });
			rig.program.to_send = rig.server.to_send = 30;
			for (int n = 0; n < turn_count; n++)
				turn(&rig);
			leave(who == TLS_INSIDE ? &rig.program : &rig.server);
			bool want = turns(&rig, any_ended);
			CHECK(want, "%d after %d turns: state %d", who, turn_count, rig.state);
			CHECK(!rig.program.heard_close && !rig.server.heard_close,
			      "%d after %d turns: a clean end", who, turn_count);
			rig_end(&rig);
		}
}

/* While the warden thinks, nothing is read of the program, and its end is no hurry. */
static void test_leaf_late(void)
{
	struct tls_context *before = world.context;
	struct net_name name = name_of(host);
	struct rig rig;

	world.context = context_new();
	CHECK(!tls_context_has_leaf(world.context, &name), "a new one has none");
	rig_new(&rig, &(struct setup){ 0 });
	rig.no_leaf = true;
	CHECK(turns(&rig, is_in_leaf), "%d", rig.state);
	for (int i = 0; i < 100; i++)
		turn(&rig);
	CHECK(rig.state == BRIDGE_LEAF && !rig.program.open, "%d", rig.state);
	CHECK(bridge_wants(rig.bridge, TLS_INSIDE) == 0, "reads the program");
	rig.no_leaf = false;
	CHECK(turns(&rig, is_open) && rig.leaf_asked == 1, "%d", rig.state);
	rig_end(&rig);
	rig_new(&rig, &(struct setup){ 0 });
	CHECK(turns(&rig, is_open) && rig.leaf_asked == 0, "asked again");
	rig_end(&rig);

	CHECK(tls_context_put_leaf(world.context, &name, SPAN("junk")) == -EINVAL, "junk");
	X509 *other = certificate(world.key, host, 0);
	unsigned char *der = NULL;
	int len = i2d_X509(other, &der);
	CHECK(tls_context_put_leaf(world.context, &name,
				   (struct span){ (char *)der, (size_t)len }) == -EINVAL,
	      "of another key");
	OPENSSL_free(der);
	X509_free(other);
	tls_context_free(world.context);
	world.context = before;
}

/* Renegotiation in TLS 1.2, asked for by either, is refused. */
static void test_renegotiation(void)
{
	const struct setup setup = { .program_version = TLS1_2_VERSION,
				     .server_version = TLS1_2_VERSION };

	for (int who = 0; who < TLS_SIDES; who++) {
		struct rig rig;

		rig_new(&rig, &setup);
		CHECK(turns(&rig, is_open), "%d: %d", who, rig.state);
		struct talker *asking = who == TLS_INSIDE ? &rig.program : &rig.server;
		(void)SSL_renegotiate(asking->ssl);
		(void)SSL_do_handshake(asking->ssl);
		asking->to_send = 10;
		for (int i = 0; i < 1000 && !asking->broken; i++)
			turn(&rig);
		const char *error = asking->error != NULL ? asking->error : "";
		CHECK(strstr(error, "no renegotiation") != NULL, "%d: %s", who, error);
		rig_end(&rig);
	}
}

static void test_context_refused(void)
{
	static const char junk[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	char text[PEM_MAX + sizeof(junk)];
	struct tls_settings settings = { .roots = SPAN("no PEM") };
	struct tls_context *context = NULL;
	struct diag diag = { 0 };

	CHECK(tls_context_new(&context, &settings, &diag) == -EINVAL, "no PEM");
	CHECK(strstr(diag.why, "no certificate") != NULL, "%s", diag.why);
	settings.roots = span_of(junk);
	CHECK(tls_context_new(&context, &settings, &diag) == -EINVAL, "junk");
	int len = snprintf(text, sizeof(text), "%s%.*s", junk, (int)world.pem_len, world.pem);
	settings.more_roots = (struct span){ text, (size_t)len };
	CHECK(tls_context_new(&context, &settings, &diag) == 0, "one is sound: %s", diag.why);
	tls_context_free(context);
}

int main(void)
{
	world_new();
	test_refused();
	test_upstream_babbles();
	test_answer();
	test_sni();
	test_vanishing();
	test_leaf_late();
	test_renegotiation();
	test_context_refused();
	world_end();
	return test_failures > 0;
}
