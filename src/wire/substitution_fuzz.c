// SPDX-License-Identifier: Apache-2.0
/* Input: the data of a REQUEST. Property: what decodes, encodes to the very same. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/substitution.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[64 * 1024];
	static struct substitutions list;
	size_t len = 0;

	if (size > sizeof(room) ||
	    substitutions_decode(&list, (struct span){ (const char *)data, size }) < 0)
		return 0;
	if (substitutions_encode(&len, room, size, &list) < 0 || len != size ||
	    (size > 0 && memcmp(room, data, size) != 0))
		abort();
	return 0;
}
