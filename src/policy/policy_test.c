// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <errno.h>

#include "base/test.h"
#include "net/pattern.h"

static const char *const hosts[] = { "api.example.com", "*.github.com:443", "10.0.0.0/8:5432",
				     "[2001:db8::1]:22" };

static struct policy *make(const char *const *allowed, size_t len)
{
	struct policy_rules rules = { allowed, len };
	struct policy *policy = NULL;
	struct diag diag = { 0 };

	CHECK(policy_new(&policy, &rules, &diag) == 0, "%s", diag.why);
	return policy;
}

static struct policy_verdict ask(const struct policy *policy, enum policy_kind kind,
				 const char *host, uint16_t port)
{
	struct policy_verdict verdict = { .answer = POLICY_ALLOW, .rule = "x", .why = "x" };
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, span_of(host)) == NULL, "%s", host);
	struct policy_request request = { kind, "vm-00000000", &name, port };
	policy_decide(&verdict, policy, &request);
	return verdict;
}

static void test_rows(void)
{
	static const struct {
		enum policy_kind kind;
		const char *host;
		uint16_t port;
		enum policy_answer want;
		const char *rule;
		const char *why;
	} rows[] = {
		{ POLICY_NET_CONNECT, "api.example.com", 1, POLICY_ALLOW, "allowed_hosts[0]",
		  "api.example.com port 1 is an allowed host" },
		{ POLICY_NET_CONNECT, "API.Example.com.", 65535, POLICY_ALLOW, "allowed_hosts[0]",
		  "api.example.com port 65535 is an allowed host" },
		{ POLICY_NET_CONNECT, "example.com", 443, POLICY_DENY, "default",
		  "example.com port 443 is not among the allowed hosts" },
		{ POLICY_NET_CONNECT, "x.api.example.com", 443, POLICY_DENY, "default", NULL },
		{ POLICY_NET_CONNECT, "a.b.github.com", 443, POLICY_ALLOW, "allowed_hosts[1]",
		  NULL },
		{ POLICY_NET_CONNECT, "a.github.com", 80, POLICY_DENY, "default", NULL },
		{ POLICY_NET_CONNECT, "github.com", 443, POLICY_DENY, "default", NULL },
		{ POLICY_NET_CONNECT, "10.1.2.3", 5432, POLICY_ALLOW, "allowed_hosts[2]", NULL },
		{ POLICY_NET_CONNECT, "::ffff:10.1.2.3", 5432, POLICY_ALLOW, "allowed_hosts[2]",
		  NULL },
		{ POLICY_NET_CONNECT, "10.1.2.3", 80, POLICY_DENY, "default", NULL },
		{ POLICY_NET_CONNECT, "2001:db8::1", 22, POLICY_ALLOW, "allowed_hosts[3]", NULL },
		{ POLICY_NET_CONNECT, "2001:db8::2", 22, POLICY_DENY, "default", NULL },
		{ POLICY_NET_CONNECT, "8.8.8.8", 443, POLICY_DENY, "default", NULL },
		{ POLICY_NET_CONNECT, "api.example.com", 0, POLICY_DENY, "default", NULL },

		/* no port is known yet, and an address needs no query */
		{ POLICY_DNS_QUERY, "api.example.com", 0, POLICY_ALLOW, "allowed_hosts[0]",
		  "api.example.com is an allowed host" },
		{ POLICY_DNS_QUERY, "x.github.com", 0, POLICY_ALLOW, "allowed_hosts[1]", NULL },
		{ POLICY_DNS_QUERY, "x.github.com", 80, POLICY_ALLOW, "allowed_hosts[1]", NULL },
		{ POLICY_DNS_QUERY, "data.evil.example", 0, POLICY_DENY, "default",
		  "data.evil.example is not among the allowed hosts" },
		{ POLICY_DNS_QUERY, "10.1.2.3", 0, POLICY_DENY, "default", NULL },

		{ POLICY_NOTHING, "api.example.com", 443, POLICY_DENY, "default",
		  "no rule speaks of such a thing" },
		{ (enum policy_kind)99, "api.example.com", 443, POLICY_DENY, "default",
		  "no rule speaks of such a thing" },
	};
	CLEANUP(policy_freep) struct policy *policy = make(hosts, ARRAY_SIZE(hosts));

	for (size_t i = 0; policy != NULL && i < ARRAY_SIZE(rows); i++) {
		struct policy_verdict verdict =
		    ask(policy, rows[i].kind, rows[i].host, rows[i].port);

		CHECK(verdict.answer == rows[i].want, "row %zu: %d", i, verdict.answer);
		CHECK(strcmp(verdict.rule, rows[i].rule) == 0, "row %zu: %s", i, verdict.rule);
		CHECK(rows[i].why == NULL || strcmp(verdict.why, rows[i].why) == 0, "row %zu: %s",
		      i, verdict.why);
	}
}

/* An empty list is not "everything", nor is a request that names no host. */
static void test_nothing(void)
{
	CLEANUP(policy_freep) struct policy *none = make(NULL, 0);
	CLEANUP(policy_freep) struct policy *all = make((const char *const[]){ "*" }, 1);
	struct policy_verdict verdict = ask(none, POLICY_NET_CONNECT, "a.b", 443);
	struct policy_request request = { .kind = POLICY_NET_CONNECT, .port = 443 };
	struct net_name no_name = { 0 };

	CHECK(verdict.answer == POLICY_DENY && strcmp(verdict.rule, "default") == 0, "%s",
	      verdict.rule);
	CHECK(strcmp(verdict.why, "no network is allowed to this sandbox") == 0, "%s", verdict.why);
	CHECK(ask(none, POLICY_DNS_QUERY, "a.b", 0).answer == POLICY_DENY, "query");
	CHECK(ask(all, POLICY_NET_CONNECT, "a.b", 443).answer == POLICY_ALLOW, "connect");
	policy_decide(&verdict, all, &request);
	CHECK(verdict.answer == POLICY_DENY, "no host");
	request.host = &no_name;
	policy_decide(&verdict, all, &request);
	CHECK(verdict.answer == POLICY_DENY, "a host that is none");
}

static void test_longest(void)
{
	CLEANUP(policy_freep) struct policy *policy = make(hosts, ARRAY_SIZE(hosts));
	char label[64] = "", name[NET_NAME_OCTETS];

	memset(label, 'a', 61);
	int len =
	    snprintf(name, sizeof(name), "%s.%s.%s.%s.%.5s", label, label, label, label, label);
	struct policy_verdict verdict = ask(policy, POLICY_NET_CONNECT, name, 65535);
	CHECK(len == 253 && strstr(verdict.why, "among the allowed hosts") != NULL, "%d: %s", len,
	      verdict.why);
}

static void test_refused(void)
{
	static const char *const bad[] = { "a.b", "a*.b" };
	struct policy_rules rules = { bad, ARRAY_SIZE(bad) };
	struct policy *policy = NULL;
	struct diag diag = { 0 };
	static const char *many[PATTERN_SET_MAX + 1];

	CHECK(policy_new(&policy, &rules, &diag) == -EINVAL && policy == NULL, "a*.b");
	CHECK(strncmp(diag.why, "allowed_hosts[1]: \"*\" may only", 30) == 0, "%s", diag.why);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "a.b";
	rules = (struct policy_rules){ many, ARRAY_SIZE(many) };
	CHECK(policy_new(&policy, &rules, &diag) == -ENOSPC && policy == NULL, "%s", diag.why);
}

int main(void)
{
	test_rows();
	test_nothing();
	test_longest();
	test_refused();
	CHECK(strcmp(policy_kind_name(POLICY_DNS_QUERY), "dns.query") == 0, "name");
	CHECK(strcmp(policy_kind_name(POLICY_NET_CONNECT), "net.connect") == 0, "name");
	return test_failures > 0;
}
