// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: libyaml turns the text into events, and one function per kind of value turns
 * events into jansson values, recursing no deeper than CONFIG_DEPTH_MAX. Only the part of YAML that
 * JSON has is taken, so that a file cannot mean something else than it seems to: no anchors,
 * aliases, merge keys or tags, one document, and plain words are what YAML 1.2's JSON schema says
 * (section 10.2), not what YAML 1.1 says: "no" and "0755" are texts. Duplicate keys are refused.
 *
 * Every function that returns a value through @ret hands over a reference; every refusal fills
 * y->diag and returns -EINVAL.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <yaml.h>

#include "config/config_priv.h"

struct yaml {
	yaml_parser_t parser;
	struct span text;
	struct config_source *source; /* owned until load_yaml() hands it over */
	struct diag *diag;
};

#define CLEANUP_EVENT CLEANUP(yaml_event_delete)

static unsigned line_of(yaml_mark_t mark)
{
	return mark.line < UINT_MAX ? (unsigned)mark.line + 1 : UINT_MAX;
}

/* line_at() - the line of octet @offset, for libyaml's reader, which counts no lines */
static unsigned line_at(struct span text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < text.len && i < offset; i++)
		line += text.ptr[i] == '\n';
	return line;
}

/* is_tab_indented() - a tab among the blanks that start @line? The mistake behind most bad YAML. */
static bool is_tab_indented(struct span text, unsigned line)
{
	struct span row = { 0 };

	for (unsigned i = 0; i < line && text.ptr != NULL; i++)
		row = span_cut(&text, '\n');
	while (row.len > 0 && row.ptr[0] == ' ')
		row = span_drop(row, 1);
	return row.len > 0 && row.ptr[0] == '\t';
}

static int refuse_syntax(struct yaml *y)
{
	const yaml_parser_t *p = &y->parser;
	const char *problem = p->problem != NULL ? p->problem : "malformed";
	unsigned line = line_of(p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR)
		return config_refuse(y->diag, -EINVAL, y->source,
				     line_at(y->text, p->problem_offset), NULL,
				     "not plain UTF-8 text: %s", problem);
	if (is_tab_indented(y->text, line))
		return config_refuse(y->diag, -EINVAL, y->source, line, NULL,
				     "not YAML: indented with a tab; use spaces");
	if (p->context == NULL)
		return config_refuse(y->diag, -EINVAL, y->source, line, NULL, "not YAML: %s",
				     problem);
	return config_refuse(y->diag, -EINVAL, y->source, line, NULL,
			     "not YAML: %s (%s that starts on line %u)", problem, p->context,
			     line_of(p->context_mark));
}

static int next_event(yaml_event_t *ret, struct yaml *y)
{
	return yaml_parser_parse(&y->parser, ret) ? 0 : refuse_syntax(y);
}

/* The grammar of JSON's numbers, RFC 8259 section 6, which is YAML's JSON schema too. */
enum number { NUMBER_NONE, NUMBER_WHOLE, NUMBER_REAL };

static size_t count_digits(struct span s)
{
	size_t n = 0;

	while (n < s.len && isdigit((unsigned char)s.ptr[n]))
		n++;
	return n;
}

static enum number number_shape(struct span s)
{
	enum number shape = NUMBER_WHOLE;

	if (s.len > 0 && s.ptr[0] == '-')
		s = span_drop(s, 1);
	size_t digits = count_digits(s);
	if (digits == 0 || (digits > 1 && s.ptr[0] == '0'))
		return NUMBER_NONE;
	s = span_drop(s, digits);
	if (s.len > 0 && s.ptr[0] == '.') {
		digits = count_digits(span_drop(s, 1));
		if (digits == 0)
			return NUMBER_NONE;
		s = span_drop(s, 1 + digits);
		shape = NUMBER_REAL;
	}
	if (s.len > 0 && (s.ptr[0] == 'e' || s.ptr[0] == 'E')) {
		bool sign = s.len > 1 && (s.ptr[1] == '+' || s.ptr[1] == '-');

		digits = count_digits(span_drop(s, sign ? 2 : 1));
		if (digits == 0)
			return NUMBER_NONE;
		s = span_drop(s, (sign ? 2 : 1) + digits);
		shape = NUMBER_REAL;
	}
	return s.len == 0 ? shape : NUMBER_NONE;
}

/* read_number() - @text is NUL-terminated by libyaml and of that @shape */
static int read_number(json_t **ret, struct yaml *y, const struct config_at *at, unsigned line,
		       const char *text, enum number shape)
{
	errno = 0;
	if (shape == NUMBER_WHOLE) {
		long long whole = strtoll(text, NULL, 10);

		if (errno == 0)
			*ret = json_integer(whole);
	} else {
		double real = strtod(text, NULL);

		errno = isfinite(real) ? 0 : ERANGE;
		if (errno == 0)
			*ret = json_real(real);
	}
	if (errno != 0)
		return config_refuse(y->diag, -EINVAL, y->source, line, at,
				     "number too large; if it is text, put it in quotes");
	return *ret != NULL ? 0 : -ENOMEM;
}

static int read_scalar(json_t **ret, struct yaml *y, const struct config_at *at,
		       const yaml_event_t *event)
{
	struct span text = { (const char *)event->data.scalar.value, event->data.scalar.length };
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	enum number shape = plain ? number_shape(text) : NUMBER_NONE;
	unsigned line = line_of(event->start_mark);

	if (memchr(text.ptr, '\0', text.len) != NULL)
		return config_refuse(y->diag, -EINVAL, y->source, line, at,
				     "holds a NUL character");
	if (shape != NUMBER_NONE)
		return read_number(ret, y, at, line, text.ptr, shape);
	if (plain && (text.len == 0 || span_is(text, "null") || span_is(text, "~")))
		*ret = json_null();
	else if (plain && (span_is(text, "true") || span_is(text, "false")))
		*ret = json_boolean(text.len == 4);
	else
		*ret = json_stringn(text.ptr, text.len);
	return *ret != NULL ? 0 : -ENOMEM;
}

/* refuse_extras() - Return: 0, or -EINVAL for what JSON has no word for */
static int refuse_extras(struct yaml *y, const struct config_at *at, const yaml_event_t *event)
{
	bool anchor = false, tag = false;
	const char *what = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor != NULL;
		tag = event->data.scalar.tag != NULL;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor != NULL;
		tag = event->data.sequence_start.tag != NULL;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor != NULL;
		tag = event->data.mapping_start.tag != NULL;
	}
	what = event->type == YAML_ALIAS_EVENT ? "an alias (*name)"
	       : anchor                        ? "an anchor (&name)"
	       : tag                           ? "a tag (!name)"
					       : NULL;
	if (what == NULL)
		return 0;
	return config_refuse(y->diag, -EINVAL, y->source, line_of(event->start_mark), at,
			     "%s is not allowed here: write the value out, in quotes if it is text",
			     what);
}

static int read_value(json_t **ret, struct yaml *y, const struct config_at *at, unsigned depth,
		      const yaml_event_t *event);

static int mark_value(struct yaml *y, const struct config_at *at, json_t *value, unsigned key_line,
		      unsigned line)
{
	int r = config_source_mark(y->source, at, value, key_line, line);

	if (r == -E2BIG)
		return config_refuse(y->diag, -EINVAL, y->source, line, NULL,
				     "more than %d values, too many for settings",
				     CONFIG_NODES_MAX);
	return r;
}

static int read_list(json_t **ret, struct yaml *y, const struct config_at *at, unsigned depth)
{
	CLEANUP(json_decrefp) json_t *list = json_array();
	int r = list != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0; i++) {
		CLEANUP_EVENT yaml_event_t event = { 0 };
		CLEANUP(json_decrefp) json_t *item = NULL;
		struct config_at here = { .up = at, .parent = list, .index = i };

		r = next_event(&event, y);
		if (r == 0 && event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (r == 0)
			r = read_value(&item, y, &here, depth, &event);
		if (r == 0 && json_array_append(list, item) < 0)
			r = -ENOMEM;
		if (r == 0)
			r = mark_value(y, &here, item, line_of(event.start_mark),
				       line_of(event.start_mark));
	}
	if (r < 0)
		return r;
	*ret = json_incref(list);
	return 0;
}

/* key_fault() - what is wrong with the key that @event is, or NULL */
static const char *key_fault(const yaml_event_t *event)
{
	struct span text = { (const char *)event->data.scalar.value, event->data.scalar.length };

	if (event->type != YAML_SCALAR_EVENT)
		return "a key must be text";
	if (text.len == 0)
		return "a key is missing before the \":\"";
	if (memchr(text.ptr, '\0', text.len) != NULL)
		return "a key holds a NUL character";
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && span_is(text, "<<"))
		return "a merge key (<<) is not allowed here: write the values out";
	return NULL;
}

static int check_key(struct yaml *y, const struct config_at *at, const struct config_at *here,
		     const yaml_event_t *event)
{
	unsigned line = line_of(event->start_mark);
	int r = refuse_extras(y, at, event);
	const char *fault = r == 0 ? key_fault(event) : NULL;

	if (r < 0)
		return r;
	if (fault != NULL)
		return config_refuse(y->diag, -EINVAL, y->source, line, at, "%s", fault);
	if (json_object_get(here->parent, here->key) != NULL)
		return config_refuse(y->diag, -EINVAL, y->source, line, here,
				     "duplicate key; it was given on line %u already",
				     config_line(y->source, here, CONFIG_SPOT_KEY));
	return 0;
}

/* read_pair() - Return: 1: put one more key into @map; 0: the mapping ends; -errno */
static int read_pair(json_t *map, struct yaml *y, const struct config_at *at, unsigned depth)
{
	CLEANUP_EVENT yaml_event_t name = { 0 };
	CLEANUP_EVENT yaml_event_t event = { 0 };
	CLEANUP(json_decrefp) json_t *value = NULL;
	struct config_at here = { .up = at, .parent = map };
	int r = next_event(&name, y);

	if (r == 0 && name.type == YAML_MAPPING_END_EVENT)
		return 0;
	if (r == 0) {
		if (name.type == YAML_SCALAR_EVENT)
			here.key = (const char *)name.data.scalar.value;
		r = check_key(y, at, &here, &name);
	}
	if (r == 0)
		r = next_event(&event, y);
	if (r == 0)
		r = read_value(&value, y, &here, depth, &event);
	if (r == 0 && json_object_set(map, here.key, value) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = mark_value(y, &here, value, line_of(name.start_mark),
			       line_of(event.start_mark));
	return r < 0 ? r : 1;
}

static int read_map(json_t **ret, struct yaml *y, const struct config_at *at, unsigned depth)
{
	CLEANUP(json_decrefp) json_t *map = json_object();
	int r = map != NULL ? 1 : -ENOMEM;

	while (r > 0)
		r = read_pair(map, y, at, depth);
	if (r < 0)
		return r;
	*ret = json_incref(map);
	return 0;
}

static int read_value(json_t **ret, struct yaml *y, const struct config_at *at, unsigned depth,
		      const yaml_event_t *event)
{
	int r = refuse_extras(y, at, event);

	if (r < 0)
		return r;
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(ret, y, at, event);
	if (depth >= CONFIG_DEPTH_MAX)
		return config_refuse(y->diag, -EINVAL, y->source, line_of(event->start_mark), NULL,
				     "nested more than %d deep", CONFIG_DEPTH_MAX);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return read_list(ret, y, at, depth + 1);
	return read_map(ret, y, at, depth + 1);
}

/* expect() - Return: 1: the next event is of @type; 0: another; -errno */
static int expect(struct yaml *y, yaml_event_type_t type, unsigned *ret_line)
{
	CLEANUP_EVENT yaml_event_t event = { 0 };
	int r = next_event(&event, y);

	*ret_line = line_of(event.start_mark);
	return r < 0 ? r : event.type == type;
}

/* read_root() - the value of the document that has begun; an empty one holds no settings */
static int read_root(json_t **ret, struct yaml *y)
{
	CLEANUP_EVENT yaml_event_t event = { 0 };
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct config_at at = { 0 };
	int r = next_event(&event, y);

	if (r == 0)
		r = read_value(&root, y, &at, 0, &event);
	if (r == 0 && json_is_null(root)) {
		root = json_object();
		r = root != NULL ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = mark_value(y, &at, root, line_of(event.start_mark), line_of(event.start_mark));
	if (r < 0)
		return r;
	*ret = json_incref(root);
	return 0;
}

/* read_stream() - the whole text: one document, or nothing but comments, which sets nothing */
static int read_stream(json_t **ret, struct yaml *y)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	unsigned line = 1;
	int r = expect(y, YAML_STREAM_START_EVENT, &line);

	if (r > 0)
		r = expect(y, YAML_DOCUMENT_START_EVENT, &line);
	if (r == 0) {
		*ret = json_object();
		return *ret != NULL ? 0 : -ENOMEM;
	}
	if (r > 0)
		r = read_root(&root, y);
	if (r == 0)
		r = expect(y, YAML_DOCUMENT_END_EVENT, &line);
	if (r > 0)
		r = expect(y, YAML_STREAM_END_EVENT, &line);
	if (r == 0)
		return config_refuse(y->diag, -EINVAL, y->source, line, NULL,
				     "a second document (---): settings are one document");
	if (r < 0)
		return r;
	*ret = json_incref(root);
	return 0;
}

int config_load_yaml(json_t **ret_tree, struct config_source **ret_source, struct span text,
		     const char *name, struct diag *diag)
{
	struct yaml y = { .text = text, .diag = diag };
	int r = config_source_new(&y.source, name);

	if (r < 0)
		return r;
	if (text.len > CONFIG_FILE_OCTETS_MAX)
		r = config_refuse(diag, -EINVAL, y.source, 1, NULL, "larger than 1 MiB");
	else if (!yaml_parser_initialize(&y.parser))
		r = -ENOMEM;
	if (r < 0) {
		config_source_free(y.source);
		return r;
	}
	yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)text.ptr, text.len);
	r = read_stream(ret_tree, &y);
	yaml_parser_delete(&y.parser);
	if (r < 0)
		config_source_free(y.source);
	else
		*ret_source = y.source;
	return r;
}
