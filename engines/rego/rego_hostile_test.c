/* SPDX-License-Identifier: Apache-2.0 */
/* Text that hung or killed the interpreter: each must be answered, at once and by an error. */
#include "rego/rego_test.h"

#include <stdlib.h>
#include <time.h>

enum { SECONDS_MAX = 5 };

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
						check_sizes };

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct timespec begun, ended;

		clock_gettime(CLOCK_MONOTONIC, &begun);
		checks[i]();
		clock_gettime(CLOCK_MONOTONIC, &ended);
		CHECK(ended.tv_sec - begun.tv_sec <= SECONDS_MAX, "check %zu took %lld s", i,
		      (long long)(ended.tv_sec - begun.tv_sec));
	}
}
