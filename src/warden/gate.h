/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate - the warden's side of the gateway: starts that process with a sandbox's first flow, hands
 * it the capture sockets, and hears of each flow what became of it.
 */
#ifndef WARDEN_GATE_H
#define WARDEN_GATE_H

#include <sys/types.h>

#include "loop/loop.h"
#include "wire/gate.h"

#define GATEWAY_ROLE "immure-gateway" /* the name under which our program is the gateway */

struct gate {
	struct loop *loop;
	struct loop_source tcp, dns; /* until the gateway has them */
	struct loop_source channel;
	struct loop_timer retry; /* a gateway could not be started, or died */
	int tcp_fd, dns_fd;      /* borrowed */
	int fd;                  /* our end of the gateway's channel; -1: not started */
	pid_t pid;               /* 0: not started */
	uint32_t unanswered;     /* the ask whose answer found no room; 0: none */
	enum gate_kind answer;   /* what it is to be */
	void (*flow)(void *context, const struct gate_message *message); /* a flow ended */
	void *context;
};

/* gate_open() - watch the capture sockets (borrowed until gate_close()); -1: there are none */
MUST_USE int gate_open(struct gate *gate, struct loop *loop, int tcp, int dns);

/* gate_close() - end the gateway; fine for a gate that was never opened */
void gate_close(struct gate *gate);

#endif
