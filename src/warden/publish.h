/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish - TCP ports of a sandbox's programs that are reachable from outside, as the settings say
 * and nothing else can; or, if they say "auto", each port at which a program listens while it does, at
 * 127.0.0.1 alone: at the same port if that is free and not below 1024, else at the next one that is,
 * from PORT + 8000 for those below. A connection to one is carried to 127.0.0.1 inside, or to ::1 if nothing
 * listens there; if nothing does at all, it is reset. Each is reported at its end (EGRESS_ACCEPTED).
 */
#ifndef WARDEN_PUBLISH_H
#define WARDEN_PUBLISH_H

#include <jansson.h>

#include "config/config.h"
#include "loop/loop.h"
#include "warden/egress.h"

enum {
	PUBLISH_PORT_CONNECTIONS_MAX = 512, /* of one port; more wait in the kernel */
	PUBLISH_CONNECTIONS_MAX = 10000,    /* of all; fewer if there are few descriptors */
	PUBLISH_DRAIN_MS = 2000,
	PUBLISH_AUTO_MAX = 32, /* ports that are published automatically, at a time */
};

struct publish;

/**
 * publish_open() - take the ports outside; who connects waits for publish_start()
 * @ret:	owned by the caller; NULL: @network publishes none
 * @network:	borrowed for the call
 *
 * Return: 0; -errno with *diag: a port cannot be had.
 */
MUST_USE int publish_open(struct publish **ret, struct loop *loop,
			  const struct config_network *network, struct diag *diag);

/**
 * publish_start() - carry connections from now on
 * @inside:	a socket of the sandbox's network, borrowed until publish_close(); -1: it has none
 * @hooks:	copied
 * @changed:	called with hooks' context when the ports of publish_json() are others; may be NULL
 *
 * Return: 0; -errno with *diag.
 */
MUST_USE int publish_start(struct publish *publish, int inside, const struct egress_hooks *hooks,
			   void (*changed)(void *context), struct diag *diag);

/* publish_json() - [{"address": "127.0.0.1", "host_port": 8080, "port": 80}], with "auto": true if the
 * settings do not name it; owned; NULL: no memory */
json_t *publish_json(const struct publish *publish);

/**
 * publish_drain() - no program is left: give up the ports, and let what programs sent go out, for
 * PUBLISH_DRAIN_MS at most
 *
 * Return: is there anything? Then hooks.drained follows, which may close.
 */
MUST_USE bool publish_drain(struct publish *publish);

/* publish_close() - give up the ports, reset what is left; that is not reported. NULL is fine. */
void publish_close(struct publish *publish);

#endif
