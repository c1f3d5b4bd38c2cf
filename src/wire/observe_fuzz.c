// SPDX-License-Identifier: Apache-2.0
/* Input: a packet. Property: what decodes encodes to the very same, record by record. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/observe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span packet = { (const char *)data, size }, rest = { 0 };
	static char again[OBSERVE_RECORD_OCTETS_MAX];
	struct observe_record record;
	uint64_t lost = 0;
	size_t len = 0;

	if (observe_lost_decode(&lost, &rest, packet) < 0)
		return 0;
	observe_lost_encode(again, lost);
	if (memcmp(again, packet.ptr, OBSERVE_LOST_OCTETS) != 0)
		abort();
	while (rest.len > 0) {
		struct span before = rest;

		if (observe_decode(&record, &rest) < 0)
			return 0;
		if (observe_encode(&len, again, &record) < 0 || len != before.len - rest.len ||
		    memcmp(again, before.ptr, len) != 0)
			abort();
	}
	return 0;
}
