/* SPDX-License-Identifier: Apache-2.0 */
/* commands - what the rows of the table run; each is in the file of its name, cli_list() in
 * cli_list.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

int cli_run(struct cli_call *call);
int cli_start(struct cli_call *call);
int cli_exec(struct cli_call *call);
int cli_attach(struct cli_call *call);
int cli_rpc(struct cli_call *call);

int cli_list(struct cli_call *call);
int cli_get(struct cli_call *call);
int cli_status(struct cli_call *call);
int cli_logs(struct cli_call *call);
int cli_why(struct cli_call *call);
int cli_kill(struct cli_call *call);
int cli_stop(struct cli_call *call);
int cli_rm(struct cli_call *call);
int cli_prune(struct cli_call *call);
int cli_doctor(struct cli_call *call);

int cli_audit(struct cli_call *call);
int cli_policy(struct cli_call *call);
int cli_ca(struct cli_call *call);

int cli_help(struct cli_call *call);
int cli_version(struct cli_call *call);
int cli_completion(struct cli_call *call);
int cli_man(struct cli_call *call);

#endif
