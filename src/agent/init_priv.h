/* SPDX-License-Identifier: Apache-2.0 */
/* init - what the parts of PID 1 share. */
#ifndef AGENT_INIT_PRIV_H
#define AGENT_INIT_PRIV_H

#include "agent/jobs_priv.h"
#include "agent/transport.h"
#include "loop/loop.h"

struct init {
	struct loop *loop;
	struct loop_source channel;  /* serve.c */
	struct loop_source children; /* children.c; a signalfd */
	struct loop_timer retry;     /* the kernel had no memory to send with */
	struct transport transport;
	struct jobs jobs;
	bool blocked;        /* the warden does not read: we do not read either until it does */
	uint32_t refused_id; /* an operation that found no row; 0: none */
	struct agent_failure refusal;
};

/* serve_start() - serve the channel from now on. Return: 0 or -errno. */
MUST_USE int serve_start(struct init *init);

/* serve_tell() - send what @job has to tell, and free it once all is told */
void serve_tell(struct job *job);

/* children_start() - reap from now on. Return: 0 or -errno. */
MUST_USE int children_start(struct init *init);

/* children_signal() - pass the warden's signal on to @job */
void children_signal(struct job *job, int number);

/* children_end_all() - kill and reap every process but ourselves */
void children_end_all(struct init *init);

#endif
