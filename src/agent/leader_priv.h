/* SPDX-License-Identifier: Apache-2.0 */
/* leader - the process between init and a program on a terminal, as a shell would be. */
#ifndef AGENT_LEADER_PRIV_H
#define AGENT_LEADER_PRIV_H

#include "agent/jobs_priv.h"
#include "agent/spawn_priv.h"

/**
 * leader_run() - become the leader: call it in a fresh fork of init
 * @slave:	the terminal
 * @spawn:	the program; its descriptors are the terminal, or the warden's for stderr
 *
 * Sends init SIGCHLD once @shared->pid is set. Ends as the program ends, or with 1 and
 * @shared->error set when it could not be started.
 */
__attribute__((noreturn)) void leader_run(struct job_shared *shared, int slave,
					  const struct spawn *spawn);

#endif
