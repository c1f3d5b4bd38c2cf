// SPDX-License-Identifier: Apache-2.0
#include "tls/test_rig_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tls/certificate_priv.h"
#include "tls/test_fresh_priv.h"
#include "tls/tls_priv.h"

struct world world;

struct net_name name_of(const char *text)
{
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, span_of(text)) == NULL, "%s", text);
	return name;
}

struct tls_context *context_new(void)
{
	const struct tls_settings settings = { .roots = { world.pem, world.pem_len } };
	struct tls_context *context = NULL;
	struct diag diag = { 0 };

	CHECK(tls_context_new(&context, &settings, &diag) == 0, "%s", diag.why);
	return context;
}

void world_new(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* of the talkers' own sockets */
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

void world_end(void)
{
	SSL_CTX_free(world.program);
	SSL_CTX_free(world.server);
	tls_context_free(world.context);
	X509_free(world.root);
	X509_free(world.own_root);
	EVP_PKEY_free(world.key);
	EVP_PKEY_free(world.own_key);
}

bool mint(struct tls_context *context, const struct net_name *name)
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

static char pattern(size_t at)
{
	return (char)(at * 31 + (at >> 8) * 7);
}

void fill(char *buffer, size_t len, size_t at)
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

void talk(struct talker *t)
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

void leave(struct talker *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	fd_close(&t->fd);
}

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

void link_carry(struct link *l, size_t octets_max)
{
	carry(l->near, l->far, &l->near_ended, octets_max);
	carry(l->far, l->near, &l->far_ended, octets_max);
}

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
		leaf = fresh(
		    certificate_leaf(world.root, world.key, world.key, &name, clock_unix_s()));
	else
		X509_up_ref(leaf);
	server_speaks = setup->server_speaks;
	SSL_CTX_set_alpn_select_cb(world.server, server_choose, NULL);
	CHECK(SSL_use_certificate(ssl, leaf) == 1 &&
		  SSL_use_PrivateKey(ssl, setup->key != NULL ? setup->key : world.key) == 1,
	      "key");
	SSL_set_accept_state(ssl);
	X509_free(leaf);
	rig->server = (struct talker){ .ssl = ssl, .fd = rig->link[TLS_UPSTREAM].talker };
}

void rig_new(struct rig *rig, const struct setup *setup)
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
		.pins = setup->pins,
		.alpn = setup->offer != NULL ? span_of(setup->offer) : (struct span){ 0 },
	};
	CHECK(bridge_new(&rig->bridge, &plan) == 0, "bridge");
	rig->state = BRIDGE_UPSTREAM;
	program_new(rig, setup);
	server_new(rig, setup);
}

void rig_end(struct rig *rig)
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

void turn(struct rig *rig)
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

bool turns(struct rig *rig, bool (*done)(const struct rig *rig))
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (done(rig))
			return true;
		turn(rig);
	}
	return false;
}

bool all_said(const struct rig *rig)
{
	return rig->program.open && rig->server.open && rig->state == BRIDGE_OPEN &&
	       rig->program.got == rig->server.to_send && rig->server.got == rig->program.to_send;
}

bool both_closed(const struct rig *rig)
{
	return rig->program.heard_close && rig->server.heard_close;
}

bool any_ended(const struct rig *rig)
{
	return rig->ended[0] != TLS_DONE || rig->ended[1] != TLS_DONE ||
	       rig->state == BRIDGE_DEAD || rig->state == BRIDGE_REFUSED;
}

bool program_broken(const struct rig *rig)
{
	return rig->program.broken;
}

bool is_in_leaf(const struct rig *rig)
{
	return rig->state == BRIDGE_LEAF;
}

bool is_open(const struct rig *rig)
{
	return rig->state == BRIDGE_OPEN && rig->program.open && rig->server.open;
}

const char *chosen(SSL *ssl)
{
	static char text[32];
	const unsigned char *name = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(ssl, &name, &len);
	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)name);
	return text;
}
