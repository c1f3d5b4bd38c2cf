// SPDX-License-Identifier: Apache-2.0
/* The shape of the data; what it means, tests/policy/differential.c asks. */
#include "policy/settings.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/test.h"

static json_t *read_text(char *text)
{
	json_t *json = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	free(text);
	return json;
}

/* check() - is member @name of @json the JSON @want? */
static void check(const json_t *json, const char *name, const char *want)
{
	json_t *wanted = json_loads(want, JSON_DECODE_ANY, NULL); /* null: it is not there */
	json_t *got = json_object_get(json, name);
	char *shown = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

	CHECK(got == NULL ? json_is_null(wanted) : json_equal(wanted, got), "%s is %s", name,
	      shown);
	free(shown);
	json_decref(wanted);
}

static json_t *settings_of(const struct policy_rules *rules)
{
	struct diag diag = { 0 };
	char *text = NULL;

	CHECK(policy_settings_text(&text, rules, &diag) == 0, "%s", diag.why);
	return read_text(text);
}

static void test_hosts(void)
{
	static const char *const hosts[] = {
		"A.test.",  "*.b.test:443",  "10.0.0.0/8", "192.0.2.1:1",        "*.b.test:443",
		"*.c.test", "2001:db8::/32", "*",          "2001:db8:8000::/33", "0.0.0.0/7:65535"
	};
	const struct policy_rules rules = { .allowed_hosts = hosts,
					    .allowed_hosts_len = ARRAY_SIZE(hosts) };
	json_t *all = settings_of(&rules);
	json_t *settings = json_object_get(json_object_get(all, "immure"), "settings");
	json_t *at = json_object_get(settings, "by_host");

	check(settings, "empty", "false");
	check(settings, "depths", "[2]");
	check(settings, "prefixes",
	      "{\"10.\": [\"10.0.0.0/8\"], \"2001:db8:\": [\"2001:db8::/32\", "
	      "\"2001:db8:8000::/33\"], \"\": [\"0.0.0.0/7\"]}");
	check(at, "a.test",
	      "{\"*\": {\"name\": \"allowed_hosts[0]\", \"rules\": [], \"allowed\": 0}, \"?\": "
	      "{\"name\": \"allowed_hosts[0]\", \"rules\": [], \"allowed\": 0}}");
	check(at, ".b.test",
	      "{\"*\": {\"rules\": []}, \"?\": {\"name\": \"allowed_hosts[1]\", \"rules\": [], "
	      "\"allowed\": 1, \"ported\": true}, \"443\": {\"name\": \"allowed_hosts[1]\", "
	      "\"rules\": [], \"allowed\": 1, \"ported\": true}}");
	check(settings, "only", "{}"); /* "*" means all of them as well */
	json_decref(all);
}

static void test_rules(void)
{
	static const char *const methods[] = { "GET", "HEAD" };
	static const char *const paths[] = { "/a", "/b/**", "/c*", "/(x)/*/y**z" };
	static const uint8_t pin[][POLICY_PIN_OCTETS] = { { 0 } };
	const struct policy_rule rule[] = {
		{ .host = "a.test",
		  .methods = methods,
		  .methods_len = 2,
		  .paths = paths,
		  .paths_len = 4,
		  .caps = { 1, UINT64_MAX, 3, 4, 5 },
		  .pins = pin,
		  .pins_len = 1 },
		{ .host = "a.test:1", .passthrough = true, .caps = { .at_once = 2 } },
		{ .host = "b.test", .caps = { .request_octets = 6, .idle_ms = 7 } },
	};
	const struct policy_rules rules = { (const char *const[]){ "b.test" }, 1, rule, 3 };
	json_t *all = settings_of(&rules);
	json_t *settings = json_object_get(json_object_get(all, "immure"), "settings");
	json_t *one = json_array_get(json_object_get(settings, "rules"), 0);
	json_t *two = json_array_get(json_object_get(settings, "rules"), 1);

	check(one, "methods", "{\"GET\": true, \"HEAD\": true}");
	check(one, "methods_text", "\"GET, HEAD\"");
	check(one, "paths",
	      "{\"exact\": {\"/a\": true}, \"below\": [\"/b/\"], \"level\": [\"/c\"], \"regex\": "
	      "[\"^/\\\\(x\\\\)/[!-.0-~]*/y[!-~]*z$\"]}");
	check(one, "request",
	      "{\"request_bytes\": 1, \"response_bytes\": 9223372036854775807, \"quotas\": "
	      "[{\"rule\": \"rules[0]\", \"requests_per_minute\": 3, \"concurrency\": 4}]}");
	check(one, "flow",
	      "{\"idle_ms\": 5, \"pins\": "
	      "[\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}");
	check(two, "flow",
	      "{\"raw\": true, \"passthrough\": true, \"quotas\": [{\"rule\": \"rules[1]\", "
	      "\"concurrency\": 2}, null]}");
	check(
	    json_object_get(settings, "by_host"), "a.test",
	    "{\"alone\": true, \"*\": {\"name\": \"rules[0]\", \"rules\": [0]}, \"1\": {\"name\": "
	    "\"rules[0]\", \"rules\": [0, 1]}, \"?\": {\"name\": \"rules[0]\", \"rules\": [0, "
	    "1]}}");
	check(json_object_get(settings, "only"), "b.test",
	      "{\"name\": \"rules[2]\", \"rules\": [2], \"allowed\": 0, \"net.connect\": "
	      "{\"idle_ms\": 7}, "
	      "\"http.request\": {\"request_bytes\": 6}}");
	check(json_object_get(settings, "only"), "a.test", "null");
	json_decref(all);
}

static void test_refused(void)
{
	static const char *const bad[] = { "a*.b" };
	const struct policy_rules rules = { .allowed_hosts = bad, .allowed_hosts_len = 1 };
	struct policy_grant grants[] = { { .action = POLICY_ACTION_EXEC, .host = "a.test" },
					 { .action = POLICY_ACTION_NET_CONNECT, .host = "*.test" },
					 { .action = POLICY_ACTION_NET_CONNECT } };
	struct diag diag = { 0 };
	char *text = NULL;

	CHECK(policy_settings_text(&text, &rules, &diag) == -EINVAL && text == NULL, "a*.b");
	for (size_t i = 0; i < ARRAY_SIZE(grants); i++)
		CHECK(policy_consent_text(&text, &grants[i], 1, &diag) == -EINVAL && text == NULL,
		      "grant %zu", i);
	CHECK(policy_consent_text(&text, grants, POLICY_GRANTS_MAX + 1UL, &diag) == -ENOSPC,
	      "too many");
}

static void test_consent(void)
{
	const struct policy_grant grants[] = {
		{ .action = POLICY_ACTION_NET_CONNECT,
		  .host = "A.test",
		  .port = 443,
		  .app = "agent",
		  .expires_ns = 1 },
		{ .action = POLICY_ACTION_HTTP_REQUEST, .host = "a.test", .deny = true },
	};
	struct diag diag = { 0 };
	char *text = NULL;

	CHECK(policy_consent_text(&text, grants, ARRAY_SIZE(grants), &diag) == 0, "%s", diag.why);
	json_t *all = read_text(text);
#define FIRST                                                                                    \
	"{\"action\": \"net.connect\", \"effect\": \"allow\", \"app\": \"agent\", \"expires\": " \
	"\"1970-01-01T00:00:00.000000001Z\"}"
#define SECOND "{\"action\": \"http.request\", \"effect\": \"deny\"}"
	check(json_object_get(json_object_get(all, "consent"), "hosts"), "a.test",
	      "{\"443\": [" FIRST "], \"*\": [" SECOND "], \"?\": [" FIRST "," SECOND "]}");
	json_decref(all);
	CHECK(policy_consent_text(&text, NULL, 0, &diag) == 0, "%s", diag.why);
	CHECK(strcmp(text, "{\"consent\":{\"hosts\":{}}}") == 0, "%s", text);
	free(text);
}

int main(void)
{
	test_hosts();
	test_rules();
	test_refused();
	test_consent();
	return test_failures > 0;
}
