// SPDX-License-Identifier: Apache-2.0
/* immure-consent: `immure consent`, of which it has the name then, or what the warden started (wire/grant.h). */
#include "cli/cli.h"
#include "consent/serve.h"
#include "wire/grant.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[0], GRANT_PROGRAM) == 0)
		return consent_serve(argv[1]);
	return cli_main(argc, argv);
}
