/* SPDX-License-Identifier: Apache-2.0 */
/* broker_priv - the three steps of the broker: resolve, judge, dial. broker.c goes through them. */
#ifndef WARDEN_BROKER_PRIV_H
#define WARDEN_BROKER_PRIV_H

#include <sys/socket.h>

#include "net/pattern.h"
#include "warden/broker.h"

/* Addresses in the order in which to dial them. */
struct broker_addresses {
	struct net_address items[BROKER_ADDRESSES_MAX];
	size_t len;
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
void broker_hosts_free(struct broker_hosts *hosts);

/* broker_resolve.c */

struct broker_lookup;

struct broker_resolver {
	struct loop *loop;                                    /* borrowed */
	struct broker_server servers[CONFIG_DNS_SERVERS_MAX]; /* those to ask */
	size_t servers_len; /* 0: as resolv.conf and /etc/hosts say */
	unsigned try_ms, rounds;
};

/**
 * broker_lookup_start() - resolve @name
 * @done:	called at most once, from the loop, never by this function; frees the lookup. @fault is
 *		NULL and @addresses are not none; or @fault says why there are none, static
 *
 * Return: 0; -ENOMEM; -EIO: the resolver cannot be set up.
 */
MUST_USE int broker_lookup_start(struct broker_lookup **ret, const struct broker_resolver *resolver,
				 const char *name,
				 void (*done)(void *context, const char *fault,
					      const struct broker_addresses *addresses),
				 void *context);

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

/* broker_judge_peer() - the same of a connection that stands: one to itself is to this machine */
MUST_USE struct broker_judgement broker_judge_peer(const struct broker_guard *guard,
						   const struct net_name *host,
						   const struct net_address *address, int fd);

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

#endif
