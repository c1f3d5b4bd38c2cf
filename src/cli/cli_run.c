// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/foreground.h"
#include "cli/sandbox_options.h"

/* plain_root() - is nothing said that would change the root? A wrong guess only costs time. */
static bool plain_root(const struct cli_call *call)
{
	static const char *const names[] = { "config", "rootfs", "user", "hostname", "disk" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (cli_value(call, names[i]) != NULL)
			return false;
	return true;
}

int cli_run(struct cli_call *call)
{
	struct foreground_options options = {
		.tty = cli_has(call, "tty")      ? FOREGROUND_TTY_YES
		       : cli_has(call, "no-tty") ? FOREGROUND_TTY_NO
						 : FOREGROUND_TTY_AUTO,
		.log = cli_has(call, "log"),
		.notes = call->err,
		.words = call->operands,
		.words_len = call->operands_len,
	};
	CLEANUP(foreground_freep) struct foreground *foreground = NULL;
	struct config *config = NULL;
	int r = foreground_new(&foreground, plain_root(call), &call->diag);

	if (r == 0)
		r = sandbox_options_read(&config, call);
	if (r < 0)
		return r;
	r = foreground_run(foreground, config, &options, &call->diag);
	if (r >= 0 && call->diag.why[0] != '\0')
		cli_complain(call, 0);
	if (r > 0)
		foreground_tell_refused(foreground, call->err);
	return r;
}
