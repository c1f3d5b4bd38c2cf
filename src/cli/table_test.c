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

/* has() - does the formatted text stand in @text, and is it no part of a longer word? */
static bool PRINTF(2, 3) has(const char *text, const char *format, ...)
{
	char want[256];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	for (const char *at = text; (at = strstr(at, want)) != NULL; at++) {
		char after = at[strlen(want)];

		if (!isalnum((unsigned char)after) && after != '-')
			return true;
	}
	return false;
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
	CHECK(o->words == NULL || o->kind == CLI_WORD, "%s --%s: words", c->name, o->name);
	for (size_t i = 0; (other = cli_option_at(c, i)) != NULL; i++)
		same += strcmp(o->name, other->name) == 0 ||
			(o->letter != 0 && o->letter == other->letter);
	CHECK(same == 1, "%s --%s: its name or letter is there twice", c->name, o->name);
}

static void test_laws(void)
{
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		const struct cli_option *o = NULL;
		size_t same = 0;

		for (const struct cli_command *d = cli_commands; d->name != NULL; d++)
			same += strcmp(c->name, d->name) == 0 ||
				(d->alias != NULL && strcmp(c->name, d->alias) == 0);
		CHECK(same == 1, "%s: the name is there twice", c->name);
		CHECK(c->run != NULL && c->operands_min <= c->operands_max, "%s", c->name);
		CHECK(is_sentence_part(c->text) && isupper((unsigned char)c->text[0]), "%s",
		      c->name);
		CHECK((c->operand == CLI_NOTHING) == (c->operands_max == 0), "%s", c->name);
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
	char name[64], letter[] = { o->letter, 0 }, begin[64];
	char *help = help_of(c);

	snprintf(begin, sizeof(begin), "\t'%s'", c->name);
	char *bash = part(t->bash, begin, ";;");
	snprintf(begin, sizeof(begin), "\t%s%s%s)\n", c->name, c->alias ? "|" : "",
		 c->alias ? c->alias : "");
	char *zsh = part(t->zsh, begin, ";;");

	CHECK(has(help, "--%s", o->name), "--help: %s --%s", c->name, o->name);
	CHECK(has(t->man, "Fl \\-%s", roff(name, sizeof(name), o->name)), "man: --%s", o->name);
	CHECK(has(bash, "--%s", o->name), "bash: %s --%s", c->name, o->name);
	CHECK(has(zsh, "--%s", o->name), "zsh: %s --%s", c->name, o->name);
	CHECK(has(t->fish, "-n '__immure_is %s %s' -l %s", c->name, c->alias ? c->alias : "",
		  o->name),
	      "fish: %s --%s", c->name, o->name);
	if (o->letter != 0) {
		CHECK(has(help, "-%s, --%s", letter, o->name), "--help: -%s", letter);
		CHECK(has(t->man, "Fl %s , Fl \\-%s", letter, name), "man: -%s", letter);
		CHECK(has(zsh, "-%s%s,--%s", letter, o->arg ? "+" : "", o->name), "zsh: -%s",
		      letter);
		CHECK(has(t->fish, "-l %s -s %s", o->name, letter), "fish: -%s", letter);
	}
	free(help);
	free(bash);
	free(zsh);
}

static void test_everywhere(void)
{
	struct texts t = { text_of(render_man), text_of(render_bash), text_of(render_zsh),
			   text_of(render_fish), text_of(render_overview) };

	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		const struct cli_option *o = NULL;
		char name[64];

		if (c->section == NULL)
			continue;
		CHECK(has(t.overview, "\n  %s", c->name), "--help: %s", c->name);
		CHECK(has(t.man, ".It Cm %s", roff(name, sizeof(name), c->name)), "man: %s",
		      c->name);
		CHECK(has(t.bash, "\t'%s'", c->name), "bash: %s", c->name);
		CHECK(has(t.zsh, "'%s:", c->name) || strstr(t.zsh, c->name), "zsh: %s", c->name);
		CHECK(has(t.fish, "%s", c->name), "fish: %s", c->name);
		for (size_t i = 0; (o = cli_option_at(c, i)) != NULL; i++)
			check_everywhere(&t, c, o);
	}
	free(t.man);
	free(t.bash);
	free(t.zsh);
	free(t.fish);
	free(t.overview);
}

/* An option that sets a setting sets one that the schema knows. */
static void test_keys(void)
{
	size_t len = 0;
	const struct config_key_doc *docs = config_key_docs(&len);

	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		const struct cli_option *o = NULL;

		for (size_t i = 0; (o = cli_option_at(c, i)) != NULL; i++) {
			size_t d = 0;

			while (o->key != NULL && d < len && strcmp(docs[d].key, o->key) != 0)
				d++;
			CHECK(d < len, "--%s sets %s, which is no setting", o->name, o->key);
		}
	}
}

/* Text is for a terminal of 80 columns. */
static void test_width(void)
{
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		char *help = help_of(c);
		struct span rest = span_of(help);

		while (rest.ptr != NULL) {
			struct span line = span_cut(&rest, '\n');

			CHECK(line.len <= 80, "%s: '%.*s'", c->name, (int)line.len, line.ptr);
			CHECK(line.len == 0 || line.ptr[line.len - 1] != ' ', "%s: '%.*s'", c->name,
			      (int)line.len, line.ptr);
		}
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
