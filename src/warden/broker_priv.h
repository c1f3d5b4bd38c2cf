/* SPDX-License-Identifier: Apache-2.0 */
/* broker_priv - the three steps of the broker: resolve, judge, dial. broker.c goes through them. */
#ifndef WARDEN_BROKER_PRIV_H
#define WARDEN_BROKER_PRIV_H

#include <sys/socket.h>

#include "net/pattern.h"
#include "net/proxy.h"
#include "warden/broker.h"

/* Addresses in the order in which to dial them. */
struct broker_addresses {
	struct net_address items[BROKER_ADDRESSES_MAX];
	size_t len;
	bool truncated; /* there are more */
};

struct broker_server {
	struct net_address address;
	uint16_t port;
};

/* broker_settings.c: what network settings say. Return: as broker_new(). */

struct broker_host {
	struct net_name name;
	struct net_address address;
};

struct broker_hosts {
	struct broker_host *items; /* owned */
	size_t len;
};

struct broker_guard;
struct broker_resolver;

MUST_USE int broker_guard_read(struct broker_guard *guard, const struct config_network *network,
			       struct diag *diag);
MUST_USE int broker_resolver_read(struct broker_resolver *resolver,
				  const struct config_network *network, struct diag *diag);
MUST_USE int broker_hosts_read(struct broker_hosts *hosts, const struct config_network *network,
			       struct diag *diag);

/* broker_hosts_find() - the fixed address of @name; NULL: none */
const struct net_address *broker_hosts_find(const struct broker_hosts *hosts,
					    const struct net_name *name);

/* broker_hosts_known() - where @name is, if nobody needs to be asked. Return: is it known? */
MUST_USE bool broker_hosts_known(struct broker_addresses *ret, const struct broker_hosts *hosts,
				 const struct net_name *name);
void broker_hosts_free(struct broker_hosts *hosts);

/* broker_limits_fit() - by shares of the soft limit on descriptors; see broker_default_limits */
void broker_limits_fit(struct broker_limits *limits);

/* broker_resolve.c */

struct broker_lookup;

/* What the resolvers of a broker are known to be worth, by all its lookups. */
struct broker_hearing {
	int64_t heard_ns;      /* the last time one said anything, be it an error; 0: never */
	int64_t deaf_until_ns; /* a whole lookup was silent, and so is everything since */
};

struct broker_resolver {
	struct loop *loop;                                    /* borrowed */
	struct broker_server servers[CONFIG_DNS_SERVERS_MAX]; /* those to ask */
	size_t servers_len; /* 0: as resolv.conf and /etc/hosts say */
	unsigned try_ms, rounds;
	struct broker_hearing *hearing; /* borrowed, is kept by lookups; NULL: nobody's */
};

enum broker_finding {
	BROKER_FOUND = 0, /* there are addresses */
	BROKER_ABSENT,    /* resolvers say that there are none, of neither family */
	BROKER_SILENT,    /* no resolver said anything, or they cannot be reached */
	BROKER_FAULTY,    /* neither: an error, nonsense, no memory */
};

struct broker_answer {
	enum broker_finding finding;
	const char *fault; /* static; NULL: FOUND */
	const char
	    *lacks; /* FOUND: there may be more, of the other family: why it is not known, static;
			      NULL: there are none */
	struct broker_addresses addresses;
};

/**
 * broker_lookup_start() - resolve @name
 * @done:	called at most once, from the loop, never by this function; frees the lookup, of which
 *		@answer is a part
 *
 * Return: 0; -ENOMEM; -EIO: the resolver cannot be set up.
 */
MUST_USE int broker_lookup_start(struct broker_lookup **ret, const struct broker_resolver *resolver,
				 const char *name,
				 void (*done)(void *context, const struct broker_answer *answer),
				 void *context);

/* broker_lookup_late() - what it has found if it is to end without an answer: SILENT or FAULTY; NULL: FAULTY */
MUST_USE enum broker_finding broker_lookup_late(const struct broker_lookup *lookup);

/* broker_lookup_free() - end it at once, wherever it is; NULL is fine */
void broker_lookup_free(struct broker_lookup *lookup);

/* broker_interleave() - IPv6 first, then by turns (RFC 8305 section 4), none twice, as many as fit */
void broker_interleave(struct broker_addresses *ret, const struct broker_addresses *v4,
		       const struct broker_addresses *v6);

/* broker_judge.c */

struct broker_guard {
	bool block_private;
	struct pattern_set exceptions; /* allow_private */
	struct net_address *own;       /* owned: this machine's addresses */
	size_t own_len;
	int64_t own_read_ns; /* when; 0: never */
	int64_t own_max_age_ns;
};

/* broker_guard_refresh() - read this machine's own addresses, unless they are young. Return: 0 or
 * -errno. */
MUST_USE int broker_guard_refresh(struct broker_guard *guard);
void broker_guard_free(struct broker_guard *guard);

struct broker_judgement {
	bool allowed;
	enum net_class class;
	const char *why;    /* static */
	const char *inside; /* as in struct net_judgement */
	bool own;           /* it is this machine's */
};

/* broker_judge() - may @address be dialled for @host, by the table of broker.h? */
MUST_USE struct broker_judgement broker_judge(const struct broker_guard *guard,
					      const struct net_name *host,
					      const struct net_address *address);

/* broker_judge_all() - those of @all that may be dialled; @result: if not all may, why not the first */
void broker_judge_all(struct broker_addresses *ret, const struct broker_guard *guard,
		      const struct net_name *host, const struct broker_addresses *all,
		      struct broker_result *result);

/* broker_judge_peer() - the same of a connection that stands: one to itself is to this machine */
MUST_USE struct broker_judgement broker_judge_peer(const struct broker_guard *guard,
						   const struct net_name *host,
						   const struct net_address *address, int fd);

/* broker_take() - @result: @*fd, which is taken and leads to @address, if it may; else why not */
void broker_take(struct broker_result *result, const struct broker_guard *guard,
		 const struct net_name *host, const struct net_address *address, int *fd);

/* broker_may_be_private() - whatever its address, as long as it is not this machine's or metadata's */
MUST_USE bool broker_may_be_private(const struct broker_guard *guard, const struct net_name *host);

/* broker_dial.c */

struct broker_attempt {
	struct loop_source source;
	struct broker_dial *dial;
	int fd; /* -1: not begun, or failed */
};

/* How many sockets may be under way in all dials together: the others wait for their turn. */
struct broker_budget {
	unsigned used, max;
};

struct broker_dial {
	struct loop *loop;
	struct broker_budget *budget; /* borrowed; NULL: unbounded */
	struct loop_timer stagger;
	int64_t stagger_ns;
	struct broker_addresses addresses;
	uint16_t port;
	struct broker_attempt attempts[BROKER_ADDRESSES_MAX];
	size_t begun, pending;
	int error; /* positive errno, the most telling so far */
	void (*done)(struct broker_dial *dial, int fd, const struct net_address *address);
};

/**
 * broker_dial_start() - connect to the first of @addresses that answers
 * @dial:	all zero but for budget; in use until @done or broker_dial_stop()
 * @done:	called at most once, from the loop, never by this function; @fd is its to close, or -1:
 *		dial->error says why. It may free @dial
 */
void broker_dial_start(struct broker_dial *dial, struct loop *loop,
		       const struct broker_addresses *addresses, uint16_t port, int64_t stagger_ns,
		       void (*done)(struct broker_dial *dial, int fd,
				    const struct net_address *address));

/* broker_dial_stop() - close what is under way; fine for one that was never started */
void broker_dial_stop(struct broker_dial *dial);

/* broker_sockaddr() - Return: the length of *@ret in octets */
socklen_t broker_sockaddr(struct sockaddr_storage *ret, const struct net_address *address,
			  uint16_t port);

/* broker_address_of() - the address in a socket address, IPv4-mapped ones as IPv4; others: none */
struct net_address broker_address_of(const struct sockaddr *address);

/* broker_proxy.c */

struct broker_proxy {
	bool given;
	struct proxy proxy;
	char *exempt; /* owned: NO_PROXY; NULL: none */
};

/* broker_proxy_read() - of the settings, else of the environment. Return: as broker_new(); -E2BIG. */
MUST_USE int broker_proxy_read(struct broker_proxy *proxy, const struct config_network *network,
			       struct diag *diag);
void broker_proxy_free(struct broker_proxy *proxy);

/* broker_proxy_serves() - is @host, whose address is @fixed (NULL: to be resolved), reached by it? */
MUST_USE bool broker_proxy_serves(const struct broker_proxy *proxy, const struct net_name *host,
				  const struct net_address *fixed);

/* broker_addresses_are_loopback() - all of them, and there are some */
MUST_USE bool broker_addresses_are_loopback(const struct broker_addresses *addresses);

/* broker_judge_name() - may a proxy be asked for this DNS name, as far as the name alone says? */
MUST_USE struct broker_judgement broker_judge_name(const struct broker_guard *guard,
						   const struct net_name *host);

/* broker_may_take_any() - may the proxy, of @all, of which @allowed are? @result: else why not */
MUST_USE bool broker_may_take_any(struct broker_result *result, const struct net_name *host,
				  const struct broker_addresses *all,
				  const struct broker_addresses *allowed);

/* broker_hear() - a resolver said something */
void broker_hear(struct broker_hearing *hearing, int64_t now_ns);

/* broker_is_deaf() - has no resolver said anything for long? */
MUST_USE bool broker_is_deaf(const struct broker_hearing *hearing, int64_t now_ns);

/**
 * broker_may_go_unjudged() - may a proxy be asked for a name of which no address is known?
 * @finding:	of its lookup, which began at @begun_ns and has ended
 * @deaf_ns:	so long no resolver must have said anything, and is then taken for silent
 */
MUST_USE bool broker_may_go_unjudged(struct broker_hearing *hearing, enum broker_finding finding,
				     int64_t begun_ns, int64_t now_ns, int64_t deaf_ns);

/* broker_tunnel.c */

struct broker_tunnel;

struct broker_tunnel_end {
	int fd;          /* to be closed by whoever is told; -1: there is no tunnel */
	int error;       /* positive errno; 0: there is one */
	unsigned status; /* of its answer; 0: none, or no sound one */
	const char *why; /* static; NULL: nothing beyond status and error */
};

struct broker_tunnel_plan {
	const struct proxy *proxy; /* borrowed for the call of broker_tunnel_start(), as is: */
	const char *host;          /* a name, or an address without brackets */
	uint16_t port;
};

/**
 * broker_tunnel_start() - ask the proxy for a connection
 * @fd:		connected to the proxy; consumed, also on failure
 * @done:	called at most once, from the loop, never by this function; may free the tunnel
 *
 * The time it may take is the caller's to bound. Return: 0; -errno.
 */
MUST_USE int broker_tunnel_start(struct broker_tunnel **ret, struct loop *loop, int fd,
				 const struct broker_tunnel_plan *plan,
				 void (*done)(void *context, const struct broker_tunnel_end *end),
				 void *context);

/* broker_tunnel_free() - close it, unless it was handed over; NULL is fine */
void broker_tunnel_free(struct broker_tunnel *tunnel);

/* broker_why.c: results that are no connection, their reasons included */

void broker_fail(struct broker_result *result, const struct net_name *host,
		 enum broker_outcome outcome, const char *why);
void broker_refuse(struct broker_result *result, const struct net_name *host,
		   const struct net_address *address, const struct broker_judgement *judgement);
void broker_fail_unjudged(struct broker_result *result, const struct net_name *host,
			  const char *why);
void broker_fail_proxy(struct broker_result *result, const struct net_name *host,
		       const struct proxy *proxy, const struct broker_tunnel_end *end);

#endif
