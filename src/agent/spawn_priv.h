/* SPDX-License-Identifier: Apache-2.0 */
/* spawn - start a program, and know at once whether it really runs. */
#ifndef AGENT_SPAWN_PRIV_H
#define AGENT_SPAWN_PRIV_H

#include <sys/types.h>

#include "wire/agent.h"

struct spawn {
	int fds[3]; /* borrowed; become 0, 1 and 2; each above 2 */
	const char *working_dir;
	char *const
	    *argv; /* argv[0] with a slash is a path, else it is sought in the PATH of @envp */
	char *const *envp;
	bool foreground; /* a process group in front of the terminal fds[0]; else a session */
};

/**
 * spawn_program() - start it with default signal dispositions, an empty mask and no other
 * descriptor
 * @ret:	its pid, which leads a session or a process group
 * @ret_step:	set on failure: which step it was
 *
 * Return: 0: it runs (or died of a signal on its way: its exit status tells); else the step's
 * -errno.
 */
MUST_USE int spawn_program(pid_t *ret, enum agent_step *ret_step, const struct spawn *spawn);

/* spawn_touch_memory() - have its pages before they are needed */
void spawn_touch_memory(void);

/* spawn_reset_signals() - default dispositions in this process, for the programs to inherit */
void spawn_reset_signals(void);

/* spawn_close_all() - close every descriptor above 2, except @keep (-1: none) */
void spawn_close_all(int keep);

#endif
