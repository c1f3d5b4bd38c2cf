/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - may a sandbox do this? The one place where it is decided; whoever asks, obeys.
 *
 * For now the rules are the settings' own lists. What no rule allows is denied, and no rules at all
 * allow nothing. A verdict is about what was asked for, a name or an address; whether the addresses
 * of an allowed name are harmless is judged when it is dialled (warden/broker.h).
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/base.h"
#include "net/name.h"

enum policy_kind {
	POLICY_NOTHING = 0, /* denied */
	POLICY_DNS_QUERY,   /* may this name be known? */
	POLICY_NET_CONNECT, /* may a flow go to this host and port? */
};

/* What a sandbox asks for. All is borrowed for the call alone. */
struct policy_request {
	enum policy_kind kind;
	const char *sandbox;         /* its id */
	const struct net_name *host; /* canonical; a flow to a bare address has that address */
	uint16_t port;               /* of POLICY_NET_CONNECT: 1 to 65535 */
};

enum policy_answer {
	POLICY_DENY = 0,
	POLICY_ALLOW,
	POLICY_ASK, /* whoever owns the sandbox; no rule says so yet */
};

enum {
	POLICY_RULE_OCTETS = 32,
	POLICY_WHY_OCTETS = 320, /* a name, a port and a sentence */
};

struct policy_verdict {
	enum policy_answer answer;
	char rule[POLICY_RULE_OCTETS]; /* "allowed_hosts[2]"; "default": no rule matched */
	char why[POLICY_WHY_OCTETS];   /* for people */
};

/* The rules as given, all borrowed for the call of policy_new() alone. */
struct policy_rules {
	const char *const *allowed_hosts; /* patterns, net/pattern.h */
	size_t allowed_hosts_len;
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
