/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker - from a host that policy allowed to a connected socket.
 *
 * A name is resolved once for each request, every address it has is judged (net/judge.h), those
 * that are harmless or excepted are dialled (RFC 8305), and the first that answers is handed over.
 * So it is always a judged address that is dialled, whatever the name leads to a moment later.
 *
 *	address				is dialled if network.allow_private
 *	metadata service		lists exactly this address
 *	this machine's own, loopback	covers it by an address or prefix
 *	private, or else not public	does that, or names the host; or block_private_ips is false
 *	public				always
 *
 * With a proxy (the settings', else HTTPS_PROXY of our environment) the socket is one that the proxy
 * was asked to connect (CONNECT). It is given the name, or the address of network.hosts, and resolves by
 * itself: so the table counts as far as this machine's resolvers know the name, which is refused if any
 * of its addresses is, and names that can only be inside are refused as such (broker_proxy.c). A name of
 * which they say nothing is not asked for, unless they say nothing at all. What is in NO_PROXY, and
 * loopback, is dialled from here.
 *
 * One broker belongs to one sandbox. The resolver library and its files are touched with the first
 * name, not before.
 */
#ifndef WARDEN_BROKER_H
#define WARDEN_BROKER_H

#include "base/base.h"
#include "config/config.h"
#include "loop/loop.h"
#include "net/judge.h"
#include "net/name.h"

enum {
	BROKER_ADDRESSES_MAX = 16, /* of a name, in the order to dial them; more are left out */
	BROKER_WHY_OCTETS = 400,   /* a name, an address and a sentence */
};

struct broker_limits {
	unsigned requests_max; /* under way at a time */
	unsigned lookups_max;  /* of them, in the resolver: 100 KiB each; the others wait */
	unsigned
	    resolve_ms; /* for a name, waiting included; to judge one for the proxy, each by itself */
	unsigned attempts_max;   /* sockets that are being connected; the others wait */
	unsigned try_ms;         /* for one resolver, doubled in each round */
	unsigned rounds;         /* over all resolvers */
	unsigned connect_ms;     /* for all addresses together */
	unsigned stagger_ms;     /* before the next address is tried as well */
	unsigned own_max_age_ms; /* of the list of this machine's own addresses */
	unsigned judge_ms;       /* the same while resolvers are silent; longer than try_ms */
	unsigned deaf_ms;    /* so long they count as such; so long they must have said nothing */
	unsigned proxy_ms;   /* to connect to the proxy and have its answer */
	unsigned proxied_ms; /* for a request by the proxy, all in all */
};

/*
 * What a broker holds of the soft limit on descriptors is bounded as well, so that the sandbox can be
 * told other things while nobody answers: a quarter of it is for attempts, an eighth for lookups.
 */
extern const struct broker_limits broker_default_limits;

enum broker_outcome {
	BROKER_REFUSED = 0, /* no address may be dialled */
	BROKER_UNRESOLVED,  /* the name has no address, or no resolver says so */
	BROKER_UNREACHABLE, /* no address answered, or no proxy may be asked for the name */
	BROKER_CONNECTED,
};

struct broker_result {
	enum broker_outcome outcome;
	int fd; /* CONNECTED: a stream socket, non-blocking, close-on-exec, without Nagle's delay, reset
			   by close() (SO_LINGER); to be taken (fd_take()), or it is closed after
			   the call; else -1 */
	int error; /* UNREACHABLE: positive errno; else 0 */
	struct net_address
	    address;          /* CONNECTED: the peer's, or the proxy's; REFUSED: the first that
				       was refused, none if a name was */
	enum net_class class; /* of that address */
	bool
	    only_by_address; /* REFUSED: allow_private must have that address, a name will not do */
	char why[BROKER_WHY_OCTETS]; /* for people: "api.example.com resolves to 10.0.0.5: private
				      address (RFC 1918)"; "" if CONNECTED */
};

struct broker;
struct broker_request;

/**
 * broker_new() - make ready, without a system call but for the limit on descriptors
 * @ret:	owned by the caller
 * @loop:	borrowed until broker_free()
 * @network:	borrowed for the call alone
 * @limits:	copied; NULL: broker_default_limits
 *
 * Return: 0; -EINVAL, -E2BIG: a setting or variable cannot be read, *diag says which; -ENOSPC; -ENOMEM.
 */
MUST_USE int broker_new(struct broker **ret, struct loop *loop,
			const struct config_network *network, const struct broker_limits *limits,
			struct diag *diag);

/* broker_free() - drops all requests: none of them is called back. NULL is fine. */
void broker_free(struct broker *broker);
DEFINE_FREEP(struct broker, broker_free)

/**
 * broker_connect() - ask for a connection
 * @ret:	to cancel it by; valid until @done is called
 * @host:	canonical, allowed by policy; copied
 * @port:	1 to 65535
 * @done:	called exactly once, from the loop, never by this function; may start and cancel
 *		others and free the broker
 *
 * Return: 0; -EINVAL: no host or port; -EBUSY: limits.requests_max are under way; -ENOMEM.
 */
MUST_USE int broker_connect(struct broker_request **ret, struct broker *broker,
			    const struct net_name *host, uint16_t port,
			    void (*done)(void *context, struct broker_result *result),
			    void *context);

/* broker_cancel() - drop a request that was not called back yet; it will not be. NULL is fine. */
void broker_cancel(struct broker_request *request);

#endif
