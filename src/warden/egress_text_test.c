// SPDX-License-Identifier: Apache-2.0
#include "warden/egress_text.h"

#include "base/test.h"

static void test_rows(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "no certificate", "no certificate" },
		{ "b\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
		  "b\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\nb\tc\x1b[2Jd\x7f\r", "a?b?c?[2Jd??" },
		{ "a\xc2\x9b"
		  "2Jb\xc2\xa0",
		  "a?2Jb\xc2\xa0" },
		{ "\xff\xc3(\xc0\xaf\xed\xa0\x80\xf5\x80", "?"
							   "?(???????" },
		{ "x\xe2\x80\xaey\xe2\x81\xa6z\xe2\x80\xa8\xef\xbb\xbf", "x?y?z??" },
		{ "cut\xe2\x82", "cut??" },
	};
	char text[EGRESS_TEXT_OCTETS];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		egress_text(text, sizeof(text), span_of(rows[i].text));
		CHECK(strcmp(text, rows[i].want) == 0, "row %zu: %s", i, text);
	}
	egress_text(text, sizeof(text), SPAN("a\0b"));
	CHECK(strcmp(text, "a?b") == 0, "NUL: %s", text);
}

/* It is cut where a character ends. */
static void test_long(void)
{
	char in[400], text[EGRESS_TEXT_OCTETS];

	memset(in, 'x', sizeof(in));
	egress_text(text, sizeof(text), (struct span){ in, sizeof(in) });
	CHECK(strlen(text) == 300, "%zu", strlen(text));
	memcpy(in + 298, "\xe2\x82\xac", 3);
	egress_text(text, sizeof(text), (struct span){ in, sizeof(in) });
	CHECK(strlen(text) == 298, "%zu", strlen(text));
	memcpy(in + 297, "\xe2\x82\xac", 3);
	egress_text(text, sizeof(text), (struct span){ in, sizeof(in) });
	CHECK(strlen(text) == 300, "%zu", strlen(text));
}

int main(void)
{
	test_rows();
	test_long();
	return test_failures > 0;
}
