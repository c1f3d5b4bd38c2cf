// SPDX-License-Identifier: Apache-2.0
/* `immure consent` is a program of its own (cli_consent.c), as it links SQLite: this one becomes it. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "warden/sibling.h"
#include "wire/grant.h"

int cli_consent(struct cli_call *call)
{
	CLEANUP_FD int program = sibling_open(GRANT_PROGRAM);
	int r = program;

	if (program >= 0) {
		(void)fexecve(program, (char *const *)(uintptr_t)call->argv, environ);
		r = -errno;
	}
	return diag_set(&call->diag, r,
			GRANT_PROGRAM " cannot be started: %s; it belongs beside immure or into "
				      "../libexec/immure",
			strerrordesc_np(-r));
}
