// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: two tables of members say who reads which; what no row names is a fault, and the first
 * fault makes the whole a denial.
 */
#include "judge/decision.h"

#include <stdio.h>

#include "base/json_heap.h"
#include "wire/base64.h"

#define PIN_PREFIX "sha256/"
enum { REASON_SEPARATOR_OCTETS = 2 };

struct member {
	const char *name;
	const char *(*read)(struct judge_answer *ret, struct decision *decision, json_t *value);
};

static bool has_nul(const json_t *text)
{
	return strlen(json_string_value(text)) != json_string_length(text);
}

/* number() - a whole one from 0. Return: what is wrong; NULL: nothing */
static const char *number(uint64_t *ret, const json_t *value, uint64_t most)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > most)
		return "is no such number";
	*ret = (uint64_t)json_integer_value(value);
	return NULL;
}

/* short_text() - Return: as number() */
static const char *short_text(struct span *ret, const json_t *value)
{
	if (!json_is_string(value) || has_nul(value) ||
	    json_string_length(value) > JUDGE_RULE_OCTETS_MAX)
		return "is no text of at most 64 bytes";
	*ret = (struct span){ json_string_value(value), json_string_length(value) };
	return NULL;
}

/* flag() - Return: as number() */
static const char *flag(struct judge_answer *ret, const json_t *value, enum judge_flag bit)
{
	if (!json_is_boolean(value))
		return "is neither true nor false";
	if (json_is_true(value))
		ret->flags = (uint16_t)(ret->flags | bit);
	return NULL;
}

static const char *read_request_bytes(struct judge_answer *ret, struct decision *decision,
				      json_t *value)
{
	(void)decision;
	return number(&ret->request_octets, value, INT64_MAX);
}

static const char *read_response_bytes(struct judge_answer *ret, struct decision *decision,
				       json_t *value)
{
	(void)decision;
	return number(&ret->response_octets, value, INT64_MAX);
}

static const char *read_message_bytes(struct judge_answer *ret, struct decision *decision,
				      json_t *value)
{
	(void)decision;
	return number(&ret->message_octets, value, INT64_MAX);
}

static const char *read_messages(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	uint64_t messages = 0;
	const char *fault = number(&messages, value, UINT32_MAX);

	(void)decision;
	ret->messages_per_minute = (uint32_t)messages;
	return fault;
}

static const char *read_idle(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	(void)decision;
	return number(&ret->idle_ms, value, INT64_MAX);
}

static const char *read_raw(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	(void)decision;
	return flag(ret, value, JUDGE_RAW);
}

static const char *read_passthrough(struct judge_answer *ret, struct decision *decision,
				    json_t *value)
{
	(void)decision;
	return flag(ret, value, JUDGE_PASSTHROUGH);
}

/* read_pin() - Return: is it one? */
static bool read_pin(uint8_t ret[JUDGE_PIN_OCTETS], const json_t *value)
{
	char octets[JUDGE_PIN_OCTETS + 1]; /* the last is of the padding */
	const size_t prefix = strlen(PIN_PREFIX);
	size_t len = 0;

	if (!json_is_string(value))
		return false;
	struct span text = { json_string_value(value), json_string_length(value) };
	if (text.len != prefix + BASE64_OCTETS((size_t)JUDGE_PIN_OCTETS) ||
	    memcmp(text.ptr, PIN_PREFIX, prefix) != 0 ||
	    base64_decode_into(&len, octets, span_drop(text, prefix)) < 0 ||
	    len != JUDGE_PIN_OCTETS)
		return false;
	memcpy(ret, octets, JUDGE_PIN_OCTETS);
	return true;
}

static const char *read_pins(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	size_t len = json_array_size(value);

	if (!json_is_array(value))
		return "is no list";
	if (len > JUDGE_PINS_MAX)
		return "has more than 32 items";
	for (size_t i = 0; i < len; i++)
		if (!read_pin(decision->pins + i * JUDGE_PIN_OCTETS, json_array_get(value, i)))
			return "has an item that is not sha256/ and the base64 of 32 bytes";
	ret->pins = decision->pins;
	ret->pins_len = len;
	return NULL;
}

/* read_quota() - Return: as number() */
static const char *read_quota(struct judge_answer *ret, size_t i, json_t *value)
{
	uint64_t per_minute = 0, at_once = 0;
	const json_t *minute = json_object_get(value, "requests_per_minute");
	const json_t *once = json_object_get(value, "concurrency");
	size_t known = 1U + (minute != NULL) + (once != NULL);

	if (json_is_null(value))
		return NULL;
	if (!json_is_object(value) || json_object_size(value) != known ||
	    short_text(&ret->quotas[i].rule, json_object_get(value, "rule")) != NULL ||
	    ret->quotas[i].rule.len == 0)
		return "has an item that is not {rule, requests_per_minute, concurrency}";
	if ((minute != NULL && number(&per_minute, minute, UINT32_MAX) != NULL) ||
	    (once != NULL && number(&at_once, once, UINT32_MAX) != NULL))
		return "has an item without such a number";
	ret->quotas[i].per_minute = (uint32_t)per_minute;
	ret->quotas[i].at_once = (uint32_t)at_once;
	return NULL;
}

static const char *read_quotas(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	const char *fault = NULL;

	(void)decision;
	if (!json_is_array(value))
		return "is no list";
	if (json_array_size(value) > JUDGE_QUOTAS)
		return "has more than 2 items";
	for (size_t i = 0; fault == NULL && i < json_array_size(value); i++)
		fault = read_quota(ret, i, json_array_get(value, i));
	return fault;
}

static const struct member obligations[] = {
	{ "request_bytes", read_request_bytes },
	{ "response_bytes", read_response_bytes },
	{ "message_bytes", read_message_bytes },
	{ "messages_per_minute", read_messages },
	{ "idle_ms", read_idle },
	{ "raw", read_raw },
	{ "passthrough", read_passthrough },
	{ "pins", read_pins },
	{ "quotas", read_quotas },
};

static const char *read_verdict(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	static const char *const names[] = {
		[JUDGE_DENY] = "deny", [JUDGE_ALLOW] = "allow", [JUDGE_ASK] = "ask"
	};

	(void)decision;
	for (size_t i = 0; json_is_string(value) && i < ARRAY_SIZE(names); i++)
		if (!has_nul(value) && strcmp(json_string_value(value), names[i]) == 0) {
			ret->verdict = (enum judge_verdict)i;
			return NULL;
		}
	return "is none of allow, deny and ask";
}

static const char *read_rule(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	(void)decision;
	return short_text(&ret->rule, value);
}

/* add_reason() - what finds no room is left out, at the border of a character */
static size_t add_reason(char *why, size_t at, const json_t *text)
{
	const char *octets = json_string_value(text);
	size_t len = json_string_length(text);
	size_t room = JUDGE_WHY_OCTETS_MAX - at;

	if (at > 0 && room <= REASON_SEPARATOR_OCTETS)
		return at;
	if (at > 0) {
		memcpy(why + at, "; ", REASON_SEPARATOR_OCTETS);
		at += REASON_SEPARATOR_OCTETS;
		room -= REASON_SEPARATOR_OCTETS;
	}
	if (len > room)
		for (len = room; len > 0 && ((uint8_t)octets[len] & 0xc0) == 0x80;)
			len--;
	memcpy(why + at, octets, len);
	return at + len;
}

static const char *read_reasons(struct judge_answer *ret, struct decision *decision, json_t *value)
{
	size_t len = 0;

	if (!json_is_array(value))
		return "is no list";
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *text = json_array_get(value, i);

		if (!json_is_string(text) || has_nul(text))
			return "has an item that is no text";
		len = add_reason(decision->why, len, text);
	}
	ret->why = (struct span){ decision->why, len };
	return NULL;
}

static const char *read_obligations(struct judge_answer *ret, struct decision *decision,
				    json_t *value);

static const struct member members[] = {
	{ "verdict", read_verdict },
	{ "rule", read_rule },
	{ "reasons", read_reasons },
	{ "obligations", read_obligations },
};

/* read_members() - of an object. Return: NULL; else decision->fault, which says what is wrong with it */
static const char *read_members(struct judge_answer *ret, struct decision *decision, json_t *object,
				const struct member *rows, size_t rows_len)
{
	const char *key = NULL;
	json_t *value = NULL;

	if (!json_is_object(object))
		return "is no object";
	json_object_foreach(object, key, value)
	{
		const char *fault = "is none of its members";

		for (size_t i = 0; i < rows_len; i++)
			if (strcmp(rows[i].name, key) == 0)
				fault = rows[i].read(ret, decision, value);
		if (fault == NULL)
			continue;
		if (fault != decision->fault) /* an inner one says itself where it is */
			(void)snprintf(decision->fault, sizeof(decision->fault), "%.64s %s", key,
				       fault);
		return decision->fault;
	}
	return NULL;
}

static const char *read_obligations(struct judge_answer *ret, struct decision *decision,
				    json_t *value)
{
	return read_members(ret, decision, value, obligations, ARRAY_SIZE(obligations));
}

/* parse() - Return: the tree; NULL: it is no JSON, or there is no memory for it */
static json_t *parse(struct span json)
{
	unsigned long before = json_heap_failures();
	json_t *tree = json_loadb(json.ptr, json.len,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

	if (json_heap_failures() == before)
		return tree;
	json_decref(tree);
	return NULL;
}

void decision_deny(struct judge_answer *ret, const char *why)
{
	*ret = (struct judge_answer){ .verdict = JUDGE_DENY, .why = span_of(why) };
}

void decision_read(struct judge_answer *ret, struct decision *decision, struct span json)
{
	const char *fault = "cannot be read";

	*ret = (struct judge_answer){ 0 };
	json_decref(decision->tree);
	decision->tree = json.len <= DECISION_OCTETS_MAX ? parse(json) : NULL;
	if (decision->tree != NULL) {
		fault = read_members(ret, decision, decision->tree, members, ARRAY_SIZE(members));
		if (fault == NULL && json_object_get(decision->tree, "verdict") == NULL)
			fault = "has no verdict";
	}
	if (fault == NULL)
		return;
	(void)snprintf(decision->why, sizeof(decision->why),
		       "the policy's decision is not to be understood: data.immure.decision%s%s",
		       fault == decision->fault ? ": " : " ", fault);
	decision_deny(ret, decision->why);
}

void decision_free(struct decision *decision)
{
	json_decref(decision->tree);
	decision->tree = NULL;
}
