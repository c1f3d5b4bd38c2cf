// SPDX-License-Identifier: Apache-2.0
/* Input: a packet. Property: what decodes encodes to the very same, within the room that is said. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char again[GRANT_PACKET_OCTETS_MAX];
	struct grant_packet packet;
	size_t len = 0;

	if (grant_decode(&packet, (struct span){ (const char *)data, size }) < 0)
		return 0;
	if (grant_encode(&len, again, &packet) < 0 || len != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
