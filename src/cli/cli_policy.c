// SPDX-License-Identifier: Apache-2.0
/* Theory of operation: a table of what can be done, each with the options it takes; those of another are refused. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/policy.h"
#include "policy/texts.h"

/* try_decision() - what does not fit together shows with the first question */
static int try_decision(struct rego *rego, const char *path, struct rego_error *error,
			struct diag *diag)
{
	const size_t len = strlen(path), tail = strlen("_test.rego");
	const bool is_test = len >= tail && strcmp(path + len - tail, "_test.rego") == 0;
	struct rego_text text = { 0 };
	int r = rego_set_input(rego, "{}", 2, error);

	if (r == 0 && is_test)
		r = rego_eval_query(&text, rego, "1 == 1", strlen("1 == 1"), error);
	else if (r == 0)
		r = rego_eval_rule(&text, rego, POLICY_DECISION, strlen(POLICY_DECISION), error);
	rego_text_free(&text);
	if (r == -EINVAL && error->line == 0 && strstr(error->why, "not a valid rule path") != NULL)
		(void)snprintf(error->why, sizeof(error->why),
			       "there is no rule %s: write 'package "
			       "immure' and 'decision := {...}'",
			       POLICY_DECISION);
	return r == 0 || r == -ENODATA ? 0 : policy_blame(diag, r, path, error);
}

static int check_file(const char *path, struct rego_error *error, struct diag *diag)
{
	struct rego *rego = NULL;
	int r = policy_engine(&rego, diag);

	if (r == 0)
		r = policy_add_file(rego, path, error, diag);
	if (r == 0)
		r = try_decision(rego, path, error, diag);
	rego_free(rego);
	return r;
}

static int check(struct cli_call *call)
{
	json_t *results = cli_has(call, "json") ? json_array() : NULL;
	int status = 0;

	for (size_t i = 1; i < call->operands_len; i++) {
		struct rego_error error = { 0 };
		const char *path = call->operands[i];
		int r = check_file(path, &error, &call->diag);

		if (results != NULL)
			(void)json_array_append_new(
			    results,
			    json_pack("{s:s,s:b,s:i,s:i,s:s}", "file", path, "ok", r == 0, "line",
				      error.line, "column", error.column, "why", error.why));
		else if (r == 0)
			fprintf(call->out, "%s: ok\n", path);
		else
			(void)cli_complain(call, r);
		status = r < 0 ? CLI_EXIT_NONE : status;
	}
	if (results != NULL) {
		(void)json_dumpf(results, call->out, JSON_INDENT(2));
		fputc('\n', call->out);
		json_decref(results);
	}
	return status;
}

/* list() - each with the first line of its comment */
static void list(FILE *out)
{
	for (size_t i = 0; i < policy_texts_len; i++) {
		const struct policy_text *text = &policy_texts[i];
		struct span rest = { text->text, text->octets };
		struct span line = span_cut(&rest, '\n');
		const char *folder = strchr(text->name, '/'),
			   *name = folder != NULL ? folder + 1 : text->name;

		if (policy_text_is_library(text) || policy_text_is_test(text))
			continue;
		fprintf(out, "%-16.*s %.*s\n", (int)(strlen(name) - strlen(".rego")), name,
			(int)line.len - 2, line.ptr + 2);
	}
}

static int show(struct cli_call *call)
{
	const struct policy_text *text = NULL;

	if (call->operands_len < 2) {
		list(call->out);
		return 0;
	}
	text = policy_shipped(call->operands[1]);
	if (text == NULL)
		text = policy_text_find(call->operands[1]);
	if (text == NULL)
		return diag_set(
		    &call->diag, -EINVAL,
		    "policy: there is no template '%s'; 'immure policy show' lists them",
		    call->operands[1]);
	fputs(text->text, call->out);
	return 0;
}

static const struct {
	const char *word;
	int (*run)(struct cli_call *call);
	const char *options; /* that it takes, each with blanks around */
	size_t files_min, files_max;
	bool by_recording; /* that there is none is an answer, not a failure */
} rows[] = {
	{ "check", check, " json ", 1, SIZE_MAX, false },
	{ "test", policy_test, " json ", 0, SIZE_MAX, false },
	{ "show", show, "", 0, 1, false },
	{ "explain", policy_explain,
	  " action host port method path websocket file app mode data json ", 1, 1, false },
	{ "suggest", policy_suggest, " app sandbox since output table wildcards ", 0, 0, true },
	{ "replay", policy_replay, " app sandbox since json ", 1, 1, true },
	{ "diff", policy_diff, " app sandbox since json ", 2, 2, true },
};

/* judge_options() - each that was given belongs to row @i */
static int judge_options(struct cli_call *call, size_t i)
{
	char word[64];

	for (size_t k = 0; k < call->values_len; k++) {
		(void)snprintf(word, sizeof(word), " %s ", call->values[k].option->name);
		if (strstr(rows[i].options, word) == NULL)
			return diag_set(&call->diag, -EINVAL, "policy %s takes no --%s",
					rows[i].word, call->values[k].option->name);
	}
	if (call->operands_len - 1 < rows[i].files_min)
		return diag_set(&call->diag, -EINVAL, "policy %s: %s", rows[i].word,
				rows[i].files_min > 1   ? "which two files?"
				: rows[i].files_max > 1 ? "which files?"
							: "which file?");
	if (call->operands_len - 1 > rows[i].files_max)
		return diag_set(&call->diag, -EINVAL, "policy %s: '%s' is one word too many",
				rows[i].word, call->operands[rows[i].files_max + 1]);
	return 0;
}

int cli_policy(struct cli_call *call)
{
	const char *word = call->operands[0];
	size_t i = 0;

	while (i < ARRAY_SIZE(rows) && strcmp(word, rows[i].word) != 0)
		i++;
	if (i == ARRAY_SIZE(rows))
		return diag_set(&call->diag, -EINVAL,
				"policy: there is no '%s'; there is check, test, show, explain, "
				"suggest, replay and diff",
				word);
	int r = judge_options(call, i);
	if (r == 0)
		r = rows[i].run(call);
	return r == -ENOENT && rows[i].by_recording ? cli_complain(call, r) : r;
}
