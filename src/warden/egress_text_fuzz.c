// SPDX-License-Identifier: Apache-2.0
/* Whatever comes, the text is short, UTF-8 without controls, and made safe again the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "warden/egress_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[EGRESS_TEXT_OCTETS], again[EGRESS_TEXT_OCTETS];

	egress_text(text, sizeof(text), (struct span){ (const char *)data, size });
	must(memchr(text, '\0', sizeof(text)) != NULL);
	for (struct span rest = span_of(text); rest.len > 0;) {
		uint32_t c = 0;
		size_t octets = utf8_decode(&c, rest);

		must(octets > 0 && c >= 0x20 && (c < 0x7f || c >= 0xa0));
		rest = span_drop(rest, octets);
	}
	egress_text(again, sizeof(again), span_of(text));
	must(strcmp(text, again) == 0);
	return 0;
}
