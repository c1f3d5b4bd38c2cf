/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - may a sandbox do this? The one place where it is decided; whoever asks, obeys.
 *
 * The rules are the settings' own lists: first `rules`, then `allowed_hosts`, which are rules without
 * restrictions. The first that matches in all that was asked for allows; what none allows is denied, and
 * no rules at all allow nothing. A verdict is about what was asked for, a name or an address; whether
 * the addresses of an allowed name are harmless is judged when it is dialled (warden/broker.h).
 *
 * A verdict that allows may have obligations: what whoever carries the flow or request must hold it to.
 * A request has those of the rule that allows it. A flow, before anything is known of what it will
 * carry, has those of all rules that match its host and port, see struct policy_verdict.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/base.h"
#include "net/name.h"

enum policy_kind {
	POLICY_NOTHING = 0,  /* denied */
	POLICY_DNS_QUERY,    /* may this name be known? */
	POLICY_NET_CONNECT,  /* may a flow go to this host and port? */
	POLICY_HTTP_REQUEST, /* may this request go out on a flow that may? */
};

#define POLICY_WEBSOCKET "WEBSOCKET" /* what a rule calls the method of a request for WebSocket */

/* What a sandbox asks for. All is borrowed for the call alone. */
struct policy_request {
	enum policy_kind kind;
	const char *sandbox;         /* its id */
	const struct net_name *host; /* canonical; a flow to a bare address has that address */
	uint16_t port;               /* but of POLICY_DNS_QUERY: 1 to 65535 */
	/* of POLICY_HTTP_REQUEST: */
	bool https, websocket;
	struct span method; /* visible ASCII, as is: */
	struct span target; /* path and query as they will be sent; "*" of OPTIONS */
	/* who asks, as far as it is known; rules of the settings do not look at it: */
	uint32_t id;         /* of the request */
	uint32_t pid;        /* inside; 0: not known */
	struct span program; /* its file; ptr NULL: not known */
	bool consented; /* of POLICY_HTTP_REQUEST: the owner has said yes to its host and port */
};

enum policy_answer {
	POLICY_DENY = 0,
	POLICY_ALLOW,
	POLICY_ASK, /* whoever owns the sandbox; no rule says so yet */
};

enum {
	POLICY_RULE_OCTETS = 65, /* with a NUL; of the settings' rules far fewer */
	POLICY_WHY_OCTETS = 640, /* a name, methods, a path and a sentence */
	POLICY_RULES_MAX = 1024, /* each is looked at */
	POLICY_PINS_MAX = 32,    /* that hold for one flow; of one rule 16 */
	POLICY_PIN_OCTETS = 32,
};

/* What a rule limits; 0: nothing. */
struct policy_caps {
	uint64_t request_octets, response_octets; /* of one body */
	uint32_t per_minute;                      /* requests */
	uint32_t at_once;                         /* likewise, under way */
	uint64_t idle_ms;                         /* of its flows */
	uint64_t message_octets;                  /* of one message of WebSocket */
	uint32_t messages_per_minute;             /* that the program begins */
};

/* With whom it counts. Those of one rule count together, requests and flows each by themselves. */
struct policy_quota {
	size_t rule; /* its number, for whoever counts; only if one of these is not 0: */
	uint32_t per_minute, at_once;
};

struct policy_verdict {
	enum policy_answer answer;
	bool consented; /* the owner has said yes to its host and port (warden/decider.h) */
	bool unheld; /* it would be denied, but only watched is what it does (warden/decider.h) */
	/* of POLICY_NET_CONNECT that allows: */
	bool raw;         /* what is neither TLS nor HTTP may pass: any rule that matches says so */
	bool passthrough; /* TLS is not to be opened: the first rule that matches says so */
	char rule
	    [POLICY_RULE_OCTETS]; /* "rules[0]", "allowed_hosts[2]": it allowed, or its methods or
					  paths did not; "default": none matched */
	char why[POLICY_WHY_OCTETS]; /* for people */
	/* Obligations of what is allowed. */
	uint64_t request_octets, response_octets; /* of POLICY_HTTP_REQUEST; 0: any */
	/* A request counts with the first. A flow counts with those rules by which it may pass unread: the
	 * first as its TLS is not opened, the second as it may be raw. */
	struct policy_quota quota[2];
	/* of POLICY_HTTP_REQUEST for WebSocket; 0: any */
	uint64_t message_octets;
	uint32_t messages_per_minute; /* of that rule, whatever connection they are on: */
	size_t messages_rule;
	/* of POLICY_NET_CONNECT: */
	uint64_t idle_ms; /* the first rule that matches and has one; 0: as usual */
	size_t
	    pins_len; /* 0: any certificate that is trusted; else one of these must be in its chain:
			     of all rules that match and have some. TLS is opened, then. */
	uint8_t pins[POLICY_PINS_MAX][POLICY_PIN_OCTETS];
};

enum policy_raw {
	POLICY_RAW_WITH_PORT = 0, /* if the rule's host names a port */
	POLICY_RAW_NEVER,
	POLICY_RAW_ALWAYS,
};

struct policy_rule {
	const char *host;              /* a pattern, net/pattern.h */
	const char *const *methods;    /* no commas and blanks in them */
	const char *const *paths;      /* net/glob.h */
	size_t methods_len, paths_len; /* 0: any */
	struct policy_caps caps;
	const uint8_t (
	    *pins)[POLICY_PIN_OCTETS]; /* SHA-256 of public keys (RFC 7469 section 2.4) */
	size_t pins_len;
	enum policy_raw raw; /* with methods, paths or limits of octets or messages: never */
	bool passthrough;    /* likewise, nor with pins */
};

/* The rules as given, all borrowed for the call of policy_new() alone. */
struct policy_rules {
	const char *const *allowed_hosts; /* patterns, net/pattern.h */
	size_t allowed_hosts_len;
	const struct policy_rule *rules;
	size_t rules_len;
};

struct policy;

/**
 * policy_new() - @ret: owned by the caller
 *
 * Return: 0; -EINVAL: a rule cannot be read, *diag says which; -ENOSPC: too many; -ENOMEM.
 */
MUST_USE int policy_new(struct policy **ret, const struct policy_rules *rules, struct diag *diag);
void policy_free(struct policy *policy); /* NULL is fine */
DEFINE_FREEP(struct policy, policy_free)

/* policy_decide() - always fills in the whole of *@ret; allocates nothing */
void policy_decide(struct policy_verdict *ret, const struct policy *policy,
		   const struct policy_request *request);

/* policy_kind_name() - "net.connect": static */
const char *policy_kind_name(enum policy_kind kind);

#endif
