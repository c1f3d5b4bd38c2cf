// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include "base/test.h"

static void test_decode(void)
{
	const struct {
		struct span text;
		size_t len;
		uint32_t code;
	} rows[] = {
		{ SPAN("a\xff"), 1, 'a' },
		{ SPAN("\0"), 1, 0 },
		{ SPAN("\x7f"), 1, 0x7f },
		{ SPAN("\x80"), 0, 0 }, /* the inside of a character */
		{ SPAN("\xc1\xbf"), 0, 0 },
		{ SPAN("\xc2\x80"), 2, 0x80 },
		{ SPAN("\xdf\xbfx"), 2, 0x7ff },
		{ SPAN("\xc2"), 0, 0 },
		{ SPAN("\xc2x"), 0, 0 },
		{ SPAN("\xc2\xc0"), 0, 0 },
		{ SPAN("\xe0\x9f\xbf"), 0, 0 }, /* overlong */
		{ SPAN("\xe0\xa0\x80"), 3, 0x800 },
		{ SPAN("\xed\x9f\xbf"), 3, 0xd7ff },
		{ SPAN("\xed\xa0\x80"), 0, 0 }, /* surrogates */
		{ SPAN("\xed\xbf\xbf"), 0, 0 },
		{ SPAN("\xee\x80\x80"), 3, 0xe000 },
		{ SPAN("\xef\xbf\xbf"), 3, 0xffff },
		{ SPAN("\xe2\x82"), 0, 0 },
		{ SPAN("\xf0\x8f\xbf\xbf"), 0, 0 }, /* overlong */
		{ SPAN("\xf0\x90\x80\x80"), 4, 0x10000 },
		{ SPAN("\xf4\x8f\xbf\xbf"), 4, 0x10ffff },
		{ SPAN("\xf4\x90\x80\x80"), 0, 0 }, /* above U+10FFFF */
		{ SPAN("\xf5\x80\x80\x80"), 0, 0 },
		{ SPAN("\xf8\x90\x80\x80"), 0, 0 }, /* no lead, though its lowest bits fit */
		{ SPAN("\xf8\x88\x80\x80\x80"), 0, 0 },
		{ SPAN("\xff"), 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t code = 0;
		size_t len = utf8_decode(&code, rows[i].text);

		CHECK(len == rows[i].len && code == rows[i].code, "row %zu: %zu octets, %x", i, len,
		      code);
	}
}

static void test_plain(void)
{
	const struct {
		uint32_t first,
		    last; /* neither, and all between, are plain; their neighbours are */
	} rows[] = {
		{ 0x7f, 0x9f },     { 0xad, 0xad },       { 0x61c, 0x61c },   { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	CHECK(!utf8_is_plain(0) && !utf8_is_plain(0x1f) && utf8_is_plain(0x20), "C0");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(utf8_is_plain(rows[i].first - 1), "before %x", rows[i].first);
		CHECK(utf8_is_plain(rows[i].last + 1), "after %x", rows[i].last);
		for (uint32_t code = rows[i].first; code <= rows[i].last; code++)
			CHECK(!utf8_is_plain(code), "%x", code);
	}
	CHECK(utf8_is_plain(0xe9) && utf8_is_plain(0x1f600) && utf8_is_plain(0x10ffff), "letters");
}

int main(void)
{
	test_plain();
	test_decode();
	return test_failures > 0;
}
