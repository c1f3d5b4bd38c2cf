// SPDX-License-Identifier: Apache-2.0
/*
 * Completion for bash. The script holds, for each command, its options, those that take a value and
 * what its operands are; the code around that is the same for all. Bash splits words at '=' and ':'
 * (COMP_WORDBREAKS), so the script puts "--option = value" and "host : path" together again.
 */
#include "cli/render.h"

static const char head[] =
    "# Completion of immure for bash, made by 'immure completion bash'.\n"
    "_immure()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "\tlocal command=${COMP_WORDS[1]} options= valued=' ' operand= first=0 i\n"
    "\tCOMPREPLY=()\n";

/* first: where the operands begin, 0 if they have not begun yet */
static const char middle[] =
    "\t*) return ;;\n"
    "\tesac\n"
    "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
    "\t\tcase ${COMP_WORDS[i]} in\n"
    "\t\t--) first=$((i + 1)); break ;;\n"
    "\t\t:) ((i++)) ;;\n"
    "\t\t-*)\n"
    "\t\t\tif [[ ${COMP_WORDS[i+1]} == = ]]; then\n"
    "\t\t\t\t((i += 2))\n"
    "\t\t\telif [[ $valued == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
    "\t\t\t\t((i++))\n"
    "\t\t\tfi ;;\n"
    "\t\t*) first=$i; break ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif ((first)) && [[ $operand == *program ]]; then\n"
    "\t\t[[ $operand == id-program ]] && ((first++))\n"
    "\t\tif ((first == COMP_CWORD)); then\n"
    "\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
    "\t\telif ((first > COMP_CWORD)); then\n"
    "\t\t\tmapfile -t COMPREPLY < <(compgen -W \"$(immure list --running --quiet 2>/dev/null)\" "
    "-- \"$cur\")\n"
    "\t\telif declare -F _command_offset >/dev/null; then\n"
    "\t\t\t_command_offset \"$first\"\n"
    "\t\telse\n"
    "\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "\t\tfi\n"
    "\t\treturn\n"
    "\tfi\n"
    "\tif [[ $cur == = ]]; then\n"
    "\t\tcur=\n"
    "\telif [[ $prev == = ]]; then\n"
    "\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "\tfi\n"
    "\tcase $command:$prev in\n";

static const char tail[] =
    "\tesac\n"
    "\t[[ $valued == *\" $prev \"* || $prev == : || $cur == : ]] && return\n"
    "\tif [[ $cur == -* ]]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
    "\t\treturn\n"
    "\tfi\n"
    "\tcase $operand in\n"
    "\tany-id) options=$(immure list --quiet 2>/dev/null) ;;\n"
    "\trunning-id | id-program) options=$(immure list --running --quiet 2>/dev/null) ;;\n"
    "\tcommand) options=$commands ;;\n"
    "\tshell) options='bash zsh fish' ;;\n"
    "\tca) options='show export rotate' ;;\n"
    "\taudit) options='show stats export verify reindex' ;;\n"
    "\tpolicy) options='check test show explain suggest replay diff' ;;\n"
    "\tconsent) options='list grant revoke' ;;\n"
    "\tprogram) mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"); return ;;\n"
    "\tesac\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
    "}\n"
    "complete -F _immure immure\n";

static const char *const operand_names[CLI_OPERAND_COUNT] = {
	[CLI_NOTHING] = "nothing",       [CLI_ANY_ID] = "any-id",
	[CLI_RUNNING_ID] = "running-id", [CLI_PROGRAM] = "program",
	[CLI_ID_PROGRAM] = "id-program", [CLI_COMMAND] = "command",
	[CLI_SHELL] = "shell",           [CLI_CA] = "ca",
	[CLI_AUDIT] = "audit",           [CLI_POLICY] = "policy",
	[CLI_CONSENT] = "consent",
};

static void bash_command(FILE *out, const struct cli_command *command)
{
	const struct cli_option *o = NULL;

	fprintf(out, "\t'%s'%s%s)\n\t\toptions='", command->name, command->alias ? " | " : "",
		command->alias ? command->alias : "");
	for (size_t i = 0; (o = cli_option_at(command, i)) != NULL; i++)
		fprintf(out, "%s--%s", i > 0 ? " " : "", o->name);
	fputs("'\n\t\tvalued=' ", out);
	for (size_t i = 0; (o = cli_option_at(command, i)) != NULL; i++) {
		if (o->kind == CLI_FLAG)
			continue;
		fprintf(out, "--%s ", o->name);
		if (o->letter != 0)
			fprintf(out, "-%c ", o->letter);
	}
	fprintf(out, "'\n\t\toperand=%s ;;\n", operand_names[command->operand]);
}

/* generator() - what compgen is told for the value of @option; NULL: nothing is known of it */
static const char *generator(const struct cli_option *option)
{
	if (option->words != NULL)
		return "-W";
	switch (option->kind) {
	case CLI_FILE:
	case CLI_VOLUME:
		return "-o filenames -f";
	case CLI_FOLDER:
		return "-o filenames -d";
	case CLI_ENV:
		return "-e";
	case CLI_FLAG:
	case CLI_WORD:
	case CLI_COUNT:
	case CLI_REAL:
	case CLI_SIZE:
	case CLI_DURATION:
	case CLI_LIST:
	case CLI_TMPFS:
	case CLI_HOST:
	case CLI_SECRET:
		break;
	}
	return NULL;
}

static void bash_values(FILE *out, const struct cli_command *command)
{
	const struct cli_option *o = NULL;

	for (size_t i = 0; (o = cli_option_at(command, i)) != NULL; i++) {
		const char *how = generator(o);

		if (how == NULL)
			continue;
		fprintf(out, "\t%s:--%s", command->name, o->name);
		if (o->letter != 0)
			fprintf(out, " | %s:-%c", command->name, o->letter);
		fprintf(out, ")\n\t\tmapfile -t COMPREPLY < <(compgen %s%s%s%s -- \"$cur\")\n", how,
			o->words ? " '" : "", o->words ? o->words : "", o->words ? "'" : "");
		fputs(strstr(how, "filenames") ? "\t\tcompopt -o filenames 2>/dev/null\n" : "",
		      out);
		fputs("\t\treturn ;;\n", out);
	}
}

void render_bash(FILE *out)
{
	fputs(head, out);
	fputs("\tlocal commands='", out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			fprintf(out, "%s%s", c == cli_commands ? "" : " ", c->name);
	fputs("'\n"
	      "\tif ((COMP_CWORD == 1)); then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$cur\")\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase $command in\n",
	      out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			bash_command(out, c);
	fputs(middle, out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			bash_values(out, c);
	fputs(tail, out);
}
