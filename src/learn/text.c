// SPDX-License-Identifier: Apache-2.0
#include "learn/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

static void put(struct text *text, struct span piece)
{
	if (text->error == 0)
		text->error = buf_append(&text->buf, piece);
}

void text_put(struct text *text, const char *literal)
{
	put(text, span_of(literal));
}

void text_printf(struct text *text, const char *format, ...)
{
	char piece[512]; /* none of ours is as long */
	va_list args;

	va_start(args, format);
	int len = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (len >= 0)
		put(text, (struct span){ piece, (size_t)len < sizeof(piece) ? (size_t)len
									    : sizeof(piece) - 1 });
}

static bool is_plain(uint32_t code)
{
	return code >= ' ' && code <= '~' && code != '"' && code != '\\';
}

/* is_opening() - `$"` and "$`" begin templates, and where those are, immure does not skip comments */
static bool is_opening(struct span value)
{
	return value.ptr[0] == '$' &&
	       (value.len == 1 || value.ptr[1] == '"' || value.ptr[1] == '`');
}

static void put_code(struct text *text, uint32_t code)
{
	enum { BMP_END = 0x10000, HIGH = 0xd800, LOW = 0xdc00, HALF = 10, MASK = 0x3ff };

	if (code < BMP_END)
		text_printf(text, "\\u%04x", (unsigned)code);
	else
		text_printf(text, "\\u%04x\\u%04x", (unsigned)(HIGH + ((code - BMP_END) >> HALF)),
			    (unsigned)(LOW + ((code - BMP_END) & MASK)));
}

void text_string(struct text *text, struct span value)
{
	enum { REPLACEMENT = 0xfffd };

	text_put(text, "\"");
	while (value.len > 0) {
		uint32_t code = REPLACEMENT;
		size_t len = utf8_decode(&code, value);

		if (len > 0 && is_plain(code) && !is_opening(value))
			put(text, (struct span){ value.ptr, 1 });
		else if (len > 0 && (code == '"' || code == '\\'))
			text_printf(text, "\\%c", (char)code);
		else
			put_code(text, len > 0 ? code : REPLACEMENT);
		value = span_drop(value, len > 0 ? len : 1);
	}
	text_put(text, "\"");
}

void text_free(struct text *text)
{
	buf_free(&text->buf);
}
