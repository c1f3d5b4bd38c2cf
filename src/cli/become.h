/* SPDX-License-Identifier: Apache-2.0 */
/* become - commands that are programs of their own, as what they link would make each sandbox larger. */
#ifndef CLI_BECOME_H
#define CLI_BECOME_H

#include "cli/cli.h"

/* cli_become() - run the executable @name in our place, with our command line. Return: -errno, call->diag says why */
MUST_USE int cli_become(struct cli_call *call, const char *name);

#endif
