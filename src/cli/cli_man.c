// SPDX-License-Identifier: Apache-2.0
/* Hidden: the build runs it to make immure.1. */
#include "cli/commands.h"
#include "cli/render.h"

int cli_man(struct cli_call *call)
{
	render_man(call->out);
	return 0;
}
