// SPDX-License-Identifier: Apache-2.0
/* Input: a packet. Property: what decodes encodes to the very same octets; its name is plain text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char packet[GATE_OCTETS_MAX];
	size_t len = 0;
	struct gate_message message;

	if (gate_message_decode(&message, (struct span){ (const char *)data, size }) < 0)
		return 0;
	if (gate_message_encode(&len, packet, &message) < 0 || size != len ||
	    memcmp(packet, data, size) != 0)
		abort();
	if (message.kind == GATE_ASK_REQUEST && memchr(message.data.ptr, '\n', message.data.len))
		abort();
	for (const char *c = message.name; *c != '\0'; c++)
		if (*c < '-' || *c > 'z')
			abort();
	return 0;
}
