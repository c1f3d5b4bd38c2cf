// SPDX-License-Identifier: Apache-2.0
/* The JSON of ADR-0001, and what the sandbox found out when it started. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sandboxes.h"

enum { FILE_OCTETS_MAX = 1024 * 1024 };

/* read_json() - the object in file @name; null where it is missing or damaged */
static json_t *read_json(int dir, const char *name)
{
	char *text = NULL;
	size_t len = 0;
	json_t *value = NULL;

	if (fd_read_file(&text, &len, dir, name, FILE_OCTETS_MAX) < 0)
		return json_null();
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return value != NULL ? value : json_null();
}

int cli_get(struct cli_call *call)
{
	const char *id = call->operands[0];
	struct state_entry entry = { 0 };
	json_auto_t *value = NULL;
	CLEANUP_FD int home = -1;
	CLEANUP_FD int dir = -1;
	CLEANUP_FD int logs = -1;
	int r = state_home(&home, &call->diag);

	if (r < 0)
		return r;
	r = sandboxes_entry(&entry, home, id, call);
	if (r == 0)
		r = sandboxes_open(&dir, home, id, call);
	if (r < 0)
		return cli_complain(call, r);
	r = sandboxes_json(&value, home, &entry, call);
	if (r < 0)
		return r;
	logs = openat(dir, "logs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (json_object_set_new(value, "config", read_json(dir, "config.json")) < 0 ||
	    json_object_set_new(value, "start",
				logs >= 0 ? read_json(logs, "start.json") : json_null()) < 0 ||
	    json_object_set_new(value, "end",
				logs >= 0 ? read_json(logs, "end.json") : json_null()) < 0)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	return print_json(call, value);
}
