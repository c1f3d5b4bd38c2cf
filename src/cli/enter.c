// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/json_heap.h"
#include "cli/cli.h"

/* open_streams() - a closed stdin, stdout or stderr would be the number of the next file we open */
static bool open_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

int cli_main(int argc, char **argv)
{
	if (!open_streams()) {
		perror("immure: /dev/null in place of a closed stream");
		return CLI_EXIT_FAILED;
	}
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* a caller that ignores it would have us wait for nobody */

	json_heap_watch();

	CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };
	int r = argc > 0 ? cli_parse(&call, (const char *const *)argv) : -EINVAL;

	if (r == 0)
		r = call.command->run(&call);
	if (r < 0) {
		cli_complain(&call, r);
		r = CLI_EXIT_FAILED;
	}
	if (fflush(stdout) == EOF || ferror(stdout)) {
		diag_set(&call.diag, -EIO,
			 "standard output cannot be written: the disk is full, or it is closed");
		cli_complain(&call, -EIO);
		r = CLI_EXIT_FAILED;
	}
	return r;
}
