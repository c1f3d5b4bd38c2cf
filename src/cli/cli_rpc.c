// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sandbox_options.h"
#include "cli/signals.h"
#include "warden/server.h"

static void signals_ready(struct loop_source *source, uint32_t events)
{
	int number = signals_next(source->fd);

	(void)events;
	if (number > 0)
		loop_stop(source->loop, 128 + number); /* the sandbox ends with its server */
}

/* watch_signals() - being told to end is no reason to leave anything behind */
static int watch_signals(struct loop *loop, struct loop_source *signals)
{
	static const int watched[] = { SIGTERM, SIGINT, SIGHUP };
	int fd = -1; /* ours until we end */

	signals->ready = signals_ready;
	return signals_watch(&fd, loop, signals, watched, ARRAY_SIZE(watched));
}

/* serve() - @settings: consumed */
static int serve(struct loop *loop, json_t *settings, const char *file, struct diag *diag)
{
	CLEANUP(server_freep) struct server *server = NULL;
	struct loop_source signals = { 0 };
	int r = server_new(&server, loop);

	if (r < 0) {
		json_decref(settings);
		return diag_set(diag, r, "out of memory");
	}
	r = server_stdio(server, settings, file, diag);
	if (r == 0 && watch_signals(loop, &signals) < 0)
		return diag_set(diag, -EIO, "cannot watch signals");
	if (r < 0)
		return r;
	r = loop_run(loop);
	if (r == 0)
		r = server_stdio_error(server);
	return r < 0 ? diag_set(diag, r, "standard input or output failed: %s", strerror(-r)) : r;
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
	return r < 0 ? r : serve(loop, settings, cli_value(call, "config"), &call->diag);
}
