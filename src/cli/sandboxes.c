// SPDX-License-Identifier: Apache-2.0
#include "cli/sandboxes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "cli/ports.h"
#include "cli/print.h"
#include "jail/cgroup.h"

static bool none_is_alive(void *context, const char *name)
{
	(void)context;
	(void)name;
	return false;
}

void sandboxes_drop_groups(const char *id)
{
	char name[CGROUP_NAME_OCTETS];

	(void)snprintf(name, sizeof(name), "immure-%s", id); /* as the warden names them */
	(void)!cgroup_prune(name, none_is_alive, NULL);      /* with processes in it, one stays */
}

bool sandboxes_is_running(const struct state_entry *entry)
{
	switch (entry->status) {
	case STATE_CREATED:
	case STATE_STARTING:
	case STATE_RUNNING:
	case STATE_STOPPING:
		return true;
	case STATE_STOPPED:
	case STATE_CRASHED:
	case STATE_COUNT:
		break;
	}
	return false;
}

int sandboxes_all(struct state_entry **ret, size_t *ret_len, int home, struct cli_call *call)
{
	int r = state_list(ret, ret_len, home);

	if (r < 0)
		return diag_set(&call->diag, r, "the list of sandboxes does not read: %s",
				strerrordesc_np(-r));
	return 0;
}

int sandboxes_open(int *ret_dir, int home, const char *id, struct cli_call *call)
{
	if (!state_id_valid(id))
		return diag_set(&call->diag, -ENOENT,
				"no sandbox '%s': an ID looks like vm-a1b2c3d4; see 'immure list'",
				id);
	return state_open(ret_dir, home, id, &call->diag);
}

int sandboxes_entry(struct state_entry *ret, int home, const char *id, struct cli_call *call)
{
	CLEANUP_FD int dir = -1;
	int r = sandboxes_open(&dir, home, id, call);

	if (r < 0)
		return r;
	r = state_read(ret, home, id);
	if (r < 0)
		return diag_set(&call->diag, r, "%s: its state does not read: %s", id,
				strerrordesc_np(-r));
	return 0;
}

/* choose_all() - every sandbox that is meant */
static int choose_all(struct sandboxes *ret, struct cli_call *call,
		      bool (*is_meant)(const struct state_entry *entry))
{
	size_t len = 0;
	int r = sandboxes_all(&ret->entries, &len, ret->home, call);

	if (r < 0)
		return r;
	ret->ids = calloc(len + 1, sizeof(*ret->ids));
	if (ret->ids == NULL)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	for (size_t i = 0; i < len; i++)
		if (is_meant(&ret->entries[i]))
			ret->ids[ret->len++] = ret->entries[i].id;
	return 0;
}

int sandboxes_choose(struct sandboxes *ret, struct cli_call *call, const char *flag,
		     bool (*is_meant)(const struct state_entry *entry))
{
	bool all = cli_has(call, flag);
	const char *name = call->command->name;
	int r = 0;

	if (all == (call->operands_len > 0))
		return diag_set(&call->diag, -EINVAL, "%s: %s; write 'immure %s %s'", name,
				all ? "it is either IDs or all of them" : "it needs an ID", name,
				call->command->usage);
	r = state_home(&ret->home, &call->diag);
	if (r < 0)
		return r;
	if (all)
		return choose_all(ret, call, is_meant);
	ret->ids = calloc(call->operands_len, sizeof(*ret->ids));
	if (ret->ids == NULL)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	memcpy(ret->ids, call->operands, call->operands_len * sizeof(*ret->ids));
	ret->len = call->operands_len;
	return 0;
}

void sandboxes_free(struct sandboxes *sandboxes)
{
	free(sandboxes->ids);
	free(sandboxes->entries);
	fd_close(&sandboxes->home);
	*sandboxes = SANDBOXES;
}

int sandboxes_each(struct sandboxes *sandboxes, struct cli_call *call,
		   int (*act)(struct cli_call *call, int home, const char *id))
{
	int worst = 0;

	for (size_t i = 0; i < sandboxes->len; i++) {
		int r = act(call, sandboxes->home, sandboxes->ids[i]);
		int status = r < 0 ? cli_complain(call, r) : 0;

		if (r == 0)
			fprintf(call->out, "%s\n", sandboxes->ids[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

int sandboxes_json(json_t **ret, int home, const struct state_entry *entry, struct cli_call *call)
{
	char created[PRINT_TIME_OCTETS];
	json_t *value = NULL;

	print_rfc3339(created, entry->created_at);
	value = json_pack("{s:s, s:s, s:o, s:s, s:o, s:s, s:o}", "id", entry->id, "status",
			  state_names[entry->status], "pid",
			  entry->pid > 0 ? json_integer(entry->pid) : json_null(), "image",
			  entry->image, "created_at",
			  entry->created_at > 0 ? json_string(created) : json_null(), "command",
			  entry->command, "ports", ports_read(home, entry));
	if (value == NULL)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	*ret = value;
	return 0;
}
