// SPDX-License-Identifier: Apache-2.0
/* Input: a store. Property: what is read to its end, written anew, is the same but for the sum. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "wire/jks.h"
#include "wire/sha1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf again = BUF(JKS_OCTETS_MAX);
	struct jks_reader reader;
	struct jks_entry entry;
	int r = jks_read(&reader, (struct span){ (const char *)data, size });

	if (r < 0)
		return 0;
	if (jks_write(&again) < 0)
		abort();
	while ((r = jks_next(&entry, &reader)) == 0)
		if (jks_add(&again, &entry) < 0)
			abort();
	if (r == -EINVAL)
		return 0;
	if (r != -ENOENT || jks_end(&again) < 0 || buf_len(&again) != size ||
	    memcmp(buf_span(&again).ptr, data, size - SHA1_OCTETS) != 0)
		abort();
	return 0;
}
