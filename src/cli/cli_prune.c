// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sandboxes.h"

typedef char id_text[STATE_ID_OCTETS];

static void ids_freep(id_text **ids)
{
	free(*ids);
}

int cli_prune(struct cli_call *call)
{
	CLEANUP(ids_freep) id_text *ids = NULL;
	json_auto_t *removed = json_array();
	json_auto_t *report = NULL;
	CLEANUP_FD int home = -1;
	size_t len = 0;
	int r = state_home(&home, &call->diag);

	if (r < 0)
		return r;
	r = state_prune(&ids, &len, home);
	if (r < 0)
		return diag_set(&call->diag, r, "prune: %s", strerrordesc_np(-r));
	for (size_t i = 0; i < len; i++) {
		sandboxes_drop_groups(ids[i]);
		if (json_array_append_new(removed, json_string(ids[i])) < 0)
			return diag_set(&call->diag, -ENOMEM, "out of memory");
		if (!cli_has(call, "json"))
			fprintf(call->out, "%s\n", ids[i]);
	}
	report = json_pack("{s:O}", "removed", removed);
	return cli_has(call, "json") ? print_json(call, report) : 0;
}
