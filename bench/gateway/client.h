/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - one connection of the load generator: TCP, perhaps CONNECT to a proxy, TLS, HTTP/1.1.
 *
 * All blocking. Each function returns NULL, or text that says what went wrong.
 */
#ifndef BENCH_GATEWAY_CLIENT_H
#define BENCH_GATEWAY_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct target {
	const char *name;    /* for SNI, Host and, without address, the resolver */
	const char *address; /* connect there instead; or NULL */
	const char *port;
	const char *proxy; /* "http://[USER:PASSWORD@]HOST:PORT" to say CONNECT to, or NULL */
	SSL_CTX *tls;      /* borrowed; NULL: plain text */
};

struct client {
	int fd;                  /* -1 if there is none */
	SSL *ssl;                /* owned; NULL for plain text */
	const char *name, *port; /* borrowed, of the target */
};

const char *client_open(struct client *ret, const struct target *t);
/* client_get() - @ret_octets: of the body. An answer that is not 200 or cut short is an error. */
const char *client_get(struct client *c, const char *path, uint64_t *ret_octets);
/* client_exchange() - send 8 octets (@octets, as the machine has it), read so many back. */
const char *client_exchange(struct client *c, uint64_t octets);
void client_close(struct client *c);

uint64_t now_ns(void);

#endif
