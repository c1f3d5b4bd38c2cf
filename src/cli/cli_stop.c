// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>

#include "cli/commands.h"
#include "cli/ending.h"
#include "config/config.h"

enum { PATIENCE_S = 60 }; /* unless --timeout says otherwise */

int cli_stop(struct cli_call *call)
{
	CLEANUP_SANDBOXES struct sandboxes chosen = SANDBOXES;
	struct ending ending = { .signal = SIGTERM, .wait_s = PATIENCE_S, .by_force = false };
	const char *timeout = cli_value(call, "timeout");
	int r = 0;

	if (timeout != NULL && config_parse_duration_s(&ending.wait_s, span_of(timeout)) < 0)
		return diag_set(&call->diag, -EINVAL,
				"stop: --timeout '%s' is no duration; write 90s, 5m or 2h",
				timeout);
	r = sandboxes_choose(&chosen, call, "all", sandboxes_is_running);
	return r < 0 ? r : ending_run(&ending, &chosen, call);
}
