// SPDX-License-Identifier: Apache-2.0
/*
 * learned [SEED [ROUNDS]] - a policy that is suggested loads in the engine, its own tests pass, all that was recorded is
 * allowed and what was not is denied; also of hosts, methods and paths that somebody chose to break it. And the
 * tests are worth something: with a wider policy in its place they fail.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/json_heap.h"
#include "base/test.h"
#include "learn/suggest.h"
#include "rego/rego.h"

enum { ROUNDS = 8, ENTRIES = 40, SEED = 1 };

static uint64_t state = SEED;

static unsigned pick(unsigned below)
{
	state = state * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(state >> 33) % below;
}

static const char *const hosts[] = {
	"a.x.com",
	"b.x.com",
	"c.x.com",
	"d.k.x.com",
	"x.com",
	"a.github.io",
	"b.github.io",
	"c.github.io",
	"192.0.2.1",
	"2001:db8::1",
	"xn--bcher-kva.test",
	"_dmarc.y.com",
	"a\".y.com",
	"a\n.y.com",
	"y.com\"}\nallowed contains \"all\"\n#",
};
static const char *const methods[] = { "GET",   "POST",  "X-$`",           "DELETE",
				       "a'b|c", "G\"ET", "!#$%&'*+-.^_`|~" };
static const char *const paths[] = {
	"/",
	"/users/1",
	"/users/2",
	"/users/me",
	"/users/3/x",
	"*",
	"/input",
	"/rand",
	"/da39a3ee5e6b4b0d3255bfef95601890afd80709",
	"/0a39a3ee5e6b4b0d3255bfef95601890afd80709",
	"/123e4567-e89b-12d3-a456-426614174000/z",
	"/\"}",
	"/\\",
	"/\\\"",
	"/`",
	"/$\"{1}",
	"/a$",
	"/#",
	"/$`x`",
	"/{{}}[]()",
	"/*/**",
	"/.*",
	"/(?i)x",
	"/a|b",
	"/\\u0022",
	"/%22%0a",
	"//",
	"/./../",
	"/x\"\n}\nallowed contains \"all\" if true\n",
	"/x\r\nallowed contains \"all\"",
	"/ x",
	"/\xff\xfe",
	"/\xe2\x80\xa8y",
	"/x];",
	"/1/2/3/4",
	"/1/2/3/5",
	"/0",
	"/never-seen0",
	"/~!@$%^&*()_+-=:;'<>,./",
	"/sprintf(%s)",
	"/input.request_summary",
};
static const unsigned ports[] = { 443, 80, 22, 8443, 1024 };

static struct audit_entry random_entry(uint64_t seq)
{
	static const char *const actions[] = { "dns.query", "net.connect", "http.request",
					       "http.request", "exec" };
	static const char *const protocols[] = { "http", "https", "ws", "wss", "tcp" };
	struct audit_entry entry = {
		.seq = seq,
		.time_ns = (int64_t)seq,
		.request_id = SPAN("req-1"),
		.phase = AUDIT_BEGIN,
		.action = span_of(actions[pick(ARRAY_SIZE(actions))]),
		.decision = pick(8) == 0 ? AUDIT_DENY : AUDIT_ALLOW,
		.mode = AUDIT_MODE_ENFORCE,
	};

	entry.resource.host = span_of(hosts[pick(ARRAY_SIZE(hosts))]);
	entry.resource.port = AUDIT_NUMBER(ports[pick(ARRAY_SIZE(ports))]);
	entry.resource.protocol = span_of(protocols[pick(ARRAY_SIZE(protocols))]);
	entry.resource.method = span_of(methods[pick(ARRAY_SIZE(methods))]);
	entry.resource.path = span_of(paths[pick(ARRAY_SIZE(paths))]);
	return entry;
}

static void add_module(struct rego *rego, const char *name, struct span text)
{
	struct rego_error error = { 0 };
	int r = rego_add_module(rego, name, strlen(name), text.ptr, text.len, &error);

	CHECK(r == 0, "%s:%u: %s\n%.*s", name, error.line, error.why, (int)text.len, text.ptr);
}

/* verdict() - of the policy in @rego */
static bool allows(struct rego *rego, const struct learn_call *call, struct span path)
{
	CLEANUP_BUF struct buf text = BUF(POLICY_INPUT_OCTETS_MAX);
	const struct policy_input input = { .action = call->action,
					    .request_id = SPAN("r"),
					    .policy_hash = SPAN(""),
					    .app = SPAN("a"),
					    .sandbox = SPAN("s"),
					    .workspace_root = SPAN("/"),
					    .resource = learn_resource(call, path) };
	static const char rule[] = "data.immure.decision";
	struct rego_error error = { 0 };
	struct rego_text answer = { 0 };

	CHECK(policy_input_put(&text, &input) == 0, "input");
	int r = rego_set_input(rego, text.ptr, buf_len(&text), &error);
	if (r == 0)
		r = rego_eval_rule(&answer, rego, rule, sizeof(rule) - 1, &error);
	CHECK(r == 0, "%s:%u: %s", error.file, error.line, error.why);
	const bool is =
	    answer.octets > 0 && memmem(answer.ptr, answer.octets, "\"allow\"", 7) != NULL;
	rego_text_free(&answer);
	return is;
}

/* failed_tests() - of the tests in @rego, how many do not hold, and how many there are */
static size_t failed_tests(size_t *ret_all, struct rego *rego, struct span tests)
{
	size_t failed = 0;

	*ret_all = 0;
	for (struct span rest = tests; rest.ptr != NULL;) {
		struct span line = span_cut(&rest, '\n');
		struct rego_error error = { 0 };
		struct rego_text text = { 0 };
		char path[128];

		if (line.len < 5 || memcmp(line.ptr, "test_", 5) != 0)
			continue;
		line = span_cut(&line, ' ');
		int len =
		    snprintf(path, sizeof(path), "data.immure_test.%.*s", (int)line.len, line.ptr);
		int r = rego_eval_rule(&text, rego, path, (size_t)len, &error);
		++*ret_all;
		failed += r != 0 || text.octets != 4 || memcmp(text.ptr, "true", 4) != 0;
		rego_text_free(&text);
	}
	return failed;
}

static int compare(struct span a, struct span b)
{
	return a.len != b.len || (a.len > 0 && memcmp(a.ptr, b.ptr, a.len) != 0);
}

/* A call as it was recorded, and as it was not. */
static void check_calls(struct rego *rego, const struct learn *model)
{
	for (size_t i = 0; i < model->calls_len; i++) {
		const struct learn_call *call = &model->calls[i];
		struct learn_call other = *call;

		for (size_t k = 0; call->allowed > 0 && (k == 0 || k < call->examples_len); k++)
			CHECK(allows(rego, call, call->examples[k]), "not allowed: %.*s %u %.*s",
			      (int)call->host.len, call->host.ptr, call->port,
			      (int)call->examples[k].len, call->examples[k].ptr);
		other.host = SPAN("canary.test");
		CHECK(!allows(rego, &other, call->path), "another host");
		other = *call;
		other.port = 4;
		CHECK(call->port == 0 || !allows(rego, &other, call->path), "another port");
		other = *call;
		other.method = SPAN("CANARY");
		CHECK(call->path.len == 0 || !allows(rego, &other, call->path), "another method");
		CHECK(call->path.len == 0 || !allows(rego, call, SPAN("/canary")), "another path");
		char longer[2100];
		const int len = snprintf(longer, sizeof(longer), "/canary%.*s", (int)call->path.len,
					 call->path.len > 0 ? call->path.ptr : "");
		CHECK(call->path.len == 0 ||
			  !allows(rego, call, (struct span){ longer, (size_t)len }),
		      "something in front of the path");
		other = *call;
		other.action = POLICY_ACTION_EXEC;
		CHECK(!allows(rego, &other, call->path), "another action");
	}
}

static const char widest[] = "package immure\n"
			     "decision := {\"verdict\": \"allow\"}\n";

/* is_known() - was the denied call allowed all the same at some time? */
static bool is_known(const struct learn *model, const struct learn_call *denied)
{
	for (size_t i = 0; i < model->calls_len; i++) {
		const struct learn_call *call = &model->calls[i];

		if (call->allowed == 0 || call->action != denied->action ||
		    call->port != denied->port || call->https != denied->https ||
		    call->websocket != denied->websocket ||
		    compare(call->host, denied->host) != 0 ||
		    compare(call->method, denied->method) != 0)
			continue;
		for (size_t k = 0; k < call->examples_len; k++)
			if (compare(call->examples[k], denied->path) == 0)
				return true;
	}
	return false;
}

/* Whatever else was allowed, what was never allowed is not. */
static void check_denied(struct rego *rego, const struct learn *model)
{
	for (size_t i = 0; i < model->calls_len; i++) {
		const struct learn_call *call = &model->calls[i];

		if (call->denied > 0 && call->action == POLICY_ACTION_HTTP_REQUEST &&
		    !is_known(model, call))
			CHECK(!allows(rego, call, call->path), "denied: %.*s %u %.*s",
			      (int)call->host.len, call->host.ptr, call->port, (int)call->path.len,
			      call->path.ptr);
	}
}

static void check_suggestion(const struct learn *model, bool wildcards)
{
	struct grants grants = { 0 };
	struct text policy = TEXT, tests = TEXT;
	struct rego *rego = NULL, *wide = NULL;
	size_t all = 0;

	CHECK(grants_make(&grants, model, wildcards) == 0, "grants");
	CHECK(suggest_policy(&policy, &grants, "app\"\nallowed contains \"all\"") == 0, "policy");
	CHECK(suggest_tests(&tests, &grants) == 0, "tests");
	CHECK(rego_new(&rego, NULL) == 0 && rego_new(&wide, NULL) == 0, "engine");
	add_module(rego, "app.rego", buf_span(&policy.buf));
	add_module(rego, "app_test.rego", buf_span(&tests.buf));
	add_module(wide, "app.rego", span_of(widest));
	add_module(wide, "app_test.rego", buf_span(&tests.buf));
	check_calls(rego, model);
	check_denied(rego, model);
	const size_t failed = failed_tests(&all, rego, buf_span(&tests.buf));
	CHECK(failed == 0 && (all > 0 || grants.len == 0), "%zu of %zu\n%.*s\n%.*s", failed, all,
	      (int)buf_len(&policy.buf), policy.buf.ptr, (int)buf_len(&tests.buf), tests.buf.ptr);
	CHECK(all == 0 || failed_tests(&all, wide, buf_span(&tests.buf)) > 0,
	      "a policy that allows everything passes");
	rego_free(rego);
	rego_free(wide);
	grants_free(&grants);
	text_free(&policy);
	text_free(&tests);
}

int main(int argc, char **argv)
{
	const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : ROUNDS;

	state = argc > 1 ? strtoull(argv[1], NULL, 10) : SEED;
	json_heap_watch();
	for (unsigned long i = 0; i < rounds && test_failures == 0; i++) {
		struct learn model = { 0 };
		uint32_t log = 0;

		CHECK(learn_log(&log, &model, "vm-a1b2c3d4") == 0, "log");
		for (uint64_t k = 0; k < ENTRIES * i; k++) {
			const struct audit_entry entry = random_entry(k);

			CHECK(learn_add(&model, &entry, log) == 0, "add");
		}
		check_suggestion(&model, false);
		check_suggestion(&model, true);
		learn_free(&model);
	}
	return test_failures > 0;
}
