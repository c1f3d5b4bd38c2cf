// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a verdict starts as a denial by "default". The kind of the request picks the
 * row that may turn it into an allowance, and a row does so only by naming the rule that matched.
 *
 * Rules are gone through one after the other; allowed hosts, of which there may be many, have an index.
 */
#include <errno.h>

#include "policy/policy_priv.h"

int policy_new(struct policy **ret, const struct policy_rules *rules, struct diag *diag)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	int r = policy != NULL ? rules_make(policy, rules, diag)
			       : diag_set(diag, -ENOMEM, "out of memory");

	if (r < 0) {
		policy_free(policy);
		return r;
	}
	*ret = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	rules_free(policy);
	free(policy);
}

static void allow_by_rule(struct policy_verdict *verdict, size_t i)
{
	verdict->answer = POLICY_ALLOW;
	snprintf(verdict->rule, sizeof(verdict->rule), "rules[%zu]", i);
}

static void allow_by_host(struct policy_verdict *verdict, const struct policy *policy,
			  const struct net_name *host, unsigned port)
{
	int i = pattern_set_match(&policy->allowed_hosts, host, port);

	if (i < 0)
		return;
	verdict->answer = POLICY_ALLOW;
	snprintf(verdict->rule, sizeof(verdict->rule), "allowed_hosts[%d]", i);
}

/* A query says no port: the name may be known if it may be reached at any. */
static void decide_query(struct policy_verdict *ret, const struct policy *policy,
			 const struct policy_request *request)
{
	if (request->host->kind == NET_NAME_DNS) {
		size_t i = next_rule(policy, 0, request->host, PATTERN_PORT_UNKNOWN);

		if (i < policy->rules_len)
			allow_by_rule(ret, i);
		else
			allow_by_host(ret, policy, request->host, PATTERN_PORT_UNKNOWN);
	}
	snprintf(ret->why, sizeof(ret->why), "%s is %s", request->host->text,
		 ret->answer == POLICY_ALLOW ? "an allowed host" : "not among the allowed hosts");
}

static void allow_flow(struct policy_verdict *ret, const struct policy *policy,
		       const struct policy_request *request)
{
	size_t i = next_rule(policy, 0, request->host, request->port);

	if (i < policy->rules_len) {
		allow_by_rule(ret, i);
		ret->passthrough = policy->rules[i].passthrough;
	} else {
		allow_by_host(ret, policy, request->host, request->port);
	}
	ret->raw = pattern_set_match(&policy->ported, request->host, request->port) >= 0;
	for (; !ret->raw && i < policy->rules_len;
	     i = next_rule(policy, i + 1, request->host, request->port))
		ret->raw = policy->rules[i].raw;
}

/* refuse_pins() - to hold it to a part of them would be another rule than the one given */
static void refuse_pins(struct policy_verdict *ret, const struct policy_request *request)
{
	ret->answer = POLICY_DENY;
	ret->raw = ret->passthrough = false;
	snprintf(ret->why, sizeof(ret->why), "more than %d pins hold for %s port %u",
		 POLICY_PINS_MAX, request->host->text, request->port);
}

static void explain_host(struct policy_verdict *ret, const struct policy_request *request)
{
	snprintf(ret->why, sizeof(ret->why), "%s port %u is %s", request->host->text, request->port,
		 ret->answer == POLICY_ALLOW ? "an allowed host" : "not among the allowed hosts");
}

static void decide_connect(struct policy_verdict *ret, const struct policy *policy,
			   const struct policy_request *request)
{
	if (request->port != 0)
		allow_flow(ret, policy, request);
	explain_host(ret, request);
	if (ret->answer == POLICY_ALLOW && !oblige_flow(ret, policy, request))
		refuse_pins(ret, request);
}

/* refuse_by_rule() - number @i speaks of the host, and @says why not */
static void refuse_by_rule(struct policy_verdict *ret, const struct policy *policy,
			   const struct policy_request *request, size_t i, enum rule_says says)
{
	const char *host = request->host->text;
	struct span method = request->websocket ? SPAN(POLICY_WEBSOCKET) : request->method;

	snprintf(ret->rule, sizeof(ret->rule), "rules[%zu]", i);
	if (says == RULE_REFUSES_METHOD)
		snprintf(ret->why, sizeof(ret->why), "%s allows %.160s only, not %.*s", host,
			 policy->rules[i].methods, (int)(method.len < 32 ? method.len : 32),
			 method.ptr);
	else
		snprintf(ret->why, sizeof(ret->why), "%s does not allow %.*s on the path %.*s",
			 host, (int)(method.len < 32 ? method.len : 32), method.ptr,
			 (int)(request->target.len < 160 ? request->target.len : 160),
			 request->target.ptr);
}

/* judge_request() - Return: is it allowed? Else @ret_says and @ret_rule are of the rule that came nearest. */
static bool judge_request(size_t *ret_rule, enum rule_says *ret_says, const struct policy *policy,
			  const struct policy_request *request)
{
	size_t i = next_rule(policy, 0, request->host, request->port);

	for (; i < policy->rules_len; i = next_rule(policy, i + 1, request->host, request->port)) {
		enum rule_says says = rule_judge(&policy->rules[i], request);

		if (says == RULE_ALLOWS || says > *ret_says) {
			*ret_rule = i;
			*ret_says = says;
		}
		if (says == RULE_ALLOWS)
			return true;
	}
	return false;
}

static void decide_request(struct policy_verdict *ret, const struct policy *policy,
			   const struct policy_request *request)
{
	enum rule_says says = RULE_ALLOWS;
	size_t i = 0;

	if (request->port == 0 || request->method.len == 0 || request->target.len == 0) {
		snprintf(ret->why, sizeof(ret->why), "that is no request");
		return;
	}
	if (judge_request(&i, &says, policy, request)) {
		allow_by_rule(ret, i);
		oblige_request(ret, policy, i);
	} else {
		allow_by_host(ret, policy, request->host, request->port);
	}
	if (ret->answer != POLICY_ALLOW && says != RULE_ALLOWS)
		refuse_by_rule(ret, policy, request, i, says);
	else
		explain_host(ret, request);
}

static void decide_nothing(struct policy_verdict *ret, const struct policy *policy,
			   const struct policy_request *request)
{
	(void)policy;
	(void)request;
	snprintf(ret->why, sizeof(ret->why), "no rule speaks of such a thing");
}

static const struct {
	const char *name;
	void (*decide)(struct policy_verdict *ret, const struct policy *policy,
		       const struct policy_request *request);
} kinds[] = {
	[POLICY_NOTHING] = { "nothing", decide_nothing },
	[POLICY_DNS_QUERY] = { "dns.query", decide_query },
	[POLICY_NET_CONNECT] = { "net.connect", decide_connect },
	[POLICY_HTTP_REQUEST] = { "http.request", decide_request },
};

void policy_decide(struct policy_verdict *ret, const struct policy *policy,
		   const struct policy_request *request)
{
	size_t kind = request->kind;

	*ret = (struct policy_verdict){ .answer = POLICY_DENY, .rule = "default" };
	if (kind >= ARRAY_SIZE(kinds) || request->host == NULL ||
	    request->host->kind == NET_NAME_NONE)
		kind = POLICY_NOTHING;
	if (policy->allowed_hosts.count + policy->rules_len == 0)
		snprintf(ret->why, sizeof(ret->why), "no network is allowed to this sandbox");
	else
		kinds[kind].decide(ret, policy, request);
}

const char *policy_kind_name(enum policy_kind kind)
{
	return kinds[(size_t)kind < ARRAY_SIZE(kinds) ? (size_t)kind : POLICY_NOTHING].name;
}
