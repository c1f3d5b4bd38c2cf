/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_priv - what the files of rpc/ share: the line stream below peers and clients, the parser, and
 * the inside of peers and calls.
 */
#ifndef RPC_RPC_PRIV_H
#define RPC_RPC_PRIV_H

#include "rpc/rpc.h"

enum {
	RPC_READ_OCTETS = 16 * 1024, /* the least a read asks for; an idle stream keeps no more */
	RPC_READ_OCTETS_MAX = 1024 * 1024, /* the most, once a long line is on its way */
	RPC_KEEP_OCTETS = 64 * 1024,       /* a drained queue keeps at most this much memory */
	RPC_TURN_LINES = 256,              /* lines taken before other descriptors get their turn */
	RPC_EVENTS_OCTETS_MAX = 8 * 1024 * 1024, /* a longer queue drops notifications */
	RPC_DEPTH_MAX = 64,                      /* arrays and objects within each other */
	RPC_VALUES_MAX = 1024 * 1024,            /* values in a line; about 130 MiB once parsed */
	RPC_ID_OCTETS_MAX = 255,                 /* of an id that is a string */
	RPC_ID_TEXT_OCTETS_MAX =
	    6 * RPC_ID_OCTETS_MAX + 2, /* as JSON: \\u0001 ..., and the quotes */
	RPC_ERROR_OCTETS_MAX = 4096,   /* of an error answer, its id included */
	RPC_MESSAGE_OCTETS_MAX = 512,  /* of an error's message or data; a longer one is cut */
};

/*
 * A line stream: two descriptors, lines in, octets out. The first member of its owner, with which it
 * is allocated and freed. All callbacks come from the loop, never from within a call into the stream.
 */
struct rpc_stream;

struct rpc_stream_ops {
	size_t octets;     /* of the owner */
	bool reads_always; /* even while congested: for the side that must not wait for the other */
	void (*line)(struct rpc_stream *s, struct span line); /* borrowed, without its newline */
	void (*oversized)(struct rpc_stream *s); /* a line over the limit was skipped */
	void (*drained)(struct rpc_stream *s);   /* no longer congested */
	void (*ended)(struct rpc_stream *s);     /* once, after the last line: see s->error */
	void (*finished)(
	    struct rpc_stream *s);          /* once, later: not busy, and all written or broken */
	bool (*busy)(struct rpc_stream *s); /* will there be more to write? */
};

struct rpc_stream {
	const struct rpc_stream_ops *ops;
	struct loop *loop;
	struct loop_timer turn;     /* armed with 0: there is work to do in this turn of the loop */
	struct loop_source in, out; /* .loop is NULL for what epoll cannot watch: always ready */
	int in_fd, out_fd;          /* owned; -1 once closed */
	int in_flags, out_flags;    /* status flags to restore; -1: untouched */
	bool in_socket, out_socket; /* recv and send do without O_NONBLOCK and SIGPIPE */
	bool duplex;                /* one socket for both directions */

	bool readable;   /* epoll said so and nothing was read since */
	bool more_lines; /* @lines may hold a whole line that was not taken yet */
	bool skipping;   /* within a line over the limit */
	bool eof;        /* nothing can be read any more */
	bool blocked;    /* the last write found no room */
	bool congested;  /* the queue grew long and did not drain since */
	bool broken;     /* nothing can be written any more */
	bool stopping;   /* nothing more is to be read */
	bool owes_drained, owes_stop, told_ended, told_finished;
	bool in_turn;
	int stop_result;
	int error;        /* why it broke: a negative errno; 0: it did not */
	unsigned refs;    /* the owner's and those of callbacks under way */
	size_t searched;  /* octets at the front of @lines that hold no newline */
	struct buf lines; /* octets read */
	struct buf queue; /* octets to write */
};

/**
 * rpc_stream_open() - allocate an owner, zeroed but for its stream
 * @in, @out:	consumed, on failure too (the same number for a socket)
 *
 * Return: 0; -ENOMEM; -EBADF, or another -errno: a descriptor is no good.
 */
MUST_USE int rpc_stream_open(struct rpc_stream **ret, struct loop *loop, int in, int out,
			     const struct rpc_stream_ops *ops);

/* rpc_stream_close() - close the descriptors; the owner is freed once no callback is under way */
void rpc_stream_close(struct rpc_stream *s);

/* rpc_stream_wrote() - to be called after octets were appended to s->queue */
void rpc_stream_wrote(struct rpc_stream *s);

/* rpc_stream_break() - give up: nothing more is read or written, the owner is told @error later */
void rpc_stream_break(struct rpc_stream *s, int error);

/* rpc_stream_wake() - look after the stream later in this turn of the loop */
void rpc_stream_wake(struct rpc_stream *s);

/* rpc_stream_stop() - read no more; loop_stop(loop, result) once all is written or broken */
void rpc_stream_stop(struct rpc_stream *s, int result);

static inline bool rpc_stream_is_closed(const struct rpc_stream *s)
{
	return s->out_fd < 0;
}

/* What a line that is not a good message deserves. */
struct rpc_fault {
	enum rpc_error code;
	char detail[RPC_MESSAGE_OCTETS_MAX]; /* UTF-8; for people */
};

/* A request as it stands in its message, from which it borrows. */
struct rpc_request {
	const char *method;
	json_t *params; /* object, array or NULL */
	json_t *id;     /* NULL: a notification */
};

/**
 * rpc_parse_line() - parse one JSON text within our bounds
 * @ret:	any JSON value, owned by the caller
 *
 * Return: 0; -EINVAL: *fault is set; -ENOMEM.
 */
MUST_USE int rpc_parse_line(json_t **ret, struct span line, struct rpc_fault *fault);

/**
 * rpc_parse_request() - judge one request object (section 4)
 * @ret:	borrows from @message; on -EINVAL only ret->id is set, to an id that could be read
 * or NULL
 *
 * Return: 0; -EINVAL: *fault is set.
 */
MUST_USE int rpc_parse_request(struct rpc_request *ret, json_t *message, struct rpc_fault *fault);

struct rpc_batch {
	size_t open;        /* calls not done, and 1 while the batch is being dispatched */
	struct buf answers; /* "[answer,answer": the bracket comes with the first */
};

struct rpc_call {
	struct rpc_peer *peer; /* NULL: an orphan */
	struct rpc_call *prev, *next;
	struct rpc_batch *batch; /* owned together with the other calls of the batch; NULL: alone */
	json_t *id;              /* owned; NULL: a notification */
	bool muted;              /* answered already: what follows is dropped */
	size_t id_len;           /* octets */
	char id_text[];          /* the id as JSON */
};

struct rpc_peer {
	struct rpc_stream stream; /* first: see rpc_stream_open() */
	const struct rpc_config *config;
	struct rpc_call *calls; /* under way */
	size_t calls_len;
	size_t held;               /* octets of answers that wait for the rest of their batch */
	uint64_t dropped;          /* notifications since the last "dropped" event */
	struct rpc_server *server; /* whose connection it is; NULL: nobody's */
	struct rpc_peer *prev_served, *next_served; /* in the server's list */
};

/* rpc_dispatch() - serve one line: a request, a batch, or an error answer */
void rpc_dispatch(struct rpc_peer *peer, struct span line);
void rpc_dispatch_oversized(struct rpc_peer *peer); /* a line that was too long to keep */

/* rpc_server_forget() - @peer, one of a server's, is being freed */
void rpc_server_forget(struct rpc_peer *peer);

/**
 * rpc_call_new() - a call under way
 * @batch:	NULL: alone
 * @id:		borrowed; NULL: a notification
 *
 * Return: 0 or -ENOMEM.
 */
MUST_USE int rpc_call_new(struct rpc_call **ret, struct rpc_peer *peer, struct rpc_batch *batch,
			  json_t *id);

/* rpc_call_refuse() - answer with the specification's message for @code; ends @call */
void rpc_call_refuse(struct rpc_call *call, enum rpc_error code, const char *detail);

/* rpc_batch_new() - begin to dispatch a batch. Return: 0 or -ENOMEM. */
MUST_USE int rpc_batch_new(struct rpc_batch **ret);

/* rpc_batch_done() - one call fewer, or dispatched; the last sends the answers. @peer: NULL: gone
 */
void rpc_batch_done(struct rpc_peer *peer, struct rpc_batch *batch);

/* rpc_orphan_calls() - the peer goes: its calls lose it */
void rpc_orphan_calls(struct rpc_peer *peer);

/* rpc_append_json() - append @value as compact JSON. Return: 0, -ENOBUFS, -ENOMEM; -EINVAL: no
 * JSON. */
MUST_USE int rpc_append_json(struct buf *to, json_t *value);

/**
 * rpc_append_string() - append @text as a JSON string, whatever octets it holds
 *
 * What is not UTF-8 and control characters become '?'; at most RPC_MESSAGE_OCTETS_MAX octets of it.
 */
MUST_USE int rpc_append_string(struct buf *to, const char *text);

/* rpc_append_message() - append a request's version, method and params (may be NULL), left open */
MUST_USE int rpc_append_message(struct buf *to, const char *method, json_t *params);

#endif
