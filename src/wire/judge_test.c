// SPDX-License-Identifier: Apache-2.0
#include "wire/judge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

static const uint8_t pins[2 * JUDGE_PIN_OCTETS] = { 1, 2, 3, [JUDGE_PIN_OCTETS] = 9 };

static const struct judge_answer full = {
	.verdict = JUDGE_ALLOW,
	.flags = JUDGE_RAW | JUDGE_PASSTHROUGH,
	.reads = JUDGE_READS_PATH | JUDGE_READS_PID,
	.request_octets = UINT64_C(0x0102030405060708),
	.response_octets = UINT64_MAX,
	.message_octets = 77,
	.messages_per_minute = 8,
	.idle_ms = 3600000,
	.quotas = { { { "rules[0]", 8 }, 60, 0 }, { { "mine", 4 }, 0, UINT32_MAX } },
	.rule = { "rules[0]", 8 },
	.why = { "as it pleases", 13 },
	.pins = pins,
	.pins_len = 2,
};

static bool same_text(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void test_round_trip(void)
{
	char packet[JUDGE_ANSWER_OCTETS_MAX];
	struct judge_answer got = { 0 };
	size_t len = 0;

	CHECK(judge_answer_encode(&len, packet, &full) == 0 &&
		  judge_answer_decode(&got, (struct span){ packet, len }) == 0,
	      "%zu octets", len);
	CHECK(got.verdict == full.verdict && got.flags == full.flags && got.reads == full.reads,
	      "words");
	CHECK(got.request_octets == full.request_octets &&
		  got.response_octets == full.response_octets && got.idle_ms == full.idle_ms,
	      "numbers");
	CHECK(got.message_octets == full.message_octets &&
		  got.messages_per_minute == full.messages_per_minute,
	      "of messages");
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		CHECK(same_text(got.quotas[i].rule, full.quotas[i].rule) &&
			  got.quotas[i].per_minute == full.quotas[i].per_minute &&
			  got.quotas[i].at_once == full.quotas[i].at_once,
		      "quota %zu", i);
	CHECK(same_text(got.rule, full.rule) && same_text(got.why, full.why), "texts");
	CHECK(got.pins_len == 2 && memcmp(got.pins, pins, sizeof(pins)) == 0, "pins");
}

/* No other length is right; each is tried in memory of just that size. */
static void test_cut(void)
{
	char packet[JUDGE_ANSWER_OCTETS_MAX + 1] = { 0 };
	struct judge_answer got = { 0 };
	size_t len = 0;

	CHECK(judge_answer_encode(&len, packet, &full) == 0, "encode");
	for (size_t cut = 0; cut <= len + 1; cut++) {
		char *part = malloc(cut > 0 ? cut : 1);

		if (part == NULL || cut == len) {
			free(part);
			continue;
		}
		memcpy(part, packet, cut);
		CHECK(judge_answer_decode(&got, (struct span){ part, cut }) == -EPROTO,
		      "%zu of %zu", cut, len);
		free(part);
	}
}

/* What no answer may say; octets count from its begin. */
static void test_malformed(void)
{
	const struct {
		size_t at;
		char octet;
	} rows[] = {
		{ 0, 1 },  { 1, 1 },   { 2, 3 },  { 3, 1 },   { 4, 4 },  { 5, 1 },       { 6, 64 },
		{ 8, 65 }, { 10, 14 }, { 12, 0 }, { 16, 33 }, { 18, 1 }, { 72 + 64, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char packet[JUDGE_ANSWER_OCTETS_MAX];
		struct judge_answer got = { 0 };
		size_t len = 0;

		CHECK(judge_answer_encode(&len, packet, &full) == 0, "encode");
		packet[rows[i].at] = rows[i].octet;
		CHECK(judge_answer_decode(&got, (struct span){ packet, len }) == -EPROTO, "row %zu",
		      i);
	}
}

static void test_refused(void)
{
	static char text[JUDGE_WHY_OCTETS_MAX + 1];
	char packet[JUDGE_ANSWER_OCTETS_MAX];
	struct judge_answer rows[] = { full, full, full, full, full, full, full };
	size_t len = 0;

	memset(text, 'x', sizeof(text));
	rows[0].verdict = (enum judge_verdict)3;
	rows[1].why = (struct span){ text, sizeof(text) };
	rows[2].rule = (struct span){ text, JUDGE_RULE_OCTETS_MAX + 1 };
	rows[3].why = (struct span){ "a\0b", 3 };
	rows[4].pins_len = JUDGE_PINS_MAX + 1;
	rows[5].quotas[0].rule = (struct span){ 0 };
	rows[6].flags = 4;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(judge_answer_encode(&len, packet, &rows[i]) == -EINVAL, "row %zu", i);
	rows[1].why.len--;
	CHECK(judge_answer_encode(&len, packet, &rows[1]) == 0, "the longest");
}

static void test_parts(void)
{
	const struct judge_part module = { JUDGE_MODULE, SPAN("a.rego"), SPAN("package a") };
	const struct judge_part empty = { JUDGE_DATA, SPAN(""), SPAN("") };
	struct judge_part got;
	char load[64];
	size_t len = JUDGE_PART_HEAD_OCTETS;

	CHECK(judge_part_head(load, &module) == 0, "head");
	memcpy(load + len, "a.regopackage a", 15);
	len += 15;
	CHECK(judge_part_head(load + len, &empty) == 0, "head");
	len += JUDGE_PART_HEAD_OCTETS;
	struct span rest = { load, len };
	CHECK(judge_part_take(&got, &rest) == 0 && got.kind == JUDGE_MODULE &&
		  span_is(got.name, "a.rego") && span_is(got.octets, "package a"),
	      "first");
	CHECK(judge_part_take(&got, &rest) == 0 && got.kind == JUDGE_DATA && rest.len == 0,
	      "second");
	CHECK(judge_part_take(&got, &rest) == -EPROTO, "there are no more");
	for (size_t cut = 0; cut < JUDGE_PART_HEAD_OCTETS + 15; cut++) {
		rest = (struct span){ load, cut };
		CHECK(judge_part_take(&got, &rest) == -EPROTO && rest.len == cut, "%zu", cut);
	}
	load[0] = 4;
	rest = (struct span){ load, len };
	CHECK(judge_part_take(&got, &rest) == -EPROTO, "no such kind");
}

int main(void)
{
	test_round_trip();
	test_cut();
	test_malformed();
	test_refused();
	test_parts();
	return test_failures > 0;
}
