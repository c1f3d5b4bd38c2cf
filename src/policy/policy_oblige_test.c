// SPDX-License-Identifier: Apache-2.0
/* What requests and flows that are allowed are held to. */
#include "base/test.h"
#include "policy/policy.h"

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
		.method = span_of(method),
		.target = span_of(target),
	};
	policy_decide(&verdict, policy, &request);
	return verdict;
}

/* pin() - number @n of those that differ */
static const uint8_t (*pin(unsigned n))[POLICY_PIN_OCTETS]
{
	static uint8_t pins[64][POLICY_PIN_OCTETS];

	for (unsigned i = 0; i < ARRAY_SIZE(pins); i++)
		pins[i][0] = (uint8_t)(i + 1);
	return (const uint8_t(*)[POLICY_PIN_OCTETS])pins + n;
}

static struct policy *make_obliged(void)
{
	static const char *const get[] = { "GET" };
	const struct policy_rule rules[] = {
		{ .host = "api.test",
		  .methods = get,
		  .methods_len = 1,
		  .caps = { .request_octets = 1 } },
		{ .host = "api.test",
		  .caps = { 2, 3, 4, 5, 6, 16, 17 },
		  .raw = POLICY_RAW_ALWAYS, /* which the validator would have refused */
		  .passthrough = true },
		{ .host = "db.test:1", .caps = { .per_minute = 7, .idle_ms = 8 } },
		{ .host = "db.test", .passthrough = true, .caps = { .at_once = 9, .idle_ms = 10 } },
		{ .host = "both.test:1", .passthrough = true, .caps = { .at_once = 11 } },
		{ .host = "way.test", .passthrough = true, .caps = { .at_once = 12 } },
		{ .host = "way.test:1", .caps = { .at_once = 13 } },
		{ .host = "way.test:1", .caps = { .at_once = 14 } },
		{ .host = "pin.test", .passthrough = true, .caps = { .at_once = 15 } },
		{ .host = "pin.test:1", .pins = pin(0), .pins_len = 2 },
		{ .host = "*.test:1", .pins = pin(1), .pins_len = 2 },
		{ .host = "many.test", .pins = pin(0), .pins_len = 16 },
		{ .host = "many.test", .pins = pin(16), .pins_len = 16 },
		{ .host = "many.test:2", .pins = pin(8), .pins_len = 16 },
		{ .host = "many.test:3", .pins = pin(32), .pins_len = 1 },
		{ .host = "last.test", .passthrough = true, .pins = pin(0), .pins_len = 1 },
	};
	static const char *const allowed[] = { "free.test" };
	const struct policy_rules all = { allowed, ARRAY_SIZE(allowed), rules, ARRAY_SIZE(rules) };
	struct policy *policy = NULL;
	struct diag diag = { 0 };

	CHECK(policy_new(&policy, &all, &diag) == 0, "%s", diag.why);
	return policy;
}

/* A request is held to what the rule says that allows it, and to nothing else. */
static void test_obliged_requests(const struct policy *policy)
{
	static const struct {
		const char *method, *host;
		uint64_t up, down;
		struct policy_quota quota;
	} rows[] = {
		{ "GET", "api.test", 1, 0, { 0 } },
		{ "PUT", "api.test", 2, 3, { 1, 4, 5 } },
		{ "PUT", "db.test", 0, 0, { 2, 7, 0 } },
		{ "PUT", "free.test", 0, 0, { 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct policy_verdict v =
		    ask_http(policy, rows[i].method, rows[i].host, 1, "/");

		CHECK(v.answer == POLICY_ALLOW && v.request_octets == rows[i].up &&
			  v.response_octets == rows[i].down,
		      "row %zu: %ju %ju", i, (uintmax_t)v.request_octets,
		      (uintmax_t)v.response_octets);
		CHECK(v.quota[0].rule == rows[i].quota.rule &&
			  v.quota[0].per_minute == rows[i].quota.per_minute &&
			  v.quota[0].at_once == rows[i].quota.at_once && v.quota[1].at_once == 0,
		      "row %zu: %u %u", i, v.quota[0].per_minute, v.quota[0].at_once);
		CHECK(v.message_octets == (i == 1 ? 16 : 0) &&
			  v.messages_per_minute == (i == 1 ? 17 : 0) &&
			  v.messages_rule == (i == 1 ? 1 : 0),
		      "row %zu", i);
		CHECK(v.pins_len == 0 && v.idle_ms == 0, "row %zu", i);
	}
}

static void test_obliged_flows(const struct policy *policy)
{
	static const struct {
		const char *host;
		uint16_t port;
		bool raw, passthrough;
		uint64_t idle_ms;
		struct policy_quota quota[2];
		size_t pins;
	} rows[] = {
		/* limits of octets let nothing pass unread */
		{ "api.test", 443, false, false, 6, { { 0 } }, 0 },
		{ "api.test", 1, true, false, 6, { { 0 } }, 2 }, /* by "*.test:1" */
		/* the first that is raw, not the first */
		{ "db.test", 2, false, true, 10, { { 3, 0, 9 } }, 0 },
		{ "both.test", 1, true, false, 0, { { 0 }, { 4, 0, 11 } }, 2 },
		{ "way.test", 2, false, true, 0, { { 5, 0, 12 } }, 0 },
		{ "pin.test", 2, false, true, 0, { { 8, 0, 15 } }, 0 },
		{ "pin.test", 1, true, false, 0, { { 0 } }, 3 },
		{ "many.test", 9, false, false, 0, { { 0 } }, 32 },
		{ "many.test", 2, true, false, 0, { { 0 } }, 32 },
		{ "last.test", 443, false, false, 0, { { 0 } }, 1 },
		{ "free.test", 443, false, false, 0, { { 0 } }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct policy_verdict v =
		    ask(policy, POLICY_NET_CONNECT, rows[i].host, rows[i].port);

		CHECK(v.answer == POLICY_ALLOW && v.raw == rows[i].raw &&
			  v.passthrough == rows[i].passthrough,
		      "row %zu: %d %d %d", i, v.answer, v.raw, v.passthrough);
		CHECK(v.idle_ms == rows[i].idle_ms && v.pins_len == rows[i].pins,
		      "row %zu: %ju %zu", i, (uintmax_t)v.idle_ms, v.pins_len);
		for (int k = 0; k < 2; k++)
			CHECK(v.quota[k].rule == rows[i].quota[k].rule &&
				  v.quota[k].at_once == rows[i].quota[k].at_once &&
				  v.quota[k].per_minute == rows[i].quota[k].per_minute,
			      "row %zu: quota %d is %zu %u %u", i, k, v.quota[k].rule,
			      v.quota[k].per_minute, v.quota[k].at_once);
	}
	const struct policy_verdict many = ask(policy, POLICY_NET_CONNECT, "many.test", 3);
	CHECK(many.answer == POLICY_DENY && !many.raw, "too many pins");
	CHECK(strcmp(many.why, "more than 32 pins hold for many.test port 3") == 0, "%s", many.why);
}

/* Who may pass unread by two rules counts with both; by one, once. */
static void test_two_quotas(void)
{
	const struct policy_rule rules[] = {
		{ .host = "a.test", .passthrough = true, .caps = { .at_once = 1 } },
		{ .host = "a.test:1", .caps = { .per_minute = 2 } },
		{ .host = "b.test:1", .passthrough = true, .caps = { .at_once = 3 } },
		{ .host = "c.test", .raw = POLICY_RAW_ALWAYS },
		{ .host = "c.test", .raw = POLICY_RAW_ALWAYS, .caps = { .at_once = 4 } },
	};
	const struct policy_rules all = { .rules = rules, .rules_len = ARRAY_SIZE(rules) };
	CLEANUP(policy_freep) struct policy *policy = NULL;
	struct diag diag = { 0 };

	CHECK(policy_new(&policy, &all, &diag) == 0, "%s", diag.why);
	const struct policy_verdict two = ask(policy, POLICY_NET_CONNECT, "a.test", 1),
				    one = ask(policy, POLICY_NET_CONNECT, "b.test", 1),
				    none = ask(policy, POLICY_NET_CONNECT, "c.test", 1);
	CHECK(two.quota[0].at_once == 1 && two.quota[1].rule == 1 && two.quota[1].per_minute == 2,
	      "two");
	CHECK(one.quota[0].at_once == 3 && one.quota[1].at_once == 0, "one");
	CHECK(none.quota[0].at_once == 0 && none.quota[1].at_once == 0, "none");
}

static void test_obligations(void)
{
	CLEANUP(policy_freep) struct policy *policy = make_obliged();

	if (policy == NULL)
		return;
	test_obliged_requests(policy);
	test_obliged_flows(policy);
	test_two_quotas();
	CHECK(ask(policy, POLICY_DNS_QUERY, "pin.test", 0).pins_len == 0, "a name has none");
}

int main(void)
{
	test_obligations();
	return test_failures > 0;
}
