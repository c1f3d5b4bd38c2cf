// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

int cli_version(struct cli_call *call)
{
	fprintf(call->out, "immure %s\n", IMMURE_VERSION);
	return 0;
}
