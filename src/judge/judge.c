// SPDX-License-Identifier: Apache-2.0
#include "judge/judge.h"

#include <errno.h>
#include <stdio.h>

#include "judge/reads.h"
#include "policy/texts.h"

#define DECISION "data.immure.decision"

/* explain() - where and why, as far as the engine knows. Return: @error */
static int explain(struct diag *diag, int error, const struct judge_part *part,
		   const struct rego_error *why)
{
	char name[REGO_FILE_OCTETS];

	(void)snprintf(name, sizeof(name), "%.*s", (int)part->name.len, part->name.ptr);
	if (why->line > 0)
		return diag_set(diag, error, "%s:%u: %s", why->file[0] != '\0' ? why->file : name,
				why->line, why->why);
	return diag_set(diag, error, "%s: %s", name,
			why->why[0] != '\0' ? why->why : strerrordesc_np(-error));
}

static int add_module(struct judge *judge, const struct judge_part *part, struct rego_error *error)
{
	judge->reads |= reads_of(part->octets);
	return rego_add_module(judge->rego, part->name.ptr, part->name.len, part->octets.ptr,
			       part->octets.len, error);
}

static int add_data(struct judge *judge, const struct judge_part *part, struct rego_error *error)
{
	return rego_merge_data(judge->rego, part->octets.ptr, part->octets.len, error);
}

/* What is in a bundle, nobody has looked through. */
static int add_bundle(struct judge *judge, const struct judge_part *part, struct rego_error *error)
{
	judge->reads = JUDGE_READS_ALL;
	return rego_load_bundle(judge->rego, part->octets.ptr, part->octets.len, NULL, 0, error);
}

static int (*const adders[])(struct judge *judge, const struct judge_part *part,
			     struct rego_error *error) = {
	[JUDGE_MODULE] = add_module,
	[JUDGE_DATA] = add_data,
	[JUDGE_BUNDLE] = add_bundle,
};

static int add(struct judge *judge, const struct judge_part *part, struct diag *diag)
{
	struct rego_error error = { 0 };
	int r = adders[part->kind](judge, part, &error);

	return r == 0 ? 0 : explain(diag, r, part, &error);
}

static int add_library(struct judge *judge, struct diag *diag)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < policy_texts_len; i++) {
		const struct policy_text *text = &policy_texts[i];
		const struct judge_part part = { JUDGE_MODULE,
						 span_of(text->name),
						 { text->text, text->octets } };

		if (policy_text_is_library(text))
			r = add(judge, &part, diag);
	}
	return r;
}

/* try_once() - what does not fit together shows with the first question only, and makes the second quick */
static int try_once(struct judge *judge, struct diag *diag)
{
	static const struct judge_part all = { .name = { "the policy", 10 } };
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	int r = rego_set_input(judge->rego, "{}", 2, &error);

	if (r == 0)
		r = rego_eval_rule(&text, judge->rego, DECISION, strlen(DECISION), &error);
	rego_text_free(&text);
	if (r == -EINVAL && error.line == 0 && strstr(error.why, "not a valid rule path") != NULL)
		return diag_set(diag, r,
				"the policy has no rule " DECISION
				": write 'package immure' and 'decision := {...}'");
	return r == 0 || r == -ENODATA ? 0 : explain(diag, r, &all, &error);
}

int judge_load(struct judge *ret, struct span load, struct diag *diag)
{
	struct judge_part part;

	*ret = (struct judge){ 0 };
	int r = rego_new(&ret->rego, NULL);
	if (r < 0)
		return diag_set(diag, r, "out of memory");
	r = add_library(ret, diag);
	while (r == 0 && load.len > 0) {
		r = judge_part_take(&part, &load);
		r = r < 0 ? diag_set(diag, r, "what is to be loaded is cut off")
			  : add(ret, &part, diag);
	}
	if (r == 0)
		r = try_once(ret, diag);
	if (r < 0)
		judge_unload(ret);
	return r;
}

void judge_unload(struct judge *judge)
{
	rego_free(judge->rego);
	judge->rego = NULL;
	decision_free(&judge->decision);
}

/* deny_for() - the engine gave no decision */
static void deny_for(struct judge_answer *ret, struct judge *judge, int error,
		     const struct rego_error *why)
{
	char *text = judge->decision.why;
	const size_t size = sizeof(judge->decision.why);

	if (error == -ENODATA)
		(void)snprintf(text, size,
			       "the policy says nothing of this (" DECISION " is undefined)");
	else if (error == -ETIMEDOUT)
		(void)snprintf(text, size, "the policy took too long to decide");
	else if (why->line > 0)
		(void)snprintf(text, size, "the policy failed: %s:%u: %s", why->file, why->line,
			       why->why);
	else
		(void)snprintf(text, size, "the policy failed: %s", why->why);
	decision_deny(ret, text);
	if (error == -ENODATA)
		ret->rule = SPAN("default"); /* none speaks of it */
}

void judge_answer(struct judge_answer *ret, struct judge *judge, struct span question)
{
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	int r = rego_set_input(judge->rego, question.ptr, question.len, &error);

	if (r == 0)
		r = rego_eval_rule(&text, judge->rego, DECISION, strlen(DECISION), &error);
	if (r == 0)
		decision_read(ret, &judge->decision, (struct span){ text.ptr, text.octets });
	else
		deny_for(ret, judge, r, &error);
	rego_text_free(&text);
	/* a time-out is nobody's verdict: the same question may go better */
	ret->reads = r == 0 || r == -ENODATA ? judge->reads : JUDGE_READS_ALL;
}
