// SPDX-License-Identifier: Apache-2.0
/*
 * Input: octets. Properties: what they encode to decodes to them again; and if they are base64
 * themselves, decoding and encoding gives the very same text (there is one text per byte string).
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct buf *b, struct span s)
{
	return buf_len(b) == s.len && (s.len == 0 || memcmp(buf_span(b).ptr, s.ptr, s.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf text = BUF(1 << 20), octets = BUF(1 << 20);
	struct span in = { (const char *)data, size };

	if (size > 1 << 16)
		return 0;
	if (base64_encode(&text, in) < 0 || base64_decode(&octets, buf_span(&text)) < 0 ||
	    !same(&octets, in))
		abort();
	buf_free(&text);
	buf_free(&octets);
	if (base64_decode(&octets, in) < 0) {
		if (buf_len(&octets) != 0)
			abort();
		return 0;
	}
	if (base64_encode(&text, buf_span(&octets)) < 0 || !same(&text, in))
		abort();
	return 0;
}
