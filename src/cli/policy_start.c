// SPDX-License-Identifier: Apache-2.0
/* `immure policy` is a program of its own (cli_policy.c), as it links the Rego engine: this one becomes it. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "warden/sibling.h"

int cli_policy(struct cli_call *call)
{
	CLEANUP_FD int program = sibling_open("immure-policy");
	int r = program;

	if (program >= 0) {
		(void)fexecve(program, (char *const *)(uintptr_t)call->argv, environ);
		r = -errno;
	}
	return diag_set(&call->diag, r,
			"immure-policy cannot be started: %s; it belongs beside immure or into "
			"../libexec/immure",
			strerror(-r));
}
