// SPDX-License-Identifier: Apache-2.0
/*
 * Input: path and query. Properties: the one form is its own one form; it holds no empty segment
 * and none of dots, nothing encoded that needs no encoding, and fits its room.
 */
#include "wire/http1_path.h"

#include "wire/http1_fuzz.h"

static bool is_dots(struct span s)
{
	return span_is(s, ".") || span_is(s, "..");
}

static void must_be_plain(struct span path)
{
	must(path.len > 0 && path.ptr[0] == '/');
	for (size_t i = 0; i < path.len; i++)
		must(path.ptr[i] > ' ' && path.ptr[i] < 0x7f &&
		     strchr("\\#?\"<>", path.ptr[i]) == NULL);
	path = span_drop(path, 1);
	while (path.ptr != NULL) {
		struct span segment = span_cut(&path, '/');
		struct span rest = segment;
		struct span stem = span_cut(&rest, ';');

		must(segment.len > 0 || path.ptr == NULL);
		must(!is_dots(stem) && (stem.len > 0 || segment.len == 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = { (const char *)data, size };
	struct http1_path path, again;
	char *copy = exact_copy(input), *room = malloc(size + 1);

	must(room != NULL);
	input.ptr = copy;
	if (http1_path_read(&path, room, input)) {
		char *second = malloc(path.text.len + 1);

		must(second != NULL && path.text.len <= size + 1);
		must_be_plain(path.path);
		must(http1_path_read(&again, second, path.text));
		must(same(path.text, again.text) && same(path.path, again.path));
		must(path.parameters == again.parameters);
		free(second);
	}
	free(room);
	free(copy);
	return 0;
}
