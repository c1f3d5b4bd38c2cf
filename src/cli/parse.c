// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one pass over argv. Each word is an option, the value of the option before
 * it, or an operand; which of them depends on the command's rows alone, never on the words after
 * it. getopt_long() is not used: it would want a second table, permutes argv, accepts abbreviations
 * that a later release makes ambiguous, and prints by itself.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/suggest.h"

const struct cli_option *cli_option_at(const struct cli_command *command, size_t i)
{
	for (size_t g = 0; g < CLI_GROUPS_MAX && command->groups[g] != NULL; g++) {
		const struct cli_option *option = command->groups[g]->options;

		for (; option->name != NULL; option++)
			if (i-- == 0)
				return option;
	}
	return NULL;
}

const struct cli_command *cli_find(const char *name)
{
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0 || (c->alias != NULL && strcmp(c->alias, name) == 0))
			return c;
	return NULL;
}

static const struct cli_option *find_long(const struct cli_command *command, struct span name)
{
	const struct cli_option *option = NULL;

	for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
		if (span_is(name, option->name))
			return option;
	return NULL;
}

static const struct cli_option *find_letter(const struct cli_command *command, char letter)
{
	const struct cli_option *option = NULL;

	for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
		if (option->letter != 0 && option->letter == letter)
			return option;
	return NULL;
}

/* refuse_command() - say that @word is no command, and which one may be meant */
static int refuse_command(struct cli_call *call, const char *word)
{
	struct suggestion nearest = suggest_for(word);

	if (word[0] == '-')
		return diag_set(&call->diag, -EINVAL,
				"'%s' comes before a command; write 'immure COMMAND %s', or see "
				"'immure --help'",
				word, word);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			suggest_offer(&nearest, c->name);
	if (nearest.best == NULL)
		return diag_set(&call->diag, -EINVAL, "unknown command '%s'; see 'immure --help'",
				word);
	return diag_set(&call->diag, -EINVAL,
			"unknown command '%s'; did you mean '%s'? See 'immure --help'", word,
			nearest.best);
}

/* refuse_option() - say that @word is no option, and which one may be meant */
static int refuse_option(struct cli_call *call, const char *word, struct span name)
{
	char text[64] = { 0 };
	const struct cli_option *option = NULL;
	const char *command = call->command->name;

	memcpy(text, name.ptr, name.len < sizeof(text) ? name.len : sizeof(text) - 1);
	struct suggestion nearest = suggest_for(text);
	for (size_t i = 0; (option = cli_option_at(call->command, i)) != NULL; i++)
		suggest_offer(&nearest, option->name);
	if (nearest.best == NULL)
		return diag_set(&call->diag, -EINVAL,
				"%s: unknown option '%s'; see 'immure %s --help'", command, word,
				command);
	return diag_set(&call->diag, -EINVAL,
			"%s: unknown option '%s'; did you mean '--%s'? See 'immure %s --help'",
			command, word, nearest.best, command);
}

static void keep(struct cli_call *call, const struct cli_option *option, const char *text)
{
	call->values[call->values_len++] = (struct cli_value){ option, text };
}

static int refuse_value(struct cli_call *call, const struct cli_option *option, const char *why)
{
	const char *command = call->command->name;

	return diag_set(&call->diag, -EINVAL, "%s: --%s %s%s; see 'immure %s --help'", command,
			option->name, why, option->arg != NULL ? option->arg : "no value", command);
}

/* take_long() - "--name", "--name=value" or "--name value". Return: words used, or -EINVAL. */
static int take_long(struct cli_call *call, const char *const *argv)
{
	struct span rest = span_of(argv[0] + 2);
	struct span name = span_cut(&rest, '=');
	const struct cli_option *option = find_long(call->command, name);

	if (option == NULL)
		return refuse_option(call, argv[0], name);
	if (option->kind == CLI_FLAG && rest.ptr != NULL)
		return refuse_value(call, option, "takes ");
	if (option->kind != CLI_FLAG && rest.ptr == NULL && argv[1] == NULL)
		return refuse_value(call, option, "needs ");
	if (option->kind == CLI_FLAG || rest.ptr != NULL) {
		keep(call, option, rest.ptr);
		return 1;
	}
	keep(call, option, argv[1]);
	return 2;
}

/* take_letters() - "-t", "-tf", "-n5" or "-n 5". Return: words used, or -EINVAL. */
static int take_letters(struct cli_call *call, const char *const *argv)
{
	for (const char *letter = argv[0] + 1; *letter != 0; letter++) {
		const struct cli_option *option = find_letter(call->command, *letter);

		if (option == NULL)
			return refuse_option(call, argv[0], (struct span){ letter, 1 });
		if (option->kind == CLI_FLAG) {
			keep(call, option, NULL);
			continue;
		}
		if (letter[1] == 0 && argv[1] == NULL)
			return refuse_value(call, option, "needs ");
		keep(call, option, letter[1] != 0 ? letter + 1 : argv[1]);
		return letter[1] != 0 ? 1 : 2;
	}
	return 1;
}

static int check_operands(struct cli_call *call)
{
	const struct cli_command *command = call->command;

	if (call->operands_len > command->operands_max)
		return diag_set(
		    &call->diag, -EINVAL, "%s: '%s' is one word too many; see 'immure %s --help'",
		    command->name, call->operands[command->operands_max], command->name);
	if (call->operands_len < command->operands_min)
		return diag_set(&call->diag, -EINVAL,
				"%s: something is missing; write 'immure %s %s'", command->name,
				command->name, command->usage);
	return 0;
}

/* turn_into_help() - a command line with --help is one of "help COMMAND" */
static void turn_into_help(struct cli_call *call)
{
	call->operands[0] = call->command->name;
	call->operands[1] = NULL;
	call->operands_len = 1;
	call->command = cli_find("help");
}

static int take_words(struct cli_call *call, const char *const *argv)
{
	enum cli_operand operand = call->command->operand;
	bool program = operand == CLI_PROGRAM || operand == CLI_ID_PROGRAM;
	bool options_end = false;

	while (*argv != NULL) {
		const char *word = *argv;
		int used = 1;

		if (options_end || word[0] != '-' || word[1] == 0) {
			call->operands[call->operands_len++] = word;
			options_end = options_end || program;
		} else if (strcmp(word, "--") == 0) {
			options_end = true;
		} else {
			used = word[1] == '-' ? take_long(call, argv) : take_letters(call, argv);
		}
		if (used < 0)
			return used;
		argv += used;
	}
	return 0;
}

static bool wants_help(const struct cli_call *call)
{
	const struct cli_option *help = find_long(call->command, SPAN("help"));

	for (size_t i = 0; help != NULL && i < call->values_len; i++)
		if (call->values[i].option == help)
			return true;
	return false;
}

int cli_parse(struct cli_call *call, const char *const *argv)
{
	const char *word = argv[0] != NULL && argv[1] != NULL ? argv[1] : "help";
	size_t octets = 2; /* a cluster of letters has no more values than octets */
	int r = 0;

	for (size_t i = 0; argv[i] != NULL; i++)
		octets += strlen(argv[i]) + 1;
	call->argv = argv;
	call->command = cli_find(word);
	if (call->command == NULL)
		return refuse_command(call, word);
	call->values = calloc(octets, sizeof(*call->values));
	call->operands = calloc(octets, sizeof(*call->operands));
	if (call->values == NULL || call->operands == NULL)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	if (argv[0] != NULL && argv[1] != NULL)
		r = take_words(call, argv + 2);
	if (r < 0)
		return r;
	if (wants_help(call)) {
		turn_into_help(call);
		return 0;
	}
	return check_operands(call);
}
