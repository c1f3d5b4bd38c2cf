// SPDX-License-Identifier: Apache-2.0
/* What reaches a terminal holds no control but newline and tab, however the text was cut in pieces.
 */
#include <stdlib.h>

#include "cli/print.h"

/* shown() - what print_safe_part() makes of @text, given to it up to @cut first; the caller frees
 */
static char *shown(struct span text, size_t cut, size_t *ret_len)
{
	char *out_text = NULL;
	FILE *out = open_memstream(&out_text, ret_len);
	size_t used = print_safe_part(out, (struct span){ text.ptr, cut });
	size_t left = 0;

	if (used > cut || cut - used > 3)
		abort();
	left = text.len - used - print_safe_part(out, span_drop(text, used));
	if (left > 3)
		abort();
	fclose(out);
	return out_text;
}

static void check_harmless(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			abort();
		if (c == 0xc2 && next < 0xa0) /* a C1 control, or half a character */
			abort();
		if (c == 0xc0 || c == 0xc1 || c > 0xf4)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data + 1, size - 1 };
	size_t whole_len = 0, cut_len = 0;

	if (size < 1)
		return 0;
	char *whole = shown(text, 0, &whole_len);
	char *cut = shown(text, text.len > 0 ? data[0] % (text.len + 1) : 0, &cut_len);

	check_harmless(whole, whole_len);
	if (whole_len != cut_len || memcmp(whole, cut, whole_len) != 0)
		abort();
	free(whole);
	free(cut);
	return 0;
}
