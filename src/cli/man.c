// SPDX-License-Identifier: Apache-2.0
/*
 * immure(1), from the table and the schema of settings, in mdoc(7). A group of options that several
 * commands share is written once, in OPTIONS; a group of one command alone stands with its command.
 * Whatever the table holds goes through roff_text(), so that no text can be taken for a request.
 */
#include "cli/render.h"
#include "config/config.h"

#define MAN_DATE "November 22, 2026" /* of the last change that matters to a reader */

static void roff_span(FILE *out, struct span text)
{
	if (text.len > 0 && (text.ptr[0] == '.' || text.ptr[0] == '\''))
		fputs("\\&", out);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			fputs("\\e", out);
		else if (text.ptr[i] == '-')
			fputs("\\-", out);
		else
			fputc(text.ptr[i], out);
	}
}

static void roff_text(FILE *out, const char *text)
{
	roff_span(out, span_of(text));
}

/* macro() - ".It Fl " and its argument, on a line */
static void macro(FILE *out, const char *name, const char *argument)
{
	fputs(name, out);
	roff_text(out, argument);
	fputc('\n', out);
}

static void man_options(FILE *out, const struct cli_option *option)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (; option->name != NULL; option++) {
		fputs(".It ", out);
		if (option->letter != 0)
			fprintf(out, "Fl %c , ", option->letter);
		fputs("Fl \\-", out);
		roff_text(out, option->name);
		macro(out, option->arg != NULL ? " Ar " : "",
		      option->arg != NULL ? option->arg : "");
		roff_text(out, option->text);
		fputs(".\n", out);
		if (option->repeats)
			fputs("May be given several times.\n", out);
		if (option->key != NULL)
			macro(out, "In a file: \\%", option->key);
	}
	fputs(".El\n", out);
}

/* is_shared() - do several commands have this group? */
static bool is_shared(const struct cli_group *group)
{
	size_t users = 0;

	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		for (size_t g = 0; g < CLI_GROUPS_MAX && c->groups[g] != NULL; g++)
			users += c->groups[g] == group;
	return users > 1;
}

/* is_first_use() - is @group, in @command's row, not in any row before it? */
static bool is_first_use(const struct cli_group *group, const struct cli_command *command)
{
	for (const struct cli_command *c = cli_commands; c != command; c++)
		for (size_t g = 0; g < CLI_GROUPS_MAX && c->groups[g] != NULL; g++)
			if (c->groups[g] == group)
				return false;
	return true;
}

static void man_synopsis(FILE *out)
{
	fputs(".Sh SYNOPSIS\n", out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		if (c->section == NULL)
			continue;
		macro(out, ".Nm immure\n.Cm ", c->name);
		if (c->usage[0] != 0)
			macro(out, ".Ar ", c->usage);
	}
}

static void man_command(FILE *out, const struct cli_command *command)
{
	const char *lead = ".Pp\nSee also";

	fputs(".It Cm ", out);
	roff_text(out, command->name);
	macro(out, command->usage[0] != 0 ? " Ar " : "", command->usage);
	roff_text(out, command->text);
	fputs(".\n", out);
	for (struct span rest = span_of(command->more != NULL ? command->more : "");
	     rest.len > 0;) {
		fputs(".Pp\n", out);
		roff_span(out, span_cut(&rest, '\n'));
		fputc('\n', out);
	}
	if (command->alias != NULL && command->alias[0] != '-')
		fprintf(out, ".Pp\nIts other name is\n.Cm %s .\n", command->alias);
	for (size_t g = 0; g < CLI_GROUPS_MAX && command->groups[g] != NULL; g++)
		if (!is_shared(command->groups[g]))
			man_options(out, command->groups[g]->options);
	for (size_t g = 0; g < CLI_GROUPS_MAX && command->groups[g] != NULL; g++)
		if (is_shared(command->groups[g])) {
			fprintf(out, "%s\n.Sx %s", lead, command->groups[g]->title);
			lead = " ,";
		}
	fputs(command->groups[0] != NULL ? " .\n" : "", out);
}

static void man_commands(FILE *out)
{
	const char *section = "";

	fputs(".Sh COMMANDS\n", out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		if (c->section == NULL)
			continue;
		if (strcmp(section, c->section) != 0)
			fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n",
				section[0] != 0 ? ".El\n" : "", c->section);
		section = c->section;
		man_command(out, c);
	}
	fputs(".El\n", out);
}

static void man_shared_options(FILE *out)
{
	const char *title = "";

	fputs(".Sh OPTIONS\nA long option takes its value after\n.Sq =\nor as the next word.\n"
	      ".Fl \\-\nends the options, and so does the first word of a program.\n"
	      "SIZE is in MiB or has a unit: k, M, G or T.\n"
	      "DURATION is in seconds or has a unit: s, m, h or d.\n",
	      out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		for (size_t g = 0; g < CLI_GROUPS_MAX && c->groups[g] != NULL; g++) {
			if (!is_shared(c->groups[g]) || !is_first_use(c->groups[g], c))
				continue;
			if (strcmp(title, c->groups[g]->title) != 0)
				macro(out, ".Ss ", c->groups[g]->title);
			title = c->groups[g]->title;
			man_options(out, c->groups[g]->options);
		}
}

static void man_notes(FILE *out, const char *section, const char *term_macro,
		      const struct cli_note *note)
{
	macro(out, ".Sh ", section);
	fputs(".Bl -tag -width Ds\n", out);
	for (; note->term != NULL; note++) {
		macro(out, term_macro, note->term);
		macro(out, "", note->text);
	}
	fputs(".El\n", out);
}

/* man_configuration() - the keys of a file, from the schema that judges it */
static void man_configuration(FILE *out)
{
	size_t len = 0;
	const struct config_key_doc *docs = config_key_docs(&len);

	fputs(".Sh CONFIGURATION\n.Fl \\-config\nreads YAML, or JSON if the name ends in .json.\n"
	      "An unknown key, a duplicate one and an impossible value are errors.\n"
	      "A part of a key in capitals stands for any name.\n"
	      ".Bl -tag -width Ds\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		macro(out, ".It Ic \\%", docs[i].key);
		roff_text(out, docs[i].text);
		fputs(".\n(", out);
		roff_text(out, docs[i].type);
		fputs(docs[i].limits[0] != 0 ? ": " : "", out);
		roff_text(out, docs[i].limits);
		fputs(docs[i].later ? "; not supported yet)\n" : ")\n", out);
	}
	fputs(".El\n", out);
}

static void man_examples(FILE *out)
{
	fputs(".Sh EXAMPLES\n", out);
	for (const struct cli_note *e = cli_examples; e->term != NULL; e++) {
		macro(out, e == cli_examples ? "" : ".Pp\n", e->text);
		fputs(".Bd -literal -offset indent\n", out);
		macro(out, "", e->term);
		fputs(".Ed\n", out);
	}
}

void render_man(FILE *out)
{
	fputs(".\\\" Made by 'immure man' from its table of commands and options.\n"
	      ".Dd " MAN_DATE "\n.Dt IMMURE 1\n.Os\n"
	      ".Sh NAME\n.Nm immure\n.Nd run untrusted programs with nothing allowed\n",
	      out);
	man_synopsis(out);
	fputs(".Sh DESCRIPTION\n.Nm\nruns a program behind walls: namespaces, a private root that "
	      "is\n"
	      "read\\-only, Landlock, seccomp, no capabilities, limits, and no network.\n"
	      "If this host cannot raise one of the walls, the program is not started.\n.Pp\n"
	      "There is no daemon: each sandbox has processes of its own, which end with it.\n",
	      out);
	man_commands(out);
	man_shared_options(out);
	man_configuration(out);
	man_notes(out, "ENVIRONMENT", ".It Ev ", cli_variables);
	man_notes(out, "FILES", ".It Pa ", cli_files);
	man_notes(out, "EXIT STATUS", ".It ", cli_exits);
	man_examples(out);
	fputs(".Sh SEE ALSO\n.Xr prlimit 1 ,\n.Xr seccomp 2 ,\n.Xr landlock 7 ,\n"
	      ".Xr namespaces 7 ,\n.Xr user_namespaces 7\n",
	      out);
}
