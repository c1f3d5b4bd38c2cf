// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: creating is on the way of every launch: 24 system calls, none of which waits
 * for a disk. Most of the time goes into making 6 inodes; ext4 looks away from those freed in the
 * last seconds (recently_deleted() in fs/ext4/ialloc.c), so after thousands of deletions it takes
 * longer. Hence all but config.json can be made ahead, as a draft. After a power cut files may be
 * empty; state_text.c refuses such, and the sandbox reads as crashed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/state_priv.h"

enum { SHORT_OCTETS = 64 };

/* vms_make() - open vms/, made if need be. Return: 0 or -errno. */
static int vms_make(int *ret, int home)
{
	int r = state_files_folder(ret, home, STATE_VMS);

	if (r != -ENOENT)
		return r;
	if (mkdirat(home, STATE_VMS, 0700) < 0 && errno != EEXIST)
		return -errno;
	return state_files_folder(ret, home, STATE_VMS);
}

static struct span now_text(char text[SHORT_OCTETS])
{
	(void)snprintf(text, SHORT_OCTETS, "%lld\n", (long long)clock_unix_s());
	return span_of(text);
}

/* draft_fill() - the files of a new sandbox, in the still hidden folder. Return: 0 or -errno. */
static int draft_fill(int dir, const struct state_process *self)
{
	char text[SHORT_OCTETS], status[STATE_STATUS_OCTETS];

	if (mkdirat(dir, "logs", 0700) < 0)
		return -errno;
	int r = state_files_write(dir, "created_at", now_text(text));
	(void)snprintf(text, sizeof(text), "%d %llu\n", (int)self->pid,
		       (unsigned long long)self->start);
	if (r == 0)
		r = state_files_write(dir, "pid", span_of(text));
	state_text_put_status(status, STATE_CREATED);
	if (r == 0)
		r = state_files_write(dir, "status", (struct span){ status, sizeof(status) });
	return r;
}

static int draft_make(struct state_draft *draft, const struct state_process *self, uint32_t random)
{
	(void)snprintf(draft->name, sizeof(draft->name), ".new-%d-%llu-%08x", (int)self->pid,
		       (unsigned long long)self->start, random);
	int r = mkdirat(draft->vms, draft->name, 0700) < 0 ? -errno : 0;

	if (r == 0)
		r = state_files_folder(&draft->dir, draft->vms, draft->name);
	return r == 0 ? draft_fill(draft->dir, self) : r;
}

int state_draft(struct state_draft *ret, int home, struct diag *diag)
{
	struct state_draft draft = { .vms = -1, .dir = -1 };
	struct state_process self = { 0 };
	uint32_t random = 0;
	int r = state_files_self(&self);

	if (r < 0)
		return diag_set(diag, r, "cannot read /proc/self/stat: %s: mount /proc",
				strerrordesc_np(-r));
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return diag_set(diag, -EIO, "the kernel gives no random numbers");
	r = vms_make(&draft.vms, home);
	if (r == 0)
		r = draft_make(&draft, &self, random);
	if (r < 0) {
		state_draft_drop(&draft);
		return diag_set(diag, r, "cannot make a sandbox's folder in the state folder: %s",
				strerrordesc_np(-r));
	}
	*ret = draft;
	return 0;
}

void state_draft_drop(struct state_draft *draft)
{
	if (draft->vms >= 0 && draft->name[0] != '\0')
		(void)state_files_delete(draft->vms, draft->name);
	fd_close(&draft->dir);
	fd_close(&draft->vms);
}

int state_publish(int *ret_dir, char *ret_id, struct state_draft *draft, struct span config_json,
		  struct diag *diag)
{
	char text[SHORT_OCTETS], id[STATE_ID_OCTETS];
	int r = state_files_overwrite(draft->dir, "created_at", now_text(text));

	if (r == 0)
		r = state_files_write(draft->dir, "config.json", config_json);
	if (r == 0)
		r = state_files_rename(id, sizeof(id), draft->vms, draft->name, "vm-");
	if (r < 0) {
		state_draft_drop(draft);
		return diag_set(diag, r, "cannot make a sandbox's folder in the state folder: %s",
				strerrordesc_np(-r));
	}
	*ret_dir = fd_take(&draft->dir);
	fd_close(&draft->vms);
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

int state_create(int *ret_dir, char *ret_id, int home, struct span config_json, struct diag *diag)
{
	struct state_draft draft = { .vms = -1, .dir = -1 };
	int r = state_draft(&draft, home, diag);

	return r == 0 ? state_publish(ret_dir, ret_id, &draft, config_json, diag) : r;
}
