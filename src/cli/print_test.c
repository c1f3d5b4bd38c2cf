// SPDX-License-Identifier: Apache-2.0
#include "cli/print.h"

#include <stdlib.h>

#include "base/test.h"

static void test_safe(void)
{
	const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "python3 x.py", "python3 x.py" },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "a\nb\r\tc\x7f", "a\\x0ab\\x0d\\x09c\\x7f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\xc2\\x9b31m" },                            /* CSI as a C1 control */
		{ "\xc0\x9b", "\\xc0\\x9b" },                   /* ESC, overlong */
		{ "\xe0\x80\x9b", "\\xe0\\x80\\x9b" },          /* likewise */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond U+10FFFF */
		{ "\xe2\x80\xae"
		  "abc",
		  "\\xe2\\x80\\xaeabc" },              /* right-to-left override */
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" }, /* line separator */
		{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" }, /* space without width */
		{ "\xe2\x80\x8d", "\xe2\x80\x8d" },    /* joiner: emoji are made of parts */
		{ "\xe2\x80", "\\xe2\\x80" },          /* cut off */
		{ "\xff"
		  "a",
		  "\\xffa" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char got[128] = { 0 };
		FILE *out = fmemopen(got, sizeof(got), "w");

		print_safe(out, rows[i].text);
		fclose(out);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu: %s", i, got);
	}
}

/* test_safe_span() - to its end, whatever is in it or behind it */
static void test_safe_span(void)
{
	const struct {
		struct span text;
		const char *want;
	} rows[] = {
		{ { 0 }, "" },
		{ SPAN("a\0b"), "a\\x00b" },
		{ { "abc", 2 }, "ab" },
		{ { "\xc3\xbc", 1 }, "\\xc3" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char got[128] = { 0 };
		FILE *out = fmemopen(got, sizeof(got), "w");

		print_safe_span(out, rows[i].text);
		fclose(out);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu: %s", i, got);
	}
}

static void test_part(void)
{
	const struct {
		struct span part;
		const char *want;
		size_t left;
	} rows[] = {
		{ SPAN("a\tb\nc"), "a\tb\nc", 0 },
		{ SPAN("a\r\nb\r\n"), "a\nb\n", 0 }, /* as a terminal ends lines */
		{ SPAN("50%\r60%"), "50%\\x0d60%", 0 },
		{ SPAN("a\r"), "a", 1 },
		{ SPAN("a\xc3"), "a", 1 },
		{ SPAN("a\xf0\x9f\x98"), "a", 3 },
		{ SPAN("a\xf0\x9f"
		       "b"),
		  "a\\xf0\\x9fb", 0 },
		{ SPAN("a\x9f"), "a\\x9f", 0 },
		{ SPAN("\x1b]0;x\x07"), "\\x1b]0;x\\x07", 0 },
		{ SPAN("a\0b"), "a\\x00b", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char got[128] = { 0 };
		FILE *out = fmemopen(got, sizeof(got), "w");
		size_t used = print_safe_part(out, rows[i].part);

		fclose(out);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu: %s", i, got);
		CHECK(used == rows[i].part.len - rows[i].left, "row %zu: %zu", i, used);
	}
}

/* A run of continuation octets costs by its length, not by the square of it: that would be hours. */
static void test_long_run(void)
{
	enum { RUN = 8 * 1024 * 1024 };
	char *run = malloc(RUN);
	FILE *out = fopen("/dev/null", "w");

	CHECK(run != NULL && out != NULL, "set-up");
	if (run != NULL && out != NULL) {
		memset(run, 0x80, RUN);
		CHECK(print_safe_part(out, (struct span){ run, RUN }) == RUN, "not all of it");
		(void)fclose(out);
	}
	free(run);
}

static void test_age(void)
{
	const struct {
		int64_t then, now;
		const char *want;
	} rows[] = {
		{ 0, 1000, "-" },
		{ 1000, 1000, "just now" },
		{ 1001, 1000, "just now" },
		{ 999, 1000, "1 second ago" },
		{ 1000, 1059, "59 seconds ago" },
		{ 1000, 1060, "1 minute ago" },
		{ 1000, 1300, "5 minutes ago" },
		{ 1000, 8200, "2 hours ago" },
		{ 1000, 87400, "1 day ago" },
		{ 1000, 1000 + 8 * 86400, "1 week ago" },
		{ 1000, 1000 + 70 * 86400, "2 months ago" },
		{ 1000, 1000 + 800 * 86400, "2 years ago" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char got[PRINT_TIME_OCTETS] = "";

		print_age(got, rows[i].then, rows[i].now);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu: %s", i, got);
	}
}

static void test_rfc3339(void)
{
	char got[PRINT_TIME_OCTETS] = "";

	print_rfc3339(got, 1705314600);
	CHECK(strcmp(got, "2024-01-15T10:30:00Z") == 0, "%s", got);
	print_rfc3339(got, INT64_MAX);
	CHECK(strcmp(got, "-") == 0, "%s", got);
}

static void test_utf8(void)
{
	const struct {
		const char *all, *ctype, *lang;
		bool want;
	} rows[] = {
		{ NULL, NULL, NULL, false },         { NULL, NULL, "en_US.UTF-8", true },
		{ "C", NULL, "en_US.UTF-8", false }, { "", "de_DE.utf8", "C", true },
		{ NULL, "POSIX", "C.UTF-8", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
		unsetenv("LC_ALL");
		unsetenv("LC_CTYPE");
		unsetenv("LANG");
		if (rows[i].all != NULL)
			setenv("LC_ALL", rows[i].all, 1);
		if (rows[i].ctype != NULL)
			setenv("LC_CTYPE", rows[i].ctype, 1);
		if (rows[i].lang != NULL)
			setenv("LANG", rows[i].lang, 1);
		/* NOLINTEND(concurrency-mt-unsafe) */
		CHECK(print_is_utf8() == rows[i].want, "row %zu", i);
	}
}

int main(void)
{
	test_safe();
	test_safe_span();
	test_part();
	test_long_run();
	test_age();
	test_rfc3339();
	test_utf8();
	return test_failures > 0;
}
