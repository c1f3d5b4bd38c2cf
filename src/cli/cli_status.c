// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sandboxes.h"

/* status_all() - how many sandboxes there are of each status */
static int status_all(struct cli_call *call, int home)
{
	CLEANUP(entries_freep) struct state_entry *entries = NULL;
	size_t len = 0, counts[STATE_COUNT] = { 0 };
	json_auto_t *value = json_object();
	int r = sandboxes_all(&entries, &len, home, call);

	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		counts[entries[i].status]++;
	for (size_t s = 0; s < STATE_COUNT; s++) {
		if (json_object_set_new(value, state_names[s],
					json_integer((json_int_t)counts[s])) < 0)
			return diag_set(&call->diag, -ENOMEM, "out of memory");
		if (!cli_has(call, "json"))
			fprintf(call->out, "%-8s  %zu\n", state_names[s], counts[s]);
	}
	return cli_has(call, "json") ? print_json(call, value) : 0;
}

static void status_line(FILE *out, const struct state_entry *entry)
{
	char age[PRINT_TIME_OCTETS];

	print_age(age, entry->created_at, clock_unix_s());
	fprintf(out, "%s: %s, created %s", entry->id, state_names[entry->status], age);
	if (entry->pid > 0)
		fprintf(out, ", PID %d", (int)entry->pid);
	fputs(entry->command[0] != 0 ? ": " : "", out);
	print_safe(out, entry->command);
	fputc('\n', out);
}

int cli_status(struct cli_call *call)
{
	struct state_entry entry = { 0 };
	json_auto_t *value = NULL;
	CLEANUP_FD int home = -1;
	int r = state_home(&home, &call->diag);

	if (r < 0)
		return r;
	if (call->operands_len == 0)
		return status_all(call, home);
	r = sandboxes_entry(&entry, home, call->operands[0], call);
	if (r < 0)
		return cli_complain(call, r);
	if (!cli_has(call, "json")) {
		status_line(call->out, &entry);
		return 0;
	}
	r = sandboxes_json(&value, home, &entry, call);
	return r < 0 ? r : print_json(call, value);
}
