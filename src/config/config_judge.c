// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one walk over the tree as given, by the table of config_schema.c, that
 * builds the tree as it is meant: the same keys in the same order, with paths made whole and values
 * of secrets left out. The first refusal ends it. A setting of later work does not: it is noted,
 * the rest is judged, and only a tree without fault is answered "not supported yet", so that a typo
 * in such a setting is an error of its own.
 *
 * One function per kind of row; each writes a new reference through @ret on success only.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config_priv.h"

enum {
	TEXT_OCTETS_MAX = 4096, /* of a text whose row says nothing else */
	MOUNT_DEPTH = 3,        /* of the keys of vfs.mounts */
};

int config_judge_refuse(struct config_judge *judge, const struct config_at *at,
			enum config_spot spot, const char *format, ...)
{
	char why[DIAG_OCTETS];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return config_refuse(judge->diag, -EINVAL, judge->source,
			     config_line(judge->source, at, spot), at, "%s", why);
}

#define refuse_key(judge, at, ...)   config_judge_refuse(judge, at, CONFIG_SPOT_KEY, __VA_ARGS__)
#define refuse_value(judge, at, ...) config_judge_refuse(judge, at, CONFIG_SPOT_VALUE, __VA_ARGS__)

void config_judge_later(struct config_judge *judge, const struct config_at *at, const char *what,
			const char *until)
{
	if (judge->later.why[0] == '\0')
		(void)config_refuse(&judge->later, 0, judge->source,
				    config_line(judge->source, at, CONFIG_SPOT_KEY), at,
				    "%snot supported yet: %s", what, until);
}

/* judge_type() - Return: 0, or -EINVAL when @value is not of type @is, which reads "must be
 * @wanted" */
static int judge_type(struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, const json_t *value, bool is)
{
	static const char *const wanted[] = {
		[CONFIG_TEXT] = "text",
		[CONFIG_WORD] = "text",
		[CONFIG_INSIDE] = "a path",
		[CONFIG_HOST] = "a path",
		[CONFIG_BOOL] = "true or false",
		[CONFIG_WHOLE] = "a whole number",
		[CONFIG_NUMBER] = "a number",
		[CONFIG_MEASURE] = "a number, perhaps with a unit",
		[CONFIG_LIST] = "a list",
		[CONFIG_ITEMS] = "a list",
		[CONFIG_MAP] = "a map (NAME: VALUE)",
		[CONFIG_OBJECT] = "a map (KEY: VALUE)",
	};
	static const char *const given[] = {
		[JSON_OBJECT] = "a map",     [JSON_ARRAY] = "a list",    [JSON_STRING] = "text",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",      [JSON_NULL] = "nothing",
	};
	bool quotable = row->kind <= CONFIG_HOST && !json_is_array(value) && !json_is_object(value);

	if (is)
		return 0;
	if (json_is_null(value))
		return refuse_key(judge, at, "has no value: leave the key out, or give it one");
	if (json_is_string(value) && row->kind < CONFIG_LIST)
		return refuse_value(judge, at, "must be %s, not the text \"%s\"", wanted[row->kind],
				    config_show(json_string_value(value)).text);
	return refuse_value(judge, at, "must be %s, not %s%s", wanted[row->kind],
			    given[json_typeof(value)], quotable ? ": put it in quotes" : "");
}

static int refuse_text(struct config_judge *judge, const struct config_row *row,
		       const struct config_at *at, const char *text, const char *fault)
{
	if (row->secret)
		return refuse_value(judge, at, "impossible value: %s", fault);
	return refuse_value(judge, at, "\"%s\" is impossible: %s", config_show(text).text, fault);
}

static int judge_text(json_t **ret, struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, json_t *value)
{
	int r = judge_type(judge, row, at, value, json_is_string(value));
	size_t octets_max =
	    row->max > 0 && row->kind == CONFIG_TEXT ? (size_t)row->max : TEXT_OCTETS_MAX;
	const char *text = json_string_value(value), *fault = NULL;

	if (r < 0)
		return r;
	if (strlen(text) != json_string_length(value))
		return refuse_value(judge, at, "holds a NUL character");
	if (json_string_length(value) > octets_max)
		return refuse_value(judge, at, "longer than %zu octets", octets_max);
	fault = row->fault != NULL ? row->fault(text) : NULL;
	if (fault != NULL)
		return refuse_text(judge, row, at, text, fault);
	*ret = json_incref(value);
	return 0;
}

static int judge_word(json_t **ret, struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, json_t *value)
{
	CLEANUP(json_decrefp) json_t *word = NULL;
	struct span words = span_of(row->limits);
	int r = judge_text(&word, judge, row, at, value);

	if (r < 0)
		return r;
	while (words.ptr != NULL) {
		if (span_is(span_trim(span_cut(&words, ',')), json_string_value(word))) {
			*ret = json_incref(word);
			return 0;
		}
	}
	return refuse_value(judge, at, "\"%s\" is not one of %s",
			    config_show(json_string_value(word)).text, row->limits);
}

static int judge_path(json_t **ret, struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, json_t *value)
{
	CLEANUP(json_decrefp) json_t *text = NULL;
	char path[PATH_MAX];
	int r = judge_text(&text, judge, row, at, value);
	bool relative = r == 0 && row->kind == CONFIG_HOST && json_string_value(text)[0] != '/';

	if (r < 0)
		return r;
	if (relative && judge->cwd[0] == '\0' &&
	    (getcwd(judge->cwd, sizeof(judge->cwd)) == NULL || judge->cwd[0] != '/')) {
		judge->cwd[0] = '\0';
		return refuse_value(judge, at, "a relative path, and the current folder is gone");
	}
	const char *fault = config_fold_path(path, row->kind == CONFIG_HOST ? judge->cwd : NULL,
					     json_string_value(text));
	if (fault != NULL)
		return refuse_text(judge, row, at, json_string_value(text), fault);
	*ret = json_string(path);
	return *ret != NULL ? 0 : -ENOMEM;
}

static int judge_bool(json_t **ret, struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, json_t *value)
{
	int r = judge_type(judge, row, at, value, json_is_boolean(value));

	if (r == 0)
		*ret = json_incref(value);
	return r;
}

static int judge_whole(json_t **ret, struct config_judge *judge, const struct config_row *row,
		       const struct config_at *at, json_t *value)
{
	int r = judge_type(judge, row, at, value, json_is_integer(value));
	json_int_t number = json_integer_value(value);

	if (r < 0)
		return r;
	if (number < row->min || number > row->max)
		return refuse_value(judge, at, "%lld is impossible: must be %s", (long long)number,
				    row->limits);
	*ret = json_incref(value);
	return 0;
}

static int judge_number(json_t **ret, struct config_judge *judge, const struct config_row *row,
			const struct config_at *at, json_t *value)
{
	int r = judge_type(judge, row, at, value, json_is_number(value));
	double number = json_number_value(value);

	if (r < 0)
		return r;
	if (!(number > 0 && number <= (double)row->max))
		return refuse_value(judge, at, "%g is impossible: must be %s", number, row->limits);
	*ret = json_incref(value);
	return 0;
}

static int judge_measure(json_t **ret, struct config_judge *judge, const struct config_row *row,
			 const struct config_at *at, json_t *value)
{
	uint64_t number = 0;

	if (!json_is_string(value))
		return judge_whole(ret, judge, row, at, value);
	if (strlen(json_string_value(value)) != json_string_length(value) ||
	    row->measure(&number, span_of(json_string_value(value))) < 0 ||
	    number < (uint64_t)row->min || number > (uint64_t)row->max)
		return refuse_value(judge, at, "\"%s\" is impossible: must be %s",
				    config_show(json_string_value(value)).text, row->limits);
	*ret = json_incref(value);
	return 0;
}

static int judge_list(json_t **ret, struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, json_t *value)
{
	struct config_row item = { .key = row->key, .kind = CONFIG_TEXT, .fault = row->fault };
	CLEANUP(json_decrefp) json_t *list = json_array();
	int r = judge_type(judge, row, at, value, json_is_array(value));

	if (r == 0 && list == NULL)
		return -ENOMEM;
	if (r == 0 && json_array_size(value) > (size_t)row->max)
		return refuse_key(judge, at, "more than %lld items", (long long)row->max);
	for (size_t i = 0; r == 0 && i < json_array_size(value); i++) {
		struct config_at here = { .up = at, .parent = value, .index = i };
		json_t *copy = NULL;

		r = judge_text(&copy, judge, &item, &here, json_array_get(value, i));
		if (r == 0 && json_array_append_new(list, copy) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		*ret = json_incref(list);
	return r;
}

static int judge_value(json_t **ret, struct config_judge *judge, const struct config_row *row,
		       const struct config_at *at, json_t *value);

/* judge_items() - a list of what the row below it says */
static int judge_items(json_t **ret, struct config_judge *judge, const struct config_row *row,
		       const struct config_at *at, json_t *value)
{
	const struct config_row *item = config_row_below(row, "");
	CLEANUP(json_decrefp) json_t *list = json_array();
	int r = judge_type(judge, row, at, value, json_is_array(value));

	if (r == 0 && list == NULL)
		return -ENOMEM;
	if (r == 0 && json_array_size(value) > (size_t)row->max)
		return refuse_key(judge, at, "more than %lld items", (long long)row->max);
	for (size_t i = 0; r == 0 && i < json_array_size(value); i++) {
		struct config_at here = { .up = at, .parent = value, .index = i };
		json_t *copy = NULL;

		r = judge_value(&copy, judge, item, &here, json_array_get(value, i));
		if (r == 0 && json_array_append_new(list, copy) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		*ret = json_incref(list);
	return r;
}

/* judge_mount_path() - fold the key at @at into @ret (PATH_MAX), and let nobody else mount there */
static int judge_mount_path(char *ret, struct config_judge *judge, const struct config_at *at)
{
	const char *fault = config_fold_path(ret, NULL, at->key);
	char place[CONFIG_PLACE_OCTETS];
	unsigned line = config_line(judge->source, at, CONFIG_SPOT_KEY);

	if (fault == NULL)
		fault = config_mount_fault(ret);
	if (fault != NULL)
		return refuse_key(judge, at, "%s", fault);
	const json_t *other = json_object_get(judge->mounted, ret);
	if (other != NULL)
		return refuse_key(judge, at, "the same path as %s", json_string_value(other));
	if (json_object_size(judge->mounted) >= CONFIG_MOUNTS_MAX)
		return refuse_key(judge, at, "more than %d mounts", CONFIG_MOUNTS_MAX);
	config_place(place, sizeof(place), at);
	json_t *mine = line > 0 ? json_sprintf("%s on line %u", place, line) : json_string(place);
	return json_object_set_new(judge->mounted, ret, mine) < 0 ? -ENOMEM : 0;
}

/* judge_member() - the key and value at @at, of the row @row, put into @copy */
static int judge_member(json_t *copy, struct config_judge *judge, const struct config_row *row,
			const struct config_at *at, json_t *value)
{
	CLEANUP(json_decrefp) json_t *mine = NULL;
	const char *fault = row->key_fault != NULL ? row->key_fault(at->key) : NULL;
	const char *key = at->key;
	char path[PATH_MAX];
	int r = 0;

	if (fault != NULL)
		return refuse_key(judge, at, "%s", fault);
	if (row->is_mount) {
		r = judge_mount_path(path, judge, at);
		key = path;
	}
	if (r == 0)
		r = judge_value(&mine, judge, row, at, value);
	if (r == 0 && !row->secret && json_object_set(copy, key, mine) < 0)
		r = -ENOMEM;
	return r;
}

static int refuse_unknown(struct config_judge *judge, const struct config_row *row,
			  const struct config_at *at)
{
	const char *meant = config_row_meant(row, at->key);

	if (meant == NULL)
		return refuse_key(judge, at, "unknown key");
	return refuse_key(judge, at, "unknown key; did you mean \"%s\"?", meant);
}

/* judge_presence() - are those keys there that must be, and those not that must not? */
static int judge_presence(struct config_judge *judge, const struct config_row *row,
			  const struct config_at *at, json_t *value)
{
	for (size_t i = 0; i < config_rows_len; i++) {
		const struct config_row *below = &config_rows[i];
		const char *name = config_row_name(below);
		struct config_at here = { .up = at, .parent = value, .key = name };

		if (!config_row_is_below(below, row))
			continue;
		const char *type = json_string_value(json_object_get(value, "type"));
		bool applies = below->only == NULL || strcmp(below->only, type) == 0;
		bool present = json_object_get(value, name) != NULL;
		if (present && !applies)
			return refuse_key(judge, &here,
					  "only a mount of type %s has it; this is %s", below->only,
					  type);
		if (!present && applies && below->required)
			return refuse_key(judge, at, "%s is missing", name);
	}
	return 0;
}

/* judge_keys() - a map or an object: every member by its row */
static int judge_keys(json_t **ret, struct config_judge *judge, const struct config_row *row,
		      const struct config_at *at, json_t *value)
{
	CLEANUP(json_decrefp) json_t *copy = json_object();
	struct config_at here = { .up = at, .parent = value };
	json_t *member = NULL;
	int r = judge_type(judge, row, at, value, json_is_object(value));

	if (r == 0 && copy == NULL)
		return -ENOMEM;
	if (r == 0 && row->kind == CONFIG_MAP && json_object_size(value) > (size_t)row->max)
		return refuse_key(judge, at, "more than %lld of them", (long long)row->max);
	if (r < 0)
		return r;
	json_object_foreach(value, here.key, member)
	{
		const struct config_row *below = config_row_below(row, here.key);

		r = below != NULL ? judge_member(copy, judge, below, &here, member)
				  : refuse_unknown(judge, row, &here);
		if (r < 0)
			return r;
	}
	if (row->kind == CONFIG_OBJECT)
		r = judge_presence(judge, row, at, value);
	if (r == 0)
		*ret = json_incref(copy);
	return r;
}

static bool is_too_deep(const struct config_at *at)
{
	int depth = 0;

	for (; at->up != NULL; at = at->up)
		depth++;
	return depth > MOUNT_DEPTH + CONFIG_OVERLAYS_MAX;
}

/* asks_nothing() - does @value ask only for what holds already? */
static bool asks_nothing(const json_t *value)
{
	return !json_is_string(value) && json_array_size(value) + json_object_size(value) == 0;
}

static int judge_value(json_t **ret, struct config_judge *judge, const struct config_row *row,
		       const struct config_at *at, json_t *value)
{
	static int (*const kinds[])(json_t **, struct config_judge *, const struct config_row *,
				    const struct config_at *, json_t *) = {
		[CONFIG_TEXT] = judge_text,     [CONFIG_WORD] = judge_word,
		[CONFIG_INSIDE] = judge_path,   [CONFIG_HOST] = judge_path,
		[CONFIG_BOOL] = judge_bool,     [CONFIG_WHOLE] = judge_whole,
		[CONFIG_NUMBER] = judge_number, [CONFIG_MEASURE] = judge_measure,
		[CONFIG_LIST] = judge_list,     [CONFIG_ITEMS] = judge_items,
		[CONFIG_MAP] = judge_keys,      [CONFIG_OBJECT] = judge_keys,
	};
	CLEANUP(json_decrefp) json_t *copy = NULL;

	if (row->like != NULL && is_too_deep(at))
		return refuse_key(judge, at, "overlays nested more than %d deep",
				  CONFIG_OVERLAYS_MAX);
	int r = kinds[row->kind](&copy, judge, row, at, value);
	if (r == 0 && row->also != NULL)
		r = row->also(judge, at, value);
	if (r == 0 && row->later != NULL && !asks_nothing(value))
		config_judge_later(judge, at, "", row->later);
	if (r == 0)
		*ret = json_incref(copy);
	return r;
}

int config_judge_tree(json_t **ret, json_t *tree, const struct config_source *source,
		      struct diag *diag)
{
	struct config_judge judge = { .source = source, .diag = diag, .mounted = json_object() };
	CLEANUP(json_decrefp) json_t *copy = NULL;
	struct config_at root = { 0 };
	int r =
	    judge.mounted == NULL ? -ENOMEM : judge_value(&copy, &judge, &config_root, &root, tree);

	json_decref(judge.mounted);
	if (r == 0 && judge.later.why[0] != '\0') {
		*diag = judge.later;
		return -ENOTSUP;
	}
	if (r == 0)
		*ret = json_incref(copy);
	return r;
}
