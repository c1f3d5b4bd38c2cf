// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a request is one rule's, and obliged to what that says. A flow is nobody's yet: the
 * rules that match its host and port may say different things of the requests to come. So pins are taken
 * from all of them, the idle time from the first that has one, and with a quota it counts only as far as
 * a rule lets it pass unread, for then no request of it will be seen.
 */
#include "policy/policy_priv.h"

enum { BY_PASSTHROUGH, BY_RAW };

size_t next_rule(const struct policy *policy, size_t i, const struct net_name *host, unsigned port)
{
	while (i < policy->rules_len && !pattern_match(&policy->rules[i].host, host, port))
		i++;
	return i;
}

static struct policy_quota quota_of(const struct policy *policy, size_t i)
{
	const struct policy_caps *caps = &policy->rules[i].caps;

	if (caps->per_minute == 0 && caps->at_once == 0)
		return (struct policy_quota){ 0 };
	return (struct policy_quota){ i, caps->per_minute, caps->at_once };
}

void oblige_request(struct policy_verdict *verdict, const struct policy *policy, size_t i)
{
	verdict->request_octets = policy->rules[i].caps.request_octets;
	verdict->response_octets = policy->rules[i].caps.response_octets;
	verdict->quota[0] = quota_of(policy, i);
	verdict->message_octets = policy->rules[i].caps.message_octets;
	verdict->messages_per_minute = policy->rules[i].caps.messages_per_minute;
	verdict->messages_rule = verdict->messages_per_minute != 0 ? i : 0;
}

static bool has_pin(const struct policy_verdict *verdict, const uint8_t pin[POLICY_PIN_OCTETS])
{
	for (size_t i = 0; i < verdict->pins_len; i++)
		if (memcmp(verdict->pins[i], pin, POLICY_PIN_OCTETS) == 0)
			return true;
	return false;
}

/* add_pins() - Return: false: there is no room for all */
static bool add_pins(struct policy_verdict *verdict, const struct rule *rule)
{
	for (size_t i = 0; i < rule->pins_len; i++) {
		if (has_pin(verdict, rule->pins[i]))
			continue;
		if (verdict->pins_len == POLICY_PINS_MAX)
			return false;
		memcpy(verdict->pins[verdict->pins_len++], rule->pins[i], POLICY_PIN_OCTETS);
	}
	return true;
}

static bool same_quota(const struct policy_quota *a, const struct policy_quota *b)
{
	return a->rule == b->rule && a->per_minute == b->per_minute && a->at_once == b->at_once;
}

bool oblige_flow(struct policy_verdict *verdict, const struct policy *policy,
		 const struct policy_request *request)
{
	const size_t first = next_rule(policy, 0, request->host, request->port);
	bool raw = false;

	if (first < policy->rules_len && verdict->passthrough)
		verdict->quota[BY_PASSTHROUGH] = quota_of(policy, first);
	for (size_t i = first; i < policy->rules_len;
	     i = next_rule(policy, i + 1, request->host, request->port)) {
		const struct rule *rule = &policy->rules[i];

		if (rule->raw && !raw)
			verdict->quota[BY_RAW] = quota_of(policy, i);
		raw = raw || rule->raw;
		if (verdict->idle_ms == 0)
			verdict->idle_ms = rule->caps.idle_ms;
		if (!add_pins(verdict, rule))
			return false;
	}
	if (verdict->pins_len > 0) { /* what is not opened shows no certificate */
		verdict->passthrough = false;
		verdict->quota[BY_PASSTHROUGH] = (struct policy_quota){ 0 };
	}
	if (same_quota(&verdict->quota[BY_PASSTHROUGH], &verdict->quota[BY_RAW]))
		verdict->quota[BY_RAW] = (struct policy_quota){ 0 };
	return true;
}
