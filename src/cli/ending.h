/* SPDX-License-Identifier: Apache-2.0 */
/* ending - what kill and stop share: signal the wardens of sandboxes and wait for their end. */
#ifndef CLI_ENDING_H
#define CLI_ENDING_H

#include "cli/sandboxes.h"

struct ending {
	int signal;      /* what each warden is sent */
	uint64_t wait_s; /* seconds to wait for them all; 0: not at all */
	bool by_force;   /* SIGKILL to those that run on after that */
};

/**
 * ending_run() - end all that were chosen, at the same time; print the IDs of those it did
 *
 * Return: the exit status: 0; CLI_EXIT_NONE: one did not run, or runs on; CLI_EXIT_FAILED.
 */
MUST_USE int ending_run(const struct ending *ending, const struct sandboxes *chosen,
			struct cli_call *call);

#endif
