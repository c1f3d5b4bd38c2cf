/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate - the gateway as a process, from the warden's side: starts it with a sandbox's first flow,
 * hands it the capture sockets, carries messages, and starts another when it died.
 */
#ifndef WARDEN_GATE_H
#define WARDEN_GATE_H

#include <sys/types.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "wire/gate.h"

#define GATEWAY_PROGRAM "immure-gateway" /* see warden/sibling.h */

struct gate {
	struct loop *loop;
	struct loop_source tcp, dns; /* until the gateway has them */
	struct loop_source channel;
	struct loop_timer retry; /* a gateway could not be started, or died */
	int tcp_fd, dns_fd;      /* borrowed */
	bool has_roots;
	int roots_fd; /* borrowed; with has_roots */
	bool last;    /* it shall have no successor */
	int fd;       /* our end of the gateway's channel; -1: not started */
	pid_t pid;    /* 0: not started */
	bool held;
	struct buf late; /* answers that found no room, and nothing goes before them */
	/* What it said, well-formed. Return: 0; -errno: no gateway says so; it is ended. */
	int (*message)(void *context, const struct gate_message *message);
	void (*room)(void *context); /* held, and there is room for a message again */
	void (*gone)(
	    void *context); /* it died: nothing that it asked for needs an answer any more */
	void *context;
};

/* gate_roots() - let gateways judge servers also by the certificates in the file @fd, which is borrowed
 * until gate_close(); before gate_open() */
void gate_roots(struct gate *gate, int fd);

/* gate_open() - watch the capture sockets (borrowed until gate_close()); -1: there are none */
MUST_USE int gate_open(struct gate *gate, struct loop *loop, int tcp, int dns);

/* gate_send() - @fd: borrowed, goes with the message; -1: none. Return: 0; -EAGAIN: no room;
 * -ETOOMANYREFS: it cannot go with @fd now, for others of this user have too many descriptors on their
 * way: without one it can; -errno: the gateway is lost. */
MUST_USE int gate_send(struct gate *gate, const struct gate_message *message, int fd);

/* gate_hold() - hear no message, and wait for room instead; or hear them again */
void gate_hold(struct gate *gate, bool hold);

/**
 * gate_last() - no program is left: let the gateway carry what is under way, then end (GATE_LAST)
 *
 * A gateway is started if a flow waits for one. gone() tells of its end; it has no successor.
 * Return: 0; -EAGAIN: there is no room: say it again when there is; -ENOTCONN: there is none.
 */
MUST_USE int gate_last(struct gate *gate);

/* gate_break() - end it, as if it had died */
void gate_break(struct gate *gate);

/* gate_close() - end the gateway; fine for a gate that was never opened */
void gate_close(struct gate *gate);

#endif
