/* SPDX-License-Identifier: Apache-2.0 */
/* test_gate - what a peer of talk says and hears, for tests; one peer at a time. */
#ifndef WIRE_TEST_GATE_H
#define WIRE_TEST_GATE_H

#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"
#include "wire/gate.h"

static struct span gate_test_rest; /* of the last packet: messages that were not heard */

/* gate_test_hear() - the next message; its data is borrowed until the one after that. Return: false: there is
 * none */
static inline bool gate_test_hear(struct gate_message *ret, int fd)
{
	static char packet[GATE_PACKET_OCTETS_MAX];

	if (gate_test_rest.len == 0) {
		ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);

		if (n <= 0)
			return false;
		gate_test_rest = (struct span){ packet, (size_t)n };
	}
	CHECK(gate_message_decode(ret, &gate_test_rest) == 0, "%zu octets", gate_test_rest.len);
	return true;
}

/* gate_test_say() - @fd: goes with it; -1: none. Return: as fd_send() */
static inline int gate_test_say(int to, const struct gate_message *message, int fd)
{
	static char packet[GATE_OCTETS_MAX];
	size_t len = 0;

	CHECK(gate_message_encode(&len, packet, message) == 0, "kind %d: no message",
	      (int)message->kind);
	return fd_send(to, (struct span){ packet, len }, &fd, fd >= 0);
}

#endif
