// SPDX-License-Identifier: Apache-2.0
/*
 * immure. SIGPIPE keeps its default here: `immure list | head -1` ends in silence. What writes to
 * sandboxes and sockets uses MSG_NOSIGNAL or ignores the signal itself. SIGXFSZ is ignored, so that
 * `ulimit -f` is an error like a full disk; init gives programs their defaults back.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
