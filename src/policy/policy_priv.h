/* SPDX-License-Identifier: Apache-2.0 */
/* policy_priv - the rules as they are kept. */
#ifndef POLICY_POLICY_PRIV_H
#define POLICY_POLICY_PRIV_H

#include "net/pattern.h"
#include "policy/policy.h"

struct rule {
	struct pattern host;
	char *methods; /* owned: "GET, HEAD"; NULL: any */
	char *paths;   /* owned: globs, a newline between them; NULL: any */
	struct policy_caps caps;
	uint8_t (*pins)[POLICY_PIN_OCTETS]; /* owned */
	size_t pins_len;
	bool raw, passthrough;
};

struct policy {
	struct rule *rules; /* owned; go before the allowed hosts */
	size_t rules_len;
	struct pattern_set allowed_hosts;
	struct pattern_set ported; /* those of them that name a port */
};

/* rules_make() - Return: as policy_new(); the policy can be freed either way */
MUST_USE int rules_make(struct policy *policy, const struct policy_rules *rules, struct diag *diag);
void rules_free(struct policy *policy);

/* What a rule says to a request of its host. */
enum rule_says {
	RULE_ALLOWS = 0,
	RULE_REFUSES_METHOD,
	RULE_REFUSES_PATH,
};

MUST_USE enum rule_says rule_judge(const struct rule *rule, const struct policy_request *request);

/* next_rule() - the first rule from number @i on whose host matches; rules_len: none */
MUST_USE size_t next_rule(const struct policy *policy, size_t i, const struct net_name *host,
			  unsigned port);

/* oblige_request() - to what rule @i says. oblige_flow() - an allowed one, whose ways are decided: to what
 * all rules say that match. Return: false: more pins hold than there is room for */
void oblige_request(struct policy_verdict *verdict, const struct policy *policy, size_t i);
MUST_USE bool oblige_flow(struct policy_verdict *verdict, const struct policy *policy,
			  const struct policy_request *request);

#endif
