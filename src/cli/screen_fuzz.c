// SPDX-License-Identifier: Apache-2.0
/* What is shown holds no control beside line ends, tabs, backspaces and colours, however it was cut. */
#include <stdlib.h>

#include "cli/screen.h"

/* colour_len() - a colour sequence, judged by other code than screen.c's */
static size_t colour_len(struct span s)
{
	size_t i = 2;

	if (s.len < 3 || s.ptr[1] != '[')
		return 0;
	while (i < s.len && strchr("0123456789:;", s.ptr[i]) != NULL && s.ptr[i] != 0)
		i++;
	return i < s.len && s.ptr[i] == 'm' ? i + 1 : 0;
}

static void check_harmless(struct span s)
{
	while (s.len > 0) {
		unsigned char c = (unsigned char)s.ptr[0];
		unsigned char next = s.len > 1 ? (unsigned char)s.ptr[1] : 0;
		size_t len = c == 033 ? colour_len(s) : 1;

		if (len == 0 || (c < 0x20 && strchr("\033\n\t\r\b", c) == NULL) || c == 0 ||
		    c == 0x7f)
			abort();
		if ((c == 0xc2 && next < 0xa0) || c == 0xc0 || c == 0xc1 || c > 0xf4)
			abort();
		s = span_drop(s, len);
	}
}

static void show(struct buf *ret, struct span text, size_t piece)
{
	struct screen screen = { 0 };

	while (text.len > 0) {
		size_t len = text.len < piece ? text.len : piece;

		if (screen_show(ret, &screen, (struct span){ text.ptr, len }) < 0)
			abort();
		text = span_drop(text, len);
	}
	if (screen_end(ret, &screen) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf whole = BUF(1 << 24);
	CLEANUP_BUF struct buf cut = BUF(1 << 24);

	if (size < 1)
		return 0;
	struct span text = { (const char *)data + 1, size - 1 };
	show(&whole, text, size);
	show(&cut, text, (size_t)data[0] + 1);
	check_harmless(buf_span(&whole));
	if (buf_len(&whole) != buf_len(&cut) ||
	    (buf_len(&whole) > 0 &&
	     memcmp(buf_span(&whole).ptr, buf_span(&cut).ptr, buf_len(&whole)) != 0))
		abort();
	return 0;
}
