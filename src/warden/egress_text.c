// SPDX-License-Identifier: Apache-2.0
#include "warden/egress_text.h"

#include "base/utf8.h"

/* is_unseen() - controls, and what turns the direction of text or breaks its line */
static bool is_unseen(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void egress_text(char *ret, size_t size, struct span text)
{
	size_t len = 0;

	while (text.len > 0) {
		uint32_t c = 0;
		size_t octets = utf8_decode(&c, text);
		bool shown = octets > 0 && !is_unseen(c);
		size_t wanted = shown ? octets : 1;

		if (len + wanted >= size)
			break;
		memcpy(ret + len, shown ? text.ptr : "?", wanted);
		len += wanted;
		text = span_drop(text, octets > 0 ? octets : 1);
	}
	ret[len] = '\0';
}
