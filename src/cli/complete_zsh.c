// SPDX-License-Identifier: Apache-2.0
/*
 * Completion for zsh: one call of _arguments(1) a command. A specification reads
 * '(what it excludes)'{-x+,--long=}'[text]:name of the value:how to complete it'.
 */
#include "cli/render.h"

/* zsh_text() - inside single quotes, and between brackets or colons of a specification */
static void zsh_text(FILE *out, const char *text)
{
	for (; *text != 0; text++) {
		if (strchr("[]:\\", *text) != NULL)
			fputc('\\', out);
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
}

static void zsh_action(FILE *out, const struct cli_option *option)
{
	fputc(':', out);
	zsh_text(out, option->arg);
	fputc(':', out);
	if (option->words != NULL)
		fprintf(out, "(%s)", option->words);
	else if (option->kind == CLI_FILE || option->kind == CLI_VOLUME)
		fputs("_files", out);
	else if (option->kind == CLI_FOLDER)
		fputs("_files -/", out);
	else if (option->kind == CLI_ENV)
		fputs("_parameters -g \"*export*\"", out);
}

static void zsh_option(FILE *out, const struct cli_option *option)
{
	const char *plus = option->kind == CLI_FLAG ? "" : "+";
	const char *equals = option->kind == CLI_FLAG ? "" : "=";

	fputs(" \\\n\t\t\t", out);
	if (option->letter != 0 && option->repeats)
		fprintf(out, "'*'{-%c%s,--%s%s}", option->letter, plus, option->name, equals);
	else if (option->letter != 0)
		fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}", option->letter, option->name,
			option->letter, plus, option->name, equals);
	else
		fprintf(out, "'%s'--%s%s", option->repeats ? "*" : "", option->name, equals);
	fputs("'[", out);
	zsh_text(out, option->text);
	fputc(']', out);
	if (option->kind != CLI_FLAG)
		zsh_action(out, option);
	fputc('\'', out);
}

/* '(-)' - after it no options of ours; '*::' - the rest is a command line of its own */
static const char *const operand_specs[CLI_OPERAND_COUNT] = {
	[CLI_NOTHING] = "",
	[CLI_ANY_ID] = " \\\n\t\t\t'*:sandbox:_immure_ids'",
	[CLI_RUNNING_ID] = " \\\n\t\t\t'*:sandbox:_immure_ids --running'",
	[CLI_PROGRAM] = " \\\n\t\t\t'(-)1:program:_command_names -e' '*::argument:_normal'",
	[CLI_ID_PROGRAM] = (" \\\n\t\t\t'(-)1:sandbox:_immure_ids --running' \\\n"
			    "\t\t\t'2:program:_command_names -e' '*::argument:_normal'"),
	[CLI_COMMAND] = " \\\n\t\t\t'1:command:_immure_commands'",
	[CLI_SHELL] = " \\\n\t\t\t'1:shell:(bash zsh fish)'",
	[CLI_CA] = " \\\n\t\t\t'1:action:(show export rotate)'",
	[CLI_AUDIT] = (" \\\n\t\t\t'1:action:(show stats export verify reindex)' \\\n"
		       "\t\t\t'2:file:_files'"),
	[CLI_POLICY] = (" \\\n\t\t\t'1:action:(check test show explain suggest replay diff)' \\\n"
			"\t\t\t'*:file:_files'"),
	[CLI_CONSENT] = " \\\n\t\t\t'1:action:(list grant revoke)'",
};

static void zsh_command(FILE *out, const struct cli_command *command)
{
	const struct cli_option *option = NULL;

	fprintf(out, "\t%s%s%s)\n\t\t_arguments -s -S -A '-*'", command->name,
		command->alias ? "|" : "", command->alias ? command->alias : "");
	for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++)
		zsh_option(out, option);
	fprintf(out, "%s ;;\n", operand_specs[command->operand]);
}

void render_zsh(FILE *out)
{
	fputs("#compdef immure\n"
	      "# Completion of immure for zsh, made by 'immure completion zsh'.\n"
	      "_immure_ids()\n{\n"
	      "\tlocal -a ids options\n"
	      "\t[[ $1 == --running ]] && { options=(--running); shift }\n"
	      "\tids=(${(f)\"$(immure list --quiet $options 2>/dev/null)\"})\n"
	      "\tcompadd \"$@\" -a ids\n}\n\n"
	      "_immure_commands()\n{\n\tlocal -a commands\n\tcommands=(\n",
	      out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		if (c->section == NULL)
			continue;
		fprintf(out, "\t\t'%s:", c->name);
		zsh_text(out, c->text);
		fputs("'\n", out);
	}
	fputs("\t)\n\t_describe command commands\n}\n\n"
	      "_immure()\n{\n"
	      "\tif ((CURRENT == 2)); then\n\t\t_immure_commands\n\t\treturn\n\tfi\n"
	      "\tshift words\n\t((CURRENT--))\n"
	      "\tcase $words[1] in\n",
	      out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			zsh_command(out, c);
	/* autoloaded from fpath, the file is the function; sourced, it has to register itself */
	fputs("\tesac\n}\n\n"
	      "if [[ $funcstack[1] == _immure ]]; then\n\t_immure \"$@\"\n"
	      "else\n\tcompdef _immure immure\nfi\n",
	      out);
}
