// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/remote.h"

int cli_attach(struct cli_call *call)
{
	const struct remote_options options = {
		.id = call->operands[0],
		.method = "attach",
		.params = json_object(),
		.detaches = true,
	};

	return remote_run(&options, &call->diag);
}
