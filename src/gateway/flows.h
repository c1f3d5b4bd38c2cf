/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flows - every TCP flow of the sandbox: accepted, asked about, then reset or relayed.
 *
 *	state		holds					becomes
 *	WAITING		the program's socket, unread; an ask	RELAYING, ENDING (it was allowed, but
 *			under way; -1 once the program is gone	the program is gone), or free
 *	SNIFFING	both sockets, unread; of a refused	RELAYING, WEB, ENDING, or free if it
 *			flow the program's			was refused
 *	RELAYING	both sockets, in relay.h		ENDING
 *	WEB		both sockets, in web.h			ENDING, or free if it was refused
 *	ENDING		the END that the warden must get	free
 *
 * Denied, unreachable, no answer in FLOWS_VERDICT_S, no room: the program sees a reset, but if it speaks HTTP, and
 * within SNIFF_PATIENCE_MS, it is told why. While it waits nothing of what it sends is read, so nothing is
 * kept here. A flow to a synthetic address is asked
 * about by its name, one to an address that once was one is asked about, for the record, and reset
 * whatever the answer; one to port 53 that leads to no name is DNS (dns_tcp.h).
 */
#ifndef GATEWAY_FLOWS_H
#define GATEWAY_FLOWS_H

#include "gateway/dns_tcp.h"
#include "gateway/sniff.h"
#include "gateway/streams.h"
#include "gateway/talk.h"
#include "relay/relay.h"
#include "tls/context.h"

enum {
	FLOWS_MAX = 10000,
	FLOWS_VERDICT_S = 90,  /* for a verdict: somebody may have to be asked (warden/consent.h) */
	FLOWS_WAIT_S = 30,     /* for what the program has to say for a start, or to finish */
	FLOWS_IDLE_S = 3600,   /* without an octet either way */
	FLOWS_DRAIN_MS = 2000, /* likewise of all, when no program is left */
};

enum flow_state {
	FLOW_FREE = 0,
	FLOW_WAITING,
	FLOW_SNIFFING,
	FLOW_RELAYING,
	FLOW_WEB,
	FLOW_ENDING,
};

struct flow {
	struct list_node
	    node; /* of the free, waiting, brisk, relaying or ending, oldest first; of patient */
	struct talk_item item; /* the ask, later the END */
	struct flows *flows;
	enum flow_state state;
	uint32_t id;
	uint16_t port;
	bool stale; /* to a synthetic address that is nobody's any more */
	enum gate_verdict end;
	struct net_address address;
	struct gate_ends ends;    /* of the program's connection */
	struct names_entry *name; /* held; NULL: the flow is to an address */
	int64_t since_ns;         /* asked, or last octet */
	int64_t idle_ns;          /* of this flow alone; 0: as all others */
	char *pins;               /* owned, of the verdict: see bridge.h; NULL: none */
	size_t pins_len;
	struct loop_source program; /* WAITING */
	int fd;                     /* owned; WAITING, SNIFFING: the program's socket */
	int server;                 /* owned; SNIFFING: the server's */
	uint16_t flags;             /* enum gate_flag, of the verdict that allowed it */
	uint32_t web_id;            /* of the last leaf or request asked about in this slot */
	bool refused;         /* SNIFFING, WEB: it is only told why; the warden knows it no more */
	struct sniff sniff;   /* SNIFFING */
	struct relay relay;   /* RELAYING, and its counts in ENDING, of WEB, too */
	struct flow_web *web; /* owned; WEB, ENDING, SNIFFING if it was refused */
};

struct flows {
	struct loop *loop; /* borrowed, as the next four */
	struct talk *talk;
	struct names *names;
	struct dns_tcp *dns;
	struct pipes *pipes;
	unsigned max; /* flows at once, at most FLOWS_MAX: as many as there are descriptors for */
	struct tls_context *context;          /* NULL: TLS is not opened; borrowed */
	int64_t verdict_ns, wait_ns, idle_ns; /* FLOWS_VERDICT_S ..., FLOWS_IDLE_S; less in tests */

	struct loop_source listener;
	struct loop_timer pause; /* accepting goes on when it fires */
	struct loop_timer timer;
	struct loop_timer patience; /* of those with an idle time of their own */
	struct list waiting, brisk, relaying, patient, ending, spare;
	struct streams streams;
	bool last;               /* no more will come: see flows_last() */
	struct loop_timer drain; /* then */
	uint64_t moved;          /* octets, when it was armed */
	unsigned made;           /* how many of the following were ever used */
	struct flow flows[FLOWS_MAX];
};

/* flows_start() - serve @fd (borrowed), as enum gateway_fd wants it; the members up to idle_ns are
 * set,
 * the rest is 0. Return: 0 or -errno. */
MUST_USE int flows_start(struct flows *flows, int fd);

/* flows_last() - no program is left: take what still waits to be accepted, then end each flow as soon
 * as what its program sent is carried, and with the last one the loop; or when nothing moves for FLOWS_DRAIN_MS */
void flows_last(struct flows *flows);

/* flows_answer() - the warden's: FLOW, LEAF or REQUEST. @fd: consumed; the connected socket of a FLOW
 * that allows, else -1 */
void flows_answer(struct flows *flows, const struct gate_message *message, int fd);

#endif
