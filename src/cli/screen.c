// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: judge() looks at the front of the text and says how many octets are harmless
 * together. What may become so with more octets is kept until they come. The colours are those of
 * ECMA-48, 8.3.117 SGR, with the colons of ISO 8613-6: no terminal answers them.
 */
#include "cli/screen.h"

#include "cli/print.h"

enum { MORE = -1 };

static struct span kept(const struct screen *screen)
{
	return (struct span){ screen->kept, screen->kept_len };
}

/* colour() - length of the colour sequence at the front of @s; 0: it is none; MORE */
static int colour(struct span s)
{
	for (size_t i = 1; i < s.len && i < SCREEN_KEPT_OCTETS; i++) {
		char c = s.ptr[i];

		if (i == 1 ? c != '[' : (c < '0' || c > ';'))
			return i > 1 && c == 'm' ? (int)i + 1 : 0;
	}
	return s.len < SCREEN_KEPT_OCTETS ? MORE : 0;
}

/* judge() - octets of what is harmless at the front of @s; 0: the first must be escaped; MORE */
static int judge(struct span s)
{
	char c = s.ptr[0];

	if (c == '\033')
		return colour(s);
	if (c == '\n' || c == '\t' || c == '\r' || c == '\b')
		return 1;
	int len = (int)print_safe_octets(s);
	return len == 0 && print_is_beginning(s) ? MORE : len;
}

/* is_reset() - "ESC[m" or "ESC[0m" */
static bool is_reset(struct span sequence)
{
	return sequence.len == 3 || (sequence.len == 4 && sequence.ptr[2] == '0');
}

/* show_front() - show of @rest what can be judged, and leave what cannot */
static int show_front(struct buf *ret, struct screen *screen, struct span *rest)
{
	while (rest->len > 0) {
		int len = judge(*rest);
		struct span part = { rest->ptr, len > 0 ? (size_t)len : 1 };

		if (len == MORE)
			return 0;
		if (len > 1 && part.ptr[0] == '\033')
			screen->coloured = !is_reset(part);
		int r = len > 0 ? buf_append(ret, part)
				: buf_printf(ret, "\\x%02x", (unsigned)(unsigned char)part.ptr[0]);
		if (r < 0)
			return r;
		*rest = span_drop(*rest, part.len);
	}
	return 0;
}

static void keep(struct screen *screen, struct span rest)
{
	memmove(screen->kept, rest.ptr, rest.len);
	screen->kept_len = rest.len;
}

int screen_show(struct buf *ret, struct screen *screen, struct span data)
{
	int r = 0;

	while (r == 0 && screen->kept_len > 0 && data.len > 0) { /* what was begun before */
		screen->kept[screen->kept_len++] = data.ptr[0];
		data = span_drop(data, 1);
		struct span rest = kept(screen);
		r = show_front(ret, screen, &rest);
		keep(screen, rest);
	}
	if (r == 0 && data.len > 0) {
		r = show_front(ret, screen, &data);
		if (r == 0)
			keep(screen, data);
	}
	return r;
}

int screen_end(struct buf *ret, struct screen *screen)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < screen->kept_len; i++) {
		char c = screen->kept[i];

		r = c >= ' ' && c < 0x7f ? buf_append(ret, (struct span){ &c, 1 })
					 : buf_printf(ret, "\\x%02x", (unsigned)(unsigned char)c);
	}
	screen->kept_len = 0;
	if (r == 0 && screen->coloured)
		r = buf_append(ret, SPAN("\033[0m"));
	screen->coloured = false;
	return r;
}
