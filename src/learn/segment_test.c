// SPDX-License-Identifier: Apache-2.0
#include "learn/segment.h"

#include "base/test.h"

#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define UUID "123e4567-e89b-12d3-a456-426614174000"

static void check_kinds(void)
{
	static const struct {
		const char *segment;
		enum segment_kind want;
	} rows[] = {
		{ "", SEGMENT_WORD },
		{ "users", SEGMENT_WORD },
		{ "v1", SEGMENT_WORD },
		{ "7", SEGMENT_NUMBER },
		{ "18446744073709551615", SEGMENT_NUMBER },
		{ "184467440737095516150", SEGMENT_WORD }, /* no number that anybody has */
		{ "-7", SEGMENT_WORD },
		{ "7.json", SEGMENT_WORD },
		{ UUID, SEGMENT_UUID },
		{ "123e4567-e89b-12d3-a456-42661417400", SEGMENT_WORD },
		{ "123e4567xe89b-12d3-a456-426614174000", SEGMENT_WORD },
		{ SHA1, SEGMENT_HASH },
		{ "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", SEGMENT_HASH },
		{ "da39a3e", SEGMENT_WORD }, /* a short one may be a word: deadbee, facade */
		{ "ga39a3ee5e6b4b0d3255bfef95601890afd80709", SEGMENT_WORD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(segment_kind_of(span_of(rows[i].segment)) == rows[i].want, "%s",
		      rows[i].segment);
}

static bool is_one_template(const char *a, const char *b)
{
	char one[256], other[256];
	const size_t len = segment_template(one, span_of(a));

	return len == segment_template(other, span_of(b)) && memcmp(one, other, len) == 0;
}

static void check_templates(void)
{
	static const struct {
		const char *one, *other;
		bool same;
		uint64_t differences;
	} rows[] = {
		{ "/", "/", true, 0 },
		{ "/a", "/b", false, 0 },
		{ "/a", "/a/", false, 0 },
		{ "/users/1/posts/2", "/users/1/posts/3", true, 1 << 4 },
		{ "/users/1", "/users/me", false, 0 },
		{ "/users/1", "/users/" UUID, false, 0 },
		{ "/" SHA1 "/1", "/d" SHA1, false, 0 },
		{ "/" SHA1, "/0123456789abcdef0123456789abcdef", false, 0 },
		{ "/1/2", "/3/4", true, 6 },
		{ "*", "*", true, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(is_one_template(rows[i].one, rows[i].other) == rows[i].same, "%s %s",
		      rows[i].one, rows[i].other);
		if (rows[i].same)
			CHECK(segment_differences(span_of(rows[i].one), span_of(rows[i].other)) ==
				  rows[i].differences,
			      "%s %s", rows[i].one, rows[i].other);
	}
}

static void check_patterns(void)
{
	static const struct {
		const char *path;
		uint64_t varied;
		bool open;
		const char *pattern, *shown;
	} rows[] = {
		{ "/a-b_c", 0, false, "^(/a-b_c$)", "/a-b_c" },
		{ "/users/1", 0, false, "^(/users/1$)", "/users/1" },
		{ "/users/1", 4, true, "^(/users/[0-9]{1,20}$)", "/users/{number}" },
		{ "/users/1/2", 8, true, "^(/users/1/[0-9]{1,20}$)", "/users/1/{number}" },
		{ "/" UUID "/", 0, true, "^(/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/$)",
		  "/{uuid}/" },
		{ "/x/" SHA1 ".z", 0, false, "^(/x/" SHA1 "[.]z$)", "/x/" SHA1 ".z" },
		{ "/x/" SHA1, 0, true, "^(/x/[0-9a-fA-F]{40}$)", "/x/{hash}" },
		{ "/a.b*(c)", 0, false, "^(/a[.]b\\x2a\\x28c\\x29$)", "/a.b*(c)" },
		{ "/a\\|b$", 0, false, "^(/a\\x5c\\x7cb\\x24$)", "/a\\|b$" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf pattern = BUF(1024), shown = BUF(1024);
		struct span path = span_of(rows[i].path);

		CHECK(segment_is_open(path, rows[i].varied) == rows[i].open, "%s", rows[i].path);
		CHECK(segment_pattern(&pattern, path, rows[i].varied) == 0 &&
			  span_is(buf_span(&pattern), rows[i].pattern),
		      "%.*s", (int)buf_len(&pattern), pattern.ptr);
		CHECK(segment_shown(&shown, path, rows[i].varied) == 0 &&
			  span_is(buf_span(&shown), rows[i].shown),
		      "%.*s", (int)buf_len(&shown), shown.ptr);
		buf_free(&shown);
	}
}

/* More segments than there are bits: the path stands for itself alone. */
static void check_deep(void)
{
	char one[2 * SEGMENTS_MAX + 1] = "", template[2 * SEGMENTS_MAX + 2];

	for (size_t i = 0; i < SEGMENTS_MAX; i++)
		memcpy(one + 2 * i, "/1", 2);
	const struct span path = { one, 2 * (size_t)SEGMENTS_MAX };
	CHECK(segment_template(template, path) == path.len && memcmp(template, one, path.len) == 0,
	      "a template");
	CHECK(!segment_is_open(path, UINT64_MAX), "open");
	CHECK(segment_is_open((struct span){ one, path.len - 2 }, UINT64_MAX), "one less");
}

int main(void)
{
	check_kinds();
	check_templates();
	check_patterns();
	check_deep();
	return test_failures > 0;
}
