// SPDX-License-Identifier: Apache-2.0
/* With the engine itself: what a policy says comes out as an answer, and what it does wrong as a denial. */
#include "judge/judge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json_heap.h"
#include "base/test.h"

/* load_of() - parts as the warden writes them; owned */
static struct span load_of(const struct judge_part *parts, size_t len)
{
	char *load = NULL;
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		const size_t octets =
		    JUDGE_PART_HEAD_OCTETS + parts[i].name.len + parts[i].octets.len;
		char *more = realloc(load, at + octets);

		if (more == NULL || judge_part_head(more + at, &parts[i]) < 0)
			abort();
		load = more;
		memcpy(load + at + JUDGE_PART_HEAD_OCTETS, parts[i].name.ptr, parts[i].name.len);
		memcpy(load + at + JUDGE_PART_HEAD_OCTETS + parts[i].name.len, parts[i].octets.ptr,
		       parts[i].octets.len);
		at += octets;
	}
	return (struct span){ load, at };
}

static int load(struct judge *judge, const char *policy, struct diag *diag)
{
	const struct judge_part parts[] = {
		{ JUDGE_MODULE, SPAN("mine.rego"), span_of(policy) },
		{ JUDGE_DATA, SPAN("data.json"), SPAN("{\"hosts\": [\"a.test\"]}") },
	};
	struct span octets = load_of(parts, ARRAY_SIZE(parts));
	int r = judge_load(judge, octets, diag);

	free((void *)(uintptr_t)octets.ptr);
	return r;
}

#define QUESTION(host)                                                                             \
	SPAN(                                                                                      \
	    "{\"request_summary\": {\"action\": \"net.connect\", \"resource\": {\"host\": \"" host \
	    "\"}}}")

static void check_answers(void)
{
	static const char policy[] =
	    "package immure\n"
	    "default decision := {\"verdict\": \"deny\", \"rule\": \"default\"}\n"
	    "decision := {\"verdict\": \"allow\", \"rule\": \"hosts\", \"reasons\": [\"it is "
	    "known\"]}"
	    " if input.request_summary.resource.host in data.hosts\n";
	struct judge_answer answer;
	struct diag diag = { 0 };
	struct judge judge;

	CHECK(load(&judge, policy, &diag) == 0, "%s", diag.why);
	judge_answer(&answer, &judge, QUESTION("a.test"));
	CHECK(answer.verdict == JUDGE_ALLOW && span_is(answer.rule, "hosts") &&
		  span_is(answer.why, "it is known"),
	      "%.*s", (int)answer.why.len, answer.why.ptr);
	CHECK((answer.reads & JUDGE_READS_ELSE) == 0, "the library lets answers be kept");
	judge_answer(&answer, &judge, QUESTION("b.test"));
	CHECK(answer.verdict == JUDGE_DENY && span_is(answer.rule, "default"), "b.test");
	judge_answer(&answer, &judge, SPAN("{"));
	CHECK(answer.verdict == JUDGE_DENY && answer.reads == JUDGE_READS_ALL, "no JSON");
	judge_unload(&judge);
}

/* A policy that cannot be had says where and why. */
static void check_loads(void)
{
	static const struct {
		const char *policy, *want;
	} rows[] = {
		{ "package immure\ndecision := {\n", "mine.rego:" },
		{ "package immure\ndecision := nothing.of.that\n", "mine.rego:2" },
		{ "package other\nx := 1\n", "has no rule data.immure.decision" },
		{ "package immure\ndecision := f(1)\nf(x) := f(x)\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diag diag = { 0 };
		struct judge judge;
		int r = load(&judge, rows[i].policy, &diag);

		CHECK(r < 0 && strstr(diag.why, rows[i].want) != NULL, "row %zu: %d %s", i, r,
		      diag.why);
	}
}

/* What goes wrong with a question is a denial, and the next one is answered. */
static void check_failures(void)
{
	static const char policy[] = "package immure\n"
				     "decision := {\"verdict\": \"allow\"} if "
				     "input.request_summary.resource.host == \"a.test\"\n"
				     "decision := {\"verdict\": \"allow\", \"to\": \"all\"} if "
				     "input.request_summary.resource.host == \"odd.test\"\n"
				     "decision := {\"verdict\": \"deny\", \"n\": n} if {\n"
				     "  input.request_summary.resource.host == \"slow.test\"\n"
				     "  n := count([1 | some a in numbers.range(1, 3000); some b "
				     "in numbers.range(1, 3000); a == b])\n"
				     "}\n"
				     "decision := {\"verdict\": \"allow\"} if "
				     "input.request_summary.resource.host == \"two.test\"\n"
				     "decision := {\"verdict\": \"deny\"} if "
				     "input.request_summary.resource.host == \"two.test\"\n";
	const struct {
		struct span question;
		const char *want;
	} rows[] = {
		{ QUESTION("none.test"), "says nothing of this" },
		{ QUESTION("odd.test"), "to is none of its members" },
		{ QUESTION("two.test"), "failed: mine.rego:" },
		{ QUESTION("slow.test"), "took too long" },
	};
	struct judge_answer answer;
	struct diag diag = { 0 };
	struct judge judge;

	CHECK(load(&judge, policy, &diag) == 0, "%s", diag.why);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		judge_answer(&answer, &judge, rows[i].question);
		CHECK(answer.verdict == JUDGE_DENY &&
			  memmem(answer.why.ptr, answer.why.len, rows[i].want,
				 strlen(rows[i].want)) != NULL,
		      "row %zu: %.*s", i, (int)answer.why.len, answer.why.ptr);
		judge_answer(&answer, &judge, QUESTION("a.test"));
		CHECK(answer.verdict == JUDGE_ALLOW, "after row %zu", i);
	}
	judge_unload(&judge);
}

int main(void)
{
	json_heap_watch();
	check_answers();
	check_loads();
	check_failures();
	return test_failures > 0;
}
