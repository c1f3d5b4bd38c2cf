// SPDX-License-Identifier: Apache-2.0
#include "cli/become.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "warden/sibling.h"

int cli_become(struct cli_call *call, const char *name)
{
	CLEANUP_FD int program = sibling_open(name);
	int r = program;

	if (program >= 0) {
		(void)fexecve(program, (char *const *)(uintptr_t)call->argv, environ);
		r = -errno;
	}
	return diag_set(&call->diag, r,
			"%s cannot be started: %s; it belongs beside immure or into "
			"../libexec/immure",
			name, strerror(-r));
}
