// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a verdict starts as a denial by "default". The kind of the request picks the
 * row that may turn it into an allowance, and a row does so only by naming the rule that matched.
 */
#include "policy/policy.h"

#include <errno.h>

#include "net/pattern.h"

struct policy {
	struct pattern_set allowed_hosts;
};

static int add_host(struct policy *policy, const struct policy_rules *rules, size_t i,
		    struct diag *diag)
{
	struct pattern pattern;
	const char *fault = pattern_parse(&pattern, span_of(rules->allowed_hosts[i]));

	if (fault != NULL)
		return diag_set(diag, -EINVAL, "allowed_hosts[%zu]: %s", i, fault);
	int r = pattern_set_add(&policy->allowed_hosts, &pattern);
	if (r < 0)
		return diag_set(diag, r, "allowed_hosts[%zu]: %s", i,
				r == -ENOSPC ? "too many of them" : "out of memory");
	return 0;
}

int policy_new(struct policy **ret, const struct policy_rules *rules, struct diag *diag)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	int r = policy != NULL ? 0 : diag_set(diag, -ENOMEM, "out of memory");

	for (size_t i = 0; r == 0 && i < rules->allowed_hosts_len; i++)
		r = add_host(policy, rules, i, diag);
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
	pattern_set_free(&policy->allowed_hosts);
	free(policy);
}

/* allow_by() - the host that number @i of the allowed hosts is; -1: none */
static void allow_by(struct policy_verdict *verdict, int i)
{
	if (i < 0)
		return;
	verdict->answer = POLICY_ALLOW;
	snprintf(verdict->rule, sizeof(verdict->rule), "allowed_hosts[%d]", i);
}

/* A query says no port: the name may be known if it may be reached at any. */
static void decide_query(struct policy_verdict *ret, const struct policy *policy,
			 const struct policy_request *request)
{
	if (request->host->kind == NET_NAME_DNS)
		allow_by(ret, pattern_set_match(&policy->allowed_hosts, request->host,
						PATTERN_PORT_UNKNOWN));
	snprintf(ret->why, sizeof(ret->why), "%s is %s", request->host->text,
		 ret->answer == POLICY_ALLOW ? "an allowed host" : "not among the allowed hosts");
}

static void decide_connect(struct policy_verdict *ret, const struct policy *policy,
			   const struct policy_request *request)
{
	if (request->port != 0)
		allow_by(ret,
			 pattern_set_match(&policy->allowed_hosts, request->host, request->port));
	snprintf(ret->why, sizeof(ret->why), "%s port %u is %s", request->host->text, request->port,
		 ret->answer == POLICY_ALLOW ? "an allowed host" : "not among the allowed hosts");
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
};

void policy_decide(struct policy_verdict *ret, const struct policy *policy,
		   const struct policy_request *request)
{
	size_t kind = request->kind;

	*ret = (struct policy_verdict){ .answer = POLICY_DENY, .rule = "default" };
	if (kind >= ARRAY_SIZE(kinds) || request->host == NULL ||
	    request->host->kind == NET_NAME_NONE)
		kind = POLICY_NOTHING;
	if (policy->allowed_hosts.count == 0)
		snprintf(ret->why, sizeof(ret->why), "no network is allowed to this sandbox");
	else
		kinds[kind].decide(ret, policy, request);
}

const char *policy_kind_name(enum policy_kind kind)
{
	return kinds[(size_t)kind < ARRAY_SIZE(kinds) ? (size_t)kind : POLICY_NOTHING].name;
}
