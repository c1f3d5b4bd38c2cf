// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an option's row names its setting (key) and how its text becomes a value
 * (kind); config_set() puts the value there. What is possible is for the schema to judge, so that
 * an option, a file and a `create` call are refused in the same words: here is only judged whether
 * the text is a value of that kind at all.
 */
#include "cli/sandbox_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* One option on its way into the tree. */
struct setting {
	struct cli_call *call;
	json_t *tree;
	const struct cli_option *option;
	struct span text;
};

static int refuse(const struct setting *s, const char *why)
{
	return diag_set(&s->call->diag, -EINVAL, "%s: --%s '%.*s': %s", s->call->command->name,
			s->option->name, (int)s->text.len, s->text.ptr, why);
}

/* refuse_secret() - without the text, which may hold a value by mistake */
static int refuse_secret(const struct setting *s)
{
	return diag_set(&s->call->diag, -EINVAL,
			"%s: --secret: write NAME@HOST[,HOST]; the value comes from your variable "
			"NAME",
			s->call->command->name);
}

/* set() - put @value (consumed) at the option's key, or at @name in the map there */
static int set(const struct setting *s, struct span name, json_t *value)
{
	char *key = name.ptr != NULL ? strndup(name.ptr, name.len) : NULL;
	int r = -ENOMEM;

	if (value != NULL && (key != NULL || name.ptr == NULL))
		r = config_set(s->tree, s->option->key, key, value);
	else
		json_decref(value);
	free(key);
	if (r == -ENOMEM)
		return diag_set(&s->call->diag, r, "out of memory");
	return r < 0 ? refuse(s, "the file has something else in the place of this setting") : 0;
}

static const struct span no_name = { 0 };

static int set_count(const struct setting *s)
{
	uint64_t number = 0;

	if (cli_count(&number, s->text.ptr) < 0 || number > INT64_MAX)
		return refuse(s, "not a whole number");
	return set(s, no_name, json_integer((json_int_t)number));
}

/* set_real() - digits and at most one point: strtod() alone would take "inf", "0x1p3" and blanks */
static int set_real(const struct setting *s)
{
	size_t points = 0;

	for (size_t i = 0; i < s->text.len; i++) {
		points += s->text.ptr[i] == '.';
		if (points > 1 ||
		    (s->text.ptr[i] != '.' && !isdigit((unsigned char)s->text.ptr[i])))
			return refuse(s, "not a number such as 2 or 1.5");
	}
	if (s->text.len == points || s->text.len > 16)
		return refuse(s, "not a number such as 2 or 1.5");
	return set(s, no_name, json_real(strtod(s->text.ptr, NULL)));
}

static int set_size(const struct setting *s)
{
	uint64_t size_mb = 0;

	if (config_parse_size_mb(&size_mb, s->text) < 0 || size_mb > INT64_MAX)
		return refuse(s, "not a size such as 512M or 2G");
	return set(s, no_name, json_integer((json_int_t)size_mb));
}

static int set_duration(const struct setting *s)
{
	uint64_t seconds = 0;

	if (config_parse_duration_s(&seconds, s->text) < 0 || seconds > INT64_MAX)
		return refuse(s, "not a duration such as 90s, 5m or 2h");
	return set(s, no_name, json_integer((json_int_t)seconds));
}

static int set_word(const struct setting *s)
{
	json_t *value = json_stringn(s->text.ptr, s->text.len);

	return value != NULL ? set(s, no_name, value) : refuse(s, "not UTF-8");
}

/* find() - what the tree holds at a dotted key; NULL: nothing */
static json_t *find(json_t *tree, const char *key)
{
	struct span rest = span_of(key);

	while (rest.ptr != NULL && tree != NULL) {
		struct span part = span_cut(&rest, '.');

		tree = json_object_getn(tree, part.ptr, part.len);
	}
	return tree;
}

/* add_to_list() - as a new list, since config_set() replaces */
static int add_to_list(const struct setting *s)
{
	json_t *old = find(s->tree, s->option->key);
	json_t *list = json_is_array(old) ? json_copy(old) : json_array();
	json_t *value = json_stringn(s->text.ptr, s->text.len);

	if (value == NULL || json_array_append_new(list, value) < 0) {
		json_decref(list);
		return refuse(s, "not UTF-8");
	}
	return set(s, no_name, list);
}

/* set_volume() - HOST:PATH[:ro|:rw]; HOST has no colon, so that the meaning is never a guess */
static int set_volume(const struct setting *s)
{
	struct span rest = s->text;
	struct span host = span_cut(&rest, ':');
	struct span path = rest.ptr != NULL ? span_cut(&rest, ':') : no_name;
	bool readonly = rest.ptr != NULL && span_is(rest, "ro");

	if (host.len == 0 || path.len == 0)
		return refuse(s, "write HOST:PATH or HOST:PATH:ro");
	if (rest.ptr != NULL && !readonly && !span_is(rest, "rw"))
		return refuse(s, "after the second colon comes ro or rw");
	return set(s, path,
		   json_pack("{s:s%, s:b}", "host_path", host.ptr, host.len, "readonly", readonly));
}

static int set_tmpfs(const struct setting *s)
{
	struct span rest = s->text;
	struct span path = span_cut(&rest, ':');
	uint64_t size_mb = 0;

	if (path.len == 0)
		return refuse(s, "write PATH or PATH:SIZE");
	if (rest.ptr == NULL)
		return set(s, path, json_pack("{s:s}", "type", "memory"));
	if (config_parse_size_mb(&size_mb, rest) < 0 || size_mb > INT64_MAX)
		return refuse(s, "after the colon comes a size such as 64M");
	return set(s, path,
		   json_pack("{s:s, s:I}", "type", "memory", "size_mb", (json_int_t)size_mb));
}

/* set_env() - a variable that the caller has not is an error: a typing mistake, more often than not
 */
static int set_env(const struct setting *s)
{
	struct span value = s->text;
	struct span name = span_cut(&value, '=');

	if (name.len == 0)
		return refuse(s, "write NAME=VALUE, or NAME for the value it has here");
	if (value.ptr == NULL) {
		const char *here =
		    getenv(s->text.ptr); /* NOLINT(concurrency-mt-unsafe): one thread */

		if (here == NULL)
			return refuse(s, "it is not set here; write NAME=VALUE");
		value = span_of(here);
	}
	json_t *text = json_stringn(value.ptr, value.len);
	return text != NULL ? set(s, name, text) : refuse(s, "not UTF-8");
}

/* set_host() - NAME:ADDRESS; a name has no colon, and IPv6 may stand in brackets */
static int set_host(const struct setting *s)
{
	struct span address = s->text;
	struct span name = span_cut(&address, ':');

	if (name.len == 0 || address.len == 0)
		return refuse(s, "write NAME:ADDRESS");
	if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
		address = (struct span){ address.ptr + 1, address.len - 2 };
	json_t *text = json_stringn(address.ptr, address.len);
	return text != NULL ? set(s, name, text) : refuse(s, "not UTF-8");
}

/* set_secret() - NAME@HOST[,HOST]; the value is never a word of a command line, which everybody sees */
static int set_secret(const struct setting *s)
{
	struct span rest = s->text;
	struct span name = span_cut(&rest, '@');
	json_t *hosts = json_array();

	if (name.len == 0 || rest.len == 0 || memchr(name.ptr, '=', name.len) != NULL) {
		json_decref(hosts);
		return refuse_secret(s);
	}
	while (rest.ptr != NULL) {
		struct span host = span_cut(&rest, ',');

		if (json_array_append_new(hosts, json_stringn(host.ptr, host.len)) < 0) {
			json_decref(hosts);
			return refuse_secret(s);
		}
	}
	return set(s, name, json_pack("{s:s%, s:o}", "env", name.ptr, name.len, "hosts", hosts));
}

static int lay_over(const struct setting *s)
{
	switch (s->option->kind) {
	case CLI_FLAG:
		return set(s, no_name,
			   s->option->words != NULL ? json_string(s->option->words) : json_true());
	case CLI_WORD:
	case CLI_FILE:
	case CLI_FOLDER:
		return set_word(s);
	case CLI_COUNT:
		return set_count(s);
	case CLI_REAL:
		return set_real(s);
	case CLI_SIZE:
		return set_size(s);
	case CLI_DURATION:
		return set_duration(s);
	case CLI_LIST:
		return add_to_list(s);
	case CLI_VOLUME:
		return set_volume(s);
	case CLI_TMPFS:
		return set_tmpfs(s);
	case CLI_ENV:
		return set_env(s);
	case CLI_HOST:
		return set_host(s);
	case CLI_SECRET:
		return set_secret(s);
	}
	return -EINVAL;
}

int sandbox_options_tree(json_t **ret_tree, struct config_source **ret_source,
			 struct cli_call *call)
{
	json_auto_t *tree = NULL;
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	const char *file = cli_value(call, "config");
	int r = 0;

	if (file != NULL)
		r = config_load_file(&tree, &source, file, &call->diag);
	else if ((tree = json_object()) == NULL)
		r = diag_set(&call->diag, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < call->values_len; i++) {
		const struct cli_value *value = &call->values[i];
		struct setting setting = { call, tree, value->option, { 0 } };

		if (value->option->key == NULL)
			continue;
		if (value->text != NULL)
			setting.text = span_of(value->text);
		r = lay_over(&setting);
	}
	if (r < 0)
		return r;
	*ret_tree = json_incref(tree);
	*ret_source = source;
	source = NULL;
	return 0;
}

int sandbox_options_read(struct config **ret, struct cli_call *call)
{
	json_auto_t *tree = NULL;
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	int r = sandbox_options_tree(&tree, &source, call);

	struct config *config = NULL;

	if (r == 0)
		r = config_read(&config, tree, source, &call->diag);
	if (r == 0 && cli_value(call, "config") != NULL) {
		config->file = strdup(cli_value(call, "config"));
		r = config->file == NULL ? diag_set(&call->diag, -ENOMEM, "out of memory") : 0;
	}
	if (r < 0) {
		config_free(config);
		return r;
	}
	*ret = config;
	return 0;
}
