// SPDX-License-Identifier: Apache-2.0
/* `immure audit` is a program of its own (cli_audit.c), as it links SQLite: this one becomes it. */
#include "cli/become.h"
#include "cli/commands.h"

int cli_audit(struct cli_call *call)
{
	return cli_become(call, "immure-audit");
}
