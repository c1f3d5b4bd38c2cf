/* SPDX-License-Identifier: Apache-2.0 */
/* The engine through its header: what it answers, where it says errors are, what it bounds. */
#include "rego/rego_test.h"

#include <stdlib.h>
#include <time.h>

static struct rego *fresh(void)
{
	struct rego *rego = NULL;

	CHECK(rego_new(&rego, NULL) == 0, "no engine");
	return rego;
}

static int add(struct rego *rego, const char *name, const char *text, struct rego_error *error)
{
	return rego_add_module(rego, name, strlen(name), text, strlen(text), error);
}

/* What @query gives; 0, or the negative errno. */
static int ask(struct rego *rego, const char *query, const char *want)
{
	struct rego_text text = { 0 };
	struct rego_error error = { 0 };
	int r = rego_eval_query(&text, rego, query, strlen(query), &error);

	if (r == 0)
		CHECK(want == NULL || memmem(text.ptr, text.octets, want, strlen(want)) != NULL,
		      "%s: %.*s lacks %s", query, (int)text.octets, text.ptr, want);
	else
		CHECK(want == NULL, "%s: %s:%u: %s", query, error.file, error.line, error.why);
	rego_text_free(&text);
	return r;
}

static int rule(struct rego *rego, const char *path, const char *want, struct rego_error *error)
{
	struct rego_text text = { 0 };
	int r = rego_eval_rule(&text, rego, path, strlen(path), error);

	if (r == 0)
		CHECK(want != NULL && text.octets == strlen(want) &&
			  memcmp(text.ptr, want, text.octets) == 0,
		      "%s is %.*s", path, (int)text.octets, text.ptr);
	rego_text_free(&text);
	return r;
}

static void check_decision(void)
{
	static const char policy[] =
	    "package immure\n"
	    "default decision := {\"answer\": \"deny\"}\n"
	    "decision := {\"answer\": \"allow\"} if input.host in data.hosts\n"
	    "nothing if false\n";
	static const char data[] = "{\"hosts\": [\"a.example\"]}";
	static const char known[] = "{\"host\": \"a.example\"}",
			  other[] = "{\"host\": \"b.example\"}";
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(add(rego, "immure.rego", policy, &error) == 0, "%s", error.why);
	CHECK(rego_set_data(rego, data, strlen(data), &error) == 0, "%s", error.why);
	CHECK(rego_set_input(rego, known, strlen(known), &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.immure.decision", "{\"answer\":\"allow\"}", &error) == 0, "%s",
	      error.why);
	CHECK(rego_set_input(rego, other, strlen(other), &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.immure.decision", "{\"answer\":\"deny\"}", &error) == 0, "%s",
	      error.why);
	CHECK(rego_set_input(rego, NULL, 0, &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.immure.decision", "{\"answer\":\"deny\"}", &error) == 0, "%s",
	      error.why);
	CHECK(rule(rego, "data.immure.nothing", NULL, &error) == -ENODATA, "%s", error.why);
	CHECK(rule(rego, "data.immure.missing", NULL, &error) == -EINVAL, "%s", error.why);
	CHECK(ask(rego, "x = data.immure.decision.answer", "\"bindings\":{\"x\":\"deny\"}") == 0,
	      "no answer");
}

static void check_errors(void)
{
	static const struct {
		const char *name, *text, *why;
		unsigned line, column;
	} rows[] = {
		{ "a.rego", "package a\n\nx := {1, 2", "expecting `}` while parsing set", 3, 11 },
		{ "b.rego", "package b\nx := \xff\n", "not UTF-8", 0, 0 },
		{ "r.rego", "package r\nf(x) := g(x)\ng(x) := data.r.f(x)\n", "calls itself", 0,
		  0 },
		{ "i.rego", "package i\nimport data.i as me\nf(x) := me.f(x)\n", "calls itself", 0,
		  0 },
		{ "c.rego", "", "package", 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rego_error error = { 0 };
		CLEANUP(rego_freep) struct rego *rego = fresh();

		CHECK(add(rego, rows[i].name, rows[i].text, &error) == -EINVAL, "%s was loaded",
		      rows[i].name);
		CHECK(strcmp(error.file, rows[i].name) == 0 && error.line == rows[i].line &&
			  error.column == rows[i].column && strstr(error.why, rows[i].why) != NULL,
		      "%s:%u:%u: %s", error.file, error.line, error.column, error.why);
	}
}

static void check_json(void)
{
	static const struct {
		const char *json;
		int want;
		unsigned line, column;
	} rows[] = {
		{ "{}", 0, 0, 0 },
		{ "{\"a\": 1,\n \"b\" 2}", -EINVAL, 2, 6 },
		{ "[1]", -EINVAL, 0, 0 },
		{ "{} {}", -EINVAL, 1, 4 },
		{ "{\"a\": \"\xff\"}", -EINVAL, 0, 0 },
	};
	struct rego_error error;
	char deep[4 * REGO_DEPTH_MAX];
	CLEANUP(rego_freep) struct rego *rego = fresh();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		error = (struct rego_error){ 0 };
		int r = rego_set_data(rego, rows[i].json, strlen(rows[i].json), &error);

		CHECK(r == rows[i].want && error.line == rows[i].line &&
			  error.column == rows[i].column,
		      "%s: %d, %u:%u: %s", rows[i].json, r, error.line, error.column, error.why);
	}
	memset(deep, '[', sizeof(deep) / 2);
	memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
	CHECK(rego_set_input(rego, deep, sizeof(deep), &error) == -EFBIG, "too deep");
	size_t skip = sizeof(deep) / 2 - REGO_DEPTH_MAX;
	CHECK(rego_set_input(rego, deep + skip, 2UL * REGO_DEPTH_MAX, &error) == 0, "%s",
	      error.why);
	CHECK(rego_set_input(rego, deep + skip - 1, 2UL * REGO_DEPTH_MAX + 2, &error) == -EFBIG,
	      "too deep");
	CHECK(rego_merge_data(rego, "{\"a\": {\"b\": 1}}", 15, &error) == 0, "%s", error.why);
	CHECK(rego_merge_data(rego, "{\"a\": {\"c\": 1}}", 15, &error) == 0, "%s", error.why);
	CHECK(rego_merge_data(rego, "{\"a\": {\"c\": 2}}", 15, &error) == -EEXIST, "merged");
	CHECK(ask(rego, "x = data.a", "{\"b\":1,\"c\":1}") == 0, "merged wrongly");
}

static void check_limits(void)
{
	static const char endless[] = "package e\n"
				      "n := numbers.range(1, 1000)\n"
				      "x := count([1 | some a in n; some b in n; some c in n])\n"
				      "long := concat(\"\", [\"aaaaaaaaaa\" | some a in n])\n"
				      "said if { some a in n; print(\"line\", a); a == 1000 }\n";
	struct rego_error error = { 0 };
	struct rego_limits limits;
	struct timespec begun, ended;
	CLEANUP(rego_freep) struct rego *rego = NULL;
	struct rego_text text = { 0 };

	rego_limits_default(&limits);
	limits.eval_ms = 50;
	limits.modules_max = 1;
	limits.result_octets = 1000;
	limits.print_octets = 100;
	limits.input_octets = 10;
	limits.query_octets = 40;
	CHECK(rego_new(&rego, &limits) == 0, "no engine");
	CHECK(add(rego, "e.rego", endless, &error) == 0, "%s", error.why);
	CHECK(add(rego, "f.rego", "package f", &error) == -EFBIG, "a second module");

	clock_gettime(CLOCK_MONOTONIC, &begun);
	CHECK(rule(rego, "data.e.x", NULL, &error) == -ETIMEDOUT, "%s", error.why);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	CHECK(ended.tv_sec - begun.tv_sec < 3, "it took long");

	CHECK(rule(rego, "data.e.long", NULL, &error) == -EFBIG, "%s", error.why);
	CHECK(rego_set_input(rego, "\"123456789\"", 11, &error) == -EFBIG, "a long input");
	CHECK(ask(rego, "x = 1; y = 2; z = 3; a = 4; b = 5; c = 67", NULL) == -EFBIG,
	      "a long query");
	CHECK(rule(rego, "data.e.said", "true", &error) == 0, "%s", error.why);
	CHECK(rego_prints(&text, rego, &error) == 0 && text.octets <= 100 &&
		  strncmp(text.ptr, "e.rego:5: line 1\n", 17) == 0,
	      "%.*s", (int)text.octets, text.ptr);
	rego_text_free(&text);
}

static void check_panic(void)
{
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *broken = NULL, *again = NULL;
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(add(rego, "p.rego", "package p\nx if test.panic()\ny := 1\n", &error) == 0, "%s",
	      error.why);
	CHECK(rego_test_panic(rego) == 0, "no test.panic()");
	CHECK(rego_clone(&broken, rego, &error) == 0, "%s", error.why);
	CHECK(rule(broken, "data.p.x", NULL, &error) == -ENOTRECOVERABLE, "not caught");
	CHECK(strstr(error.why, "test.panic() was called") != NULL, "%s", error.why);

	error = (struct rego_error){ 0 };
	CHECK(rule(broken, "data.p.y", NULL, &error) == -ENOTRECOVERABLE, "still answers");
	CHECK(strstr(error.why, "test.panic() was called") != NULL, "%s", error.why);
	CHECK(rego_clone(&again, broken, &error) == -ENOTRECOVERABLE, "cloned");
	CHECK(add(broken, "q.rego", "package q", &error) == -ENOTRECOVERABLE, "still loads");
	CHECK(rule(rego, "data.p.y", "1", &error) == 0, "the other is broken, too: %s", error.why);
}

static void check_clone(void)
{
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *other = NULL;
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(add(rego, "a.rego", "package a\nx := data.v\ni := input\n", &error) == 0, "%s",
	      error.why);
	CHECK(rego_set_data(rego, "{\"v\": 1}", 8, &error) == 0, "%s", error.why);
	CHECK(rego_set_input(rego, "5", 1, &error) == 0, "%s", error.why);
	CHECK(rego_clone(&other, rego, &error) == 0, "%s", error.why);
	CHECK(rego_set_data(other, "{\"v\": 2}", 8, &error) == 0, "%s", error.why);
	CHECK(add(other, "b.rego", "package b\ny := 3\n", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.a.x", "1", &error) == 0, "%s", error.why);
	CHECK(rule(other, "data.a.x", "2", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.a.i", "5", &error) == 0, "%s", error.why);
	CHECK(rule(other, "data.a.i", NULL, &error) == -ENODATA, "the input came along");
	CHECK(rule(other, "data.b.y", "3", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.b.y", NULL, &error) == -EINVAL, "a clone's module came back");
	CHECK(add(rego, "a.rego", "package c\n", &error) == -EEXIST, "twice");
}

static void check_coverage(void)
{
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(add(rego, "a.rego", "package a\nx if {\n  1 > 2\n  2 > 1\n}\n", &error) == 0, "%s",
	      error.why);
	CHECK(rego_coverage(&text, rego, &error) == -EINVAL, "it is off");
	CHECK(rego_set_coverage(rego, true, &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.a.x", NULL, &error) == -ENODATA, "%s", error.why);
	CHECK(rego_coverage(&text, rego, &error) == 0, "%s", error.why);
	CHECK(memmem(text.ptr, text.octets, "\"covered\":[3]", 13) != NULL &&
		  memmem(text.ptr, text.octets, "\"path\":\"a.rego\"", 15) != NULL,
	      "%.*s", (int)text.octets, text.ptr);
	rego_text_free(&text);
}

/* OPA makes a failed builtin undefined; strictly it ends the evaluation. */
static void check_strict(void)
{
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(add(rego, "a.rego", "package a\nx if not 1 / 0\n", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.a.x", "true", &error) == 0, "%s", error.why);
	CHECK(rego_set_strict(rego, true, &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.a.x", NULL, &error) == -EINVAL && error.line == 2, "%u: %s",
	      error.line, error.why);
}

/* Spellings that are translated: what they give, and that errors behind them keep their lines. */
static void check_dialect(void)
{
	static const char policy[] = "package d\n"
				     "a := $\"<{input.x}> \\{ {data.d.none}\"\n"
				     "b := $`\n{[1, \"x\"]}`\n"
				     "c := x if {\n\tnet.cidr_merge(\n\t\t[\"10.0.0.0/9\", "
				     "\"10.128.0.0/9\"],\n\t\tx,\n\t)\n}\n"
				     "if.n := 4\n"
				     "d := if.n + 1\n"
				     "e := \"$\" # $\"{\n"
				     "f := 1 / input.zero\n";
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(add(rego, "d.rego", policy, &error) == 0, "%u: %s", error.line, error.why);
	CHECK(rego_set_input(rego, "{\"x\": 7, \"zero\": 0}", 19, &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.d.a", "\"<7> { <undefined>\"", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.d.b", "\"\\n[1, \\\"x\\\"]\"", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.d.c", "[\"10.0.0.0/8\"]", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.d.d", "5", &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.d.if.n", "4", &error) == 0 || ask(rego, "data.d.if.n", "4") == 0,
	      "%s", error.why);
	CHECK(rule(rego, "data.d.e", "\"$\"", &error) == 0, "%s", error.why);
	CHECK(rego_set_strict(rego, true, &error) == 0, "%s", error.why);
	CHECK(rule(rego, "data.d.f", NULL, &error) == -EINVAL && error.line == 14, "%u: %s",
	      error.line, error.why);
}

/* Nothing of this process gets into a policy, and nothing goes out. */
static void check_confined(void)
{
	CLEANUP(rego_freep) struct rego *rego = fresh();

	CHECK(ask(rego, "opa.runtime().env", NULL) == -ENODATA, "the environment");
	CHECK(ask(rego, "http.send({\"method\": \"GET\", \"url\": \"http://127.0.0.1/\"})", NULL) ==
		  -ENODATA,
	      "http.send");
	CHECK(ask(rego, "numbers.range(1, 100000000)", NULL) == -ENODATA, "a long range");
	CHECK(ask(rego, "net.cidr_expand(\"10.0.0.0/8\")", NULL) == -ENODATA, "many addresses");
	CHECK(ask(rego,
		  "io.jwt.verify_hs256(io.jwt.encode_sign({\"alg\": \"HS256\"}, {}, "
		  "{\"kty\": \"oct\", \"k\": \"\"}), \"\")",
		  NULL) == -ENODATA,
	      "an empty secret");
	CHECK(ask(rego, "strings.count(\"ab\", \"\")", "\"value\":3") == 0, "it panicked");
}

int main(void)
{
	check_decision();
	check_errors();
	check_json();
	check_limits();
	check_panic();
	check_clone();
	check_coverage();
	check_strict();
	check_dialect();
	check_confined();
	check_bundles();
	check_hostile();
	return test_failures != 0;
}
