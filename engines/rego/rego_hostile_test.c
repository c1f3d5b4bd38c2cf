/* SPDX-License-Identifier: Apache-2.0 */
/* Text that hung or killed the interpreter: each must be answered, at once and by an error. */
#include "rego/rego_test.h"

#include <stdlib.h>
#include <time.h>

enum { LONG = 100000, SECONDS_MAX = 5 };

static const char policy[] =
    "package a\n"
    "un := json.unmarshal(input.text)\n"
    "valid := json.is_valid(input.text)\n"
    "number := to_number(input.text)\n"
    "units := units.parse(input.text)\n"
    "octets := units.parse_bytes(input.text)\n"
    "yaml := yaml.unmarshal(input.text)\n"
    "jwt := io.jwt.encode_sign_raw(input.text, \"{}\", input.text)\n"
    "schema := json.match_schema(input.text, {\"multipleOf\": 3})\n"
    "gone := json.remove([1, 2], [input.text])\n"
    "l0 := [1, 1]\nl1 := [l0, l0]\nl2 := [l1, l1]\nl3 := [l2, l2]\nl4 := [l3, l3]\n"
    "l5 := [l4, l4]\nl6 := [l5, l5]\nl7 := [l6, l6]\nl8 := [l7, l7]\nl9 := [l8, l8]\n"
    "m0 := [l9, l9]\nm1 := [m0, m0]\nm2 := [m1, m1]\nm3 := [m2, m2]\nm4 := [m3, m3]\n"
    "m5 := [m4, m4]\nm6 := [m5, m5]\nm7 := [m6, m6]\nm8 := [m7, m7]\nm9 := [m8, m8]\n"
    "n0 := [m9, m9]\nn1 := [n0, n0]\nn2 := [n1, n1]\nn3 := [n2, n2]\nn4 := [n3, n3]\n";

static struct rego *loaded(void)
{
	struct rego_error error = { 0 };
	struct rego *rego = NULL;

	CHECK(rego_new(&rego, NULL) == 0, "no engine");
	CHECK(rego_add_module(rego, "a", 1, policy, strlen(policy), &error) == 0, "%u: %s",
	      error.line, error.why);
	return rego;
}

static int value_of(struct rego *rego, const char *path, struct rego_error *error)
{
	struct rego_text text = { 0 };
	int r = rego_eval_rule(&text, rego, path, strlen(path), error);

	rego_text_free(&text);
	return r;
}

/* Numbers that the interpreter would compute digit by digit, in each text that comes from outside. */
static void check_numbers(void)
{
	static const struct {
		const char *json;
		int want;
	} rows[] = {
		{ "{\"a\":1e100000000}", -EFBIG },
		{ "{\"a\":[-1.5E+401]}", -EFBIG },
		{ "{\"a\":1e-401}", -EFBIG },
		{ "{\"a\":1e99999999999999999999}", -EFBIG },
		{ "{\"$serde_json::private::Number\":\"1e100000000\"}", -EFBIG },
		{ "{\"\\u0024serde_json::private::Number\":\" 1e1_0000_0000\"}", -EFBIG },
		{ "{\"a\":1e400,\"b\":1E-0400,\"c\":\"1e100000000\",\"1e100000000\":0}", 0 },
	};
	struct rego_error error = { 0 };
	char digits[512] = "{\"a\":";
	CLEANUP(rego_freep) struct rego *rego = loaded();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].json);

		CHECK(rego_set_input(rego, rows[i].json, len, &error) == rows[i].want, "%s: %s",
		      rows[i].json, error.why);
		CHECK(rego_set_data(rego, rows[i].json, len, &error) == rows[i].want, "%s: %s",
		      rows[i].json, error.why);
	}
	memset(digits + 5, '1', 401);
	memcpy(digits + 406, "}", 2);
	CHECK(rego_set_input(rego, digits, 407, &error) == -EFBIG, "%s", error.why);
	memcpy(digits + 405, "}", 2);
	CHECK(rego_set_input(rego, digits, 406, &error) == 0, "%s", error.why);
}

/* The same in text that functions read. */
static void check_functions(void)
{
	static const char *const texts[] = {
		"1e100000000",
		"{\\\"alg\\\": \\\"HS256\\\", \\\"a\\\": 1e100000000}",
		"{\\\"$serde_json::private::Number\\\": \\\"1e100000000\\\"}",
		"1e100000000Ki",
	};
	static const char *const rules[] = { "un",  "number", "units", "octets",
					     "jwt", "schema", "gone",  "yaml" };
	struct rego_error error = { 0 };
	char input[200], path[40];
	CLEANUP(rego_freep) struct rego *rego = loaded();

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int len = snprintf(input, sizeof(input), "{\"text\": \"%s\"}", texts[i]);

		CHECK(rego_set_input(rego, input, (size_t)len, &error) == 0, "%s", error.why);
		CHECK(value_of(rego, "data.a.valid", &error) == 0, "%s", error.why);
		for (size_t j = 0; j < ARRAY_SIZE(rules); j++) {
			snprintf(path, sizeof(path), "data.a.%s", rules[j]);
			int r = value_of(rego, path, &error);

			/* some texts are no number to some functions */
			CHECK(r == 0 || r == -ENODATA, "%s, %s: %d, %s", rules[j], texts[i], r,
			      error.why);
			CHECK(r != 0 || j >= 2 || i == 3, "%s made a number of %s", rules[j],
			      texts[i]);
		}
	}
}

/* Functions that a short argument would keep busy, or make panic. */
static void check_arguments(void)
{
	static const struct {
		const char *query;
		int want;
	} rows[] = {
		{ "bits.lsh(1, 4000000000)", -ENODATA },
		{ "bits.lsh(1, 65536) > 0", 0 },
		{ "sprintf(\"%1000000000d\", [1])", -ENODATA },
		{ "sprintf(\"%.1000000000f\", [1.5])", -ENODATA },
		{ "sprintf(\"%99999999999999999999d\", [1])", -ENODATA },
		{ "sprintf(\"%\u0664d\", [1])", -ENODATA },
		{ "endswith(sprintf(\"%01000d%%%.2f\", [1, 1.5]), \"%1.50\")", 0 },
		{ "numbers.range_step(1, 1000000000000, 2)", -ENODATA },
		{ "numbers.range_step(1, 2, 0)", -ENODATA },
		{ "numbers.range_step(9, 1, 3) == [9, 6, 3]", 0 },
	};
	CLEANUP(rego_freep) struct rego *rego = loaded();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rego_error error = { 0 };
		struct rego_text text = { 0 };
		int r = rego_eval_query(&text, rego, rows[i].query, strlen(rows[i].query), &error);

		CHECK(r == rows[i].want, "%s: %d, %s", rows[i].query, r, error.why);
		CHECK(r != 0 || memmem(text.ptr, text.octets, "\"value\":true", 12) != NULL,
		      "%s: %.*s", rows[i].query, (int)text.octets, text.ptr);
		rego_text_free(&text);
	}
}

/* @head, then @many times @part, then @tail; as a module or a query. */
static int shaped(const char *head, const char *part, size_t many, const char *tail, bool query,
		  struct rego_error *error)
{
	CLEANUP(rego_freep) struct rego *rego = NULL;
	struct rego_text text = { 0 };
	char *whole = calloc(1, strlen(head) + many * strlen(part) + strlen(tail) + 1);
	int r = -ENOMEM;

	CHECK(whole != NULL && rego_new(&rego, NULL) == 0, "no engine");
	char *end = stpcpy(whole, head);
	for (size_t i = 0; i < many; i++)
		end = stpcpy(end, part);
	stpcpy(end, tail);
	if (query) {
		r = rego_eval_query(&text, rego, whole, strlen(whole), error);
	} else {
		r = rego_add_module(rego, "s.rego", 6, whole, strlen(whole), error);
		if (r == 0)
			r = rego_eval_rule(&text, rego, "data.s.x", 8, error);
	}
	rego_text_free(&text);
	free(whole);
	return r;
}

static void check_shapes(void)
{
	static const struct {
		const char *head, *part, *tail;
		size_t many;
		int want;
		bool query;
		const char *why;
	} rows[] = {
		{ "package s\nx := ", "1+\n", "1", LONG, -EFBIG, false, "operators" },
		{ "package s\nx := ", "1+\n", "1", 990, 0, false, NULL },
		{ "package s\nx := 1", "\n+ 1", "", 1001, -EFBIG, false, "operators" },
		{ "package s\nx := (1", "+1", ")+1", 1000, -EFBIG, false, "operators" },
		{ "package s\ny := 1\nx := y", ".a", "", 1001, -EFBIG, false, "dots" },
		{ "package s\ny := 1\nx := y", "[0]", "", 1001, -EFBIG, false, "dots" },
		{ "package s\nx := ", "- ", "1", 10000, -EFBIG, false, "signs" },
		{ "package s\nx := ", "- ", "1", 32, -EINVAL, false, "unary" },
		{ "package s\nx := 1", " + - 1", "", 33, -EFBIG, false, "signs" },
		{ "package s\nx := ", "[", "", 10000, -EFBIG, false, "brackets" },
		{ "package s\nx := ", "(", "", 10000, -EFBIG, false, "brackets" },
		{ "package s\nx := ", "f(", "", 17, -EFBIG, false, "brackets" },
		{ "package s\nx := [[[[[[[[[[[[[[[[1", ",1", "]]]]]]]]]]]]]]]]", 9999, -EFBIG,
		  false, "to be read" },
		{ "package s\nx := [", "[[1, 2], {\"a\": 3}],\n", "]", 9999, 0, false, NULL },
		{ "package s\nx if {\n", "1 + 1 == 2\n", "}", 9999, 0, false, NULL },
		{ "package s\nx := \"", "- [ ((", "\" # ((((((((((((((((((((((((((", 9999, 0, false,
		  NULL },
		{ "package s\nx := 1e", "1", "", 9, -EFBIG, false, "number" },
		{ "package s\nx := [1e5.1e", "1", "]", 9, -EFBIG, false, "number" },
		{ "package s\nx := $\"{1e", "1", "}\"", 9, -EFBIG, false, "number" },
		{ "x := ", "1+", "1", 20000, -EFBIG, true, "operators" },
		{ "x := ", "[", "]", 10000, -EFBIG, true, "brackets" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rego_error error = { 0 };
		int r = shaped(rows[i].head, rows[i].part, rows[i].many, rows[i].tail,
			       rows[i].query, &error);

		CHECK(r == rows[i].want, "%zu: %d: %u: %s", i, r, error.line, error.why);
		CHECK(rows[i].why == NULL || strstr(error.why, rows[i].why) != NULL, "%zu: %s", i,
		      error.why);
		CHECK(rows[i].why == NULL || rows[i].query ||
			  (error.line > 0 && strcmp(error.file, "s.rego") == 0),
		      "%zu: %s:%u", i, error.file, error.line);
	}
}

/* 2^36 ones that share all their parts, and rules by the thousand whose names begin with a keyword. */
static void check_sizes(void)
{
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *rego = loaded();
	struct rego_text text = { 0 };
	static char rules[200000];
	char *end = stpcpy(rules, "package s\nx := if.r1\n");

	CHECK(value_of(rego, "data.a.n4", &error) == -EFBIG, "%s", error.why);
	CHECK(rego_eval_query(&text, rego, "data.a.n4", 9, &error) == -EFBIG, "%s", error.why);
	CHECK(rego_set_input(rego, "{}", 2, &error) == 0, "%s", error.why);
	for (unsigned i = 0; i < 8000; i++)
		end += snprintf(end, (size_t)(rules + sizeof(rules) - end), "if.r%u := %u\n", i, i);
	CHECK(rego_add_module(rego, "s.rego", 6, rules, strlen(rules), &error) == 0, "%u: %s",
	      error.line, error.why);
	CHECK(value_of(rego, "data.s.x", &error) == 0, "%s", error.why);
}

void check_hostile(void)
{
	static void (*const checks[])(void) = { check_numbers, check_functions, check_arguments,
						check_shapes, check_sizes };

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct timespec begun, ended;

		clock_gettime(CLOCK_MONOTONIC, &begun);
		checks[i]();
		clock_gettime(CLOCK_MONOTONIC, &ended);
		CHECK(ended.tv_sec - begun.tv_sec <= SECONDS_MAX, "check %zu took %lld s", i,
		      (long long)(ended.tv_sec - begun.tv_sec));
	}
}
