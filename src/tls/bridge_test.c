// SPDX-License-Identifier: Apache-2.0
/*
 * A program and an upstream, both of plain OpenSSL, with a bridge between them, in one process: each
 * turn all three do what they can. A link of two socket pairs lies on either side, which carries so
 * many octets a turn as the test says.
 */
#include "tls/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "tls/certificate_priv.h"
#include "tls/tls_priv.h"

enum { MIB = 1024 * 1024, TURNS_MAX = 400000, PEM_MAX = 4096 };

static const int64_t DAY_S = 24L * 3600;

static const char host[] = "api.example.com";

/* What the outside and the authority of this host are made of. */
static struct {
	EVP_PKEY *key, *own_key;
	X509 *root, *own_root;
	char pem[PEM_MAX];
	size_t pem_len;
	struct tls_context *context;
	SSL_CTX *program, *server;
} world;

static struct net_name name_of(const char *text)
{
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, span_of(text)) == NULL, "%s", text);
	return name;
}

static struct tls_context *context_new(void)
{
	const struct tls_settings settings = { .roots = { world.pem, world.pem_len } };
	struct tls_context *context = NULL;
	struct diag diag = { 0 };

	CHECK(tls_context_new(&context, &settings, &diag) == 0, "%s", diag.why);
	return context;
}

static void world_new(void)
{
	char *octets = NULL;
	BIO *memory = BIO_new(BIO_s_mem());

	world.key = EVP_EC_gen("P-256");
	world.own_key = EVP_EC_gen("P-256");
	world.root = certificate_root(world.key, clock_unix_s());
	world.own_root = certificate_root(world.own_key, clock_unix_s());
	PEM_write_bio_X509(memory, world.root);
	world.pem_len = (size_t)BIO_get_mem_data(memory, &octets);
	memcpy(world.pem, octets, world.pem_len);
	BIO_free(memory);
	world.context = context_new();
	world.program = SSL_CTX_new(TLS_client_method());
	world.server = SSL_CTX_new(TLS_server_method());
	X509_STORE_add_cert(SSL_CTX_get_cert_store(world.program), world.own_root);
	SSL_CTX_set_verify(world.program, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_id_context(world.server, (const unsigned char *)"t", 1);
}

static void world_end(void)
{
	SSL_CTX_free(world.program);
	SSL_CTX_free(world.server);
	tls_context_free(world.context);
	X509_free(world.root);
	X509_free(world.own_root);
	EVP_PKEY_free(world.key);
	EVP_PKEY_free(world.own_key);
}

/* mint() - what the warden would do. Return: is there a leaf now? */
static bool mint(struct tls_context *context, const struct net_name *name)
{
	unsigned char *der = NULL;
	X509 *leaf =
	    certificate_leaf(world.own_root, world.own_key, context->key, name, clock_unix_s());
	int len = i2d_X509(leaf, &der);
	int r = tls_context_put_leaf(context, name, (struct span){ (char *)der, (size_t)len });

	CHECK(r == 0, "%d", r);
	OPENSSL_free(der);
	X509_free(leaf);
	return tls_context_has_leaf(context, name);
}

/* One end of the conversation: sends so many octets of a pattern, and checks what it gets. */
struct talker {
	SSL *ssl; /* NULL: it is gone */
	int fd;
	size_t to_send, sent, got;
	bool open, close_after, said_close, heard_close, broken;
	const char *error; /* of the handshake; static */
};

static char pattern(size_t at)
{
	return (char)(at * 31 + (at >> 8) * 7);
}

static void fill(char *buffer, size_t len, size_t at)
{
	for (size_t i = 0; i < len; i++)
		buffer[i] = pattern(at + i);
}

static void fail(struct talker *t)
{
	t->broken = true;
	t->error = ERR_reason_error_string(ERR_peek_error());
	ERR_clear_error();
}

static void talk_write(struct talker *t)
{
	static char buffer[40000];
	size_t len = t->to_send - t->sent, n = 0;

	len = len < sizeof(buffer) ? len : sizeof(buffer);
	fill(buffer, len, t->sent);
	int r = len > 0 ? SSL_write_ex(t->ssl, buffer, len, &n) : 1;
	t->sent += r == 1 ? n : 0;
	if (r != 1 && SSL_get_error(t->ssl, r) == SSL_ERROR_SSL) {
		fail(t);
		return;
	}
	if (t->sent == t->to_send && t->close_after && !t->said_close) {
		t->said_close = true;
		(void)SSL_shutdown(t->ssl);
	}
}

static void talk_read(struct talker *t)
{
	static char buffer[50000], want[50000];
	size_t n = 0;

	if (SSL_read_ex(t->ssl, buffer, sizeof(buffer), &n) == 1) {
		fill(want, n, t->got);
		CHECK(memcmp(buffer, want, n) == 0, "octets %zu to %zu", t->got, t->got + n);
		t->got += n;
		return;
	}
	int error = SSL_get_error(t->ssl, 0);
	if (error == SSL_ERROR_ZERO_RETURN)
		t->heard_close = true;
	else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		fail(t);
}

static void talk(struct talker *t)
{
	if (t->ssl == NULL || t->broken)
		return;
	ERR_clear_error();
	if (!t->open) {
		int r = SSL_do_handshake(t->ssl);

		t->open = r == 1;
		if (r != 1 && SSL_get_error(t->ssl, r) != SSL_ERROR_WANT_READ)
			fail(t);
		return;
	}
	talk_write(t);
	ERR_clear_error();
	if (!t->heard_close && !t->broken)
		talk_read(t);
}

static void leave(struct talker *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	fd_close(&t->fd);
}

/* Two socket pairs: one end is the talker's, one the bridge's, and octets are carried between. */
struct link {
	int talker, near, far, bridge;
	bool near_ended, far_ended;
};

static struct link link_new(void)
{
	int a[2], b[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, a) == 0, "%d",
	      errno);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, b) == 0, "%d",
	      errno);
	return (struct link){ .talker = a[0], .near = a[1], .far = b[0], .bridge = b[1] };
}

static void carry(int from, int to, bool *ended, size_t octets_max)
{
	static char buffer[65536];
	struct iovec room = { buffer, octets_max < sizeof(buffer) ? octets_max : sizeof(buffer) };
	struct msghdr look = { .msg_iov = &room, .msg_iovlen = 1 };
	ssize_t n = recvmsg(from, &look, MSG_PEEK);

	if (n > 0) {
		n = send(to, buffer, (size_t)n, MSG_NOSIGNAL);
		if (n > 0)
			CHECK(recv(from, buffer, (size_t)n, 0) == n, "%d", errno);
	} else if ((n == 0 || errno == ECONNRESET) && !*ended) {
		*ended = true;
		(void)shutdown(to, SHUT_WR);
	}
}

static void link_carry(struct link *l, size_t octets_max)
{
	carry(l->near, l->far, &l->near_ended, octets_max);
	carry(l->far, l->near, &l->far_ended, octets_max);
}

struct rig {
	struct bridge *bridge;
	enum bridge_state state;
	struct link link[TLS_SIDES];
	struct talker program, server;
	size_t octets_a_turn;
	bool closed[TLS_SIDES];           /* from that side, and passed on */
	enum tls_result ended[TLS_SIDES]; /* TRUNCATED, FAILED from that side */
	bool no_leaf;                     /* the warden is slow */
	unsigned leaf_asked;
};

struct setup {
	int program_version, server_version; /* highest; 0: any */
	const char *offer;                   /* ALPN of the program, as on the wire */
	const char *server_speaks;           /* one protocol, as on the wire */
	const char *sni;                     /* NULL: host */
	X509 *certificate;                   /* of the server; NULL: a good one */
	SSL_SESSION *session;                /* of the program */
	size_t octets_a_turn;
};

static const char *server_speaks;

static int server_choose(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
			 const unsigned char *offer, unsigned offer_len, void *context)
{
	(void)ssl, (void)context;
	if (server_speaks == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	const unsigned char *found =
	    alpn_find((struct span){ (const char *)offer, offer_len }, span_of(server_speaks + 1));
	if (found == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = found + 1;
	*ret_len = found[0];
	return SSL_TLSEXT_ERR_OK;
}

static SSL *talker_ssl(SSL_CTX *ctx, int fd, int version)
{
	SSL *ssl = SSL_new(ctx);

	CHECK(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "ssl");
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (version != 0)
		SSL_set_max_proto_version(ssl, version);
	return ssl;
}

static void program_new(struct rig *rig, const struct setup *setup)
{
	SSL *ssl = talker_ssl(world.program, rig->link[TLS_INSIDE].talker, setup->program_version);
	const char *sni = setup->sni != NULL ? setup->sni : host;

	SSL_set_connect_state(ssl);
	SSL_set1_host(ssl, sni);
	SSL_set_tlsext_host_name(ssl, (uintptr_t)sni);
	if (setup->offer != NULL)
		SSL_set_alpn_protos(ssl, (const unsigned char *)setup->offer,
				    (unsigned)strlen(setup->offer));
	if (setup->session != NULL)
		SSL_set_session(ssl, setup->session);
	rig->program = (struct talker){ .ssl = ssl, .fd = rig->link[TLS_INSIDE].talker };
}

static void server_new(struct rig *rig, const struct setup *setup)
{
	SSL *ssl = talker_ssl(world.server, rig->link[TLS_UPSTREAM].talker, setup->server_version);
	struct net_name name = name_of(host);
	X509 *leaf = setup->certificate;

	if (leaf == NULL)
		leaf = certificate_leaf(world.root, world.key, world.key, &name, clock_unix_s());
	else
		X509_up_ref(leaf);
	server_speaks = setup->server_speaks;
	SSL_CTX_set_alpn_select_cb(world.server, server_choose, NULL);
	CHECK(SSL_use_certificate(ssl, leaf) == 1 && SSL_use_PrivateKey(ssl, world.key) == 1,
	      "key");
	SSL_set_accept_state(ssl);
	X509_free(leaf);
	rig->server = (struct talker){ .ssl = ssl, .fd = rig->link[TLS_UPSTREAM].talker };
}

static void rig_new(struct rig *rig, const struct setup *setup)
{
	*rig = (struct rig){
		.octets_a_turn = setup->octets_a_turn > 0 ? setup->octets_a_turn : MIB,
		.link = { link_new(), link_new() },
		.ended = { TLS_DONE, TLS_DONE },
	};
	const struct bridge_plan plan = {
		.context = world.context,
		.name = name_of(host),
		.port = 443,
		.fd = { rig->link[TLS_INSIDE].bridge, rig->link[TLS_UPSTREAM].bridge },
		.alpn = setup->offer != NULL ? span_of(setup->offer) : (struct span){ 0 },
	};
	CHECK(bridge_new(&rig->bridge, &plan) == 0, "bridge");
	rig->state = BRIDGE_UPSTREAM;
	program_new(rig, setup);
	server_new(rig, setup);
}

static void rig_end(struct rig *rig)
{
	bridge_free(rig->bridge);
	leave(&rig->program);
	leave(&rig->server);
	for (int i = 0; i < TLS_SIDES; i++) {
		fd_close(&rig->link[i].near);
		fd_close(&rig->link[i].far);
		fd_close(&rig->link[i].bridge);
	}
}

/* relay() - one direction, as a gateway would do it */
static void relay(struct rig *rig, enum tls_side from)
{
	enum tls_side to = from == TLS_INSIDE ? TLS_UPSTREAM : TLS_INSIDE;
	uint64_t moved = 0;

	if (rig->ended[from] != TLS_DONE)
		return;
	if (!rig->closed[from]) {
		enum tls_result r = bridge_relay(&moved, rig->bridge, from);

		if (r == TLS_CLOSED)
			rig->closed[from] = true;
		else if (r == TLS_TRUNCATED || r == TLS_FAILED)
			rig->ended[from] = r;
	}
	if (rig->closed[from] && bridge_close(rig->bridge, to) == TLS_DONE)
		(void)shutdown(rig->link[to].bridge, SHUT_WR);
}

static void turn(struct rig *rig)
{
	struct net_name name = name_of(host);

	talk(&rig->program);
	talk(&rig->server);
	for (int i = 0; i < TLS_SIDES; i++)
		link_carry(&rig->link[i], rig->octets_a_turn);
	rig->state = bridge_step(rig->bridge);
	if (rig->state == BRIDGE_LEAF && !rig->no_leaf) {
		rig->leaf_asked++;
		CHECK(mint(world.context, &name), "no leaf");
	}
	for (int i = 0; i < TLS_SIDES && rig->state == BRIDGE_OPEN; i++) {
		(void)bridge_flush(rig->bridge, (enum tls_side)i);
		relay(rig, (enum tls_side)i);
	}
}

/* turns() - until @done says so. Return: did it? */
static bool turns(struct rig *rig, bool (*done)(const struct rig *rig))
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (done(rig))
			return true;
		turn(rig);
	}
	return false;
}

static bool all_said(const struct rig *rig)
{
	return rig->program.open && rig->server.open && rig->state == BRIDGE_OPEN &&
	       rig->program.got == rig->server.to_send && rig->server.got == rig->program.to_send;
}

static bool both_closed(const struct rig *rig)
{
	return rig->program.heard_close && rig->server.heard_close;
}

static bool any_ended(const struct rig *rig)
{
	return rig->ended[0] != TLS_DONE || rig->ended[1] != TLS_DONE ||
	       rig->state == BRIDGE_DEAD || rig->state == BRIDGE_REFUSED;
}

static bool program_broken(const struct rig *rig)
{
	return rig->program.broken;
}

static bool is_in_leaf(const struct rig *rig)
{
	return rig->state == BRIDGE_LEAF;
}

static bool is_open(const struct rig *rig)
{
	return rig->state == BRIDGE_OPEN && rig->program.open && rig->server.open;
}

static const char *chosen(SSL *ssl)
{
	static char text[32];
	const unsigned char *name = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(ssl, &name, &len);
	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)name);
	return text;
}

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

	return certificate_leaf(root, key, world.key, &parsed,
				clock_unix_s() + (int64_t)days * DAY_S);
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
	(void)signal(SIGPIPE, SIG_IGN); /* of the talkers' own sockets */
	world_new();
	test_conversations();
	test_half_close();
	test_truncated();
	test_refused();
	test_upstream_babbles();
	test_answer();
	test_sni();
	test_resumption();
	test_vanishing();
	test_leaf_late();
	test_head();
	test_back_pressure();
	test_renegotiation();
	test_keyupdate();
	test_context_refused();
	world_end();
	return test_failures > 0;
}
