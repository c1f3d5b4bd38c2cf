/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc - JSON-RPC 2.0 (jsonrpc.org/specification), one message a line, over stdio or a unix socket.
 *
 * A peer is one connection. What it sends is cut into lines, parsed strictly (UTF-8, no duplicate
 * key, bounded depth and length) and dispatched by a method table. A method answers at once or
 * later, once or several times (exec_stream), by rpc_reply() and friends; calls of a batch are
 * answered in one array when all are done. Answers are queued up to RPC_QUEUE_OCTETS_MAX; above
 * half of that rpc_peer_congested() is true and callers stop producing (back-pressure); reading
 * new requests stops too until the queue drains.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <jansson.h>

#include "base/base.h"
#include "base/buf.h"
#include "loop/loop.h"

enum {
	RPC_LINE_OCTETS_MAX = 48 * 1024 * 1024, /* one message; a longer one is -32600 and skipped */
	RPC_QUEUE_OCTETS_MAX = 96 * 1024 * 1024,
	RPC_CONGESTED_OCTETS = 1024 * 1024, /* above this, stop producing */
	RPC_BATCH_MAX = 256,		    /* calls in a batch */
	RPC_CALLS_MAX = 1024,		    /* calls under way on one connection */
};

enum rpc_error { /* codes of the specification, then ours */
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_FAILED = -32000,	    /* the sandbox could not do it; message says why */
	RPC_NOT_CREATED = -32001,   /* no sandbox yet */
	RPC_CLOSED = -32002,	    /* the sandbox is gone */
	RPC_NOT_SUPPORTED = -32003, /* a setting of later work */
	RPC_LIMIT = -32004,	    /* too many calls under way */
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
};

struct rpc_config {
	const struct rpc_method *methods;
	size_t methods_len;
	void *context;		       /* passed to methods and callbacks */
	void (*closed)(void *context, struct rpc_peer *peer); /* end of input or error; the peer is
				       still there until rpc_peer_free() */
	void (*drained)(void *context, struct rpc_peer *peer); /* no longer congested */
};

/**
 * rpc_peer_new() - serve a connection
 * @in, @out:	consumed (the same number for a socket); set non-blocking
 * @config:	borrowed for the peer's life
 */
MUST_USE int rpc_peer_new(struct rpc_peer **ret, struct loop *loop, int in, int out,
			  const struct rpc_config *config);

/* rpc_peer_free() - close it. Calls still under way become orphans: answering them does nothing. */
void rpc_peer_free(struct rpc_peer *peer); /* NULL is fine */

MUST_USE bool rpc_peer_congested(const struct rpc_peer *peer);

/* rpc_peer_flush_and_stop() - loop_stop(loop, result) once all queued answers were written or failed */
void rpc_peer_flush_and_stop(struct rpc_peer *peer, int result);

/* rpc_notify() - send an `event` notification; @params consumed. Dropped with a count when the queue
 * is full; the count is sent as an event of its own when there is room again. */
void rpc_notify(struct rpc_peer *peer, const char *method, json_t *params);

/* rpc_reply() - the last or only answer; @result consumed, NULL is JSON null. Ends @call. */
void rpc_reply(struct rpc_call *call, json_t *result);

/* rpc_fail() - answer with an error; @message is for people. Ends @call. */
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

#endif
