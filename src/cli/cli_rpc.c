// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sandbox_options.h"
#include "warden/server.h"

/* serve() - @settings: consumed */
static int serve(struct loop *loop, json_t *settings, struct diag *diag)
{
	CLEANUP(server_freep) struct server *server = NULL;
	int r = server_new(&server, loop);

	if (r < 0) {
		json_decref(settings);
		return diag_set(diag, r, "out of memory");
	}
	r = server_stdio(server, settings, diag);
	return r < 0 ? r : loop_run(loop);
}

int cli_rpc(struct cli_call *call)
{
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	CLEANUP(loop_freep) struct loop *loop = NULL;
	CLEANUP(config_freep) struct config *config = NULL;
	json_t *settings = NULL;
	int r = sandbox_options_tree(&settings, &source, call);

	(void)signal(SIGPIPE, SIG_IGN); /* a client that goes away is an end, not a fault */
	if (r == 0) {
		r = config_read(&config, settings, source,
				&call->diag); /* refuse now, not at `create` */
		if (r < 0)
			json_decref(settings);
	}
	if (r == 0) {
		r = loop_new(&loop);
		if (r < 0)
			diag_set(&call->diag, r, "cannot make a loop: %s", strerror(-r));
	}
	return r < 0 ? r : serve(loop, settings, &call->diag);
}
