/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners - at which TCP ports programs of a sandbox listen, as the kernel says, looked at four times
 * a second. Only what a published port leads to counts: listeners of 127.0.0.1, ::1 and of all addresses.
 */
#ifndef WARDEN_LISTENERS_H
#define WARDEN_LISTENERS_H

#include "loop/loop.h"

enum { LISTENERS_PORTS = 65536, LISTENERS_OCTETS = LISTENERS_PORTS / 8 };

struct listeners {
	struct loop *loop;
	struct loop_timer timer;
	int diag; /* owned; -1: not open */
	uint32_t id;
	uint8_t family;                  /* of the answer that is being read; 0: none is */
	unsigned turns;                  /* since it was asked for */
	uint8_t ports[LISTENERS_OCTETS]; /* a bit each */
	void (*seen)(void *context, const struct listeners *listeners);
	void *context;
};

#define LISTENERS ((struct listeners){ .diag = -1 })

/**
 * listeners_start() - look now and then until listeners_stop(), and call @seen each time
 * @diag:	consumed: a socket of NETLINK_SOCK_DIAG, of the sandbox's network
 */
void listeners_start(struct listeners *listeners, struct loop *loop, int diag,
		     void (*seen)(void *context, const struct listeners *listeners), void *context);
void listeners_stop(struct listeners *listeners); /* fine for one that was not started */

static inline bool listeners_has(const struct listeners *listeners, uint16_t port)
{
	return (listeners->ports[port / 8] & 1U << port % 8) != 0;
}

#endif
