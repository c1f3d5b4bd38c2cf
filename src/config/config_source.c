// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a loader marks each value with its container, its key and its lines. Marks
 * hold references, so an address stands for the same value as long as the source lives; a value a
 * flag replaced is no longer the one marked, and its errors do not blame the file. Lines are wanted
 * once, for the one error that ends the reading: a plain list does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/fd.h"
#include "config/config_priv.h"

enum { NAME_OCTETS = 120 };

struct mark {
	json_t *parent; /* owned reference; NULL: the root */
	char *key;      /* owned; NULL: an item of a list, or the root */
	size_t index;
	json_t *value; /* owned reference */
	unsigned key_line, value_line;
};

struct config_source {
	char name[NAME_OCTETS];
	size_t len, capacity;
	struct mark *marks;
};

int config_source_new(struct config_source **ret, const char *name)
{
	struct config_source *source = calloc(1, sizeof(*source));
	struct span shown = span_of(name);

	if (source == NULL)
		return -ENOMEM;
	/* the end of a long path says more than its beginning */
	if (shown.len >= sizeof(source->name))
		shown = span_drop(shown, shown.len - sizeof(source->name) + 1);
	config_escape(source->name, sizeof(source->name), shown);
	*ret = source;
	return 0;
}

void config_source_free(struct config_source *source)
{
	if (source == NULL)
		return;
	for (size_t i = 0; i < source->len; i++) {
		json_decref(source->marks[i].parent);
		json_decref(source->marks[i].value);
		free(source->marks[i].key);
	}
	free(source->marks);
	free(source);
}

static int source_grow(struct config_source *source)
{
	size_t capacity = source->capacity > 0 ? 2 * source->capacity : 64;
	struct mark *marks = reallocarray(source->marks, capacity, sizeof(*marks));

	if (marks == NULL)
		return -ENOMEM;
	source->marks = marks;
	source->capacity = capacity;
	return 0;
}

int config_source_mark(struct config_source *source, const struct config_at *at, json_t *value,
		       unsigned key_line, unsigned value_line)
{
	char *key = NULL;
	int r = 0;

	if (source->len >= CONFIG_NODES_MAX)
		return -E2BIG;
	if (source->len == source->capacity)
		r = source_grow(source);
	if (r < 0)
		return r;
	if (at->key != NULL && (key = strdup(at->key)) == NULL)
		return -ENOMEM;
	source->marks[source->len++] = (struct mark){
		.parent = json_incref(at->parent),
		.key = key,
		.index = at->index,
		.value = json_incref(value),
		.key_line = key_line,
		.value_line = value_line,
	};
	return 0;
}

static bool is_marked_at(const struct mark *mark, const struct config_at *at)
{
	if (mark->parent != at->parent || mark->index != at->index)
		return false;
	return mark->key == NULL || at->key == NULL ? mark->key == at->key
						    : strcmp(mark->key, at->key) == 0;
}

static const json_t *value_at(const struct config_at *at, const struct mark *mark)
{
	if (at->parent == NULL)
		return mark->value;
	return at->key != NULL ? json_object_get(at->parent, at->key)
			       : json_array_get(at->parent, at->index);
}

unsigned config_line(const struct config_source *source, const struct config_at *at,
		     enum config_spot spot)
{
	if (source == NULL)
		return 0;
	for (size_t i = 0; i < source->len; i++) {
		const struct mark *mark = &source->marks[i];

		if (is_marked_at(mark, at) && value_at(at, mark) == mark->value)
			return spot == CONFIG_SPOT_KEY ? mark->key_line : mark->value_line;
	}
	return 0;
}

size_t config_place(char *ret, size_t size, const struct config_at *at)
{
	size_t len = at->up != NULL ? config_place(ret, size, at->up) : 0;

	if (at->parent == NULL || len + 1 >= size)
		return len;
	if (at->key == NULL) {
		int n = snprintf(ret + len, size - len, "[%zu]", at->index);

		return n > 0 && (size_t)n < size - len ? len + (size_t)n : size - 1;
	}
	if (len > 0)
		ret[len++] = '.';
	size_t room = size - len < CONFIG_SHOWN_OCTETS ? size - len : CONFIG_SHOWN_OCTETS;
	return len + config_escape(ret + len, room, span_of(at->key));
}

int config_refuse(struct diag *diag, int error, const struct config_source *source, unsigned line,
		  const struct config_at *at, const char *format, ...)
{
	char file[NAME_OCTETS + 16] = "";
	char place[CONFIG_PLACE_OCTETS] = "";
	char why[DIAG_OCTETS];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (source != NULL && line > 0)
		snprintf(file, sizeof(file), "%s:%u: ", source->name, line);
	size_t len = at != NULL ? config_place(place, sizeof(place), at) : 0;
	diag->line = line;
	return diag_set(diag, error, "%s%s%s%s", file, place, len > 0 ? ": " : "", why);
}

static int read_text(char **ret, size_t *ret_len, const char *path, struct diag *diag)
{
	int r = fd_read_file(ret, ret_len, AT_FDCWD, path, CONFIG_FILE_OCTETS_MAX);
	const char *why = r == -EFBIG    ? "larger than 1 MiB, too large for settings"
			  : r == -EINVAL ? "not a regular file"
					 : strerrordesc_np(-r);

	if (r == 0)
		return 0;
	diag->line = 0;
	return diag_set(diag, r, "%s: cannot read the settings: %s", config_show(path).text, why);
}

int config_load_file(json_t **ret_tree, struct config_source **ret_source, const char *path,
		     struct diag *diag)
{
	size_t len = 0, path_len = strlen(path);
	char *text = NULL;
	int r = read_text(&text, &len, path, diag);
	bool json = path_len >= 5 && strcmp(path + path_len - 5, ".json") == 0;

	if (r < 0)
		return r;
	r = (json ? config_load_json : config_load_yaml)(ret_tree, ret_source,
							 (struct span){ text, len }, path, diag);
	free(text);
	return r;
}
