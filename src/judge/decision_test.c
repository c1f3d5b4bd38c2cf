// SPDX-License-Identifier: Apache-2.0
#include "judge/decision.h"

#include "base/json_heap.h"
#include "base/test.h"

#define PIN "\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""

static struct decision decision;

static void check_full(void)
{
	struct judge_answer answer;

	decision_read(
	    &answer, &decision,
	    SPAN("{\"verdict\": \"allow\", \"rule\": \"mine\", \"reasons\": [\"a\", \"b\"],"
		 " \"obligations\": {\"request_bytes\": 1, \"response_bytes\": 2, "
		 "\"message_bytes\": 7, \"messages_per_minute\": 8, \"idle_ms\": 3,"
		 " \"raw\": true, \"passthrough\": false, \"pins\": [" PIN "],"
		 " \"quotas\": [null, {\"rule\": \"q\", \"concurrency\": 7}]}}"));
	CHECK(answer.verdict == JUDGE_ALLOW && span_is(answer.rule, "mine") &&
		  span_is(answer.why, "a; b"),
	      "%.*s", (int)answer.why.len, answer.why.ptr);
	CHECK(answer.request_octets == 1 && answer.response_octets == 2 && answer.idle_ms == 3 &&
		  answer.message_octets == 7 && answer.messages_per_minute == 8 &&
		  answer.flags == JUDGE_RAW,
	      "obligations");
	CHECK(answer.pins_len == 1 && answer.pins[0] == 0, "pins");
	CHECK(answer.quotas[0].rule.len == 0 && span_is(answer.quotas[1].rule, "q") &&
		  answer.quotas[1].at_once == 7 && answer.quotas[1].per_minute == 0,
	      "quotas");
}

/* What is not understood in all of its parts is a denial. */
static void check_faults(void)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
		{ "", "cannot be read" },
		{ "{", "cannot be read" },
		{ "true", "is no object" },
		{ "{}", "has no verdict" },
		{ "{\"verdict\": \"allow\", \"verdict\": \"deny\"}", "cannot be read" },
		{ "{\"verdict\": \"yes\"}", "verdict is none of allow, deny and ask" },
		{ "{\"verdict\": true}", "verdict is none of" },
		{ "{\"verdict\": \"allow\\u0000\"}", "verdict is none of" },
		{ "{\"verdict\": \"allow\", \"obligation\": {}}",
		  "obligation is none of its members" },
		{ "{\"verdict\": \"allow\", \"rule\": 1}", "rule is no text" },
		{ "{\"verdict\": \"allow\", \"rule\": \"a\\u0000\"}", "rule is no text" },
		{ "{\"verdict\": \"allow\", \"reasons\": \"a\"}", "reasons is no list" },
		{ "{\"verdict\": \"allow\", \"reasons\": [1]}", "reasons has an item" },
		{ "{\"verdict\": \"allow\", \"obligations\": []}", "obligations is no object" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"mask\": 1}}",
		  "decision: mask is none of its members" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"idle_ms\": -1}}", "idle_ms is no" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"idle_ms\": 1.5}}",
		  "idle_ms is no" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"raw\": 1}}", "raw is neither" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"pins\": [\"sha256/AA==\"]}}",
		  "pins has an item" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"quotas\": [{\"concurrency\": 1}]}}",
		  "quotas has an item" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"quotas\": [null, null, null]}}",
		  "quotas has more" },
		{ "{\"verdict\": \"allow\", \"obligations\": {\"quotas\": [{\"rule\": \"a\", "
		  "\"x\": 1}]}}",
		  "quotas has an item" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct judge_answer answer;

		decision_read(&answer, &decision, span_of(rows[i].json));
		CHECK(answer.verdict == JUDGE_DENY && answer.flags == 0 &&
			  memmem(answer.why.ptr, answer.why.len, rows[i].want,
				 strlen(rows[i].want)) != NULL,
		      "row %zu: %.*s", i, (int)answer.why.len, answer.why.ptr);
	}
}

/* Reasons that are too long are cut where a character ends. */
static void check_long(void)
{
	static char json[4 * JUDGE_WHY_OCTETS_MAX];
	struct judge_answer answer;
	size_t at =
	    (size_t)snprintf(json, sizeof(json), "{\"verdict\": \"deny\", \"reasons\": [\"x");

	for (size_t i = 0; i < JUDGE_WHY_OCTETS_MAX; i++)
		at += (size_t)snprintf(json + at, sizeof(json) - at, "\xc3\xa4");
	(void)snprintf(json + at, sizeof(json) - at, "\", \"more\"]}");
	decision_read(&answer, &decision, span_of(json));
	CHECK(answer.why.len == JUDGE_WHY_OCTETS_MAX - 1 && answer.why.ptr[0] == 'x', "%zu octets",
	      answer.why.len);
}

int main(void)
{
	json_heap_watch();
	check_full();
	check_faults();
	check_long();
	decision_free(&decision);
	return test_failures > 0;
}
