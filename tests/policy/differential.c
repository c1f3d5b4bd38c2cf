// SPDX-License-Identifier: Apache-2.0
/*
 * differential [SEED [ROUNDS]] - the table in C (policy/policy.h) and the default policy in Rego are asked the same
 * questions about the same settings: verdict, rule, reason and obligations must be equal.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/test.h"
#include "net/glob.h"
#include "net/pattern.h"
#include "policy/settings.h"
#include "policy/texts.h"
#include "random_rules.h"
#include "rego/rego.h"
#include "wire/base64.h"

enum { ROUNDS = 60, REQUESTS = 60, SEED = 1 };

/* What a policy may ask of the library: the same as net/pattern.h and net/glob.h say. */
static const char library[] =
    "package check\n"
    "import data.immure.lib\n"
    "default host := false\n"
    "host := true if lib.matches_host(input.pattern, input.host, input.is_address, input.port)\n"
    "default path := false\n"
    "path := true if lib.matches_glob(input.glob, input.path)\n";

static struct rego *load(void)
{
	struct rego_error error = { 0 };
	struct rego *rego = NULL;

	CHECK(rego_new(&rego, NULL) == 0, "no engine");
	for (size_t i = 0; i < policy_texts_len; i++) {
		const struct policy_text *text = &policy_texts[i];

		if (policy_text_is_library(text) || strcmp(text->name, POLICY_TEXT_DEFAULT) == 0)
			CHECK(rego_add_module(rego, text->name, strlen(text->name), text->text,
					      text->octets, &error) == 0,
			      "%s:%u: %s", error.file, error.line, error.why);
	}
	CHECK(rego_add_module(rego, "check", 5, library, strlen(library), &error) == 0, "%s",
	      error.why);
	return rego;
}

static json_t *pins_of(const struct policy_verdict *verdict)
{
	json_t *pins = json_array();

	for (size_t i = 0; i < verdict->pins_len; i++) {
		CLEANUP_BUF struct buf text = BUF(64);
		const struct span octets = { (const char *)verdict->pins[i], POLICY_PIN_OCTETS };

		CHECK(base64_encode(&text, octets) == 0, "no memory");
		json_array_append_new(pins,
				      json_sprintf("sha256/%.*s", (int)buf_len(&text), text.ptr));
	}
	return pins;
}

static void add(json_t *object, const char *name, uint64_t number)
{
	if (number > 0)
		json_object_set_new(object, name, json_integer((json_int_t)number));
}

static json_t *quota_of(const struct policy_quota *quota)
{
	if (quota->per_minute == 0 && quota->at_once == 0)
		return json_null();
	json_t *json = json_pack("{s:o}", "rule", json_sprintf("rules[%zu]", quota->rule));
	add(json, "requests_per_minute", quota->per_minute);
	add(json, "concurrency", quota->at_once);
	return json;
}

static void add_quotas(json_t *object, const struct policy_verdict *verdict, bool is_flow)
{
	json_t *first = quota_of(&verdict->quota[0]), *second = quota_of(&verdict->quota[1]);

	if (json_is_null(first) && json_is_null(second))
		return;
	json_t *quotas = json_pack("[o]", first);
	if (is_flow)
		json_array_append_new(quotas, second);
	json_object_set_new(object, "quotas", quotas);
}

/* wanted() - the decision that @verdict would be */
static json_t *wanted(const struct policy_verdict *verdict, enum policy_kind kind)
{
	const bool allows = verdict->answer == POLICY_ALLOW;
	json_t *object = json_object();

	if (allows) {
		add(object, "request_bytes", verdict->request_octets);
		add(object, "response_bytes", verdict->response_octets);
		add(object, "idle_ms", verdict->idle_ms);
		if (verdict->raw)
			json_object_set_new(object, "raw", json_true());
		if (verdict->passthrough)
			json_object_set_new(object, "passthrough", json_true());
		if (verdict->pins_len > 0)
			json_object_set_new(object, "pins", pins_of(verdict));
		add_quotas(object, verdict, kind == POLICY_NET_CONNECT);
	}
	return json_pack("{s:s,s:s,s:[s],s:o}", "verdict", allows ? "allow" : "deny", "rule",
			 verdict->rule, "reasons", verdict->why, "obligations", object);
}

/* as_input() - what the warden would write for @request; @ret: its memory is used again */
static void as_input(struct buf *ret, const struct policy_request *request)
{
	static const enum policy_action actions[] = {
		[POLICY_NOTHING] = POLICY_ACTION_EXEC,
		[POLICY_DNS_QUERY] = POLICY_ACTION_DNS_QUERY,
		[POLICY_NET_CONNECT] = POLICY_ACTION_NET_CONNECT,
		[POLICY_HTTP_REQUEST] = POLICY_ACTION_HTTP_REQUEST,
	};
	const struct policy_input input = {
		.request_id = SPAN("req"),
		.timestamp_ns = INT64_C(1700000000000000000),
		.app = SPAN("app"),
		.sandbox = SPAN("vm-00000000"),
		.action = actions[request->kind],
		.resource = { .host = span_of(request->host->text),
			      .is_address = request->host->kind == NET_NAME_ADDRESS,
			      .port = request->port,
			      .websocket = request->websocket,
			      .scheme = SPAN("https"),
			      .method = request->method,
			      .target = request->target },
	};

	buf_drop(ret, buf_len(ret));
	CHECK(policy_input_put(ret, &input) == 0, "no input");
}

static json_t *asked(struct rego *rego, struct span input)
{
	static const char path[] = "data.immure.decision";
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	json_t *json = NULL;

	if (rego_set_input(rego, input.ptr, input.len, &error) < 0 ||
	    rego_eval_rule(&text, rego, path, strlen(path), &error) < 0)
		CHECK(false, "%s:%u: %s", error.file, error.line, error.why);
	else
		json = json_loadb(text.ptr, text.octets, 0, NULL);
	rego_text_free(&text);
	return json;
}

/* compare() - Return: are they equal? */
static bool compare(struct rego *rego, const struct policy *policy,
		    const struct policy_request *request, struct buf *input)
{
	struct policy_verdict verdict;

	policy_decide(&verdict, policy, request);
	as_input(input, request);
	json_t *want = wanted(&verdict, request->kind);
	json_t *got = asked(rego, buf_span(input));
	const bool equal = json_equal(want, got) != 0;
	if (!equal) {
		char *a = json_dumps(want, JSON_SORT_KEYS), *b = json_dumps(got, JSON_SORT_KEYS);

		CHECK(equal, "%.*s\n\tC    %s\n\tRego %s", (int)buf_len(input), input->ptr, a, b);
		free(a);
		free(b);
	}
	json_decref(want);
	json_decref(got);
	return equal;
}

/* says() - is the rule @path true of @input, which is let go of? */
static bool says(struct rego *rego, const char *path, json_t *input)
{
	char *text = json_dumps(input, JSON_COMPACT);
	struct rego_error error = { 0 };
	struct rego_text answer = { 0 };

	CHECK(rego_set_input(rego, text, strlen(text), &error) == 0 &&
		  rego_eval_rule(&answer, rego, path, strlen(path), &error) == 0,
	      "%s: %s", text, error.why);
	const bool yes = answer.octets == 4 && memcmp(answer.ptr, "true", 4) == 0;
	rego_text_free(&answer);
	free(text);
	json_decref(input);
	return yes;
}

static void compare_hosts(struct rego *rego, uint64_t *seed, size_t *matched)
{
	struct policy_request request;
	static struct random_rules random;
	struct pattern pattern;
	struct net_name name;

	random_rules(&random, seed);
	random_request(&request, &name, seed);
	for (size_t i = 0; i < random.rules.rules_len; i++) {
		const char *text = random.rule[i].host;
		const unsigned port = request.port != 0 ? request.port : PATTERN_PORT_UNKNOWN;

		CHECK(pattern_parse(&pattern, span_of(text)) == NULL, "%s", text);
		const bool want = pattern_match(&pattern, &name, port);
		const bool got = says(
		    rego, "data.check.host",
		    json_pack("{s:s,s:s,s:b,s:i}", "pattern", text, "host", name.text, "is_address",
			      name.kind == NET_NAME_ADDRESS, "port", (int)request.port));

		CHECK(got == want, "%s, %s port %u: C says %d", text, name.text, port, want);
		*matched += want;
	}
}

static void compare_paths(struct rego *rego, uint64_t *seed, size_t *matched)
{
	static struct random_rules random;
	struct policy_request request;
	struct net_name name;

	random_rules(&random, seed);
	random_request(&request, &name, seed);
	struct span path = request.target;
	path = span_cut(&path, '?');
	for (size_t i = 0; i < random.rules.rules_len; i++)
		for (size_t k = 0; k < random.rule[i].paths_len; k++) {
			const char *glob = random.rule[i].paths[k];
			const bool want = glob_match(span_of(glob), path);
			const bool got =
			    says(rego, "data.check.path",
				 json_pack("{s:s,s:s%}", "glob", glob, "path",
					   path.ptr != NULL ? path.ptr : "", path.len));

			CHECK(got == want, "%s, %.*s: C says %d", glob, (int)path.len, path.ptr,
			      want);
			*matched += want;
		}
}

/* compare_library() - Return: how many matched, of either kind the fewer */
static size_t compare_library(struct rego *rego, uint64_t *seed, size_t rounds)
{
	size_t hosts = 0, paths = 0;

	for (size_t i = 0; i < rounds && test_failures == 0; i++) {
		compare_hosts(rego, seed, &hosts);
		compare_paths(rego, seed, &paths);
	}
	return hosts < paths ? hosts : paths;
}

/* round_of() - one set of settings, many requests. Return: are all answers equal? */
static bool round_of(struct rego *rego, uint64_t *seed, size_t *allowed)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP_BUF struct buf input = BUF(POLICY_INPUT_OCTETS_MAX);
	static struct random_rules random;
	struct rego_error error = { 0 };
	struct diag diag = { 0 };
	char *settings = NULL;
	bool equal = true;

	random_rules(&random, seed);
	CHECK(policy_new(&policy, &random.rules, &diag) == 0, "%s", diag.why);
	CHECK(policy_settings_text(&settings, &random.rules, &diag) == 0, "%s", diag.why);
	CHECK(rego_set_data(rego, settings, strlen(settings), &error) == 0, "%s", error.why);
	for (size_t i = 0; equal && i < REQUESTS; i++) {
		struct policy_request request;
		struct policy_verdict verdict;
		struct net_name name;

		random_request(&request, &name, seed);
		equal = compare(rego, policy, &request, &input);
		policy_decide(&verdict, policy, &request);
		*allowed += verdict.answer == POLICY_ALLOW;
	}
	if (!equal)
		fprintf(stderr, "\tsettings %s\n", settings);
	free(settings);
	return equal;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : SEED;
	const size_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : ROUNDS;
	struct rego *rego = load();
	size_t i = 0, allowed = 0;

	while (i < rounds && round_of(rego, &seed, &allowed))
		i++;
	printf("%zu settings, %zu requests, %zu of them allowed\n", i, i * REQUESTS, allowed);
	const size_t matched = compare_library(rego, &seed, 10 * rounds);
	printf("the library: at least %zu matches of hosts and of paths\n", matched);
	CHECK(rounds < ROUNDS || matched > rounds, "too few match");
	CHECK(i < rounds || rounds < ROUNDS || allowed > i * REQUESTS / 4, "too few are allowed");
	rego_free(rego);
	return test_failures > 0;
}
