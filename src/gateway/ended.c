// SPDX-License-Identifier: Apache-2.0
#include "gateway/ended.h"

void ended_fill(struct gate_message *message, uint32_t id, const struct exchange1_end *end)
{
	static char data[GATE_SOCKET_OCTETS + GATE_WHY_OCTETS_MAX];
	size_t len = 0;

	message->kind = GATE_END_REQUEST;
	message->id = id;
	message->verdict = end->clean ? GATE_CLOSED : end->blocked ? GATE_DENY : GATE_RESET;
	message->status = (uint16_t)end->status;
	message->up = end->up;
	message->down = end->down;
	if (end->websocket) {
		message->flags = GATE_WEBSOCKET;
		gate_socket_put(data, &end->socket);
		len = GATE_SOCKET_OCTETS;
	}
	for (const char *c = end->why; c != NULL && *c != '\0' && len < sizeof(data); c++)
		data[len++] = *c;
	message->data = (struct span){ data, len };
}
