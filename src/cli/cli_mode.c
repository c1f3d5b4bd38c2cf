// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/reach.h"

int cli_mode(struct cli_call *call)
{
	const char *id = call->operands[0], *mode = call->operands[1];

	return reach_call(id, "set_mode", json_pack("{s:s}", "mode", mode), &call->diag);
}
