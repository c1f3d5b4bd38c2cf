// SPDX-License-Identifier: Apache-2.0
/*
 * immure-observer: started with the descriptors of enum observe_fd, as root or with CAP_BPF and
 * CAP_PERFMON, never by hand. Until it is confined it can say on standard error what failed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "observe/observe_priv.h"

enum { EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
	struct diag diag = { 0 };

	(void)argv;
	/* Ctrl-C is for the program in the sandbox, which may go on */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 1 || fcntl(OBSERVE_FD_CHANNEL, F_GETFD) < 0 ||
	    fcntl(OBSERVE_FD_NAMESPACE, F_GETFD) < 0) {
		fprintf(stderr, "immure-observer: immure starts this to see what its sandboxes "
				"do; it is not for people\n");
		return EXIT_USAGE;
	}
	int r = observer_serve(OBSERVE_FD_NAMESPACE, &diag);
	if (r < 0)
		(void)fprintf(stderr, "immure: observer: %s\n", diag.why);
	_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
