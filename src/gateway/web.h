/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web - a flow whose octets the gateway reads: TLS is opened with a leaf for the flow's name, and
 * what is in it, or came without TLS, is exchanged request by request.
 *
 *	OPENING		handshakes, upstream's first; a leaf is asked for at once if there is none
 *	OPEN		exchange1 or exchange2 is at work, as the server chose (ALPN) or the program began
 *
 * A flow that has no server (it was refused, or cannot be reached, or its server cannot be trusted) is
 * opened all the same, and each request answered with the reason.
 */
#ifndef GATEWAY_WEB_H
#define GATEWAY_WEB_H

#include "gateway/exchange2.h"
#include "gateway/sniff.h"

enum { WEB_WHY_OCTETS = 400 };

struct web;

struct web_owner {
	void (*ask_leaf)(struct web *web); /* then web_leaf() is to be called, later */
	void (*ask)(struct web *web, struct span what, unsigned flags); /* then web_verdict() */
	void (*ended)(struct web *web, const struct exchange1_end *end);
	/* the same of a stream of HTTP/2, then web_stream_verdict(); see exchange2.h */
	bool (*ask_stream)(struct web *web, struct exchange2_stream *stream, struct span what,
			   unsigned flags);
	void (*stream_left)(struct web *web, struct exchange2_stream *stream);
	void (*stream_ended)(struct web *web, struct exchange2_stream *stream,
			     const struct exchange1_end *end);
	void (*refused)(struct web *web, unsigned status, const char *why);
	/* something moved; @brisk: it must get on within a short time */
	void (*moved)(struct web *web, bool brisk);
	void (*over)(struct web *web,
		     bool clean); /* the last call; its sockets are closed. May free it */
};

struct web {
	const struct web_owner *owner;
	struct tls_context *context; /* borrowed; NULL: TLS is not opened */
	struct net_name host;        /* of the flow */
	uint16_t port;
	struct span pins; /* see bridge.h; borrowed */
	bool raw;         /* what is no HTTP may pass as it is */
	bool secrets;     /* see exchange1.h */

	bool awaits_leaf; /* asked for */
	struct ends ends;
	bool two;        /* exchange2, not exchange */
	bool offers_two; /* in the program's hello */
	struct exchange1 exchange;
	struct exchange2 exchange2;
	unsigned door; /* status with which each request is answered; 0: it is asked about */
	char door_why[WEB_WHY_OCTETS];
	unsigned door_retry_s;   /* when to try again; 0: nobody knows */
	struct loop_timer later; /* for what must not happen within a call */
};

/**
 * web_start() - begin
 * @web:	owner to raw are set, the rest is 0
 * @inside, @upstream:	owned from now on, whatever comes; @upstream may be -1: see web_shut()
 * @kind:	what the program began, which waits on @inside
 *
 * over() is not called from within. Return: 0; -errno: the sockets were reset, and nothing was begun.
 */
MUST_USE int web_start(struct web *web, struct loop *loop, int inside, int upstream,
		       enum sniff_kind kind);

/* web_shut() - answer each request with @status and @why, as there is no server */
void web_shut(struct web *web, unsigned status, struct span why);

/* web_hello_fault() - does the hello that waits on @inside name @host, or none? Return: NULL: it does; else why
 * it is refused, static */
const char *web_hello_fault(const struct net_name *host, int inside);

/* web_leaf() - @der: empty: there is none */
void web_leaf(struct web *web, struct span der);

/* web_verdict() - @status: 0: it may go out */
void web_verdict(struct web *web, unsigned status, struct span why);
void web_stream_verdict(struct exchange2_stream *stream, unsigned status, struct span why);

/* web_stop() - reset both sides; over() is not called */
void web_stop(struct web *web);

#endif
