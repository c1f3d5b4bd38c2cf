// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "cli/commands.h"
#include "cli/render.h"

int cli_completion(struct cli_call *call)
{
	static const struct {
		const char *name;
		void (*render)(FILE *out);
	} shells[] = { { "bash", render_bash }, { "zsh", render_zsh }, { "fish", render_fish } };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (strcmp(call->operands[0], shells[i].name) == 0) {
			shells[i].render(call->out);
			return 0;
		}
	return diag_set(&call->diag, -EINVAL,
			"completion: no script for '%s'; there is one for bash, zsh and fish",
			call->operands[0]);
}
