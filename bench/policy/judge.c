// SPDX-License-Identifier: Apache-2.0
/*
 * judge [RULES [GRANTS [ROUNDS]]] - what a question to the default policy costs: the input written, read, evaluated
 * and the decision read, in one process. Each kind of question is measured by itself, then all mixed.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "policy/settings.h"
#include "policy/texts.h"
#include "rego/rego.h"

enum { RULES_MAX = 1024, TEXT_OCTETS = 64, WARM = 2000 };

static void need(int r, const char *what, const struct rego_error *error)
{
	if (r == 0)
		return;
	fprintf(stderr, "judge: %s: %s\n", what, error->why);
	exit(EXIT_FAILURE);
}

static struct rego *load(void)
{
	struct rego_error error = { 0 };
	struct rego *rego = NULL;

	need(rego_new(&rego, NULL), "engine", &error);
	for (size_t i = 0; i < policy_texts_len; i++) {
		const struct policy_text *text = &policy_texts[i];

		if (policy_text_is_library(text) || strcmp(text->name, POLICY_TEXT_DEFAULT) == 0)
			need(rego_add_module(rego, text->name, strlen(text->name), text->text,
					     text->octets, &error),
			     text->name, &error);
	}
	return rego;
}

/* A third of the rules has methods, a third paths, all are of hosts of their own; and as many allowed hosts. */
static char *settings_text(size_t len)
{
	static const char *const methods[] = { "GET", "HEAD" };
	static const char *const paths[] = { "/v1/**", "/health", "/*/models/*" };
	static struct policy_rule rule[RULES_MAX];
	static char host[RULES_MAX][TEXT_OCTETS], allowed[RULES_MAX][TEXT_OCTETS];
	static const char *hosts[RULES_MAX];
	struct diag diag = { 0 };
	char *text = NULL;

	for (size_t i = 0; i < len; i++) {
		snprintf(host[i], TEXT_OCTETS, i % 10 == 9 ? "*.r%zu.example" : "r%zu.example", i);
		snprintf(allowed[i], TEXT_OCTETS, "h%zu.example", i);
		hosts[i] = allowed[i];
		rule[i] = (struct policy_rule){ .host = host[i],
						.methods = methods,
						.methods_len = i % 3 == 0 ? 2 : 0,
						.paths = paths,
						.paths_len = i % 3 == 1 ? 3 : 0,
						.caps = { .per_minute = 60 } };
	}
	const struct policy_rules rules = { hosts, len, rule, len };
	need(policy_settings_text(&text, &rules, &diag), diag.why, &(struct rego_error){ 0 });
	return text;
}

static char *consent_text(size_t len)
{
	struct policy_grant *grants = calloc(len + 1, sizeof(*grants));
	char(*host)[TEXT_OCTETS] = calloc(len + 1, TEXT_OCTETS);
	struct diag diag = { 0 };
	char *text = NULL;

	for (size_t i = 0; grants != NULL && host != NULL && i < len; i++) {
		snprintf(host[i], TEXT_OCTETS, "g%zu.example", i);
		grants[i] = (struct policy_grant){ .action = POLICY_ACTION_NET_CONNECT,
						   .host = host[i],
						   .port = i % 2 == 0 ? 443 : 0,
						   .app = "agent",
						   .expires_ns = INT64_MAX };
	}
	need(policy_consent_text(&text, grants, len, &diag), diag.why, &(struct rego_error){ 0 });
	free(grants);
	free(host);
	return text;
}

struct question {
	const char *name;
	enum policy_action action;
	const char *host;
	const char *method, *target;
};

static const struct question questions[] = {
	{ "dns.query of a rule", POLICY_ACTION_DNS_QUERY, "r1.example", NULL, NULL },
	{ "net.connect by a rule", POLICY_ACTION_NET_CONNECT, "r2.example", NULL, NULL },
	{ "net.connect by a suffix", POLICY_ACTION_NET_CONNECT, "a.b.r9.example", NULL, NULL },
	{ "net.connect, denied", POLICY_ACTION_NET_CONNECT, "no.example", NULL, NULL },
	{ "http.request, method", POLICY_ACTION_HTTP_REQUEST, "r3.example", "GET", "/v1/x?y=z" },
	{ "http.request, path", POLICY_ACTION_HTTP_REQUEST, "r4.example", "POST", "/v1/x?y=z" },
	{ "http.request, regex", POLICY_ACTION_HTTP_REQUEST, "r4.example", "POST", "/a/models/b" },
	{ "http.request, refused", POLICY_ACTION_HTTP_REQUEST, "r3.example", "PUT", "/v1/x" },
	{ "http.request, allowed host", POLICY_ACTION_HTTP_REQUEST, "h7.example", "GET", "/" },
	{ "http.request by consent", POLICY_ACTION_HTTP_REQUEST, "g7.example", "GET", "/" },
};

static void ask(struct rego *rego, struct buf *text, const struct question *q)
{
	static const char path[] = "data.immure.decision";
	struct rego_text answer = { 0 };
	struct rego_error error = { 0 };
	struct policy_input input = {
		.request_id = SPAN("req-0123456789abcdef"),
		.timestamp_ns = INT64_C(1700000000000000000),
		.policy_hash =
		    SPAN("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
		.app = SPAN("agent"),
		.sandbox = SPAN("vm-00000000"),
		.pid = 42,
		.program = SPAN("/usr/bin/node"),
		.workspace_root = SPAN("/tmp/workspace"),
		.action = q->action,
		.resource = { .host = span_of(q->host), .port = 443, .scheme = SPAN("https") },
	};

	if (q->method != NULL) {
		input.resource.method = span_of(q->method);
		input.resource.target = span_of(q->target);
	}
	buf_drop(text, buf_len(text));
	need(policy_input_put(text, &input), "input", &error);
	need(rego_set_input(rego, text->ptr + text->start, buf_len(text), &error), "input", &error);
	need(rego_eval_rule(&answer, rego, path, strlen(path), &error), q->name, &error);
	json_decref(json_loadb(answer.ptr, answer.octets, 0, NULL));
	rego_text_free(&answer);
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* measure() - questions @first to @last in turns */
static void measure(struct rego *rego, const char *name, size_t first, size_t last, size_t rounds)
{
	CLEANUP_BUF struct buf text = BUF(POLICY_INPUT_OCTETS_MAX);
	int64_t *took = calloc(rounds, sizeof(*took));

	for (size_t i = 0; took != NULL && i < WARM + rounds; i++) {
		int64_t begun = clock_mono_ns();

		ask(rego, &text, &questions[first + i % (last - first + 1)]);
		if (i >= WARM)
			took[i - WARM] = clock_mono_ns() - begun;
	}
	if (took != NULL && rounds > 0) {
		qsort(took, rounds, sizeof(*took), by_size);
		const int64_t p50 = took[rounds / 2], p99 = took[rounds * 99 / 100];
		printf("%-28s p50 %6.1f us   p99 %6.1f us\n", name, (double)p50 / 1000,
		       (double)p99 / 1000);
	}
	free(took);
}

int main(int argc, char **argv)
{
	const size_t rules = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
	const size_t grants = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	const size_t rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 20000;
	char *settings = settings_text(rules < RULES_MAX ? rules : RULES_MAX);
	char *consent = consent_text(grants);
	struct rego_error error = { 0 };
	int64_t begun = clock_mono_ns();
	struct rego *rego = load();

	need(rego_set_data(rego, settings, strlen(settings), &error), "settings", &error);
	need(rego_merge_data(rego, consent, strlen(consent), &error), "consent", &error);
	CLEANUP_BUF struct buf text = BUF(POLICY_INPUT_OCTETS_MAX);
	ask(rego, &text, &questions[0]);
	printf("%zu rules, %zu allowed hosts, %zu grants: the first answer after %.2f ms\n", rules,
	       rules, grants, (double)(clock_mono_ns() - begun) / 1e6);
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		measure(rego, questions[i].name, i, i, rounds / 4);
	measure(rego, "all of these, mixed", 0, ARRAY_SIZE(questions) - 1, rounds);
	rego_free(rego);
	free(settings);
	free(consent);
	return 0;
}
