// SPDX-License-Identifier: Apache-2.0
#include "learn/text.h"

#include <errno.h>

#include "base/test.h"

static void check_strings(void)
{
	const struct {
		struct span value;
		const char *want;
	} rows[] = {
		{ SPAN(""), "\"\"" },
		{ SPAN("/a/b"), "\"/a/b\"" },
		{ SPAN("a\"b\\c"), "\"a\\\"b\\\\c\"" },
		{ SPAN("a\nallowed contains 1\r\0\t"),
		  "\"a\\u000aallowed contains 1\\u000d\\u0000\\u0009\"" },
		{ SPAN("`x` # y"), "\"`x` # y\"" },
		{ SPAN("$a$"), "\"$a\\u0024\"" }, /* the quote behind it would make it a template */
		{ SPAN("$\"$`"), "\"\\u0024\\\"\\u0024`\"" },
		{ SPAN("\xc3\xa9"), "\"\\u00e9\"" },
		{ SPAN("\xf0\x9f\x98\x80"), "\"\\ud83d\\ude00\"" },
		{ SPAN("\xe2\x80\xae"), "\"\\u202e\"" },
		{ SPAN("\xff\xc3"), "\"\\ufffd\\ufffd\"" },
		{ SPAN("\x7f"), "\"\\u007f\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text text = TEXT;

		text_string(&text, rows[i].value);
		CHECK(text.error == 0 && span_is(buf_span(&text.buf), rows[i].want),
		      "row %zu: %.*s", i, (int)buf_len(&text.buf), text.buf.ptr);
		text_free(&text);
	}
}

/* What does not fit is an error that stays. */
static void check_limit(void)
{
	struct text text = { .buf = BUF(4) };

	text_put(&text, "abc");
	text_string(&text, SPAN("d"));
	CHECK(text.error == -ENOBUFS, "%d", text.error);
	text_put(&text, "");
	CHECK(text.error == -ENOBUFS, "%d", text.error);
	text_free(&text);
}

int main(void)
{
	check_strings();
	check_limit();
	return test_failures > 0;
}
