// SPDX-License-Identifier: Apache-2.0
/* Completion for fish: one `complete` a command and one an option. */
#include "cli/render.h"

static void fish_text(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text != 0; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

/* fish_value() - -x: no files; -r: a value must follow, files do */
static void fish_value(FILE *out, const struct cli_option *option)
{
	if (option->kind == CLI_FILE || option->kind == CLI_VOLUME) {
		fputs(" -r -F", out);
		return;
	}
	fputs(" -x", out);
	if (option->words != NULL)
		fprintf(out, " -a '%s'", option->words);
	else if (option->kind == CLI_FOLDER)
		fputs(" -a '(__fish_complete_directories)'", out);
	else if (option->kind == CLI_ENV)
		fputs(" -a '(set -nx)'", out);
}

static void fish_option(FILE *out, const struct cli_command *command,
			const struct cli_option *option)
{
	fprintf(out, "complete -c immure -n '__immure_is %s %s' -l %s", command->name,
		command->alias ? command->alias : "", option->name);
	if (option->letter != 0)
		fprintf(out, " -s %c", option->letter);
	if (option->kind != CLI_FLAG)
		fish_value(out, option);
	fputs(" -d ", out);
	fish_text(out, option->text);
	fputc('\n', out);
}

static const char *const operand_words[CLI_OPERAND_COUNT] = {
	[CLI_NOTHING] = NULL,
	[CLI_ANY_ID] = "(immure list --quiet 2>/dev/null)",
	[CLI_RUNNING_ID] = "(immure list --running --quiet 2>/dev/null)",
	[CLI_PROGRAM] = "(__fish_complete_command)",
	[CLI_ID_PROGRAM] = "(immure list --running --quiet 2>/dev/null) (__fish_complete_command)",
	[CLI_COMMAND] = "$__immure_commands",
	[CLI_SHELL] = "bash zsh fish",
	[CLI_CA] = "show export rotate",
	[CLI_AUDIT] = "show stats export verify reindex",
	[CLI_POLICY] = "check test show explain suggest replay diff",
	[CLI_CONSENT] = "list grant revoke",
};

static void fish_command(FILE *out, const struct cli_command *command)
{
	const struct cli_option *option = NULL;
	const char *words = operand_words[command->operand];
	bool program = command->operand == CLI_PROGRAM || command->operand == CLI_ID_PROGRAM;

	if (strncmp(command->name, "--", 2) == 0)
		fprintf(out, "complete -c immure -n '__immure_is' -l %s -d ", command->name + 2);
	else
		fprintf(out, "complete -c immure -n '__immure_is' -a %s -d ", command->name);
	fish_text(out, command->text);
	fputc('\n', out);
	for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
		fish_option(out, command, option);
	if (words != NULL)
		fprintf(out, "complete -c immure -n '__immure_is %s %s'%s -a '%s'\n", command->name,
			command->alias ? command->alias : "", program ? " -F" : "", words);
}

void render_fish(FILE *out)
{
	fputs("# Completion of immure for fish, made by 'immure completion fish'.\n"
	      "# __immure_is NAME...: is one of these the command? Without a name: is there none "
	      "yet?\n"
	      "function __immure_is\n"
	      "\tset -l words (commandline -opc)\n"
	      "\tif not set -q argv[1]\n\t\tnot set -q words[2]\n\t\treturn\n\tend\n"
	      "\tset -q words[2]; and contains -- $words[2] $argv\n"
	      "end\n"
	      "set -g __immure_commands",
	      out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			fprintf(out, " %s", c->name);
	fputs("\ncomplete -c immure -f\n", out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			fish_command(out, c);
}
