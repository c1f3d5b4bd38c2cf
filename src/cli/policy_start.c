// SPDX-License-Identifier: Apache-2.0
/* `immure policy` is a program of its own (cli_policy.c), as it links the Rego engine: this one becomes it. */
#include "cli/become.h"
#include "cli/commands.h"

int cli_policy(struct cli_call *call)
{
	return cli_become(call, "immure-policy");
}
