/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: good, hostile and signed. */
#include "rego/rego_test.h"
#include "rego/rego_test_tar.h"

#include <stdlib.h>

#define MANIFEST "{\"roots\": [\"a\"]}"
#define MODULE   "package a\nx := data.a.v\n"
#define SUM_10   "+1+1+1+1+1+1+1+1+1+1"
#define SUM_100  SUM_10 SUM_10 SUM_10 SUM_10 SUM_10 SUM_10 SUM_10 SUM_10 SUM_10 SUM_10
#define LONG_SUM \
	SUM_100 SUM_100 SUM_100 SUM_100 SUM_100 SUM_100 SUM_100 SUM_100 SUM_100 SUM_100 SUM_100
#define DATA "{\"v\": 1.50, \"n\": {\"b\": \"\xe2\x80\xa8<\", \"a\": []}}"

/*
 * Of the three above, by HS256 with "secret": the digests are of {"roots":["a"]}, of the module as it is,
 * and of {"n":{"a":[],"b":"\u2028<"},"v":1.50}. Computed by hand of OPA's chapter "Signature Format".
 */
static const char signature[] =
    "{\"signatures\": [\""
    "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogImsifQ.eyJmaWxlcyI6W3sibmFtZSI6Ii5tYW5pZmVzdCIsI"
    "mhhc2giOiI5ZjIzYWNmNDRlNmRiOTBlM2RhYzI5MmRlM2NiMWViNDU0MjkxYWU1YTRhMTVhOTRlZTJlY"
    "TIwMWJlMmNhMGNjIiwiYWxnb3JpdGhtIjoiU0hBLTI1NiJ9LHsibmFtZSI6ImEveC5yZWdvIiwiaGFza"
    "CI6IjhiZjQ3NzhiZDcxYjYzMzdiMjQ0NDNhYzYzNjU5NzJkYWQ3YTA0ZmE1ZmI5MzFhYTM2ZThlZjUwY"
    "zRkNGM0MjkiLCJhbGdvcml0aG0iOiJTSEEtMjU2In0seyJuYW1lIjoiYS9kYXRhLmpzb24iLCJoYXNoI"
    "joiZDMzNjRmNmU3NWNkMzFmMjQ0MWNhZWFiOWFkZmQ4MDEwZjBjMzA3OTZhMzFlYTdlZWU4YzM0NTYxY"
    "mFhYjYwOSIsImFsZ29yaXRobSI6IlNIQS0yNTYifV0sInNjb3BlIjoicyJ9.N3Aad-XHV50scHxjbz7A"
    "c7XiacGIA6HCnjkMzfh-o8w"
    "\"]}";

struct entry {
	const char *name;
	char type;
	const char *text;
};

enum { ENTRIES = 5 };

static int load_signed(struct rego *rego, const struct entry *entries, const struct rego_key *keys,
		       size_t keys_len, struct rego_error *error)
{
	static char packed[TEST_TAR_OCTETS + 64];
	static struct test_tar tar;

	tar.len = 0;
	for (size_t i = 0; i < ENTRIES && entries[i].name != NULL; i++)
		tar_add(&tar, entries[i].name, entries[i].type, entries[i].text);
	return rego_load_bundle(rego, packed, tar_gzip(packed, sizeof(packed), &tar), keys,
				keys_len, error);
}

static int load(struct rego *rego, const struct entry *entries, const struct rego_key *key,
		struct rego_error *error)
{
	return load_signed(rego, entries, key, key != NULL, error);
}

static void check_value(struct rego *rego, const char *query, const char *want)
{
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };

	CHECK(rego_eval_query(&text, rego, query, strlen(query), &error) == 0 &&
		  memmem(text.ptr, text.octets, want, strlen(want)) != NULL,
	      "%s: %s %.*s", query, error.why, (int)text.octets, text.ptr);
	rego_text_free(&text);
}

static void check_good(void)
{
	static const struct entry entries[ENTRIES] = {
		{ ".manifest", '0', "{\"roots\": [\"a\", \"b/c\"], \"revision\": \"7\"}" },
		{ "./a/", '5', "" },
		{ "/a/x.rego", '0', MODULE },
		{ "a/data.json", '0', DATA },
		{ "b/c/data.yaml", '0', "list:\n- one\n- 2\n" },
	};
	static const struct entry again[ENTRIES] = {
		{ ".manifest", '0', "{\"roots\": [\"b\"]}" },
	};
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *rego = NULL;

	CHECK(rego_new(&rego, NULL) == 0, "no engine");
	CHECK(load(rego, entries, NULL, &error) == 0, "%s: %s", error.file, error.why);
	check_value(rego, "data.a.x", "\"value\":1.5");
	check_value(rego, "data.b.c.list", "\"value\":[\"one\",2]");
	CHECK(load(rego, again, NULL, &error) == -EEXIST, "roots overlap: %s", error.why);
}

static void check_bad(void)
{
	static const struct {
		int want;
		const char *why;
		struct entry entries[ENTRIES];
	} rows[] = {
		{ -EINVAL, "\"..\"", { { "../a/data.json", '0', "{}" } } },
		{ -EINVAL, "\"..\"", { { "a/../data.json", '0', "{}" } } },
		{ -EINVAL, "neither a file nor a folder", { { "a", '2', "" } } },
		{ -EINVAL, "neither a file nor a folder", { { "a", '3', "" } } },
		{ -EINVAL, "odd character", { { "a\n/data.json", '0', "{}" } } },
		{ -EINVAL, "twice", { { "data.json", '0', "{}" }, { "./data.json", '0', "{}" } } },
		{ -EINVAL,
		  "outside the bundle's roots",
		  { { ".manifest", '0', MANIFEST }, { "b/data.json", '0', "{}" } } },
		{ -EINVAL,
		  "outside the bundle's roots",
		  { { ".manifest", '0', MANIFEST },
		    { "data.json", '0', "{\"a\": 1, \"b\": 1}" } } },
		{ -EINVAL,
		  "outside the bundle's roots",
		  { { ".manifest", '0', MANIFEST }, { "a/x.rego", '0', "package b\n" } } },
		{ -EINVAL,
		  "outside the bundle's roots",
		  { { ".manifest", '0', "{\"roots\": [\"a/b\"]}" }, { "a/data.json", '0', "1" } } },
		{ -EEXIST, "overlap", { { ".manifest", '0', "{\"roots\": [\"a\", \"a/b\"]}" } } },
		{ -EINVAL, "rego_version", { { ".manifest", '0', "{\"rego_version\": 2}" } } },
		{ -EINVAL, "not run here", { { "policy.wasm", '0', "" } } },
		{ -EINVAL, "not run here", { { "a/patch.json", '0', "" } } },
		{ -EINVAL, "must be an object", { { "data.json", '0', "[]" } } },
		{ -EINVAL,
		  "conflicts",
		  { { "data.json", '0', "{\"a\": 1}" }, { "a/data.json", '0', "{\"b\": 1}" } } },
		{ -EINVAL,
		  "calls itself",
		  { { "a/x.rego", '0', "package a\nf(x) := data.b.g(x)\n" },
		    { "b/y.rego", '0', "package b\ng(x) := data.a.f(x)\n" } } },
		{ -EINVAL, "expected", { { "a/data.json", '0', "{\"a\" 1}" } } },
		{ -EFBIG, "too many digits", { { "data.json", '0', "{\"a\": 1e999999}" } } },
		{ -EFBIG,
		  "too many digits",
		  { { "data.yaml", '0', "$serde_json::private::Number: '1e999999'\n" } } },
		{ -EFBIG, "operators", { { "a.rego", '0', "package a\nx := 1" LONG_SUM } } },
		{ -EINVAL, "UTF-8", { { "a.rego", '0', "package \xff" } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rego_error error = { 0 };
		CLEANUP(rego_freep) struct rego *rego = NULL;

		CHECK(rego_new(&rego, NULL) == 0, "no engine");
		int r = load(rego, rows[i].entries, NULL, &error);
		CHECK(r == rows[i].want && strstr(error.why, rows[i].why) != NULL,
		      "%zu: %d, %s: %s", i, r, error.file, error.why);
	}
}

/* What fails leaves all as it was. */
static void check_whole(void)
{
	static const struct entry entries[ENTRIES] = {
		{ "a/x.rego", '0', MODULE },
		{ "b/y.rego", '0', "package b\ny := {" },
	};
	struct rego_error error = { 0 };
	CLEANUP(rego_freep) struct rego *rego = NULL;

	CHECK(rego_new(&rego, NULL) == 0, "no engine");
	CHECK(load(rego, entries, NULL, &error) == -EINVAL, "loaded");
	CHECK(strcmp(error.file, "b/y.rego") == 0 && error.line == 2, "%s:%u", error.file,
	      error.line);
	CHECK(rego_add_module(rego, "a/x.rego", 8, "package a\n", 10, &error) == 0, "%s",
	      error.why);
}

static void check_sizes(void)
{
	static const struct entry entries[ENTRIES] = {
		{ "a/data.json", '0',
		  "{\"long\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}" },
		{ "b/data.json", '0', "{}" },
	};
	struct rego_limits limits[3];

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rego_error error = { 0 };
		CLEANUP(rego_freep) struct rego *rego = NULL;

		rego_limits_default(&limits[i]);
		limits[0].bundle_octets = 100;
		if (i == 1)
			limits[1].unpacked_octets = 20;
		if (i == 2)
			limits[2].bundle_files_max = 1;
		CHECK(rego_new(&rego, &limits[i]) == 0, "no engine");
		CHECK(load(rego, entries, NULL, &error) == -EFBIG, "%zu: %s", i, error.why);
	}
}

static void check_signed(void)
{
	static const struct entry right[ENTRIES] = {
		{ ".manifest", '0', MANIFEST },
		{ "a/x.rego", '0', MODULE },
		{ "a/data.json", '0', DATA },
		{ ".signatures.json", '0', signature },
	};
	static const struct {
		const char *why; /* NULL: it is loaded */
		struct rego_key key;
		size_t changed; /* that entry of @right; 4: none */
		struct entry entry;
	} rows[] = {
		{ NULL, { "k", "HS256", "secret", "s" }, 4, { 0 } },
		{ NULL, { "", "HS256", "secret", "s" }, 4, { 0 } },
		{ NULL,
		  { "k", "HS256", "secret", "s" },
		  0,
		  { ".manifest", '0', "{ \"roots\":[\"a\"] }" } },
		{ "not known", { "other", "HS256", "secret", "s" }, 4, { 0 } },
		{ "is wrong", { "k", "HS256", "secreT", "s" }, 4, { 0 } },
		{ "is wrong", { "k", "HS512", "secret", "s" }, 4, { 0 } },
		{ "not PEM", { "k", "RS256", "secret", "s" }, 4, { 0 } },
		{ "scope", { "k", "HS256", "secret", "" }, 4, { 0 } },
		{ "not what was signed",
		  { "k", "HS256", "secret", "s" },
		  1,
		  { "a/x.rego", '0', MODULE "y := 1\n" } },
		{ "not what was signed",
		  { "k", "HS256", "secret", "s" },
		  2,
		  { "a/data.json", '0', "{\"v\": 2}" } },
		{ "missing", { "k", "HS256", "secret", "s" }, 1, { "a/z/", '5', "" } },
		{ "not signed",
		  { "k", "HS256", "secret", "s" },
		  4,
		  { "a/y.rego", '0', "package a.y" } },
		{ "must be", { "k", "HS256", "secret", "s" }, 3, { "a/z/", '5', "" } },
		{ "one signature",
		  { "k", "HS256", "secret", "s" },
		  3,
		  { ".signatures.json", '0', "{\"signatures\": []}" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rego_error error = { 0 };
		struct entry entries[ENTRIES];
		CLEANUP(rego_freep) struct rego *rego = NULL;

		memcpy(entries, right, sizeof(entries));
		entries[rows[i].changed] = rows[i].entry;
		CHECK(rego_new(&rego, NULL) == 0, "no engine");
		int r = load(rego, entries, &rows[i].key, &error);
		CHECK(r == (rows[i].why == NULL ? 0 : -EBADMSG) &&
			  (rows[i].why == NULL || strstr(error.why, rows[i].why) != NULL),
		      "%zu: %d: %s", i, r, error.why);
	}
}

/* Some keys of one id are each tried; one that is empty is everybody's, and is refused. */
static void check_keys(void)
{
	static const struct entry entries[ENTRIES] = {
		{ ".manifest", '0', MANIFEST },
		{ "a/x.rego", '0', MODULE },
		{ "a/data.json", '0', DATA },
		{ ".signatures.json", '0', signature },
	};
	static const struct {
		int want;
		struct rego_key keys[2];
	} rows[] = {
		{ 0, { { "", "HS256", "other", "s" }, { "", "HS256", "secret", "s" } } },
		{ 0, { { "k", "HS256", "secret", "" }, { "k", "HS256", "secret", "s" } } },
		{ -EBADMSG, { { "", "HS256", "other", "s" }, { "", "HS256", "another", "s" } } },
		{ -EINVAL, { { "k", "HS256", "", "s" }, { "k", "HS256", "secret", "s" } } },
		{ -EINVAL, { { "k", "HS256", NULL, "s" }, { "k", "HS256", "secret", "s" } } },
		{ -EINVAL, { { "k", "HS256", "secret", "s" }, { "k", NULL, "secret", "s" } } },
		{ -EINVAL, { { "k", "HS256", "secret", "s" }, { "k", "", "secret", "s" } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rego_error error = { 0 };
		CLEANUP(rego_freep) struct rego *rego = NULL;

		CHECK(rego_new(&rego, NULL) == 0, "no engine");
		int r = load_signed(rego, entries, rows[i].keys, 2, &error);
		CHECK(r == rows[i].want, "%zu: %d: %s", i, r, error.why);
	}
}

/* Limits at the end of what a number holds are none, and not less than none. */
static void check_unbounded(void)
{
	static const struct entry entries[ENTRIES] = { { "data.json", '0', "{\"a\": 7}" } };
	struct rego_error error = { 0 };
	struct rego_limits limits;
	CLEANUP(rego_freep) struct rego *rego = NULL;

	rego_limits_default(&limits);
	limits.unpacked_octets = SIZE_MAX;
	limits.bundle_files_max = SIZE_MAX;
	CHECK(rego_new(&rego, &limits) == 0, "no engine");
	CHECK(load(rego, entries, NULL, &error) == 0, "%s", error.why);
	check_value(rego, "data.a", "\"value\":7");
}

void check_bundles(void)
{
	check_good();
	check_bad();
	check_whole();
	check_sizes();
	check_signed();
	check_keys();
	check_unbounded();
}
