// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "cli/commands.h"
#include "cli/render.h"

int cli_help(struct cli_call *call)
{
	const struct cli_command *command = NULL;

	if (call->operands_len == 0) {
		render_overview(call->out);
		return 0;
	}
	command = cli_find(call->operands[0]);
	if (command == NULL)
		return diag_set(&call->diag, -EINVAL, "help: no command '%s'; see 'immure --help'",
				call->operands[0]);
	render_help(call->out, command);
	return 0;
}
