// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: two signs. A rule's head that the engine's coverage does not count, which goes by lines: of
 * a rule in one line it counts the body that was tried. And a name that is written out (`"rule": "NAME"`) and that no
 * decision had; "default" is not among these, as it is well if that is never needed.
 */
#include <errno.h>
#include <jansson.h>

#include "cli/replay.h"

/* is_head() - does a rule that may hold or not begin on that line? */
static bool is_head(struct span line)
{
	const bool begins = line.len > 0 && ((line.ptr[0] >= 'a' && line.ptr[0] <= 'z') ||
					     (line.ptr[0] >= 'A' && line.ptr[0] <= 'Z'));

	return begins && memmem(line.ptr, line.len, " if", 3) != NULL;
}

static bool has(const json_t *lines, unsigned line)
{
	for (size_t i = 0; i < json_array_size(lines); i++)
		if (json_integer_value(json_array_get(lines, i)) == (json_int_t)line)
			return true;
	return false;
}

/* is_unnamed() - does it name a rule by which nothing was decided? */
static bool is_unnamed(const struct replay *replay, struct span line)
{
	static const char key[] = "\"rule\": \"";
	const char *at = line.len > 0 ? memmem(line.ptr, line.len, key, sizeof(key) - 1) : NULL;

	if (at == NULL || line.ptr[0] == '#')
		return false;
	struct span rest = span_drop(line, (size_t)(at - line.ptr) + sizeof(key) - 1);
	const struct span name = span_cut(&rest, '"');
	if (rest.ptr == NULL || span_is(name, "default"))
		return false;
	for (size_t i = 0; i < replay->rules_len; i++)
		if (span_is(name, replay->rules[i].name))
			return false;
	return true;
}

/* lines_of() - of the module @name, that were not covered */
static const json_t *lines_of(const json_t *coverage, struct span name)
{
	const json_t *files = json_object_get(coverage, "files");

	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *file = json_array_get(files, i);
		const char *path = json_string_value(json_object_get(file, "path"));

		if (path != NULL && span_is(name, path))
			return json_object_get(file, "not_covered");
	}
	return NULL;
}

int replay_unfired(struct replay *replay,
		   int (*each)(void *context, struct span file, unsigned line, struct span text),
		   void *context)
{
	struct replay_policy *policy = &replay->policies[replay->policies_len - 1];
	struct rego_text text = { 0 };
	struct rego_error error = { 0 };
	struct judge_part part;
	int r = rego_coverage(&text, policy->judge.rego, &error);
	json_t *coverage = r == 0 ? json_loadb(text.ptr, text.octets, 0, NULL) : NULL;

	rego_text_free(&text);
	if (coverage == NULL)
		return r < 0 ? r : -ENOMEM;
	for (struct span load = policy->load; r == 0 && load.len > 0;) {
		r = judge_part_take(&part, &load);
		if (r < 0 || part.kind != JUDGE_MODULE)
			continue;
		const json_t *lines = lines_of(coverage, part.name);
		unsigned number = 1;
		for (struct span rest = part.octets; r == 0 && rest.ptr != NULL; number++) {
			struct span line = span_cut(&rest, '\n');

			if ((is_head(line) && has(lines, number)) || is_unnamed(replay, line))
				r = each(context, part.name, number, line);
		}
	}
	json_decref(coverage);
	return r;
}
