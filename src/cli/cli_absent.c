// SPDX-License-Identifier: Apache-2.0
/*
 * The commands that need the warden, in a build without it: they say so. cli_run.c and its like
 * take this file's place in meson.build.
 */
#include <errno.h>

#include "cli/commands.h"

static int absent(struct cli_call *call)
{
	return diag_set(&call->diag, -ENOSYS, "%s: this immure was built without the warden",
			call->command->name);
}

int cli_run(struct cli_call *call)
{
	return absent(call);
}

int cli_start(struct cli_call *call)
{
	return absent(call);
}

int cli_exec(struct cli_call *call)
{
	return absent(call);
}

int cli_attach(struct cli_call *call)
{
	return absent(call);
}

int cli_rpc(struct cli_call *call)
{
	return absent(call);
}

int cli_doctor(struct cli_call *call)
{
	return absent(call);
}
