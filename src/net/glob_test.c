// SPDX-License-Identifier: Apache-2.0
#include "net/glob.h"

#include "base/clock.h"
#include "base/test.h"

static void test_match(void)
{
	static const struct {
		const char *glob, *path;
		bool want;
	} rows[] = {
		{ "/", "/", true },
		{ "/", "", false },
		{ "/", "/a", false },
		{ "/a", "/a", true },
		{ "/a", "/A", false },
		{ "/a", "/a/", false },
		{ "/a", "/aa", false },
		{ "/a", "a", false },
		{ "/a?", NULL, false },

		{ "/*", "/", true },
		{ "/*", "/a", true },
		{ "/*", "/a/b", false },
		{ "/*", "/a/", false },
		{ "/*/b", "/a/b", true },
		{ "/*/b", "//b", true },
		{ "/*/b", "/b", false },
		{ "/*/b", "/a/c/b", false },
		{ "/v1/m*", "/v1/m", true },
		{ "/v1/m*", "/v1/models", true },
		{ "/v1/m*", "/v1/m/x", false },
		{ "/v1/m*", "/v1/n", false },
		{ "/a*b*c", "/abc", true },
		{ "/a*b*c", "/axbybzc", true },
		{ "/a*b*c", "/axbyc/", false },
		{ "/a*b*c", "/ax/bc", false },
		{ "/*.json", "/x.json.json", true },
		{ "/*.json", "/x.jsonx", false },
		{ "/*", "*", false },

		{ "/**", "/", true },
		{ "/**", "/a/b/c", true },
		{ "/**", "", false },
		{ "/a/**", "/a/", true },
		{ "/a/**", "/a", false },
		{ "/a/**", "/a/b/c", true },
		{ "/a/**", "/ab/c", false },
		{ "/**/z", "/a/b/z", true },
		{ "/**/z", "/z", false },
		{ "/**z", "/z", true },
		{ "/**/z", "/a/z/y", false },
		{ "/**/z", "/a/z/y/z", true },
		{ "/a**b", "/a/x/b", true },
		{ "/a**b", "/ab", true },
		{ "/**/x/*/y", "/x/x/x/q/y", true },
		{ "/**/x/*/y", "/x/x/x/q/r/y", false },
		{ "/*/x/**", "/a/x/", true },
		{ "/*/x/**", "/a/b/x/", false },
		{ "/repos/*/*/pulls", "/repos/o/r/pulls", true },
		{ "/repos/*/*/pulls", "/repos/o/pulls", false },
		{ "/repos/*/*/pulls", "/repos/o/r/s/pulls", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].path != NULL)
			CHECK(glob_match(span_of(rows[i].glob), span_of(rows[i].path)) ==
				  rows[i].want,
			      "%s %s", rows[i].glob, rows[i].path);
	CHECK(!glob_match(SPAN("/a"), SPAN("/a\0")), "NUL");
}

static void test_fault(void)
{
	static const struct {
		const char *glob, *want; /* NULL: none */
	} rows[] = {
		{ "/", NULL },
		{ "/**", NULL },
		{ "/a*/**/%C3%BC;~", NULL },
		{ "", "begin" },
		{ "a", "begin" },
		{ "*", "begin" },
		{ "**/a", "begin" },
		{ "https://a/", "begin" },
		{ "/a b", "visible" },
		{ "/a\n", "visible" },
		{ "/\xc3\xbc", "visible" },
		{ "/\x7f", "visible" },
		{ "/a?b=c", "path alone" },
		{ "/a#b", "path alone" },
		{ "/***", "three stars" },
		{ "/a****", "three stars" },
	};
	char longest[GLOB_OCTETS_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *fault = glob_fault(span_of(rows[i].glob));

		CHECK((fault == NULL) == (rows[i].want == NULL) &&
			  (fault == NULL || strstr(fault, rows[i].want) != NULL),
		      "%s: %s", rows[i].glob, fault != NULL ? fault : "none");
	}
	memset(longest, '/', sizeof(longest));
	CHECK(glob_fault((struct span){ longest, GLOB_OCTETS_MAX }) == NULL, "255");
	CHECK(glob_fault((struct span){ longest, GLOB_OCTETS_MAX + 1 }) != NULL, "256");
}

/* Bits in every word, up to the last: all elements are used. */
static void test_longest(void)
{
	char glob[GLOB_OCTETS_MAX], path[GLOB_OCTETS_MAX];

	memset(glob, 'a', sizeof(glob));
	glob[0] = '/';
	memcpy(path, glob, sizeof(path));
	for (size_t i = 1; i < sizeof(glob); i++) {
		struct span whole = { glob, sizeof(glob) }, same = { path, sizeof(path) };

		glob[i] = '*';
		CHECK(glob_match(whole, same), "star at %zu", i);
		same.len--; /* the star may be nothing */
		CHECK(glob_match(whole, same), "star at %zu, one less", i);
		same.len--;
		CHECK(!glob_match(whole, same), "star at %zu, two less", i);
		glob[i] = 'b';
		CHECK(!glob_match(whole, (struct span){ path, sizeof(path) }), "other at %zu", i);
		glob[i] = 'a';
	}
}

/* What would take a matcher that tries again until the end of time. */
static void test_worst(void)
{
	enum { PATH_OCTETS = 16 * 1024 };
	static char glob[GLOB_OCTETS_MAX], path[PATH_OCTETS];
	int64_t begun = clock_mono_ns();

	memset(glob, '*', sizeof(glob));
	for (size_t i = 0; i < sizeof(glob); i += 3)
		glob[i] = 'a';
	glob[0] = '/';
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 'b';
	glob[sizeof(glob) - 1] = 'c';
	CHECK(glob_fault((struct span){ glob, sizeof(glob) }) == NULL, "a glob");
	CHECK(!glob_match((struct span){ glob, sizeof(glob) }, (struct span){ path, sizeof(path) }),
	      "worst");
	CHECK(clock_mono_ns() - begun < 1000000000, "%lld ns",
	      (long long)(clock_mono_ns() - begun));
}

int main(void)
{
	test_match();
	test_fault();
	test_longest();
	test_worst();
	return test_failures > 0;
}
