/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_tls_rig - TLS opened by the gateway as a process. One authority is the outside's, by which
 * the server is judged, one is this host's, which the program trusts; a third is nobody's.
 */
#ifndef TESTS_GATEWAY_TLS_RIG_H
#define TESTS_GATEWAY_TLS_RIG_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/mman.h>

#include "gateway_rig.h"
#include "tls/authority.h"

enum { TURNS = 400, KEPT = 8 };

static const char host[] = "lab.test";

static struct authority *outside, *own, *nobody;
static SSL_CTX *program_context;
static EVP_PKEY *server_key;
static const char *host_address; /* in the gateway that runs now; NULL: it was not asked yet */

struct talk {
	const struct rig *rig;
	int program, server;
	SSL *p, *s; /* s: NULL until it is known what it shows */
	uint32_t flow;
	bool program_open, server_open, program_broken, server_broken;
	bool no_leaf;
	bool hold_leaf;           /* the authority is slow: answer_held() answers */
	unsigned leaf_asks;       /* heard */
	struct gate_message held; /* the last ask of them, with its key: */
	char held_key[AUTHORITY_KEY_OCTETS];
	struct gate_message kept; /* the last that was no ASK_LEAF */
	char why[GATE_WHY_OCTETS_MAX + 1];
	bool has_kept;
};

/* Who is who. */

static inline struct authority *authority_new(void)
{
	char path[] = "/tmp/immure-tls-XXXXXX";
	struct authority *authority = NULL;
	struct diag diag = { 0 };

	CHECK(mkdtemp(path) != NULL, "%d", errno);
	CLEANUP_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(authority_open(&authority, dir, &diag) == 0, "%s", diag.why);
	(void)unlinkat(dir, AUTHORITY_KEY_FILE, 0);
	(void)unlinkat(dir, AUTHORITY_CERT_FILE, 0);
	(void)unlinkat(dir, "ca.hash", 0);
	(void)rmdir(path);
	return authority;
}

static inline X509 *leaf_for(const struct authority *authority, EVP_PKEY *key, const char *name)
{
	struct authority_key point;
	struct authority_leaf leaf = { 0 };
	struct net_name parsed;
	unsigned char *octets = NULL;

	CHECK(EVP_PKEY_get1_encoded_public_key(key, &octets) == sizeof(point.point), "key");
	memcpy(point.point, octets, sizeof(point.point));
	OPENSSL_free(octets);
	CHECK(net_name_parse(&parsed, span_of(name)) == NULL &&
		  authority_mint(&leaf, authority, &point, &parsed) == 0,
	      "mint");
	const unsigned char *der = leaf.der;
	return leaf.len > 0 ? d2i_X509(NULL, &der, leaf.len) : NULL;
}

static inline void world_new(void)
{
	outside = authority_new();
	own = authority_new();
	nobody = authority_new();
	server_key = EVP_EC_gen("P-256");
	program_context = SSL_CTX_new(TLS_client_method());
	struct span pem = authority_certificate(own);
	BIO *memory = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *root = PEM_read_bio_X509(memory, NULL, NULL, NULL);
	CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(program_context), root) == 1, "store");
	SSL_CTX_set_verify(program_context, SSL_VERIFY_PEER, NULL);
	X509_free(root);
	BIO_free(memory);
}

static inline void world_end(void)
{
	authority_free(outside);
	authority_free(own);
	authority_free(nobody);
	SSL_CTX_free(program_context);
	EVP_PKEY_free(server_key);
}

/* start() - the gateway, with the outside's root as descriptor 6 */
static inline void start(struct rig *rig)
{
	struct span pem = authority_certificate(outside);
	int pair[2] = { -1, -1 };
	CLEANUP_FD int roots = memfd_create("roots", MFD_CLOEXEC);

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 &&
		  fd_write_all(roots, pem) == 0 && lseek(roots, 0, SEEK_SET) == 0,
	      "%d", errno);
	rig->warden = pair[0];
	host_address = NULL;
	gate_test_rest = (struct span){ 0 };
	rig->pid = fork();
	if (rig->pid == 0) {
		const int from[] = { pair[1], rig->tcp, rig->dns, roots };
		int high[4];

		for (int i = 0; i < 4; i++)
			high[i] = fcntl(from[i], F_DUPFD, 100);
		for (int i = 0; i < 4; i++)
			if (dup2(high[i], GATEWAY_FD_WARDEN + i) < 0)
				_exit(120);
		(void)syscall(SYS_exit_group, gateway_main());
	}
	CHECK(rig->pid > 0, "%d", errno);
	fd_close(&pair[1]);
}

/* The warden. */

static inline void say(const struct rig *rig, struct gate_message message, int fd)
{
	int r = gate_test_say(rig->warden, &message, fd);

	CHECK(r == 0, "%d", r);
}

static inline void answer_leaf(struct talk *t, const struct gate_message *ask)
{
	struct authority_key point;
	struct authority_leaf leaf = { 0 };
	struct net_name name;

	CHECK(ask->flow == t->flow && ask->data.len == sizeof(point.point), "%zu", ask->data.len);
	memcpy(point.point, ask->data.ptr, sizeof(point.point));
	CHECK(net_name_parse(&name, span_of(host)) == NULL &&
		  authority_mint(&leaf, own, &point, &name) == 0,
	      "mint");
	say(t->rig,
	    (struct gate_message){ .kind = GATE_LEAF,
				   .id = ask->id,
				   .verdict = t->no_leaf ? GATE_DENY : GATE_ALLOW,
				   .data = { (char *)leaf.der, t->no_leaf ? 0 : leaf.len } },
	    -1);
}

static inline void hold(struct talk *t, const struct gate_message *ask)
{
	CHECK(ask->data.len == sizeof(t->held_key), "%zu", ask->data.len);
	memcpy(t->held_key, ask->data.ptr, sizeof(t->held_key));
	t->held = *ask;
}

static inline void answer_held(struct talk *t)
{
	t->held.data = (struct span){ t->held_key, sizeof(t->held_key) };
	answer_leaf(t, &t->held);
}

static inline void hear_some(struct talk *t)
{
	struct gate_message message = { 0 };

	if (t->has_kept || !gate_test_hear(&message, t->rig->warden))
		return;
	if (message.kind == GATE_ASK_LEAF) {
		t->leaf_asks++;
		if (t->hold_leaf)
			hold(t, &message);
		else
			answer_leaf(t, &message);
		return;
	}
	size_t len = message.data.len < sizeof(t->why) ? message.data.len : sizeof(t->why) - 1;
	if (len > 0)
		memcpy(t->why, message.data.ptr, len);
	t->why[len] = '\0';
	t->kept = message;
	t->has_kept = true;
}

/* Three that talk in one thread. */

static inline void shake(SSL *ssl, bool *open, bool *broken)
{
	if (ssl == NULL || *open || *broken)
		return;
	ERR_clear_error();
	int r = SSL_do_handshake(ssl);
	*open = r == 1;
	*broken = r != 1 && SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ;
}

static inline void turn(struct talk *t)
{
	shake(t->p, &t->program_open, &t->program_broken);
	shake(t->s, &t->server_open, &t->server_broken);
	hear_some(t);
	(void)poll(NULL, 0, 2);
}

static inline struct gate_message hear(struct talk *t, enum gate_kind kind)
{
	for (int i = 0; i < TURNS && !t->has_kept; i++)
		turn(t);
	CHECK(t->has_kept && t->kept.kind == kind, "kind %d, not %d: %s", (int)t->kept.kind,
	      (int)kind, t->why);
	t->has_kept = false;
	return t->kept;
}

static inline void open_both(struct talk *t)
{
	for (int i = 0; i < TURNS && !(t->program_open && (t->server_open || t->s == NULL)); i++)
		turn(t);
	CHECK(t->program_open, "the program's handshake: %s", t->has_kept ? t->why : "");
}

/* get() - what comes next, as text. Return: is it still open? */
static inline bool get(struct talk *t, SSL *ssl, char *ret, size_t room)
{
	size_t n = 0;
	int r = 0;

	for (int i = 0; i < TURNS; i++) {
		ERR_clear_error();
		r = SSL_read_ex(ssl, ret, room - 1, &n);
		if (r == 1 || SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
			break;
		turn(t);
	}
	ret[r == 1 ? n : 0] = '\0';
	return r == 1;
}

static inline void check_gets(struct talk *t, SSL *ssl, const char *want)
{
	char text[2048];

	(void)get(t, ssl, text, sizeof(text));
	CHECK(strncmp(text, want, strlen(want)) == 0, "%s: %s", want, text);
}

static inline void put(SSL *ssl, const char *text)
{
	CHECK(SSL_write(ssl, text, (int)strlen(text)) == (int)strlen(text), "write");
}

static inline SSL *server_shows(struct talk *t, const struct authority *by, const char *name)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	X509 *leaf = leaf_for(by, server_key, name);

	t->s = SSL_new(context);
	CHECK(SSL_use_certificate(t->s, leaf) == 1 && SSL_use_PrivateKey(t->s, server_key) == 1 &&
		  SSL_set_fd(t->s, t->server) == 1,
	      "server");
	SSL_set_accept_state(t->s);
	X509_free(leaf);
	SSL_CTX_free(context);
	return t->s;
}

static inline const char *address_of_host(const struct rig *rig)
{
	static const char query[] = "\x12\x34\x01\0" RIG_ONE "\3lab\4test\0\0\1\0\1";
	static char text[32];
	unsigned char reply[512];
	CLEANUP_FD int fd = rig_query("192.0.2.53", (struct span){ query, sizeof(query) - 1 });

	rig_say(rig, GATE_NAME, rig_hear_kind(rig, GATE_ASK_NAME).id, GATE_ALLOW, -1);
	CHECK(test_ready(fd, POLLIN), "no address");
	ssize_t n = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
	if (n > 4)
		snprintf(text, sizeof(text), "%u.%u.%u.%u", reply[n - 4], reply[n - 3],
			 reply[n - 2], reply[n - 1]);
	return text;
}

/* begin() - a flow to lab.test, allowed with @flags, and no octet of it yet */
static inline struct talk begin(const struct rig *rig, unsigned flags)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (host_address == NULL)
		host_address = address_of_host(rig);
	struct talk t = { .rig = rig, .program = rig_dial(host_address, 443) };
	t.flow = rig_hear_kind(rig, GATE_ASK_FLOW).id;
	CHECK(connect(fd, (const struct sockaddr *)&rig->server_at, sizeof(rig->server_at)) == 0 &&
		  fcntl(fd, F_SETFL, O_NONBLOCK) == 0,
	      "%d", errno);
	t.server = accept4(rig->server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	say(rig,
	    (struct gate_message){
		.kind = GATE_FLOW, .id = t.flow, .verdict = GATE_ALLOW, .flags = (uint16_t)flags },
	    fd);
	CHECK(fcntl(t.program, F_SETFL, O_NONBLOCK) == 0, "%d", errno);
	return t;
}

/* program_speaks() - @sni: NULL: none */
static inline void program_speaks(struct talk *t, const char *sni)
{
	static const unsigned char offer[] = "\x8http/1.1";

	t->p = SSL_new(program_context);
	CHECK(SSL_set_fd(t->p, t->program) == 1 && SSL_set1_host(t->p, host) == 1 &&
		  SSL_set_alpn_protos(t->p, offer, sizeof(offer) - 1) == 0,
	      "program");
	if (sni != NULL)
		SSL_set_tlsext_host_name(t->p, (uintptr_t)sni);
	SSL_set_connect_state(t->p);
}

static inline void end(struct talk *t)
{
	SSL_free(t->p);
	SSL_free(t->s);
	t->p = t->s = NULL;
	fd_close(&t->program);
	fd_close(&t->server);
}

/* finish() - the program leaves, and the flow ends @how; GATE_NONE: in any way */
static inline void finish(struct talk *t, enum gate_verdict how)
{
	fd_close(&t->program);
	SSL_free(t->p);
	t->p = NULL;
	struct gate_message message = hear(t, GATE_END);
	CHECK(message.id == t->flow && (how == GATE_NONE || message.verdict == how), "%d",
	      (int)message.verdict);
	end(t);
}

#define GET   "GET / HTTP/1.1\r\nHost: lab.test\r\n\r\n"
#define OTHER "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"
#define OK    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static inline void ask(struct talk *t)
{
	put(t->p, GET);
	struct gate_message message = hear(t, GATE_ASK_REQUEST);

	CHECK(message.flow == t->flow && message.flags == GATE_HTTPS &&
		  strcmp(t->why, "GET /") == 0,
	      "%x %s", message.flags, t->why);
	say(t->rig,
	    (struct gate_message){ .kind = GATE_REQUEST, .id = message.id, .verdict = GATE_ALLOW },
	    -1);
	check_gets(t, t->s, GET);
}

#endif
