/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc - JSON-RPC 2.0 (jsonrpc.org/specification), one message a line, over stdio or a unix socket.
 *
 * A peer is one connection. What it sends is cut into lines, parsed strictly (UTF-8, no duplicate
 * key, bounded depth and length) and dispatched by a method table. A method answers at once or
 * later, once or several times (exec_stream), by rpc_reply() and friends; calls of a batch are
 * answered in one array when all are done. Answers are queued up to RPC_QUEUE_OCTETS_MAX; above
 * RPC_CONGESTED_OCTETS rpc_peer_congested() is true and callers stop producing (back-pressure);
 * above RPC_DEAF_OCTETS no new requests are read either, so that a `cancel` gets through a flood of
 * output, and yet answers that nobody reads are bounded. A connection whose queue overflows all the
 * same is broken off: no answer is ever lost on one that lives.
 *
 * What the specification leaves open: blank lines are ignored; a last line may lack its newline;
 * "params": null is no params; ids are strings of at most 255 octets, numbers or null; a request
 * whose id could be read is refused with that id. Not JSON (invalid UTF-8 included): -32700. JSON
 * we do not take (duplicate keys, U+0000, numbers beyond 64 bits or a double, over 64 levels deep,
 * over 1,048,576 values, a line or a batch too long): -32600, id null, for the line as a whole. A
 * method that answers in parts is refused in a batch: -32600. Error answers of ours have the
 * message the specification gives for the code, and what exactly is wrong in `data`.
 *
 * A process that uses pipes or terminals ignores SIGPIPE; sockets need no such care. Descriptors
 * that are not sockets become non-blocking and get their flags back on closing. All callbacks and
 * methods are called from the loop, never from within a function below, and may call any of them,
 * rpc_peer_free() included.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <jansson.h>

#include "base/base.h"
#include "base/buf.h"
#include "loop/loop.h"

enum {
	RPC_LINE_OCTETS_MAX = 48 * 1024 * 1024, /* a message; a longer one is skipped */
	RPC_QUEUE_OCTETS_MAX = 96 * 1024 * 1024,
	RPC_CONGESTED_OCTETS = 1024 * 1024, /* above this, stop producing */
	RPC_DEAF_OCTETS = 8 * 1024 * 1024,  /* above this, read no more requests: see below */
	RPC_BATCH_MAX = 256,                /* calls in a batch */
	RPC_CALLS_MAX = 1024,               /* calls under way on one connection */
};

/* Codes of the specification, then ours. */
enum rpc_error {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_FAILED = -32000,        /* the sandbox could not do it; message says why */
	RPC_NOT_CREATED = -32001,   /* no sandbox yet */
	RPC_CLOSED = -32002,        /* the sandbox is gone */
	RPC_NOT_SUPPORTED = -32003, /* a setting of later work */
	RPC_LIMIT = -32004,         /* too many calls under way, or too long an answer */
	RPC_CANCELLED = -32005,
};

struct rpc_peer;
struct rpc_call; /* one request that is owed an answer; NULL for a notification is never passed */

/**
 * A method. @params is an object, an array or NULL, borrowed for the call. It must see to it that
 * @call is finished (rpc_reply, rpc_fail) exactly once, now or later; a notification gets a call
 * whose answers are dropped, so that methods need not care.
 */
struct rpc_method {
	const char *name;
	void (*run)(void *context, struct rpc_call *call, json_t *params);
	bool streams;      /* answers in parts: refused in a batch */
	const void *terms; /* for rpc_config.admit(), which knows what they are */
};

struct rpc_config {
	const struct rpc_method *methods;
	size_t methods_len;
	void *context; /* passed to methods and callbacks */

	/* Callbacks may be NULL. The peer is still there until rpc_peer_free(). */

	/* May the method run? If not, @call was finished with why. NULL: all may. */
	bool (*admit)(void *context, const struct rpc_method *method, struct rpc_call *call,
		      json_t *params);

	/* End of input or error, once. After an end of input answers are still delivered. */
	void (*closed)(void *context, struct rpc_peer *peer);

	/* No longer congested. */
	void (*drained)(void *context, struct rpc_peer *peer);

	/* Once, after closed(): no call is under way and all is written, or nobody can read it. */
	void (*finished)(void *context, struct rpc_peer *peer);
};

/**
 * rpc_peer_new() - serve a connection
 * @in, @out:	consumed, on failure too (the same number for a socket)
 * @config:	borrowed for the peer's life
 *
 * Return: 0, -ENOMEM, or another -errno if a descriptor is no good.
 */
MUST_USE int rpc_peer_new(struct rpc_peer **ret, struct loop *loop, int in, int out,
			  const struct rpc_config *config);

/* rpc_peer_free() - close it. Calls still under way become orphans: answering them does nothing. */
void rpc_peer_free(struct rpc_peer *peer); /* NULL is fine */

/* rpc_peer_error() - why it cannot be read or written any more: -errno; 0: nothing, or its end */
MUST_USE int rpc_peer_error(const struct rpc_peer *peer);

MUST_USE bool rpc_peer_congested(const struct rpc_peer *peer);

/* rpc_peer_flush_and_stop() - loop_stop(loop, result) once all queued answers were written or
 * failed */
void rpc_peer_flush_and_stop(struct rpc_peer *peer, int result);

/**
 * rpc_notify() - send a notification, such as `event`
 * @params:	an object, an array or NULL; consumed
 *
 * May be dropped: when over 8 MiB are queued, and from then on until the queue has drained. Then an
 * event {"type": "dropped", "count": N} says how many were.
 */
void rpc_notify(struct rpc_peer *peer, const char *method, json_t *params);

/* rpc_reply() - the last or only answer; @result consumed, NULL is JSON null. Ends @call. An answer
 * longer than RPC_LINE_OCTETS_MAX becomes an error (RPC_LIMIT). */
void rpc_reply(struct rpc_call *call, json_t *result);

/* rpc_fail() - answer with an error; the message is for people, cut at 511 octets. Ends @call. */
void rpc_fail(struct rpc_call *call, enum rpc_error code, const char *format, ...) PRINTF(3, 4);

/* rpc_part() - one of several answers with the same id (exec_stream); does not end @call */
void rpc_part(struct rpc_call *call, json_t *result);

/**
 * rpc_part_base64() - the fast path of rpc_part(): {"NAME": "base64 of data"}
 * @name:	"stdout" or "stderr"
 */
void rpc_part_base64(struct rpc_call *call, const char *name, struct span data);

struct rpc_peer *rpc_call_peer(const struct rpc_call *call); /* NULL: the connection is gone */

/* rpc_call_id() - the request's id, borrowed; NULL for a notification. For `cancel` and `stdin`. */
json_t *rpc_call_id(const struct rpc_call *call);

/*
 * A server: the unix socket of a sandbox. It owns its peers and frees each after its finished().
 */
enum { RPC_CONNECTIONS_MAX = 64 }; /* further ones wait until one of these is done */

struct rpc_server;

/**
 * rpc_listen() - serve connections to the socket @name beneath the folder @dir
 * @dir:	borrowed for the server's life; its path may be longer than a socket address
 * @name:	copied; without a slash, at most 64 octets
 * @config:	borrowed for the server's life; the same for all connections
 *
 * The socket has mode 0600, and only processes of our own user or of root are served: others are
 * closed at once. A socket that nobody listens on any more is replaced.
 *
 * Return: 0; -EINVAL: not a name; -EADDRINUSE: it is being served, or is no socket; -errno.
 */
MUST_USE int rpc_listen(struct rpc_server **ret, struct loop *loop, int dir, const char *name,
			const struct rpc_config *config);

/* rpc_server_free() - remove the socket, close all connections. NULL is fine. */
void rpc_server_free(struct rpc_server *server);

/* rpc_server_is_heard() - is there a connection that rpc_server_notify() would reach? */
MUST_USE bool rpc_server_is_heard(const struct rpc_server *server);

/* rpc_server_notify() - rpc_notify() to all connections; @params consumed */
void rpc_server_notify(struct rpc_server *server, const char *method, json_t *params);

#endif
