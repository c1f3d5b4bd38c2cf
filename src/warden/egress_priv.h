/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_priv - what the files of egress share: answers and their queue (egress.c), flows and names
 * (egress_flow.c), certificates (egress_leaf.c), requests (egress_request.c).
 */
#ifndef WARDEN_EGRESS_PRIV_H
#define WARDEN_EGRESS_PRIV_H

#include "base/list.h"
#include "policy/policy.h"
#include "warden/broker.h"
#include "warden/decider.h"
#include "warden/egress.h"
#include "warden/egress_quota.h"
#include "warden/egress_text.h"
#include "warden/gate.h"
#include "warden/minter.h"

enum {
	EGRESS_BUCKETS = 1024,
	EGRESS_FLOWS_MAX = 16 * 1024,
	EGRESS_REQUESTS_MAX = 32 * 1024,              /* under way at a time */
	EGRESS_REQUEST_OCTETS_MAX = 16 * 1024 * 1024, /* of their methods and targets together */
	EGRESS_STATUS_UNAVAILABLE = 503,              /* it may not begin: see egress_hooks */
};

/* An answer to an ask, part of what it is about. */
struct answer {
	enum gate_kind kind;
	uint32_t id;
	enum gate_verdict verdict;
	uint16_t status, flags;
	uint64_t up, down, message; /* these as in gate.h: */
	uint32_t rate;
	uint16_t rule;
	int fd;                               /* owned; -1: none */
	struct span data;                     /* owned; what is queued, or the pins of a flow */
	void (*given)(struct answer *answer); /* may release what it is part of */
	struct list_node node;                /* in the queue */
};

_Static_assert((int)EGRESS_WHY_OCTETS == (int)POLICY_WHY_OCTETS, "one text for both");

enum flow_state {
	FLOW_WAITING,  /* it is decided, or the broker is at work */
	FLOW_ANSWERED, /* allowed: the answer waits for room, or was given */
	FLOW_REFUSED,  /* the answer waits for room */
};

struct request;

/* What is counted of a rule. */
struct egress_rule {
	struct egress_quota requests, flows;
};

/* A flow or a name that was asked for: answer.kind is GATE_FLOW or GATE_NAME. */
struct flow {
	struct egress *egress;
	struct answer answer;
	bool given;             /* the answer */
	bool begun;             /* see egress_hooks */
	bool unheld, consented; /* see struct policy_verdict and policy_request */
	enum flow_state state;
	struct net_name host;
	uint16_t port;
	uint16_t flags; /* of an answer that allows */
	int64_t since_ns;
	char rule[POLICY_RULE_OCTETS];
	struct decider_question *deciding; /* NULL: that is done, as is: */
	struct broker_request *connecting;
	struct request *requests;        /* those under way on it */
	struct egress_quota *counted[2]; /* that it counts with; NULL: none */
	struct leaf *leaf;               /* the one asked for; NULL: none */
	struct owner owner;              /* who asked for it */
	struct flow *next;               /* in its bucket */
};

struct egress {
	struct loop *loop;
	struct egress_hooks hooks;
	const char *sandbox;
	struct gate gate;
	int roots;               /* owned: further ones that servers are judged by; -1: none */
	struct secrets *secrets; /* borrowed; NULL: none */
	struct owners owners;
	struct decider *decider;
	struct egress_rule *rules; /* owned; decider_rules_max() of them */
	struct broker *broker;
	struct minter *minter;
	struct flow *flows[EGRESS_BUCKETS];
	struct request *requests[EGRESS_BUCKETS];
	size_t flows_len, requests_len, requests_octets;
	struct list queue;          /* of answers that found no room */
	bool draining, owes_last;   /* LAST found no room */
	struct loop_timer stuck;    /* answers wait, and the gateway takes none */
	struct loop_timer patience; /* while it drains */
};

/* egress.c */

/* egress_answer() - send @answer, or queue it with a copy of @data; answer->given() follows, perhaps at
 * once. */
void egress_answer(struct egress *egress, struct answer *answer, struct span data);

/* egress_answer_drop() - free what it owns; it is in no queue any more */
void egress_answer_drop(struct answer *answer);

void egress_tell(const struct egress *egress, const struct egress_report *report);

/* egress_begin() - as hooks.begin() */
MUST_USE bool egress_begin(const struct egress *egress, const struct egress_report *report,
			   char why[EGRESS_WHY_OCTETS]);

/* egress_count() - one begins that counts with @count of @quota. Return: 0, *@ret_counted: with whom, or NULL;
 * -errno as egress_quota_take(), and @why is filled in */
MUST_USE int egress_count(struct egress *egress, struct egress_quota **ret_counted,
			  unsigned *ret_retry_s, const struct policy_quota *quota, bool flow,
			  char why[POLICY_WHY_OCTETS]);

/* egress_is_known() - is that the id of anything under way? */
MUST_USE bool egress_is_known(struct egress *egress, uint32_t id);

/* egress_flow.c; Return: 0; -EPROTO: no gateway of ours says so; -ENOMEM */

MUST_USE int flow_ask(struct egress *egress, const struct gate_message *message);
MUST_USE int flow_end(struct egress *egress, const struct gate_message *message);
MUST_USE int flow_refused(struct egress *egress, const struct gate_message *message);

/* flow_read_host() - a message's name or address */
MUST_USE int flow_read_host(struct net_name *ret, const struct gate_message *message);

/* flow_find() - the flow or name of that id; NULL: none */
MUST_USE struct flow *flow_find(struct egress *egress, uint32_t id);

/* flow_carrying() - the flow of that id that was allowed, which the gateway knows; NULL: none */
MUST_USE struct flow *flow_carrying(struct egress *egress, uint32_t id);

/* flow_fail_answer() - @answer, which allows a flow, cannot be sent with its descriptor: refuse it instead */
void flow_fail_answer(struct answer *answer);

/* flows_drop() - @why: for the reports; NULL: without any. */
void flows_drop(struct egress *egress, const char *why);

/* egress_leaf.c; Return: the same */

MUST_USE int leaf_ask(struct egress *egress, const struct gate_message *message);
void leaf_drop(struct flow *flow);

/* egress_request.c; Return: the same */

MUST_USE int request_ask(struct egress *egress, const struct gate_message *message);
MUST_USE int request_end(struct egress *egress, const struct gate_message *message);

MUST_USE bool request_is_known(struct egress *egress, uint32_t id);

/* requests_drop() - those of @flow; @why as above */
void requests_drop(struct flow *flow, const char *why);

#endif
