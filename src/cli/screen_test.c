// SPDX-License-Identifier: Apache-2.0
#include "cli/screen.h"

#include <errno.h>

#include "base/test.h"

/* test_pieces() - the same comes out, wherever the text is cut */
static void test_pieces(void)
{
	const struct {
		struct span text;
		const char *want;
	} rows[] = {
		{ SPAN(""), "" },
		{ SPAN("plain\r\n\ttext\b!"), "plain\r\n\ttext\b!" },
		{ SPAN("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"),
		  "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80" },
		{ SPAN("\033[1;31mred\033[0m"), "\033[1;31mred\033[0m" },
		{ SPAN("\033[38:2::1:2:3mx\033[m"), "\033[38:2::1:2:3mx\033[m" },
		{ SPAN("\033[31mleft"), "\033[31mleft\033[0m" },
		{ SPAN("\033[31m\033[0;1mx"), "\033[31m\033[0;1mx\033[0m" },
		{ SPAN("\033[6n"), "\\x1b[6n" },                            /* report the cursor */
		{ SPAN("\033[c\033[>c"), "\\x1b[c\\x1b[>c" },               /* report the device */
		{ SPAN("\033]0;owned\a"), "\\x1b]0;owned\\x07" },           /* title */
		{ SPAN("\033]52;c;eA==\033\\"), "\\x1b]52;c;eA==\\x1b\\" }, /* clipboard */
		{ SPAN("\033P$q\"p\033\\"), "\\x1bP$q\"p\\x1b\\" },         /* DCS */
		{ SPAN("\033[?1049h"), "\\x1b[?1049h" },                    /* other screen */
		{ SPAN("\033[>4;2m"), "\\x1b[>4;2m" }, /* key modifiers, not colours */
		{ SPAN("\033[1 m\033[1!m"), "\\x1b[1 m\\x1b[1!m" },
		{ SPAN("\033[\033[31m\033[m"), "\\x1b[\033[31m\033[m" },
		{ SPAN("\xc2\x9b"
		       "6n"),
		  "\\xc2\\x9b6n" }, /* CSI as one character */
		{ SPAN("\x9b"
		       "6n"),
		  "\\x9b6n" },                                      /* and as one octet */
		{ SPAN("\xe2\x80\xae"), "\\xe2\\x80\\xae" },        /* right-to-left override */
		{ SPAN("\0\005\016\177"), "\\x00\\x05\\x0e\\x7f" }, /* 5: answer back */
		{ SPAN("end\033"), "end\\x1b" },
		{ SPAN("end\033[31"), "end\\x1b[31" },
		{ SPAN("end\xe2\x82"), "end\\xe2\\x82" },
		{ SPAN("\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m"),
		  "\\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t piece = 1; piece <= rows[i].text.len + 1; piece++) {
			CLEANUP_BUF struct buf got = BUF(256);
			struct screen screen = { 0 };
			int r = 0;

			for (struct span rest = rows[i].text; r == 0 && rest.len > 0;) {
				size_t len = rest.len < piece ? rest.len : piece;

				r = screen_show(&got, &screen, (struct span){ rest.ptr, len });
				rest = span_drop(rest, len);
			}
			if (r == 0)
				r = screen_end(&got, &screen);
			struct span text = buf_span(&got);
			CHECK(r == 0 && text.len == strlen(rows[i].want) &&
				  (text.len == 0 || memcmp(text.ptr, rows[i].want, text.len) == 0),
			      "row %zu by %zu: %d %.*s", i, piece, r, (int)text.len, text.ptr);
		}
	}
}

static void test_full(void)
{
	CLEANUP_BUF struct buf got = BUF(4);
	struct screen screen = { 0 };

	CHECK(screen_show(&got, &screen, SPAN("\a\a")) == -ENOBUFS, "more than there is room");
}

int main(void)
{
	test_pieces();
	test_full();
	return test_failures != 0;
}
