// SPDX-License-Identifier: Apache-2.0
#include "wire/judge.h"

#include <errno.h>

/* A cursor over a packet of known length. */
static void put(char **at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*(*at)++ = (char)(value >> 8 * i & 0xff);
}

static void put_text(char **at, struct span text)
{
	if (text.len > 0)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
}

static uint64_t take(struct span *rest, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value |= (uint64_t)(uint8_t)rest->ptr[i] << 8 * i;
	*rest = span_drop(*rest, octets);
	return value;
}

static struct span take_text(struct span *rest, size_t len)
{
	struct span text = { rest->ptr, len };

	*rest = span_drop(*rest, len);
	return text;
}

static bool is_text(struct span text, size_t most)
{
	return text.len <= most && (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
}

static bool is_answer(const struct judge_answer *answer)
{
	bool quotas_fit = true;

	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		quotas_fit = quotas_fit && is_text(answer->quotas[i].rule, JUDGE_RULE_OCTETS_MAX) &&
			     (answer->quotas[i].rule.len > 0 ||
			      (answer->quotas[i].per_minute | answer->quotas[i].at_once) == 0);
	return quotas_fit && (unsigned)answer->verdict <= JUDGE_ASK &&
	       (answer->flags & ~(unsigned)(JUDGE_RAW | JUDGE_PASSTHROUGH)) == 0 &&
	       (answer->reads & ~(unsigned)JUDGE_READS_ALL) == 0 &&
	       answer->pins_len <= JUDGE_PINS_MAX && is_text(answer->rule, JUDGE_RULE_OCTETS_MAX) &&
	       is_text(answer->why, JUDGE_WHY_OCTETS_MAX);
}

int judge_answer_encode(size_t *ret_len, char *ret, const struct judge_answer *answer)
{
	char *at = ret;

	if (!is_answer(answer))
		return -EINVAL;
	const uint64_t words[] = { JUDGE_VERSION,
				   answer->verdict,
				   answer->flags,
				   answer->reads,
				   answer->rule.len,
				   answer->why.len,
				   answer->quotas[0].rule.len,
				   answer->quotas[1].rule.len,
				   answer->pins_len,
				   0 };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		put(&at, words[i], 2);
	put(&at, answer->request_octets, 8);
	put(&at, answer->response_octets, 8);
	put(&at, answer->idle_ms, 8);
	put(&at, answer->message_octets, 8);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		put(&at, answer->quotas[i].per_minute, 4);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		put(&at, answer->quotas[i].at_once, 4);
	put(&at, answer->messages_per_minute, 4);
	put_text(&at,
		 (struct span){ (const char *)answer->pins, answer->pins_len * JUDGE_PIN_OCTETS });
	put_text(&at, answer->rule);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		put_text(&at, answer->quotas[i].rule);
	put_text(&at, answer->why);
	*ret_len = (size_t)(at - ret);
	return 0;
}

/* take_head() - all that is of a fixed length */
static void take_head(struct judge_answer *ret, struct span *rest)
{
	ret->verdict = (enum judge_verdict)take(rest, 2);
	ret->flags = (uint16_t)take(rest, 2);
	ret->reads = (uint16_t)take(rest, 2);
	ret->rule.len = take(rest, 2);
	ret->why.len = take(rest, 2);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		ret->quotas[i].rule.len = take(rest, 2);
	ret->pins_len = take(rest, 2);
}

static void take_numbers(struct judge_answer *ret, struct span *rest)
{
	ret->request_octets = take(rest, 8);
	ret->response_octets = take(rest, 8);
	ret->idle_ms = take(rest, 8);
	ret->message_octets = take(rest, 8);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		ret->quotas[i].per_minute = (uint32_t)take(rest, 4);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		ret->quotas[i].at_once = (uint32_t)take(rest, 4);
	ret->messages_per_minute = (uint32_t)take(rest, 4);
}

int judge_answer_decode(struct judge_answer *ret, struct span packet)
{
	struct judge_answer answer = { 0 };
	struct span rest = packet;

	if (packet.len < JUDGE_HEAD_OCTETS || take(&rest, 2) != JUDGE_VERSION)
		return -EPROTO;
	take_head(&answer, &rest);
	if (take(&rest, 2) != 0)
		return -EPROTO;
	take_numbers(&answer, &rest);
	if (rest.len != answer.pins_len * JUDGE_PIN_OCTETS + answer.rule.len +
			    answer.quotas[0].rule.len + answer.quotas[1].rule.len + answer.why.len)
		return -EPROTO;
	answer.pins = (const uint8_t *)take_text(&rest, answer.pins_len * JUDGE_PIN_OCTETS).ptr;
	answer.rule = take_text(&rest, answer.rule.len);
	for (size_t i = 0; i < JUDGE_QUOTAS; i++)
		answer.quotas[i].rule = take_text(&rest, answer.quotas[i].rule.len);
	answer.why = take_text(&rest, answer.why.len);
	if (!is_answer(&answer))
		return -EPROTO;
	*ret = answer;
	return 0;
}

int judge_part_head(char *ret, const struct judge_part *part)
{
	char *at = ret;

	if (part->name.len > JUDGE_PART_NAME_OCTETS_MAX || part->octets.len > JUDGE_PART_OCTETS_MAX)
		return -EINVAL;
	put(&at, part->kind, 4);
	put(&at, part->name.len, 4);
	put(&at, part->octets.len, 4);
	return 0;
}

int judge_part_take(struct judge_part *ret, struct span *load)
{
	struct span rest = *load;

	if (rest.len < JUDGE_PART_HEAD_OCTETS)
		return -EPROTO;
	uint64_t kind = take(&rest, 4), name_len = take(&rest, 4), octets = take(&rest, 4);
	if (kind < JUDGE_MODULE || kind > JUDGE_BUNDLE || name_len > JUDGE_PART_NAME_OCTETS_MAX ||
	    octets > JUDGE_PART_OCTETS_MAX || rest.len < name_len + octets)
		return -EPROTO;
	ret->kind = (enum judge_part_kind)kind;
	ret->name = take_text(&rest, name_len);
	ret->octets = take_text(&rest, octets);
	*load = rest;
	return 0;
}
