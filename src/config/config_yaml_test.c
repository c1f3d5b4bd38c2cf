// SPDX-License-Identifier: Apache-2.0
/* Text to tree: what YAML and JSON mean, what is refused and where; the schema has its own test. */
#include <errno.h>

#include "base/test.h"
#include "config/config_priv.h"

static void test_values(void)
{
	const struct {
		const char *yaml, *json;
	} rows[] = {
		{ "", "{}" },
		{ "# nothing but words\n", "{}" },
		{ "---\n", "{}" },
		{ "---\nnull\n", "{}" },
		{ "\xef\xbb\xbf"
		  "a: 1\n",
		  "{\"a\":1}" },
		{ "---\na: 1\n...\n", "{\"a\":1}" },
		{ "%YAML 1.1\n---\na: 1\n", "{\"a\":1}" },
		{ "a: 1\nb: -2\nc: 0\nd: 9223372036854775807",
		  "{\"a\":1,\"b\":-2,\"c\":0,\"d\":9223372036854775807}" },
		{ "a: [1.5, -0.5, 1e2, 2E-1]", "{\"a\":[1.5,-0.5,100.0,0.2]}" },
		{ "a: [true, false, null, ~]", "{\"a\":[true,false,null,null]}" },
		{ "a:\nb: 1", "{\"a\":null,\"b\":1}" },
		/* YAML 1.1 would read these otherwise */
		{ "a: [yes, No, on, OFF, True, y]",
		  "{\"a\":[\"yes\",\"No\",\"on\",\"OFF\",\"True\",\"y\"]}" },
		{ "a: [0755, 0x10, 1_000, +1, .5, 1., 1:30, .inf, .nan, 2001-01-01]",
		  "{\"a\":[\"0755\",\"0x10\",\"1_000\",\"+1\",\".5\",\"1.\",\"1:30\",\".inf\","
		  "\".nan\",\"2001-01-01\"]}" },
		{ "a: [1e, 1e+, 1.e1, 1.5.5, -a]",
		  "{\"a\":[\"1e\",\"1e+\",\"1.e1\",\"1.5.5\",\"-a\"]}" },
		{ "a: ['1', \"true\", 'null', \"\"]", "{\"a\":[\"1\",\"true\",\"null\",\"\"]}" },
		{ "a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}" },
		{ "{a: {b: [c, {d: e}]}}", "{\"a\":{\"b\":[\"c\",{\"d\":\"e\"}]}}" },
		{ "1: a\ntrue: b\nnull: c", "{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\"}" },
		{ "'<<': a\n? k\n: v", "{\"<<\":\"a\",\"k\":\"v\"}" },
		{ "a: \"\\u00e9\\n\"", "{\"a\":\"\xc3\xa9\\n\"}" },
		{ "{\"a\": [1, \"x\"], \"b\": {}}", "{\"a\":[1,\"x\"],\"b\":{}}" },
		{ "PATH: ${HOME}", "{\"PATH\":\"${HOME}\"}" },
		{ "[1]", "[1]" },
		{ "text", "\"text\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(config_source_freep) struct config_source *source = NULL;
		struct diag diag = { 0 };
		json_t *tree = NULL;
		int r = config_load_yaml(&tree, &source, span_of(rows[i].yaml), "x.yaml", &diag);
		char *text = tree != NULL ? json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		CHECK((r == 0) == (rows[i].json != NULL), "row %zu: %s", i, diag.why);
		if (r == 0 && rows[i].json != NULL) {
			json_t *want = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

			CHECK(json_equal(tree, want), "row %zu: %s", i, text);
			json_decref(want);
		}
		free(text);
		json_decref(tree);
	}
}

struct refusal {
	const char *text;
	const char *why; /* within the reason, or its beginning if it names the file */
	unsigned line;
};

typedef int (*loader)(json_t **, struct config_source **, struct span, const char *, struct diag *);

static void check_refusals(loader load, const char *name, const struct refusal *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct config_source *source = NULL;
		struct diag diag = { 0 };
		json_t *tree = NULL;
		int r = load(&tree, &source, span_of(rows[i].text), name, &diag);

		CHECK(r == -EINVAL, "%s row %zu: %d", name, i, r);
		CHECK(tree == NULL && source == NULL, "%s row %zu: written", name, i);
		CHECK(strstr(diag.why, rows[i].why) != NULL, "%s row %zu: %s", name, i, diag.why);
		CHECK(strncmp(diag.why, name, strlen(name)) == 0, "%s row %zu: %s", name, i,
		      diag.why);
		CHECK(diag.line == rows[i].line, "%s row %zu: line %u", name, i, diag.line);
		json_decref(tree);
		config_source_free(source);
	}
}

static void test_yaml_refusals(void)
{
	static const struct refusal rows[] = {
		{ "a: 1\nb:\n  c: 2\n  d: 3\n  c: 4",
		  "x.yaml:5: b.c: duplicate key; it was given on line 3 already", 5 },
		{ "a: 1\na: 1", "x.yaml:2: a: duplicate key; it was given on line 1", 2 },
		{ "{a: 1, 'a': 2}", "a: duplicate key", 1 },
		{ "a: &x 1", "x.yaml:1: a: an anchor (&name) is not allowed", 1 },
		{ "a: 1\nb: *x", "x.yaml:2: b: an alias (*name) is not allowed", 2 },
		{ "a: &x [1]", "an anchor", 1 },
		{ "a: &x {b: 1}", "an anchor", 1 },
		{ "&x a: 1", "an anchor", 1 },
		{ "*x : 1", "an alias", 1 },
		{ "a: !!str 1", "a: a tag (!name) is not allowed", 1 },
		{ "a: !x {}", "a tag", 1 },
		{ "a: ! x", "a tag", 1 },
		{ "!x\na: 1", "a tag", 1 },
		{ "!!str a: 1", "a tag", 1 },
		{ "a:\n  <<: {b: 1}", "x.yaml:2: a: a merge key (<<) is not allowed", 2 },
		{ "? [a]\n: 1", "a key must be text", 1 },
		{ "? {a: b}\n: 1", "a key must be text", 1 },
		{ "'': 1", "a key is missing", 1 },
		{ "b: 1\n?\n: 1", "a key is missing", 2 },
		{ "a: 1\n---\nb: 2", "x.yaml:2: a second document", 2 },
		{ "---\n---\n", "a second document", 2 },
		{ "a: 1\nb: [1,\n", "not YAML: ", 3 },
		{ "a: 1\n b: 2", "x.yaml:2: not YAML: ", 2 },
		{ "a:\n\tb: 1", "x.yaml:2: not YAML: indented with a tab; use spaces", 2 },
		{ "a: \"x", "not YAML: found unexpected end of stream", 1 },
		{ "a: 1\nb: \xff", "x.yaml:2: not plain UTF-8 text: invalid leading UTF-8 octet",
		  2 },
		{ "\xff\xfe"
		  "a",
		  "not plain UTF-8", 1 },
		{ "a: 1\n\nb: \x01", "x.yaml:3: not plain UTF-8 text: control characters", 3 },
		{ "a: \"x\\0y\"", "x.yaml:1: a: holds a NUL character", 1 },
		{ "\"x\\0y\": 1", "a key holds a NUL character", 1 },
		{ "a: 9223372036854775808", "x.yaml:1: a: number too large", 1 },
		{ "a: -9223372036854775809", "number too large", 1 },
		{ "a:\n- 1\n- 1e999", "x.yaml:3: a[1]: number too large", 3 },
		{ "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		  "nested more than 32 deep", 1 },
		{ "a\033: 1\n", "control characters", 1 },
		{ "\"a\\e\": &x 1\n", "x.yaml:1: a\\x1b: an anchor", 1 },
		{ "%TAG ! tag:x,2000:\n%TAG ! tag:x,2000:\n---\na: 1", "duplicate %TAG", 2 },
	};

	check_refusals(config_load_yaml, "x.yaml", rows, ARRAY_SIZE(rows));
}

static void test_encodings(void)
{
	const struct {
		struct span text;
		unsigned line;
	} rows[] = {
		{ SPAN("a: 1\nb: \0"), 2 },
		{ SPAN("\xff\xfe"
		       "a\0:\0 \0"
		       "1\0"),
		  1 },                                /* UTF-16 that libyaml would take */
		{ SPAN("a: 1\nb: \xed\xa0\x80"), 2 }, /* a surrogate */
		{ SPAN("a: 1\nb: \xc0\xaf"), 2 },     /* overlong */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_source *source = NULL;
		struct diag diag = { 0 };
		json_t *tree = NULL;
		int r = config_load_yaml(&tree, &source, rows[i].text, "x", &diag);

		CHECK(r == -EINVAL && tree == NULL && source == NULL, "row %zu: %d", i, r);
		CHECK(strstr(diag.why, "not plain UTF-8") != NULL, "row %zu: %s", i, diag.why);
		CHECK(diag.line == rows[i].line, "row %zu: line %u", i, diag.line);
	}
}

static void test_json_refusals(void)
{
	static const struct refusal rows[] = {
		{ "{\"a\": 1,\n\"a\": 2}", "x.json:2: not JSON: duplicate object key", 2 },
		{ "{\"a\": \"\\u0000\"}", "NUL", 1 },
		{ "{\"a\\u0000b\": 1}", "NUL", 1 },
		{ "{\n\"a\": sk-secret}", "x.json:2: not JSON: ", 2 },
		{ "{\n\n'a': 1}", "x.json:3: not JSON: ", 3 },
		{ "{\"a\": 1} x", "end of file expected", 1 },
		{ "", "x.json:1: not JSON", 1 },
		{ "{\"a\": 1,}", "not JSON", 1 },
		{ "{\"a\": 99999999999999999999}", "too big integer", 1 },
		{ "{\"a\": \"\xff\"}", "unable to decode byte 0xff", 1 },
		{ "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		  "nested more than 32 deep", 1 },
	};

	check_refusals(config_load_json, "x.json", rows, ARRAY_SIZE(rows));

	struct config_source *source = NULL;
	struct diag diag = { 0 };
	json_t *tree = NULL;
	int r = config_load_json(&tree, &source, SPAN("{\"value\": \"\" \"sk-live\"}"), "x", &diag);
	CHECK(r == -EINVAL && strstr(diag.why, "sk-live") == NULL, "%d: %s", r, diag.why);
}

static void test_limits(void)
{
	static char text[CONFIG_FILE_OCTETS_MAX + 1];
	const loader loaders[] = { config_load_yaml, config_load_json };

	for (size_t i = 0; i < ARRAY_SIZE(loaders); i++) {
		struct config_source *source = NULL;
		struct diag diag = { 0 };
		json_t *tree = NULL;

		memset(text, ' ', sizeof(text));
		int r = loaders[i](&tree, &source, (struct span){ text, sizeof(text) }, "x", &diag);
		CHECK(r == -EINVAL && strstr(diag.why, "1 MiB") != NULL, "%zu: %s", i, diag.why);

		text[0] = '[';
		for (size_t at = 1; at < 2 * (size_t)CONFIG_NODES_MAX + 2; at += 2) {
			text[at] = '1';
			text[at + 1] = ',';
		}
		text[2 * (size_t)CONFIG_NODES_MAX + 2] = ']';
		text[2 * (size_t)CONFIG_NODES_MAX + 1] = '1';
		r = loaders[i](&tree, &source, (struct span){ text, 2 * CONFIG_NODES_MAX + 3 }, "x",
			       &diag);
		CHECK(r == -EINVAL && strstr(diag.why, "100000 values") != NULL, "%zu: %d %s", i, r,
		      diag.why);
	}
}

int main(void)
{
	test_values();
	test_yaml_refusals();
	test_encodings();
	test_json_refusals();
	test_limits();
	return test_failures > 0;
}
