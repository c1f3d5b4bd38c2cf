/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange1 - HTTP/1 between the two ends of a flow, one request after the other.
 *
 *	program ──► head ──► judged ──► asked ──► written anew ──► body ──► server
 *	program ◄── body ◄── written anew ◄── head ◄───────────────────────  server
 *
 * A request is whole in its head before any of its octets goes out, and allowed: until then
 * what follows it waits, pipelined requests included. Bodies stream; trailers, 100-continue and other
 * interim responses are passed on. After a 101 that was asked for, octets are carried as they are, and
 * watched (websocket.h). What breaks off breaks off on the other side as well, so that nobody takes a part for the whole.
 */
#ifndef GATEWAY_EXCHANGE1_H
#define GATEWAY_EXCHANGE1_H

#include "gateway/ends.h"
#include "gateway/inject.h"
#include "gateway/websocket.h"
#include "wire/gate.h"
#include "wire/http1_body.h"

enum exchange1_up {
	UP_HEAD = 0, /* of the next request */
	UP_ASKED,    /* may it go out? */
	UP_GO,       /* it may */
	UP_BODY,
	UP_DONE, /* the request is out: its response is awaited */
	UP_TUNNEL,
	UP_DRAIN, /* nothing more will be answered; read until the program has seen it */
};

enum exchange1_down {
	DOWN_IDLE = 0,
	DOWN_HEAD,
	DOWN_BODY,
	DOWN_DONE, /* the response is out, the request is not yet */
	DOWN_TUNNEL,
};

/* Where the flow goes, so what its requests must be for. */
struct exchange1_host {
	const char *text; /* canonical name or address; borrowed */
	uint16_t port;
	bool https;
};

/* How an allowed request ended. */
struct exchange1_end {
	bool blocked;    /* a cap was exceeded: answered by us, or broken off */
	unsigned status; /* 0: there was no response */
	bool clean;
	const char *why; /* it ended badly; static; NULL: it did not, or nobody knows */
	uint64_t up,
	    down;       /* octets of heads and bodies as they came, interim responses not counted */
	bool websocket; /* it became one, over which went: */
	struct gate_socket socket;
};

/* What comes with a verdict. */
struct exchange1_caps {
	uint64_t octets[TLS_SIDES]; /* most of the body from that side, of an allowed one; 0: any */
	uint64_t message_octets;    /* most of a message of WebSocket; 0: any */
	uint32_t messages_per_minute; /* that the program begins, of all with that rule; 0: any */
	uint16_t rule;
	unsigned retry_after_s; /* of a refused one; 0: nobody knows */
};

struct exchange1;

/* A body that is searched, and perhaps changed, on its way. */
struct exchange1_change {
	bool on, blocked,
	    last;    /* blocked: @held was not done for want of room; last: nothing follows it */
	bool chunks; /* it goes on in chunks */
	struct inject_body body;
	struct buf held; /* came, and is not done */
};

struct exchange1_owner {
	/* may it go out? "METHOD target". exchange1_verdict() is to be called, later */
	void (*ask)(struct exchange1 *exchange, struct span what, bool websocket);
	void (*ended)(struct exchange1 *exchange, const struct exchange1_end *end);
	/* we refused it ourselves, and answered */
	void (*refused)(struct exchange1 *exchange, unsigned status, const char *why);
	/* The last call: nothing more can be exchanged. The owner closes the ends. May free it. */
	void (*over)(struct exchange1 *exchange, bool clean);
	/* it went on by itself: call exchange1_step() */
	void (*again)(struct exchange1 *exchange);
};

struct exchange1 {
	struct ends *ends; /* borrowed, open */
	struct loop *loop;
	const struct exchange1_owner *owner;
	struct exchange1_host host;
	uint32_t id; /* for replies: of the last ask; the owner's */

	enum exchange1_up up;
	enum exchange1_down down;
	bool raw;     /* set by the owner: what is no HTTP may pass as it is */
	bool two;     /* set by the owner: HTTP/2 may be spoken as well */
	bool secrets; /* set by the owner: the program has placeholders, which are looked for */
	bool preface; /* it is spoken; left[TLS_INSIDE] has what came. Nothing happens any more. */
	bool fresh;   /* nothing was read yet */
	bool last;    /* no further request on this connection */
	bool old;     /* the request is HTTP/1.0 */
	bool allowed; /* it is owed an end */
	bool dead;    /* over() was called */
	bool bodied;  /* the request that was asked about has a body */
	bool spoke;   /* the server, when it was not its turn: what it says next is no answer */
	bool unread;  /* the program may have sent what nobody will read: see UP_DRAIN */
	size_t head_octets;                    /* of that request */
	uint64_t body_octets;                  /* likewise, if it says; else 0 */
	struct exchange1_caps caps;            /* set by the owner before each verdict */
	struct http1_limits limits[TLS_SIDES]; /* of bodies under way */
	uint64_t tunnelled[TLS_SIDES];         /* octets from that side */
	size_t drained;
	struct http1_asked asked;
	struct websocket websocket;
	size_t watched; /* octets of left[TLS_UPSTREAM] that were counted */
	struct exchange1_end end;
	struct http1_scan scan[TLS_SIDES];
	struct http1_body body[TLS_SIDES];
	unsigned interims;     /* interim responses so far */
	struct inject *inject; /* owned: secrets of the request that was allowed last; NULL: none */
	struct exchange1_change change[TLS_SIDES]; /* of what comes from that side */
	bool scans;                                /* a request's body that goes out as it is */
	struct inject_scan scan_out;
	struct buf left[TLS_SIDES]; /* came, and waits to be read */
	struct buf reply;           /* ours, as a whole, until it can be written */
	struct loop_timer again;    /* it goes on when others had their turn */
};

/* exchange1_start() - @x: ends to id, raw to secrets, are set, the rest is 0. From now on ends->ready() calls
 * exchange1_step(). */
void exchange1_start(struct exchange1 *x);

/* exchange1_tunnel() - from now on carry octets as they are */
void exchange1_tunnel(struct exchange1 *x);

/* exchange1_step() - go on as far as it goes. Return: false: over() was called */
bool exchange1_step(struct exchange1 *x);

/* exchange1_verdict() - the answer to what was asked; it takes effect at the next step. @status: 0: it
 * may go out, with @text as the data of REQUEST (wire/gate.h); else how to answer; @text: why, for
 * people */
void exchange1_verdict(struct exchange1 *x, unsigned status, struct span text);

/* exchange1_is_brisk() - does the program owe us something soon? */
bool exchange1_is_brisk(const struct exchange1 *x);

/* exchange1_stop() - forget all; over() is not called. An allowed request is ended. */
void exchange1_stop(struct exchange1 *x);

#endif
