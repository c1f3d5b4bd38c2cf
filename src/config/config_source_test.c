// SPDX-License-Identifier: Apache-2.0
/* Files, and the lines that errors name: also after flags were laid over what the file said. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "config/config_priv.h"

/* Both hold the same, with each key and value on a line of its own. */
static const char yaml_text[] =
    "image:\n  standard\n\nresources:\n  cpus:\n    2\nallow_degraded:\n"
    "  - a\n  - b\n";
static const char json_text[] =
    "{\n\"image\": \"standard\",\n\n\n\"x\\\"y\": {\n  \"cpus\"\n:\n2}, \"l\":\n[\n1,\n"
    "\"],{\"\n,[],{}, -1.5e3]\n}\n";

struct place {
	const char *key, *below; /* below: NULL for the value of key itself */
	size_t index;
	unsigned key_line, value_line;
};

static void check_lines(json_t *tree, const struct config_source *source, const struct place *rows,
			size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct config_at root = { 0 };
		struct config_at at = { .up = &root, .parent = tree, .key = rows[i].key };
		json_t *value = json_object_get(tree, rows[i].key);
		struct config_at below = {
			.up = &at, .parent = value, .key = rows[i].below, .index = rows[i].index
		};
		bool item = json_is_array(value) && rows[i].index > 0;

		if (item)
			below.index--;
		if (rows[i].below != NULL || item)
			at = below;
		unsigned key_line = config_line(source, &at, CONFIG_SPOT_KEY);
		unsigned value_line = config_line(source, &at, CONFIG_SPOT_VALUE);
		CHECK(key_line == rows[i].key_line, "row %zu: key on %u", i, key_line);
		CHECK(value_line == rows[i].value_line, "row %zu: value on %u", i, value_line);
	}
}

static void test_lines(void)
{
	static const struct place yaml_rows[] = {
		{ "image", NULL, 0, 1, 2 },          { "resources", NULL, 0, 4, 5 },
		{ "resources", "cpus", 0, 5, 6 },    { "allow_degraded", NULL, 0, 7, 8 },
		{ "allow_degraded", NULL, 1, 8, 8 }, { "allow_degraded", NULL, 2, 9, 9 },
		{ "user", NULL, 0, 0, 0 },
	};
	static const struct place json_rows[] = {
		{ "image", NULL, 0, 2, 2 }, { "x\"y", NULL, 0, 5, 5 }, { "x\"y", "cpus", 0, 6, 8 },
		{ "l", NULL, 0, 8, 9 },     { "l", NULL, 1, 10, 10 },  { "l", NULL, 2, 11, 11 },
		{ "l", NULL, 5, 12, 12 },   { "l", NULL, 6, 0, 0 },
	};
	const struct {
		int (*load)(json_t **, struct config_source **, struct span, const char *,
			    struct diag *);
		const char *text;
		const struct place *rows;
		size_t len;
	} rows[] = {
		{ config_load_yaml, yaml_text, yaml_rows, ARRAY_SIZE(yaml_rows) },
		{ config_load_json, json_text, json_rows, ARRAY_SIZE(json_rows) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(config_source_freep) struct config_source *source = NULL;
		struct diag diag = { 0 };
		json_t *tree = NULL;
		int r = rows[i].load(&tree, &source, span_of(rows[i].text), "x", &diag);

		CHECK(r == 0, "%s", diag.why);
		if (r == 0)
			check_lines(tree, source, rows[i].rows, rows[i].len);
		json_decref(tree);
	}
}

static void test_flag_over_file(void)
{
	const struct {
		const char *key;
		int value;
		int want;
		const char *why;
	} rows[] = {
		{ NULL, 0, -EINVAL, "f.yaml:2: resources.cpus: 0 is impossible" },
		{ "resources.cpus", -1, -EINVAL, "resources.cpus: -1 is impossible" },
		{ "resources.cpus", 1, -EINVAL, "f.yaml:3: user: -5 is impossible" },
		{ "user", 0, 0, "" },
		{ "resources.disk_mb", 0, -EINVAL, "resources.disk_mb: 0 is impossible" },
		{ "resources.dsk_mb", 1, -EINVAL, "resources.disk_mb: 0 is impossible" },
		{ "resources.disk_mb", 1, -EINVAL, "resources.dsk_mb: unknown key" },
	};
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	CLEANUP(json_decrefp) json_t *tree = NULL;
	struct diag diag = { 0 };
	int r = config_load_yaml(&tree, &source, SPAN("resources:\n  cpus: 0\nuser: -5"), "f.yaml",
				 &diag);

	CHECK(r == 0, "%s", diag.why);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		CLEANUP(config_freep) struct config *config = NULL;

		if (rows[i].key != NULL)
			CHECK(config_set(tree, rows[i].key, NULL, json_integer(rows[i].value)) == 0,
			      "row %zu", i);
		diag = (struct diag){ 0 };
		int got = config_read(&config, tree, source, &diag);
		CHECK(got == rows[i].want, "row %zu: %d", i, got);
		CHECK(strncmp(diag.why, rows[i].why, strlen(rows[i].why)) == 0, "row %zu: %s", i,
		      diag.why);
	}
}

/* The address of a value that is gone must not be taken for the one that had it before. */
static void test_address_reuse(void)
{
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	CLEANUP(json_decrefp) json_t *tree = NULL;
	struct diag diag = { 0 };
	int r = config_load_yaml(&tree, &source, SPAN("user: -1"), "f.yaml", &diag);

	CHECK(r == 0, "%s", diag.why);
	for (int i = 0; r == 0 && i < 100; i++) {
		struct config *config = NULL;

		CHECK(config_set(tree, "user", NULL, json_integer(-2)) == 0, "%d", i);
		CHECK(config_read(&config, tree, source, &diag) == -EINVAL, "%d", i);
		CHECK(strncmp(diag.why, "user: -2", 8) == 0, "%s", diag.why);
	}
}

static int load(const char *path, struct diag *diag)
{
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	CLEANUP(json_decrefp) json_t *tree = NULL;
	CLEANUP(config_freep) struct config *config = NULL;
	int r = config_load_file(&tree, &source, path, diag);

	return r < 0 ? r : config_read(&config, tree, source, diag);
}

static void test_files(void)
{
	char dir[] = "/tmp/config_test.XXXXXX";
	static char large[CONFIG_FILE_OCTETS_MAX + 1];
	const struct {
		const char *name;
		struct span text;
		int want;
		const char *why;
	} rows[] = {
		{ "a.yaml", SPAN("user: 0\n"), 0, "" },
		{ "a.json", SPAN("{\"user\": 0}"), 0, "" },
		{ "a.yaml", SPAN(""), 0, "" },
		{ "a.yaml", SPAN("# a\nuser: x\n"), -EINVAL,
		  "/a.yaml:2: user: must be a whole number" },
		{ "a.json", SPAN("{\n\n\"usr\": 0}"), -EINVAL, "/a.json:3: usr: unknown key" },
		{ "a.json", SPAN("user: 0\n"), -EINVAL, "/a.json:1: not JSON" },
		{ "a.yaml", { large, sizeof(large) }, -EFBIG, "larger than 1 MiB" },
		{ "a\033.yaml", SPAN("x: 1"), -EINVAL, "/a\\x1b.yaml:1: x: unknown key" },
	};

	CHECK(mkdtemp(dir) != NULL, "%s", dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(large, '#', sizeof(large));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[64];
		struct diag diag = { 0 };

		snprintf(path, sizeof(path), "%s/%s", dir, rows[i].name);
		CHECK(fd_replace_file(fd, rows[i].name, rows[i].text, 0600) == 0, "row %zu", i);
		int r = load(path, &diag);
		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		CHECK(strstr(diag.why, rows[i].why) != NULL, "row %zu: %s", i, diag.why);
		CHECK(unlinkat(fd, rows[i].name, 0) == 0, "row %zu", i);
		CHECK(load(path, &diag) == -ENOENT && strstr(diag.why, "No such file") != NULL,
		      "row %zu: %s", i, diag.why);
	}
	struct diag diag = { 0 };
	CHECK(load(dir, &diag) == -EINVAL && strstr(diag.why, "not a regular file") != NULL, "%s",
	      diag.why);
	close(fd);
	CHECK(rmdir(dir) == 0, "%s", dir);
}

static void test_set(void)
{
	const struct {
		const char *key, *name;
		int want;
		const char *json;
	} rows[] = {
		{ "user", NULL, 0, "{\"user\":7,\"l\":[],\"s\":{\"t\":1}}" },
		{ "a.b.c", NULL, 0, "{\"l\":[],\"s\":{\"t\":1},\"a\":{\"b\":{\"c\":7}}}" },
		{ "s.u", NULL, 0, "{\"l\":[],\"s\":{\"t\":1,\"u\":7}}" },
		{ "s", NULL, 0, "{\"l\":[],\"s\":7}" },
		{ "vfs.direct_mounts", "/a.b", 0,
		  "{\"l\":[],\"s\":{\"t\":1},\"vfs\":{\"direct_mounts\":{\"/a.b\":7}}}" },
		{ "env", "A", 0, "{\"l\":[],\"s\":{\"t\":1},\"env\":{\"A\":7}}" },
		{ "s.t.u", NULL, -EINVAL, NULL },
		{ "s.t", "u", -EINVAL, NULL },
		{ "l", "u", -EINVAL, NULL },
		{ "l.u", NULL, -EINVAL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(json_decrefp)
		json_t *tree = json_loads("{\"l\":[],\"s\":{\"t\":1}}", 0, NULL);
		CLEANUP(json_decrefp)
		json_t *want =
		    rows[i].json != NULL ? json_loads(rows[i].json, 0, NULL) : json_incref(tree);
		int r = config_set(tree, rows[i].key, rows[i].name, json_integer(7));

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		CHECK(json_equal(tree, want), "row %zu", i);
	}
	CLEANUP(json_decrefp) json_t *list = json_array();
	CHECK(config_set(list, "a", NULL, json_integer(7)) == -EINVAL, "a list");
	CHECK(config_set(list, "a.b", NULL, json_integer(7)) == -EINVAL, "a list");
	CHECK(config_set(list, "a", NULL, NULL) == -ENOMEM, "no value");
}

int main(void)
{
	test_lines();
	test_flag_over_file();
	test_address_reuse();
	test_files();
	test_set();
	return test_failures > 0;
}
