// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <errno.h>

#include "base/test.h"
#include "net/pattern.h"

static const char *const hosts[] = { "api.example.com", "*.github.com:443", "10.0.0.0/8:5432",
				     "[2001:db8::1]:22" };

static struct policy *make(const char *const *allowed, size_t len)
{
	struct policy_rules rules = { .allowed_hosts = allowed, .allowed_hosts_len = len };
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
	struct policy_request request = {
		.kind = kind, .sandbox = "vm-00000000", .host = &name, .port = port
	};
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
	struct policy_rules rules = { .allowed_hosts = bad, .allowed_hosts_len = ARRAY_SIZE(bad) };
	struct policy *policy = NULL;
	struct diag diag = { 0 };
	static const char *many[PATTERN_SET_MAX + 1];

	CHECK(policy_new(&policy, &rules, &diag) == -EINVAL && policy == NULL, "a*.b");
	CHECK(strncmp(diag.why, "allowed_hosts[1]: \"*\" may only", 30) == 0, "%s", diag.why);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "a.b";
	rules =
	    (struct policy_rules){ .allowed_hosts = many, .allowed_hosts_len = ARRAY_SIZE(many) };
	CHECK(policy_new(&policy, &rules, &diag) == -ENOSPC && policy == NULL, "%s", diag.why);
	static const char *const glob[] = { "x" };
	const struct policy_rule no_host = { .host = "a*.b" },
				 no_glob = { .host = "a.b", .paths = glob, .paths_len = 1 };
	rules = (struct policy_rules){ .rules = &no_host, .rules_len = 1 };
	CHECK(policy_new(&policy, &rules, &diag) == -EINVAL && policy == NULL, "a*.b");
	CHECK(strncmp(diag.why, "rules[0]: \"*\" may only", 22) == 0, "%s", diag.why);
	rules.rules = &no_glob;
	CHECK(policy_new(&policy, &rules, &diag) == -EINVAL && policy == NULL, "x");
	rules.rules_len = POLICY_RULES_MAX + 1;
	CHECK(policy_new(&policy, &rules, &diag) == -ENOSPC && policy == NULL, "too many");
}

static struct policy *make_rules(void)
{
	static const char *const get[] = { "GET" }, *const post[] = { "POST" };
	static const char *const two[] = { "GET", "HEAD" };
	static const char *const socket[] = { "GET", "WEBSOCKET" };
	static const char *const v1[] = { "/v1/*", "/health" }, *const open[] = { "/open/**" };
	static const struct policy_rule rules[] = {
		{ .host = "api.test", .methods = two, .methods_len = 2 },
		{ .host = "api.test",
		  .methods = post,
		  .methods_len = 1,
		  .paths = v1,
		  .paths_len = 2 },
		{ .host = "api.test:8443", .paths = open, .paths_len = 1 },
		{ .host = "*.pinned.test", .passthrough = true },
		{ .host = "a.pinned.test:22" },
		{ .host = "raw.test", .raw = POLICY_RAW_ALWAYS },
		{ .host = "not.test:5432", .raw = POLICY_RAW_NEVER },
		/* what the validator of the settings would have refused */
		{ .host = "both.test:1",
		  .methods = get,
		  .methods_len = 1,
		  .raw = POLICY_RAW_ALWAYS,
		  .passthrough = true },
		{ .host = "both.test", .methods = get, .methods_len = 1 },
		{ .host = "ws.test", .methods = socket, .methods_len = 2 },
		{ .host = "10.0.0.0/8:5432" },
	};
	static const char *const allowed[] = { "free.test",     "both.test:2", "*.wide.test",
					       "a.wide.test:5", "192.0.2.1:9", "192.0.2.2" };
	const struct policy_rules all = { allowed, ARRAY_SIZE(allowed), rules, ARRAY_SIZE(rules) };
	struct policy *policy = NULL;
	struct diag diag = { 0 };

	CHECK(policy_new(&policy, &all, &diag) == 0, "%s", diag.why);
	return policy;
}

/* Which flows may carry what is no HTTP, and which TLS is not opened. */
static void test_ways(void)
{
	static const struct {
		const char *host;
		const char *rule;
		uint16_t port;
		bool raw, passthrough;
	} rows[] = {
		{ "api.test", "rules[0]", 443, false, false },
		{ "api.test", "rules[0]", 8443, false, false },
		{ "x.pinned.test", "rules[3]", 443, false, true },
		{ "a.pinned.test", "rules[3]", 22, true, true },
		{ "raw.test", "rules[5]", 25, true, false },
		{ "not.test", "rules[6]", 5432, false, false },
		{ "not.test", "default", 5433, false, false },
		{ "both.test", "rules[7]", 1, false, false },
		{ "both.test", "rules[8]", 2, true, false },
		{ "both.test", "rules[8]", 3, false, false },
		{ "10.9.9.9", "rules[10]", 5432, true, false },
		{ "10.9.9.9", "default", 5433, false, false },
		{ "free.test", "allowed_hosts[0]", 22, false, false },
		{ "a.wide.test", "allowed_hosts[2]", 5, true, false },
		{ "b.wide.test", "allowed_hosts[2]", 5, false, false },
		{ "192.0.2.1", "allowed_hosts[4]", 9, true, false },
		{ "192.0.2.2", "allowed_hosts[5]", 9, false, false },
	};
	CLEANUP(policy_freep) struct policy *policy = make_rules();

	for (size_t i = 0; policy != NULL && i < ARRAY_SIZE(rows); i++) {
		struct policy_verdict verdict =
		    ask(policy, POLICY_NET_CONNECT, rows[i].host, rows[i].port);

		CHECK((verdict.answer == POLICY_ALLOW) == (strcmp(rows[i].rule, "default") != 0),
		      "row %zu: %d", i, verdict.answer);
		CHECK(strcmp(verdict.rule, rows[i].rule) == 0, "row %zu: %s", i, verdict.rule);
		CHECK(verdict.raw == rows[i].raw, "row %zu: raw %d", i, verdict.raw);
		CHECK(verdict.passthrough == rows[i].passthrough, "row %zu: passthrough %d", i,
		      verdict.passthrough);
	}
	if (policy != NULL)
		CHECK(ask(policy, POLICY_DNS_QUERY, "q.pinned.test", 0).answer == POLICY_ALLOW,
		      "a rule's name may be known");
}

static struct policy_verdict ask_http(const struct policy *policy, const char *method,
				      const char *host, uint16_t port, const char *target)
{
	struct policy_verdict verdict = { .answer = POLICY_ALLOW };
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, span_of(host)) == NULL, "%s", host);
	struct policy_request request = {
		.kind = POLICY_HTTP_REQUEST,
		.host = &name,
		.port = port,
		.websocket = strcmp(method, "upgrade") == 0,
		.method = span_of(strcmp(method, "upgrade") == 0 ? "GET" : method),
		.target = span_of(target),
	};
	policy_decide(&verdict, policy, &request);
	return verdict;
}

static void test_requests(void)
{
	static const struct {
		const char *method, *host;
		uint16_t port;
		const char *target, *rule;
		const char *why; /* NULL: it is allowed */
	} rows[] = {
		{ "GET", "api.test", 443, "/v1/x", "rules[0]", NULL },
		{ "HEAD", "api.test", 80, "/", "rules[0]", NULL },
		{ "POST", "api.test", 443, "/v1/x", "rules[1]", NULL },
		{ "POST", "api.test", 443, "/v1/x?y=/../z", "rules[1]", NULL },
		{ "POST", "api.test", 443, "/health", "rules[1]", NULL },
		{ "POST", "api.test", 443, "/v1/x/y", "rules[1]",
		  "api.test does not allow POST on the path /v1/x/y" },
		{ "POST", "api.test", 443, "/v2?/v1/x", "rules[1]",
		  "api.test does not allow POST on the path /v2?/v1/x" },
		{ "DELETE", "api.test", 443, "/v1/x", "rules[0]",
		  "api.test allows GET, HEAD only, not DELETE" },
		{ "get", "api.test", 443, "/", "rules[0]",
		  "api.test allows GET, HEAD only, not get" },
		{ "GE", "api.test", 443, "/", "rules[0]",
		  "api.test allows GET, HEAD only, not GE" },
		{ "DELETE", "api.test", 8443, "/open/x", "rules[2]", NULL },
		{ "DELETE", "api.test", 8443, "/closed", "rules[2]",
		  "api.test does not allow DELETE on the path /closed" },
		{ "OPTIONS", "api.test", 8443, "*", "rules[2]",
		  "api.test does not allow OPTIONS on the path *" },
		{ "DELETE", "x.pinned.test", 443, "/", "rules[3]", NULL },
		{ "GET", "both.test", 2, "/", "rules[8]", NULL },
		{ "PUT", "both.test", 2, "/", "allowed_hosts[1]", NULL },
		{ "PUT", "both.test", 3, "/", "rules[8]", "both.test allows GET only, not PUT" },
		{ "PATCH", "free.test", 1, "/", "allowed_hosts[0]", NULL },
		{ "PATCH", "free.test", 1, "*", "allowed_hosts[0]", NULL },
		{ "GET", "other.test", 443, "/", "default",
		  "other.test port 443 is not among the allowed hosts" },
		{ "GET", "192.0.2.1", 10, "/", "default",
		  "192.0.2.1 port 10 is not among the allowed hosts" },
		{ "GET", "free.test", 0, "/", "default", "that is no request" },
		{ "", "free.test", 1, "/", "default", "that is no request" },
		{ "GET", "free.test", 1, "", "default", "that is no request" },

		{ "upgrade", "api.test", 443, "/", "rules[0]",
		  "api.test allows GET, HEAD only, not WEBSOCKET" },
		{ "upgrade", "api.test", 8443, "/open/", "rules[2]", NULL },
		{ "upgrade", "ws.test", 443, "/", "rules[9]", NULL },
		{ "upgrade", "free.test", 443, "/", "allowed_hosts[0]", NULL },
	};
	CLEANUP(policy_freep) struct policy *policy = make_rules();

	for (size_t i = 0; policy != NULL && i < ARRAY_SIZE(rows); i++) {
		struct policy_verdict verdict =
		    ask_http(policy, rows[i].method, rows[i].host, rows[i].port, rows[i].target);

		CHECK((verdict.answer == POLICY_ALLOW) == (rows[i].why == NULL), "row %zu: %d", i,
		      verdict.answer);
		CHECK(strcmp(verdict.rule, rows[i].rule) == 0, "row %zu: %s", i, verdict.rule);
		CHECK(rows[i].why == NULL || strcmp(verdict.why, rows[i].why) == 0, "row %zu: %s",
		      i, verdict.why);
	}
}

/* The longest of all parts does not lose its sentence. */
static void test_longest_request(void)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	char method[40], label[64] = "", host[NET_NAME_OCTETS], target[2000];
	const char *methods[16];
	struct policy_rule rule = { .host = host, .methods = methods, .methods_len = 16 };
	const struct policy_rules rules = { .rules = &rule, .rules_len = 1 };
	struct diag diag = { 0 };

	memset(label, 'a', 61);
	memset(method, 'M', sizeof(method));
	method[32] = '\0';
	memset(target, '/', sizeof(target));
	target[sizeof(target) - 1] = '\0';
	for (size_t i = 0; i < 16; i++)
		methods[i] = method;
	snprintf(host, sizeof(host), "%s.%s.%s.%s.%.5s", label, label, label, label, label);
	CHECK(policy_new(&policy, &rules, &diag) == 0, "%s", diag.why);
	struct policy_verdict verdict = ask_http(policy, "GET", host, 443, target);
	size_t len = strlen(verdict.why);
	CHECK(len > 13 && strcmp(verdict.why + len - 13, "only, not GET") == 0, "%s", verdict.why);
	policy_free(policy);
	rule =
	    (struct policy_rule){ .host = host, .paths = &(const char *){ "/" }, .paths_len = 1 };
	CHECK(policy_new(&policy, &rules, &diag) == 0, "%s", diag.why);
	verdict = ask_http(policy, "GET", host, 443, target);
	CHECK(strstr(verdict.why, "does not allow GET on the path ///") != NULL, "%s", verdict.why);
}

int main(void)
{
	test_rows();
	test_ways();
	test_requests();
	test_longest_request();
	test_nothing();
	test_longest();
	test_refused();
	CHECK(strcmp(policy_kind_name(POLICY_DNS_QUERY), "dns.query") == 0, "name");
	CHECK(strcmp(policy_kind_name(POLICY_NET_CONNECT), "net.connect") == 0, "name");
	CHECK(strcmp(policy_kind_name(POLICY_HTTP_REQUEST), "http.request") == 0, "name");
	return test_failures > 0;
}
