// SPDX-License-Identifier: Apache-2.0
/* Input: a bundle. Property: each certificate in it, written anew, is the only one that is read again. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "wire/base64.h"
#include "wire/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DER_OCTETS_MAX = 4096 };

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void read_again(struct span der)
{
	CLEANUP_BUF struct buf text = BUF(2 * DER_OCTETS_MAX), again = BUF(DER_OCTETS_MAX);

	must(buf_append(&text, SPAN("-----BEGIN CERTIFICATE-----\n")) == 0 &&
	     base64_encode(&text, der) == 0 &&
	     buf_append(&text, SPAN("\n-----END CERTIFICATE-----\n")) == 0);
	struct span rest = buf_span(&text);
	must(pem_next(&again, &rest) == 0 && buf_len(&again) == der.len &&
	     memcmp(buf_span(&again).ptr, der.ptr, der.len) == 0);
	must(pem_next(&again, &rest) == -ENOENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };

	for (;;) {
		CLEANUP_BUF struct buf der = BUF(DER_OCTETS_MAX);
		int r = pem_next(&der, &rest);

		if (r == -ENOENT)
			return 0;
		if (r == 0)
			read_again(buf_span(&der));
	}
}
