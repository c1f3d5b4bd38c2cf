// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <strings.h>

#include "cli/commands.h"
#include "cli/ending.h"

enum { PATIENCE_S = 10 }; /* between SIGTERM and SIGKILL, as the manual says */

/* signal_number() - of "TERM", "sigterm" or "15"; 0: there is none */
static int signal_number(const char *name)
{
	uint64_t number = 0;

	if (cli_count(&number, name) == 0)
		return number < NSIG ? (int)number : 0;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int n = 1; n < NSIG; n++) {
		const char *abbreviation = sigabbrev_np(n);

		if (abbreviation != NULL && strcasecmp(name, abbreviation) == 0)
			return n;
	}
	return 0;
}

int cli_kill(struct cli_call *call)
{
	CLEANUP_SANDBOXES struct sandboxes chosen = SANDBOXES;
	struct ending ending = { .signal = SIGTERM, .wait_s = PATIENCE_S, .by_force = true };
	const char *name = cli_value(call, "signal");
	int r = 0;

	if (name != NULL) {
		ending.signal = signal_number(name);
		ending.wait_s = ending.signal == SIGKILL ? PATIENCE_S : 0;
	}
	if (ending.signal == 0)
		return diag_set(&call->diag, -EINVAL, "kill: no signal '%s'; 'kill -l' lists them",
				name);
	r = sandboxes_choose(&chosen, call, "all", sandboxes_is_running);
	return r < 0 ? r : ending_run(&ending, &chosen, call);
}
