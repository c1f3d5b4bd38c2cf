// SPDX-License-Identifier: Apache-2.0
/* Input: a packet. Property: what decodes, as a request or an answer, encodes to the very same. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/leaf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(const char *packet, size_t len, struct span in)
{
	if (len != in.len || memcmp(packet, in.ptr, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { (const char *)data, size }, der = { 0 };
	struct leaf_request request = { 0 };
	char packet[LEAF_ANSWER_OCTETS_MAX];
	size_t len = 0;

	if (leaf_request_decode(&request, in) == 0) {
		if (leaf_request_encode(&len, packet, &request) < 0)
			abort();
		must_be(packet, len, in);
	}
	if (leaf_answer_decode(&der, in) == 0) {
		if (leaf_answer_encode(&len, packet, der) < 0)
			abort();
		must_be(packet, len, in);
	}
	return 0;
}
