// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: jansson judges the text and builds the tree, but keeps no lines. As it takes
 * only RFC 8259 and no duplicate key, and its objects keep their order, the tree tells exactly
 * which tokens the text holds: a second, trusting pass walks both side by side and notes the lines.
 * The cursor never passes the end, so a mistake here could only misname a line.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/json_heap.h"
#include "config/config_priv.h"

struct cursor {
	struct span rest;
	unsigned line;
};

/* skip_blanks() - to the next token; a comma or colon before it is none */
static void skip_blanks(struct cursor *c)
{
	while (c->rest.len > 0 && memchr(" \t\r\n,:", c->rest.ptr[0], 6) != NULL) {
		c->line += c->rest.ptr[0] == '\n';
		c->rest = span_drop(c->rest, 1);
	}
}

static void skip_octet(struct cursor *c)
{
	if (c->rest.len > 0)
		c->rest = span_drop(c->rest, 1);
}

static void skip_string(struct cursor *c)
{
	skip_octet(c);
	while (c->rest.len > 0 && c->rest.ptr[0] != '"') {
		if (c->rest.ptr[0] == '\\')
			skip_octet(c);
		skip_octet(c);
	}
	skip_octet(c);
}

static void skip_scalar(struct cursor *c)
{
	if (c->rest.len > 0 && c->rest.ptr[0] == '"') {
		skip_string(c);
		return;
	}
	while (c->rest.len > 0 && memchr(" \t\r\n,]}", c->rest.ptr[0], 7) == NULL)
		skip_octet(c);
}

static int mark_below(struct config_source *source, struct cursor *c, const struct config_at *at,
		      json_t *value, unsigned depth);

/* mark_one() - the value the cursor is at, and what is below it; @key_line 0: its own line */
static int mark_one(struct config_source *source, struct cursor *c, const struct config_at *at,
		    json_t *value, unsigned key_line, unsigned depth)
{
	skip_blanks(c);
	int r = config_source_mark(source, at, value, key_line > 0 ? key_line : c->line, c->line);

	return r < 0 ? r : mark_below(source, c, at, value, depth);
}

static int mark_below(struct config_source *source, struct cursor *c, const struct config_at *at,
		      json_t *value, unsigned depth)
{
	struct config_at here = { .up = at, .parent = value };
	json_t *item = NULL;
	int r = 0;

	if (!json_is_object(value) && !json_is_array(value)) {
		skip_scalar(c);
		return 0;
	}
	if (depth >= CONFIG_DEPTH_MAX)
		return -ELOOP;
	skip_octet(c);
	for (here.index = 0; r == 0 && here.index < json_array_size(value); here.index++) {
		item = json_array_get(value, here.index);
		r = mark_one(source, c, &here, item, 0, depth + 1);
	}
	here.index = 0;
	if (json_is_object(value)) {
		json_object_foreach(value, here.key, item)
		{
			skip_blanks(c);
			unsigned line = c->line;
			skip_string(c);
			if (r == 0)
				r = mark_one(source, c, &here, item, line, depth + 1);
		}
	}
	skip_blanks(c);
	skip_octet(c);
	return r;
}

/* refuse_syntax() - jansson's words without what is near: that may be the value of a secret */
static int refuse_syntax(struct config_source *source, json_error_t *error, struct diag *diag)
{
	char *near = strstr(error->text, " near ");
	unsigned line = error->line > 0 ? (unsigned)error->line : 1;

	/* out of memory, jansson names no reason, or blames the token it was at */
	if (error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory)
		return -ENOMEM;
	if (near != NULL)
		*near = '\0';
	return config_refuse(diag, -EINVAL, source, line, NULL, "not JSON: %s, column %d",
			     error->text, error->column);
}

static int read_json(json_t **ret, struct config_source *source, struct span text,
		     struct diag *diag)
{
	struct cursor c = { text, 1 };
	struct config_at root = { 0 };
	json_error_t error = { 0 };
	unsigned long failures = json_heap_failures();
	json_t *tree = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);

	if (json_heap_failures() != failures) { /* it may be a part only */
		json_decref(tree);
		return diag_set(diag, -ENOMEM, "out of memory");
	}

	if (tree == NULL)
		return refuse_syntax(source, &error, diag);
	int r = mark_one(source, &c, &root, tree, 0, 0);
	if (r == -ELOOP)
		r = config_refuse(diag, -EINVAL, source, c.line, NULL, "nested more than %d deep",
				  CONFIG_DEPTH_MAX);
	else if (r == -E2BIG)
		r = config_refuse(diag, -EINVAL, source, c.line, NULL,
				  "more than %d values, too many for settings", CONFIG_NODES_MAX);
	if (r == 0)
		*ret = json_incref(tree);
	json_decref(tree);
	return r;
}

int config_load_json(json_t **ret_tree, struct config_source **ret_source, struct span text,
		     const char *name, struct diag *diag)
{
	struct config_source *source = NULL;
	int r = config_source_new(&source, name);

	if (r < 0)
		return r;
	if (text.len > CONFIG_FILE_OCTETS_MAX)
		r = config_refuse(diag, -EINVAL, source, 1, NULL, "larger than 1 MiB");
	else
		r = read_json(ret_tree, source, text, diag);
	if (r < 0)
		config_source_free(source);
	else
		*ret_source = source;
	return r;
}
