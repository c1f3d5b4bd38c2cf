// SPDX-License-Identifier: Apache-2.0
/*
 * Lines are entries: an action, a port and a protocol by a letter each, then host, method and path between tabs. Whatever
 * they are, the suggested policy loads, allows what was allowed, and denies the canary.
 */
#include <stdio.h>
#include <stdlib.h>

#include "learn/suggest.h"
#include "rego/rego.h"

enum { ENTRIES_MAX = 64, ASKED_MAX = 4 };

static struct audit_entry entry_of(struct span line, uint64_t seq)
{
	static const char *const actions[] = { "http.request", "net.connect", "dns.query", "exec" };
	static const char *const protocols[] = { "https", "http", "wss", "ws" };
	static const unsigned ports[] = { 443, 80, 22, 65535 };
	struct audit_entry entry = { .seq = seq, .phase = AUDIT_BEGIN, .request_id = SPAN("r") };

	if (line.len < 3)
		return entry;
	entry.decision = (line.ptr[0] & 8) != 0 ? AUDIT_DENY : AUDIT_ALLOW;
	entry.action = span_of(actions[line.ptr[0] & 3]);
	entry.resource.port = AUDIT_NUMBER(ports[line.ptr[1] & 3]);
	entry.resource.protocol = span_of(protocols[line.ptr[2] & 3]);
	line = span_drop(line, 3);
	entry.resource.host = span_cut(&line, '\t');
	entry.resource.method = line.ptr != NULL ? span_cut(&line, '\t') : line;
	entry.resource.path = line;
	return entry;
}

static void fill(struct learn *learn, struct span input)
{
	uint32_t log = 0;

	if (learn_log(&log, learn, "vm-a1b2c3d4") < 0)
		abort();
	for (uint64_t i = 0; i < ENTRIES_MAX && input.ptr != NULL; i++) {
		const struct audit_entry entry = entry_of(span_cut(&input, '\n'), i);

		if (learn_add(learn, &entry, log) < 0)
			abort();
	}
}

static bool allows(struct rego *rego, const struct learn_call *call, struct span path)
{
	static const char rule[] = "data.immure.decision";
	CLEANUP_BUF struct buf text = BUF(POLICY_INPUT_OCTETS_MAX);
	const struct policy_input input = { .action = call->action,
					    .request_id = SPAN("r"),
					    .policy_hash = SPAN(""),
					    .app = SPAN("a"),
					    .sandbox = SPAN("s"),
					    .workspace_root = SPAN("/"),
					    .resource = learn_resource(call, path) };
	struct rego_text answer = { 0 };

	if (policy_input_put(&text, &input) < 0 ||
	    rego_set_input(rego, text.ptr, buf_len(&text), NULL) < 0 ||
	    rego_eval_rule(&answer, rego, rule, sizeof(rule) - 1, NULL) < 0)
		abort();
	const bool is = memmem(answer.ptr, answer.octets, "\"verdict\":\"allow\"", 17) != NULL ||
			memmem(answer.ptr, answer.octets, "\"verdict\": \"allow\"", 18) != NULL;
	rego_text_free(&answer);
	return is;
}

static void ask(struct rego *rego, const struct learn *learn)
{
	struct learn_call canary = { .action = POLICY_ACTION_HTTP_REQUEST,
				     .port = 444,
				     .host = SPAN("canary.invalid"),
				     .method = SPAN("CANARY"),
				     .path = SPAN("/canary") };

	if (allows(rego, &canary, canary.path))
		abort();
	for (size_t i = 0; i < learn->calls_len && i < ASKED_MAX; i++)
		if (learn->calls[i].allowed > 0 &&
		    !allows(rego, &learn->calls[i], learn->calls[i].path))
			abort();
}

static void check(struct grants *grants)
{
	struct text policy = TEXT, tests = TEXT, table = TEXT;
	struct rego *rego = NULL;

	if (suggest_policy(&policy, grants, "fuzz") < 0 || suggest_tests(&tests, grants) < 0 ||
	    suggest_table(&table, grants) < 0 || rego_new(&rego, NULL) < 0)
		abort();
	if (rego_add_module(rego, "a.rego", 6, policy.buf.ptr, buf_len(&policy.buf), NULL) < 0 ||
	    rego_add_module(rego, "a_test.rego", 11, tests.buf.ptr, buf_len(&tests.buf), NULL) < 0)
		abort();
	ask(rego, grants->learn);
	rego_free(rego);
	text_free(&policy);
	text_free(&tests);
	text_free(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct learn learn = { 0 };
	struct grants grants = { 0 };

	fill(&learn, (struct span){ (const char *)data, len });
	if (grants_make(&grants, &learn, len % 2 != 0) < 0)
		abort();
	check(&grants);
	grants_free(&grants);
	learn_free(&learn);
	return 0;
}
