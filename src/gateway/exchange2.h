/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange2 - HTTP/2 between the two ends of a flow: we are the program's server and the server's client,
 * and each stream of the one has its stream of the other.
 *
 *	HEAD ──► ASKED ──► OPEN		judged, allowed, written anew; bodies stream both ways
 *	    │        │
 *	    └────────┴──► ANSWERED	by us: refused, denied, or there is no server
 *
 * A request is whole in its head, and allowed, before any of it goes out. A side may send as much as the other
 * has taken, and a window more: the credit for octets is given back when they go on. Trailers, interim
 * responses, resets with their codes and the end of a connection are passed on. Pushes are refused.
 *
 * What a peer can have too much of is bounded: streams, heads, resets, frames that move nothing, octets
 * that wait. Who exceeds it is told GOAWAY ENHANCE_YOUR_CALM.
 */
#ifndef GATEWAY_EXCHANGE2_H
#define GATEWAY_EXCHANGE2_H

#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "gateway/exchange1.h"
#include "wire/http2_head.h"

enum {
	EXCHANGE2_STREAMS_MAX = 100,                   /* at once, of a connection */
	EXCHANGE2_WINDOW_OCTETS = 256 * 1024,          /* of a stream, each way */
	EXCHANGE2_CONNECTION_OCTETS = 4 * 1024 * 1024, /* of a connection, each way */
	EXCHANGE2_HEADS_OCTETS_MAX = 1024 * 1024,      /* of heads that wait for a program */
	EXCHANGE2_WAITING_OCTETS_MAX =
	    256 * 1024 * 1024, /* of all connections: then who adds is cut off */
};

enum exchange2_state {
	STREAM_HEAD = 0,
	STREAM_ASKED,
	STREAM_OPEN,
	STREAM_ANSWERED,
};

/* From one side to the other. */
struct exchange2_way {
	struct buf
	    data; /* came, and was not taken by the other side yet; if it is held for secrets:
			    is ready to be taken */
	struct exchange2_change *change; /* owned; NULL: nothing is looked for in its body */
	struct http2_block trailers;
	uint64_t came;
	uint64_t expected; /* if @exact */
	bool exact;        /* so many octets, neither more nor less */
	bool ended;        /* the sender has said all */
	bool waits;        /* the other side has sent all there was */
	bool dropped;      /* nobody takes it any more */
	bool ours;         /* it is our answer: no credit is owed for it */
};

struct exchange2;

struct exchange2_stream {
	struct list_node node;
	struct exchange2 *exchange;
	int32_t id[TLS_SIDES]; /* 0: there is none, or no more */
	enum exchange2_state state;
	struct http2_block
	    head; /* of the request until it goes out, then of the response under way */
	struct exchange2_way way[TLS_SIDES]; /* from that side */
	bool bodiless;                       /* the request ended with its head */
	bool head_only;                      /* HEAD: the response has no body */
	bool websocket;                      /* it was asked for */
	struct websocket socket;
	bool responded;             /* the final head has been passed on */
	bool said;                  /* and the end of the response */
	bool broken;                /* it was reset by us */
	unsigned interims;          /* interim responses so far */
	uint64_t unwanted;          /* octets that came and were dropped */
	bool allowed;               /* it is owed an end */
	struct exchange1_caps caps; /* set by the owner before the verdict */
	struct exchange1_end end;
	struct inject *inject; /* owned: its secrets; NULL: none */
	void *slot;            /* the owner's, from ask() on */
	uint32_t ask_id;       /* for replies; the owner's */
};

struct exchange2_owner {
	/* may it go out? "METHOD target". exchange2_verdict() is to be called, now or later. Return: false:
	 * there is no room to ask */
	bool (*ask)(struct exchange2_stream *stream, struct span what, bool websocket);
	/* it waits for no verdict any more; the last call about it */
	void (*left)(struct exchange2_stream *stream);
	/* an allowed one is over: the last call about it */
	void (*ended)(struct exchange2_stream *stream, const struct exchange1_end *end);
	void (*refused)(struct exchange2 *exchange, unsigned status, const char *why);
	/* The last call. The owner closes the ends. May free it. */
	void (*over)(struct exchange2 *exchange, bool clean);
	void (*again)(struct exchange2 *exchange); /* call exchange2_step() */
};

/* What a peer may do so many times at once, and so often a second. */
struct exchange2_calm {
	unsigned left;
	int64_t since_ns;
};

struct exchange2 {
	struct ends *ends; /* borrowed, open; perhaps without upstream */
	struct loop *loop;
	const struct exchange2_owner *owner;
	struct exchange1_host host;
	bool secrets; /* as in exchange1.h */

	nghttp2_session *session[TLS_SIDES]; /* owned */
	struct http2_block
	    *block[TLS_SIDES]; /* the head that is coming; NULL: none, or nobody wants it */
	struct list streams;
	unsigned stream_count;
	struct buf first; /* what was read before we began */
	bool settled;     /* the program has said its settings */
	bool leaving;     /* the program was told to open no more streams */
	bool lost;        /* there is, or will be, no server */
	bool unheard;     /* the server takes nothing any more */
	bool broke;
	bool calmed[TLS_SIDES]; /* it had too much, and was told */
	bool offered;           /* WebSocket, to the program */
	bool seeing_off;        /* all is said; read until the program has seen it */
	bool dead;
	size_t drained;
	unsigned
	    unsent;   /* requests that the library holds back: the server takes no more for now */
	size_t heads; /* octets of heads that wait for the program */
	unsigned asked, verdicts, blocks; /* waiting now; so far; heads so far */
	unsigned paced_verdicts, paced_blocks;
	struct exchange2_calm resets, interims, frames[TLS_SIDES];
	struct loop_timer again;
};

/* exchange2_start() - @x: ends to secrets are set, the rest is 0. @first: octets that were read from
 * the program already. Return: 0 or -ENOMEM. */
MUST_USE int exchange2_start(struct exchange2 *x, struct span first);

/* exchange2_step() - go on as far as it goes. Return: false: over() was called */
bool exchange2_step(struct exchange2 *x);

/* exchange2_verdict() - on what was asked. @status, @text: as in exchange1_verdict(). Step afterwards. */
void exchange2_verdict(struct exchange2_stream *s, unsigned status, struct span text);

/* exchange2_is_brisk() - does the program owe us something soon? To be asked after each step. */
bool exchange2_is_brisk(struct exchange2 *x);

/* exchange2_stop() - forget all; over() is not called. Allowed requests are ended. */
void exchange2_stop(struct exchange2 *x);

#endif
