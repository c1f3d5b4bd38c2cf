// SPDX-License-Identifier: Apache-2.0
/* --help, from the table. */
#include "cli/print.h"
#include "cli/render.h"

enum { TEXT_COLUMN = 30, COMMAND_COLUMN = 16 };

/* render_option() - "  -v, --volume HOST:PATH[:ro]   what it does", the text on its own line if
 * need be */
static void render_option(FILE *out, const struct cli_option *option)
{
	char letter[] = { '-', option->letter, ',', 0 };
	int column =
	    fprintf(out, "  %3s --%s%s%s", option->letter != 0 ? letter : "", option->name,
		    option->arg != NULL ? " " : "", option->arg != NULL ? option->arg : "");

	if (column + 2 > TEXT_COLUMN) {
		fputc('\n', out);
		column = 0;
	}
	fprintf(out, "%*s", TEXT_COLUMN - column, "");
	print_wrapped(out, span_of(option->text), TEXT_COLUMN, TEXT_COLUMN);
}

void render_help(FILE *out, const struct cli_command *command)
{
	const char *title = "";

	fprintf(out, "Usage: immure %s%s%s\n\n%s.\n", command->name, command->usage[0] ? " " : "",
		command->usage, command->text);
	if (command->more != NULL) {
		struct span rest = span_of(command->more);

		while (rest.ptr != NULL) {
			fputc('\n', out);
			print_wrapped(out, span_cut(&rest, '\n'), 0, 0);
		}
	}
	for (size_t g = 0; g < CLI_GROUPS_MAX && command->groups[g] != NULL; g++) {
		const struct cli_group *group = command->groups[g];

		if (strcmp(title, group->title) != 0)
			fprintf(out, "\n%s:\n", group->title);
		title = group->title;
		for (const struct cli_option *o = group->options; o->name != NULL; o++)
			render_option(out, o);
	}
}

void render_overview(FILE *out)
{
	const char *section = "";

	fputs("Usage: immure COMMAND [OPTIONS] ...\n\n"
	      "Run untrusted programs with nothing allowed but what you grant.\n",
	      out);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		if (c->section == NULL)
			continue;
		if (strcmp(section, c->section) != 0)
			fprintf(out, "\n%s:\n", c->section);
		section = c->section;
		int column = fprintf(out, "  %s", c->name);

		fprintf(out, "%*s", COMMAND_COLUMN - column, "");
		print_wrapped(out, span_of(c->text), COMMAND_COLUMN, COMMAND_COLUMN);
	}
	fputs("\n'immure COMMAND --help' explains a command, 'man immure' everything.\n", out);
}
