// SPDX-License-Identifier: Apache-2.0
/* The laws of the table, and that each of its readers shows every row. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/test.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "config/config.h"

/* text_of() - what @render prints; the caller frees it */
static char *text_of(void (*render)(FILE *out))
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	render(out);
	fclose(out);
	return text;
}

static char *help_of(const struct cli_command *command)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	render_help(out, command);
	fclose(out);
	return text;
}

/* has() - does @word stand in @text, and is it no part of a longer word? */
static bool has(const char *text, const char *word)
{
	for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
		char after = at[strlen(word)];

		if (!isalnum((unsigned char)after) && after != '-')
			return true;
	}
	return false;
}

/* expect() - the formatted words must stand in @text, which @reader made of the table */
static void PRINTF(3, 4) expect(const char *reader, const char *text, const char *format, ...)
{
	char want[256];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format,
		  args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
	va_end(args);
	CHECK(has(text, want), "%s: '%s'", reader, want);
}

static bool is_sentence_part(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && text[len - 1] != '.' && strstr(text, "  ") == NULL &&
	       strchr(text, '\n') == NULL;
}

static void check_option(const struct cli_command *c, const struct cli_option *o)
{
	const struct cli_option *other = NULL;
	size_t same = 0;

	CHECK((o->arg == NULL) == (o->kind == CLI_FLAG), "%s --%s: arg", c->name, o->name);
	CHECK(is_sentence_part(o->text) && !isupper((unsigned char)o->text[0]), "%s --%s: text",
	      c->name, o->name);
	CHECK(o->words == NULL || o->kind == CLI_WORD || o->kind == CLI_FLAG, "%s --%s: words",
	      c->name, o->name);
	for (size_t i = 0; (other = cli_option_at(c, i)) != NULL; i++)
		same += strcmp(o->name, other->name) == 0 ||
			(o->letter != 0 && o->letter == other->letter);
	CHECK(same == 1, "%s --%s: its name or letter is there twice", c->name, o->name);
}

/* rows_named() - how many commands go by that name */
static size_t rows_named(const char *name)
{
	size_t count = 0;

	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		count +=
		    strcmp(c->name, name) == 0 || (c->alias != NULL && strcmp(c->alias, name) == 0);
	return count;
}

static void check_command(const struct cli_command *c)
{
	CHECK(rows_named(c->name) == 1, "%s: the name is there twice", c->name);
	CHECK(c->alias == NULL || rows_named(c->alias) == 1, "%s: the alias is", c->name);
	CHECK(c->run != NULL && c->operands_min <= c->operands_max, "%s", c->name);
	CHECK(is_sentence_part(c->text) && isupper((unsigned char)c->text[0]), "%s", c->name);
	CHECK((c->operand == CLI_NOTHING) == (c->operands_max == 0), "%s: operands", c->name);
}

static void test_laws(void)
{
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		const struct cli_option *o = NULL;

		check_command(c);
		for (size_t i = 0; (o = cli_option_at(c, i)) != NULL; i++)
			check_option(c, o);
	}
}

/* roff() - "resources.cpus" and "allow-host" as man.c writes them */
static const char *roff(char *ret, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text != 0 && at + 3 < size; text++) {
		if (*text == '-')
			ret[at++] = '\\';
		ret[at++] = *text;
	}
	ret[at] = 0;
	return ret;
}

struct texts {
	char *man, *bash, *zsh, *fish, *overview;
};

/* part() - what in @text lies between @begin and @end */
static char *part(const char *text, const char *begin, const char *end)
{
	const char *at = strstr(text, begin);
	const char *stop = at != NULL ? strstr(at + strlen(begin), end) : NULL;

	CHECK(stop != NULL, "no '%s' before '%s'", begin, end);
	return stop != NULL ? strndup(at, (size_t)(stop - at)) : strdup("");
}

static void check_everywhere(const struct texts *t, const struct cli_command *c,
			     const struct cli_option *o)
{
	const char *alias = c->alias != NULL ? c->alias : "", *bar = c->alias != NULL ? "|" : "";
	const char *plus = o->arg != NULL ? "+" : "";
	char name[64], begin[64];
	char *help = help_of(c);

	snprintf(begin, sizeof(begin), "\t'%s'", c->name);
	char *bash = part(t->bash, begin, ";;");
	snprintf(begin, sizeof(begin), "\t%s%s%s)\n", c->name, bar, alias);
	char *zsh = part(t->zsh, begin, ";;");

	(void)roff(name, sizeof(name), o->name);
	expect("--help", help, "--%s", o->name);
	expect("man", t->man, "Fl \\-%s", name);
	expect("bash", bash, "--%s", o->name);
	expect("zsh", zsh, "--%s", o->name);
	expect("fish", t->fish, "-n '__immure_is %s %s' -l %s", c->name, alias, o->name);
	if (o->letter != 0) {
		expect("--help", help, "-%c, --%s", o->letter, o->name);
		expect("man", t->man, "Fl %c , Fl \\-%s", o->letter, name);
		expect("zsh", zsh, "-%c%s,--%s", o->letter, plus, o->name);
		expect("fish", t->fish, "-n '__immure_is %s %s' -l %s -s %c", c->name, alias,
		       o->name, o->letter);
	}
	if (o->letter != 0 && o->arg != NULL)
		expect("bash", bash, "-%c", o->letter);
	free(help);
	free(bash);
	free(zsh);
}

static void check_command_everywhere(const struct texts *t, const struct cli_command *c)
{
	const char *dashes = strncmp(c->name, "--", 2) == 0 ? "-l" : "-a";
	const struct cli_option *o = NULL;
	char name[64];

	expect("--help", t->overview, "\n  %s", c->name);
	expect("man", t->man, ".It Cm %s", roff(name, sizeof(name), c->name));
	expect("bash", t->bash, "\t'%s'", c->name);
	expect("zsh", t->zsh, "\t\t'%s", c->name);
	expect("fish", t->fish, "-n '__immure_is' %s %s", dashes,
	       c->name + (dashes[1] == 'l' ? 2 : 0));
	for (size_t i = 0; (o = cli_option_at(c, i)) != NULL; i++)
		check_everywhere(t, c, o);
}

static void test_everywhere(void)
{
	struct texts t = { text_of(render_man), text_of(render_bash), text_of(render_zsh),
			   text_of(render_fish), text_of(render_overview) };

	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (c->section != NULL)
			check_command_everywhere(&t, c);
	free(t.man);
	free(t.bash);
	free(t.zsh);
	free(t.fish);
	free(t.overview);
}

/* is_setting() - does the schema know this key? */
static bool is_setting(const char *key)
{
	size_t len = 0;
	const struct config_key_doc *docs = config_key_docs(&len);

	for (size_t i = 0; i < len; i++)
		if (strcmp(docs[i].key, key) == 0)
			return true;
	return false;
}

static void test_keys(void)
{
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		const struct cli_option *o = NULL;

		for (size_t i = 0; (o = cli_option_at(c, i)) != NULL; i++)
			CHECK(o->key == NULL || is_setting(o->key), "--%s sets %s, no setting",
			      o->name, o->key);
	}
}

/* check_lines() - text is for a terminal of 80 columns */
static void check_lines(const char *text)
{
	struct span rest = span_of(text);

	while (rest.ptr != NULL) {
		struct span line = span_cut(&rest, '\n');
		bool fits = line.len <= 80 && (line.len == 0 || line.ptr[line.len - 1] != ' ');

		CHECK(fits, "'%.*s'", (int)line.len, line.ptr);
	}
}

static void test_width(void)
{
	char *overview = text_of(render_overview);

	check_lines(overview);
	free(overview);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		char *help = help_of(c);

		check_lines(help);
		free(help);
	}
}

int main(void)
{
	test_laws();
	test_everywhere();
	test_keys();
	test_width();
	return test_failures > 0;
}
