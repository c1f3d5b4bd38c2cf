/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rig - a program and an upstream, both of plain OpenSSL, with a bridge between them, in one
 * process: each turn all three do what they can. A link of two socket pairs lies on either side,
 * which carries so many octets a turn as the test says.
 */
#ifndef TLS_TEST_RIG_PRIV_H
#define TLS_TEST_RIG_PRIV_H

#include <openssl/ssl.h>

#include "base/test.h"
#include "tls/bridge.h"

enum { MIB = 1024 * 1024, TURNS_MAX = 400000, PEM_MAX = 4096 };
static const int64_t DAY_S = 24L * 3600;
static const char host[] = "api.example.com";

/* What the outside and the authority of this host are made of. */
struct world {
	EVP_PKEY *key, *own_key;
	X509 *root, *own_root;
	char pem[PEM_MAX];
	size_t pem_len;
	struct tls_context *context;
	SSL_CTX *program, *server;
};

extern struct world world;

void world_new(void);
void world_end(void);
struct tls_context *context_new(void);
struct net_name name_of(const char *text);

/* mint() - what the warden would do. Return: is there a leaf now? */
bool mint(struct tls_context *context, const struct net_name *name);

/* One end of the conversation: sends so many octets of a pattern, and checks what it gets. */
struct talker {
	SSL *ssl; /* NULL: it is gone */
	int fd;
	size_t to_send, sent, got;
	bool open, close_after, said_close, heard_close, broken;
	const char *error; /* of the handshake; static */
};

/* fill() - octets of the pattern from @at on */
void fill(char *buffer, size_t len, size_t at);
void talk(struct talker *t);
void leave(struct talker *t);

/* Two socket pairs: one end is the talker's, one the bridge's, and octets are carried between. */
struct link {
	int talker, near, far, bridge;
	bool near_ended, far_ended;
};

void link_carry(struct link *l, size_t octets_max);

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
	EVP_PKEY *key;                       /* of that; NULL: world.key */
	SSL_SESSION *session;                /* of the program */
	struct span pins;
	size_t octets_a_turn;
};

void rig_new(struct rig *rig, const struct setup *setup);
void rig_end(struct rig *rig);
void turn(struct rig *rig);

/* turns() - until @done says so. Return: did it? */
bool turns(struct rig *rig, bool (*done)(const struct rig *rig));

bool all_said(const struct rig *rig);
bool both_closed(const struct rig *rig);
bool any_ended(const struct rig *rig);
bool program_broken(const struct rig *rig);
bool is_in_leaf(const struct rig *rig);
bool is_open(const struct rig *rig);

/* chosen() - the protocol; static */
const char *chosen(SSL *ssl);

#endif
