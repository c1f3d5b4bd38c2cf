/* SPDX-License-Identifier: Apache-2.0 */
/* terminal - the private terminal of a job, and the relay between it and the warden. */
#ifndef AGENT_TERMINAL_PRIV_H
#define AGENT_TERMINAL_PRIV_H

#include "agent/jobs_priv.h"
#include "agent/spawn_priv.h"

/**
 * terminal_start() - open a terminal of @exec's size, and start the program on it
 * @job:	of kind JOB_TERMINAL, with its shared memory
 * @fds:	stdin, stdout and maybe stderr; those that are used are taken (-1 left behind)
 *
 * Return: 0: the leader runs, as job->pid; else -errno with *@ret_step set, and nothing is left.
 */
MUST_USE int terminal_start(struct job *job, enum agent_step *ret_step, int *fds,
			    const struct agent_exec *exec, const struct spawn *spawn);

/*
 * terminal_leader_ended() - the leader was reaped with @status
 *
 * Once all that the program wrote is passed on, the terminal goes, and what became of the program
 * is told.
 */
void terminal_leader_ended(struct job *job, int status);

void terminal_resize(struct job *job, uint16_t rows, uint16_t columns);

#endif
