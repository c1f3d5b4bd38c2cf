/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress - what of a sandbox may go out: between the gateway, which asks, the policy, which decides,
 * and the broker, which connects. Each ask that is refused, and the end of each request and flow, becomes
 * a report.
 */
#ifndef WARDEN_EGRESS_H
#define WARDEN_EGRESS_H

#include "config/config.h"
#include "loop/loop.h"
#include "net/name.h"
#include "policy/input.h"
#include "warden/consent.h"
#include "warden/owner.h"
#include "warden/secrets.h"

enum {
	EGRESS_DRAIN_MS = 30000, /* the gateway gives up before, if nothing moves */
	EGRESS_STUCK_MS = 10000, /* a gateway that takes no answer for so long is ended */
	EGRESS_WHY_OCTETS = 640, /* POLICY_WHY_OCTETS */
};

struct egress;
struct gate_socket; /* wire/gate.h */

enum egress_kind {
	EGRESS_NAME,      /* a name was asked for */
	EGRESS_FLOW,      /* a flow was refused, could not be connected, or ended */
	EGRESS_REQUEST,   /* an HTTP request was refused, or ended */
	EGRESS_REFUSED,   /* the gateway itself refused something on a flow */
	EGRESS_MALFORMED, /* what came to port 53 was no DNS */
	EGRESS_ACCEPTED,  /* a connection to a published port could not be carried, or ended */
	EGRESS_PACKETS,   /* the firewall refused count packets to one place: see refused.h */
	EGRESS_DROPPED,   /* count things were refused without a report each */
};

struct egress_report {
	enum egress_kind kind;
	const char *host; /* but of DROPPED: name or address, canonical; borrowed */
	bool is_address;
	const char *protocol;       /* PACKETS: "UDP"; borrowed */
	uint16_t port;              /* but of NAME, DROPPED */
	struct span method, target; /* REQUEST: visible ASCII; target: path and query, or "*" */
	bool https;                 /* REQUEST */
	uint16_t status;            /* REQUEST, REFUSED: of HTTP; 0: none */
	bool blocked;               /* by policy, or for what the name leads to */
	bool websocket;             /* REQUEST, denied or about to begin: it asked for WebSocket */
	const char
	    *address; /* FLOW, blocked for where it leads to: that address; else NULL; borrowed */
	bool only_by_address;    /* with an address: no name excuses it (warden/broker.h) */
	enum policy_mode mode;   /* NAME, FLOW, REQUEST: of the sandbox */
	const char *policy_hash; /* likewise, of what decided; NULL: the settings did; borrowed */
	bool unheld;      /* NAME, FLOW, REQUEST: it would be denied, but the mode is audit */
	bool by_policy;   /* NAME, FLOW, REQUEST: one in Rego decided, not the settings */
	uint32_t id;      /* of the ask, as in the ErrorEnvelope of its answer; 0: none */
	uint32_t number;  /* ACCEPTED: of the connection, from 1; else 0 */
	bool begun;       /* hooks.begin() let it take place */
	const char *rule; /* which rule decided; "" for none */
	const char *why;  /* for people; "" if there is nothing to say */
	const struct owner
	    *owner;        /* FLOW, REQUEST, REFUSED: who asked for the flow, if that was found;
				      NULL: not known; borrowed */
	uint64_t up, down; /* FLOW, REQUEST: octets from and to the program; ACCEPTED:
				       to and from it, as they are of the request and the answer */
	const struct gate_socket *socket; /* REQUEST: what went over WebSocket; NULL: it was none;
					     borrowed */
	int64_t duration_ns;              /* FLOW, REQUEST, ACCEPTED: since it was asked for */
	uint64_t count;                   /* DROPPED, PACKETS */
};

struct egress_hooks {
	/* What is allowed is about to take place: a name is told, a flow connected, a request sent, a
	 * connection accepted. Return: false: it must not, for @why. NULL: it always may. */
	bool (*begin)(void *context, const struct egress_report *report,
		      char why[EGRESS_WHY_OCTETS]);
	void (*report)(void *context, const struct egress_report *report);
	void (*drained)(void *context); /* see egress_drain() */
	void *context;
};

struct egress_config {
	const struct config *settings; /* borrowed for the call of egress_open() alone */
	const char *sandbox;           /* its id; borrowed until egress_close(), as are: */
	int home;                      /* of the state, where the authority's key and consent are */
	struct secrets *secrets;       /* NULL: none */
	int tcp, dns; /* the capture sockets; -1: the wall is waived, there is no network */
	int diag;     /* the one that tells whose a connection is; -1: nothing does; borrowed */
	pid_t init;   /* of the sandbox */
	struct egress_hooks hooks;
	struct consent_hooks consent; /* by which its owner is asked */
};

/**
 * egress_open() - serve a sandbox's capture sockets
 * @ret:	owned by the caller
 *
 * Nothing is started before the sandbox's first flow or query. Return: 0; -errno with *diag.
 */
MUST_USE int egress_open(struct egress **ret, struct loop *loop, const struct egress_config *config,
			 struct diag *diag);

/**
 * egress_drain() - no program is left: let what they sent go out, for EGRESS_DRAIN_MS at most
 *
 * Return: is there anything? Then hooks.drained follows, which may close.
 */
MUST_USE bool egress_drain(struct egress *egress);

/* egress_reply() - its owner's, to what consent.asked told. Return: as consents_reply() */
MUST_USE int egress_reply(struct egress *egress, uint32_t id, enum consent_answer answer,
			  const char *by);

/* egress_set_mode() - of all that is asked from now on */
void egress_set_mode(struct egress *egress, enum policy_mode mode);
enum policy_mode egress_mode(const struct egress *egress);

/* egress_close() - end the gateway and all flows; those are not reported. NULL is fine. */
void egress_close(struct egress *egress);

#endif
