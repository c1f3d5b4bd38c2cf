/* SPDX-License-Identifier: Apache-2.0 */
/* publish_priv - what the files of publish share: ports (publish.c), their connections
 * (publish_flow.c). */
#ifndef WARDEN_PUBLISH_PRIV_H
#define WARDEN_PUBLISH_PRIV_H

#include "base/list.h"
#include "jail/dialler.h"
#include "relay/relay.h"
#include "warden/listeners.h"
#include "warden/publish.h"

struct door {
	struct publish *publish;
	struct config_publish at; /* host_port: the one that was had */
	struct loop_source source;
	int fd;     /* owned: the listener; -1: none */
	size_t len; /* connections */
	bool
	    automatic; /* of PUBLISH_AUTO_MAX at the end; without a listener and connections it is free */
};

enum {
	PUBLISH_SPARED_EACH = 3, /* of a proxy without a port */
	PUBLISH_SPARED_MAX =
	    7 * PUBLISH_SPARED_EACH, /* a proxy of the settings, and of six variables */
};

struct publish {
	struct loop *loop;
	struct egress_hooks hooks;
	int inside;
	struct dialler dialler;
	struct loop_source channel;
	struct pipes pipes;
	struct loop_timer rest; /* accepting ran out of something; patience, while it drains */
	bool resting, draining;
	size_t len, len_max; /* connections */
	uint32_t number;     /* of the last */
	struct list waiting,
	    asked; /* connections in want of a socket: not yet, already asked for */
	size_t asked_len;
	struct list others; /* those that have one */
	size_t given_len;   /* of doors: those of the settings, before those that are automatic */
	bool automatic;
	uint16_t spared[PUBLISH_SPARED_MAX]; /* ports outside that "auto" never takes */
	size_t spared_len;
	struct listeners listeners;
	void (*changed)(void *context); /* which are published automatically */
	size_t doors_len;
	struct door doors[];
};

/* publish.c */

MUST_USE int publish_bind(struct door *door);  /* listen outside. Return: 0 or -errno */
MUST_USE int publish_watch(struct door *door); /* carry its connections. Return: 0 or -errno */

/* publish_auto.c: from publish_start() on; the dialler runs */

/* publish_auto_spare() - the ports of proxies on this machine that settings or environment name, whether
 * this sandbox uses them or not: once free, their octets would be the program's */
void publish_auto_spare(struct publish *publish, const struct config_network *network);
void publish_auto_start(struct publish *publish);
void publish_auto_stop(struct publish *publish);

/* publish_flow.c */

/* publish_flow() - carry the connection @outside, which is consumed. Return: 0 or -ENOMEM. */
MUST_USE int publish_flow(struct door *door, int outside);

/* publish_flows_last() - no program is left: hear out those that carry, end all others */
void publish_flows_last(struct publish *publish);

/* publish_flows_drop() - reset all, unreported */
void publish_flows_drop(struct publish *publish);

MUST_USE int publish_dialler(struct publish *publish); /* start it. Return: 0 or -errno */

/* publish.c: there is one connection less, in all and of @door; the last of a drain may free all */
void publish_left(struct door *door);

#endif
