/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_priv - the parts of the gateway's half: context, end (one TLS connection), bridge (two).
 */
#ifndef TLS_TLS_PRIV_H
#define TLS_TLS_PRIV_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "tls/bridge.h"
#include "tls/cache.h"
#include "tls/roots.h"

enum {
	/* Records of one write: 22 octets more each (RFC 8446 section 5.2), 53 with the CBC ciphers
	 * of TLS 1.2 and explicit IV. */
	TLS_RECORD_OCTETS = 16384,
	TLS_OUT_OCTETS =
	    BRIDGE_WRITE_OCTETS_MAX + (BRIDGE_WRITE_OCTETS_MAX / TLS_RECORD_OCTETS + 1) * 64 + 1024,
	TLS_LEFT_OCTETS_MAX = 2 * TLS_OUT_OCTETS, /* waiting for a peer that does not read */
	TLS_READ_OCTETS = 32 * 1024,              /* asked of a descriptor at once */
	TLS_REASON_OCTETS = 192,
};

struct tls_context {
	SSL_CTX *server, *client; /* owned */
	struct roots *roots;      /* owned; client looks there */
	EVP_PKEY *key;            /* owned */
	BIO_METHOD *method;       /* owned: reads and writes a struct tls_end */
	int judged_index;         /* of sessions: when the certificate was judged, as a number */
	struct cache leaves;      /* X509 by name */
	struct cache sessions;    /* struct sessions by name and port */
	/* One operation at a time uses these; they are empty between operations. */
	size_t out_len;
	char out[TLS_OUT_OCTETS];            /* records on their way to a descriptor */
	char plain[BRIDGE_WRITE_OCTETS_MAX]; /* of bridge_relay() */
};

/* One connection. All that is not ours is borrowed from the bridge. */
struct tls_end {
	struct tls_context *context;
	SSL *ssl; /* owned; NULL: not begun */
	const struct net_name *name;
	struct span head; /* octets to read before those of fd */
	struct span alpn; /* of an accepting end: what to choose */
	struct span pins; /* of a connecting end that is pinned, until it is open */
	struct buf left;  /* records that fd did not take yet */
	int fd;
	uint16_t port;
	bool pinned;
	bool alpn_or_none; /* it need not be offered */
	bool open;         /* the handshake is done */
	bool end_of_file, said_close;
	bool dry;        /* the last read took all that fd had */
	int write_errno; /* of fd; then nothing is sent any more */
	int read_errno;
	enum tls_result ended; /* CLOSED, TRUNCATED or FAILED; TLS_DONE: not ended */
	enum tls_fault fault;
	char why[TLS_REASON_OCTETS];
};

/* end_accept(), end_connect() - begin. Return: 0; -ENOENT: no certificate; -ENOMEM. */
MUST_USE int end_accept(struct tls_end *end);
MUST_USE int end_connect(struct tls_end *end, struct span alpn_offer);
void end_free(struct tls_end *end);

enum tls_result end_handshake(struct tls_end *end);
enum tls_result end_read(size_t *ret_len, struct tls_end *end, char *buffer, size_t capacity);
enum tls_result end_write(size_t *ret_len, struct tls_end *end, struct span data);
enum tls_result end_flush(struct tls_end *end);
enum tls_result end_close(struct tls_end *end);
struct span end_alpn(const struct tls_end *end);

/* end_method() - how OpenSSL reaches the descriptor of an end. NULL: out of memory. */
BIO_METHOD *end_method(void);

/* end_of() - whose connection is @ssl? */
static inline struct tls_end *end_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

/* end_has_pin() - of an open end: is one of its pins, if it has some, in the chain? Else it has failed. */
MUST_USE bool end_has_pin(struct tls_end *end);

/* end_explain() - keep what went wrong, from OpenSSL's queue of errors; for a handshake or later */
void end_explain(struct tls_end *end);

/* end_judge_certificate() - OpenSSL's callback: keeps what is wrong with an upstream's certificate */
int end_judge_certificate(int ok, X509_STORE_CTX *verification);

/* end_explain_write() - keep that end->write_errno befell it */
void end_explain_write(struct tls_end *end);

/* context_session_get() - a session to resume with the upstream of @end; owned; NULL: none */
SSL_SESSION *context_session_get(struct tls_end *end);

/* context_session_put() - OpenSSL's callback: a session came. Return: 1: @session is ours now. */
int context_session_put(SSL *ssl, SSL_SESSION *session);
void context_sessions_free(void *sessions);

/* alpn_find() - is @name one of the protocols in @list? Return: where in it; NULL. */
const unsigned char *alpn_find(struct span list, struct span name);

/* context_leaf() - borrowed until the next is put; NULL: there is none that is good */
X509 *context_leaf(struct tls_context *context, const struct net_name *name);

#endif
