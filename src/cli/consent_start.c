// SPDX-License-Identifier: Apache-2.0
/* `immure consent` is a program of its own (cli_consent.c), as it links SQLite: this one becomes it. */
#include "cli/become.h"
#include "cli/commands.h"
#include "wire/grant.h"

int cli_consent(struct cli_call *call)
{
	return cli_become(call, GRANT_PROGRAM);
}
