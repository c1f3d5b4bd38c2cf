// SPDX-License-Identifier: Apache-2.0
/* Input: a packet. Property: what decodes encodes to the very same octets; names are plain text. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct gate_message *message, struct span octets)
{
	static char packet[GATE_OCTETS_MAX];
	size_t len = 0;

	if (gate_message_encode(&len, packet, message) < 0 || octets.len != len ||
	    memcmp(packet, octets.ptr, len) != 0)
		abort();
	if (message->kind == GATE_ASK_REQUEST &&
	    memchr(message->data.ptr, '\n', message->data.len) != NULL)
		abort();
	for (const char *c = message->name; *c != '\0'; c++)
		if (*c < '-' || *c > 'z')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct gate_message message;

	while (rest.len > 0) {
		const struct span before = rest;

		if (gate_message_decode(&message, &rest) < 0)
			return 0;
		check(&message, (struct span){ before.ptr, before.len - rest.len });
	}
	return 0;
}
