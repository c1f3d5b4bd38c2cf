// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"
#include "cli/commands.h"
#include "cli/sandboxes.h"

static bool has_stopped(const struct state_entry *entry)
{
	return entry->status == STATE_STOPPED;
}

static int remove_one(struct cli_call *call, int home, const char *id)
{
	CLEANUP_FD int dir = -1;
	int r = sandboxes_open(&dir, home, id, call);

	if (r == 0)
		r = state_remove(home, id, &call->diag);
	if (r == 0)
		sandboxes_drop_groups(id);
	return r;
}

int cli_rm(struct cli_call *call)
{
	CLEANUP_SANDBOXES struct sandboxes chosen = SANDBOXES;
	int r = sandboxes_choose(&chosen, call, "stopped", has_stopped);

	return r < 0 ? r : sandboxes_each(&chosen, call, remove_one);
}
