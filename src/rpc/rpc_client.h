/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client - the other end of rpc.h: connect to a sandbox's socket, send requests, receive what
 * comes back. The same bounds hold for both ends (RPC_LINE_OCTETS_MAX and so on).
 */
#ifndef RPC_RPC_CLIENT_H
#define RPC_RPC_CLIENT_H

#include "rpc/rpc.h"

enum { RPC_CONNECT_SECONDS_MAX = 5 }; /* to wait for a server with a full queue of connections */

/**
 * rpc_connect() - connect to the socket @name beneath the folder @dir
 * @ret_fd:	owned by the caller
 *
 * Return: 0; -ENOENT or -ECONNREFUSED: nobody serves it; -ETIMEDOUT: it is too busy; -errno.
 */
MUST_USE int rpc_connect(int *ret_fd, int dir, const char *name);

/* What came, borrowed for the call. Exactly one of method, result and error is set. */
struct rpc_message {
	const char *method; /* a notification, with @params (may be NULL) */
	json_t *params;
	json_t *id;        /* of an answer; JSON null: to a request that could not be read */
	json_t *result;    /* may be JSON null */
	json_int_t code;   /* of an error */
	const char *error; /* its message */
};

struct rpc_client_config {
	void *context;

	void (*received)(void *context, const struct rpc_message *message);

	/* Once: 0: end of input; -EPROTO: what came is not JSON-RPC; -EMSGSIZE: a line too long;
	 * another -errno. After that nothing is received. */
	void (*closed)(void *context, int error);

	/* No longer congested. */
	void (*drained)(void *context);
};

struct rpc_client;

/**
 * rpc_client_new() - speak to a server
 * @in, @out:	consumed, on failure too (the same number for a socket)
 * @config:	borrowed for the client's life; closed and drained may be NULL
 */
MUST_USE int rpc_client_new(struct rpc_client **ret, struct loop *loop, int in, int out,
			    const struct rpc_client_config *config);
void rpc_client_free(struct rpc_client *client); /* NULL is fine; any callback may call it */

/**
 * rpc_client_send() - queue a request
 * @id:		what its answers will carry; 0: a notification, which is not answered
 * @params:	an object, an array or NULL; consumed
 *
 * Return: 0; -ENOBUFS: too long, or the queue is full; -EPIPE: the server is gone; -EINVAL: not
 * JSON; -ENOMEM. On failure nothing was sent.
 */
MUST_USE int rpc_client_send(struct rpc_client *client, int64_t id, const char *method,
			     json_t *params);

/* rpc_client_congested() - is much queued? Then stop producing until drained(). */
MUST_USE bool rpc_client_congested(const struct rpc_client *client);

#endif
