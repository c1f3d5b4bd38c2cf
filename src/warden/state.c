// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: there is no daemon and no lock. A sandbox becomes visible with one rename.
 * Its status is overwritten in place, always with as many octets: that makes no file and needs no
 * room, so it costs 10 us and works on a full disk. A reader asks first whether the warden
 * lives and reads the status after that, so that "running" of a dead warden cannot have been a
 * "stopped" that came just too late, and may be corrected on disk.
 */
#include "warden/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/state_priv.h"

#define OLD_PREFIX ".old-"

enum {
	SHORT_OCTETS = 64,    /* a file of one line; a longer one is refused */
	STATUS_TRIES_MAX = 3, /* while it is being overwritten */
};

/* is_live() - does a warden still stand behind this status? */
static bool is_live(enum state_status status)
{
	return status != STATE_STOPPED && status != STATE_CRASHED;
}

/* is_lack() - did a read fail because we lack something, which tells nothing of the file? */
static bool is_lack(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

/* ---- writing ---- */

int state_set_status(int dir, enum state_status status)
{
	char text[STATE_STATUS_OCTETS];
	struct span whole = { text, sizeof(text) };

	state_text_put_status(text, status);
	int r = state_files_overwrite(dir, "status", whole);

	/* gone, or something else lies there: make it anew */
	return r < 0 && !is_lack(r) ? fd_replace_file(dir, "status", whole, 0600) : r;
}

int state_log_open(int *ret, int dir)
{
	CLEANUP_FD int logs = -1;
	CLEANUP_FD int log = -1;
	struct stat st;
	int r = state_files_folder(&logs, dir, "logs");

	if (r < 0)
		return r;
	log = openat(logs, "vm.log",
		     O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		     0600);
	if (log < 0 || fstat(log, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = fd_take(&log);
	return 0;
}

/* ---- reading ---- */

/* vms_folder() - open the folder of @id. Return: 0; -EINVAL; -ENOENT: none, or it is no folder. */
static int vms_folder(int *ret, int vms, const char *id)
{
	if (!state_id_valid(id))
		return -EINVAL;
	int r = state_files_folder(ret, vms, id);
	return r == -ENOTDIR || r == -ELOOP ? -ENOENT : r;
}

int state_open(int *ret_dir, int home, const char *id, struct diag *diag)
{
	CLEANUP_FD int vms = -1;
	int r = state_id_valid(id) ? state_files_folder(&vms, home, STATE_VMS) : -EINVAL;

	if (r == 0)
		r = vms_folder(ret_dir, vms, id);
	if (r == -EINVAL)
		return diag_set(diag, r, "not an id of a sandbox: they look like vm-a1b2c3d4");
	if (r == -ENOENT)
		return diag_set(diag, r, "no such sandbox: %s (see immure list)", id);
	return r < 0 ? diag_set(diag, r, "%s: %s", id, strerrordesc_np(-r)) : 0;
}

/* read_process() - who the warden of @dir is. Return: 0; -EINVAL: unreadable; -errno: we lack. */
static int read_process(struct state_process *ret, int dir)
{
	char text[SHORT_OCTETS];
	struct span got = { 0 };
	int r = state_files_read(&got, text, sizeof(text), dir, "pid");

	if (r == 0)
		r = state_text_process(ret, got);
	return r == 0 || is_lack(r) ? r : -EINVAL;
}

/* read_config() - image and command, as far as they are there. Return: 0; -errno: we lack. */
static int read_config(struct state_entry *entry, int dir)
{
	struct span got = { 0 };
	char *text = malloc(STATE_CONFIG_OCTETS_MAX);

	if (text == NULL)
		return -ENOMEM;
	int r = state_files_read(&got, text, STATE_CONFIG_OCTETS_MAX, dir, "config.json");
	if (r == 0)
		state_text_config(entry, got);
	free(text);
	return is_lack(r) ? r : 0;
}

/* read_files() - all but the status. Return: 1: the warden lives; 0: it does not; -errno: we lack.
 */
static int read_files(struct state_entry *entry, int dir)
{
	char text[SHORT_OCTETS];
	struct state_process warden = { 0 };
	struct span got = { 0 };
	int alive = 0;
	int r = read_process(&warden, dir);

	if (r == 0) {
		alive = state_files_alive(&warden);
		entry->pid = alive == 1 ? warden.pid : 0;
	}
	if (is_lack(r) || alive < 0)
		return alive < 0 ? alive : r;
	r = state_files_read(&got, text, sizeof(text), dir, "created_at");
	if (r == 0 && state_text_seconds(&entry->created_at, got) < 0)
		entry->created_at = 0;
	struct stat st;
	if (fstatat(dir, "created_at", &st, AT_SYMLINK_NOFOLLOW) == 0)
		entry->created_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (!is_lack(r))
		r = read_config(entry, dir);
	return r < 0 ? r : alive;
}

/* read_status() - what the status file says; crashed, if nothing. Return: 0; -errno: we lack. */
static int read_status(enum state_status *ret, int dir)
{
	char text[SHORT_OCTETS];
	struct span got = { 0 };

	*ret = STATE_CRASHED;
	for (int i = 0; i < STATUS_TRIES_MAX; i++) {
		int r = state_files_read(&got, text, sizeof(text), dir, "status");

		if (r < 0)
			return is_lack(r) ? r : 0;
		if (state_text_status(ret, got) == 0)
			break;
	}
	return 0;
}

/* settle() - the status, after read_files() said whether the warden is @alive. */
static int settle(struct state_entry *entry, int dir, bool alive)
{
	int r = read_status(&entry->status, dir);

	if (r < 0)
		return r;
	if (is_live(entry->status) && !alive) {
		entry->status = STATE_CRASHED;
		/* a listing on a full or read-only disk is right all the same */
		if (state_set_status(dir, STATE_CRASHED) == 0)
			(void)unlinkat(dir, "socket", 0);
	}
	if (entry->status == STATE_STOPPED)
		entry->pid = 0;
	return 0;
}

/* read_at() - as state_read(), with vms/ open. */
static int read_at(struct state_entry *ret, int vms, const char *id)
{
	CLEANUP_FD int dir = -1;
	struct state_entry entry = { .status = STATE_CRASHED };
	int r = vms_folder(&dir, vms, id);

	if (r == -ENOENT || r == -EINVAL || is_lack(r))
		return r;
	memcpy(entry.id, id, sizeof(entry.id));
	if (r == 0) {
		int alive = read_files(&entry, dir);

		r = alive < 0 ? alive : settle(&entry, dir, alive == 1);
		if (r < 0)
			return r;
	}
	*ret = entry;
	return 0;
}

int state_read(struct state_entry *ret, int home, const char *id)
{
	CLEANUP_FD int vms = -1;
	int r = state_id_valid(id) ? state_files_folder(&vms, home, STATE_VMS) : -EINVAL;

	return r < 0 ? r : read_at(ret, vms, id);
}

/* ---- listing ---- */

/* A growing table; octets of a row stand in @row. */
struct table {
	char *rows; /* owned */
	size_t len, capacity;
	size_t row;
};

/* table_add() - append one row. Return: 0; -EOVERFLOW; -ENOMEM. */
static int table_add(struct table *table, const void *row)
{
	if (table->len == STATE_LIST_MAX)
		return -EOVERFLOW;
	if (table->len == table->capacity) {
		size_t capacity = table->capacity == 0 ? 16 : table->capacity * 2;
		char *rows = reallocarray(table->rows, capacity, table->row);

		if (rows == NULL)
			return -ENOMEM;
		table->rows = rows;
		table->capacity = capacity;
	}
	memcpy(table->rows + table->len++ * table->row, row, table->row);
	return 0;
}

static int list_one(void *context, int vms, const char *name)
{
	struct state_entry entry;
	int r = read_at(&entry, vms, name);

	if (r == -ENOENT || r == -EINVAL)
		return 0; /* somebody else's file, or just removed */
	return r < 0 ? r : table_add(context, &entry);
}

static int by_age(const void *left, const void *right)
{
	const struct state_entry *l = left, *r = right;

	if (l->created_at != r->created_at)
		return l->created_at < r->created_at ? -1 : 1;
	if (l->created_ns != r->created_ns)
		return l->created_ns < r->created_ns ? -1 : 1;
	return strcmp(l->id, r->id);
}

int state_list(struct state_entry **ret, size_t *ret_len, int home)
{
	CLEANUP_FD int vms = -1;
	struct table table = { .row = sizeof(struct state_entry) };
	int r = state_files_folder(&vms, home, STATE_VMS);

	if (r == 0)
		r = state_files_each(vms, list_one, &table);
	else if (r == -ENOENT)
		r = 0; /* nothing was ever made */
	if (r < 0) {
		free(table.rows);
		return r;
	}
	if (table.len > 0)
		qsort(table.rows, table.len, table.row, by_age);
	*ret = (void *)table.rows;
	*ret_len = table.len;
	return 0;
}

int state_pidfd(int *ret, int home, const char *id)
{
	CLEANUP_FD int vms = -1;
	CLEANUP_FD int dir = -1;
	CLEANUP_FD int pidfd = -1;
	struct state_process warden = { 0 };
	int r = state_id_valid(id) ? state_files_folder(&vms, home, STATE_VMS) : -EINVAL;

	if (r == 0)
		r = vms_folder(&dir, vms, id);
	if (r < 0)
		return r;
	r = read_process(&warden, dir);
	if (r < 0)
		return r == -EINVAL ? -ESRCH : r;
	pidfd = (int)syscall(SYS_pidfd_open, warden.pid, 0);
	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno; /* EINVAL: a thread's number */

	/* looked at after it was opened: from here on the number cannot pass to another process */
	int alive = state_files_alive(&warden);
	if (alive <= 0)
		return alive < 0 ? alive : -ESRCH;
	*ret = fd_take(&pidfd);
	return 0;
}

/* ---- removing ---- */

/* is_busy() - must the folder stay? Also when its status is garbage but the warden lives. */
static bool is_busy(const struct state_entry *entry)
{
	return is_live(entry->status) || entry->pid != 0;
}

/* remove_at() - hide, then delete. @ret_hidden: it is no longer seen, even if deleting failed. */
static int remove_at(bool *ret_hidden, int vms, const char *id)
{
	char old[sizeof(OLD_PREFIX "a1b2c3d4")];
	int r = state_files_rename(old, sizeof(old), vms, id, OLD_PREFIX);

	*ret_hidden = r == 0;
	return r < 0 ? r : state_files_delete(vms, old);
}

int state_remove(int home, const char *id, struct diag *diag)
{
	CLEANUP_FD int vms = -1;
	CLEANUP_FD int dir = -1;
	struct state_entry entry;
	bool hidden = false;
	int r = state_open(&dir, home, id, diag);

	if (r < 0 && r != -EACCES) /* what we may not look into, we may still try to remove */
		return r;
	r = state_files_folder(&vms, home, STATE_VMS);
	if (r == 0)
		r = read_at(&entry, vms, id);
	if (r == 0 && is_busy(&entry))
		return diag_set(diag, -EBUSY, "%s is running: first immure kill %s", id, id);
	if (r == 0)
		r = remove_at(&hidden, vms, id);
	if (r < 0)
		return diag_set(diag, r, "cannot remove %s%s: %s", id, hidden ? " whole" : "",
				strerrordesc_np(-r));
	return 0;
}

/* prune_hidden() - delete what a killed process left; what a living one works on stays */
static void prune_hidden(int vms, const char *name)
{
	struct state_process owner = { 0 };
	bool old = strncmp(name, OLD_PREFIX, strlen(OLD_PREFIX)) == 0;
	bool dead = state_text_draft(&owner, span_of(name)) == 0 && state_files_alive(&owner) == 0;

	if (old || dead)
		(void)state_files_delete(vms, name);
}

static int prune_one(void *context, int vms, const char *name)
{
	const struct table *removed = context;
	struct state_entry entry;
	bool hidden = false;

	if (name[0] == '.') {
		prune_hidden(vms, name);
		return 0;
	}
	if (removed->len == STATE_LIST_MAX)
		return 1; /* enough for once: all that goes is reported */
	int r = read_at(&entry, vms, name);
	if (r == -ENOENT || r == -EINVAL || (r == 0 && is_busy(&entry)))
		return 0;
	if (r < 0)
		return r;
	(void)remove_at(&hidden, vms, name);
	return hidden ? table_add(context, entry.id) : 0;
}

int state_prune(char (**ret_ids)[STATE_ID_OCTETS], size_t *ret_len, int home)
{
	CLEANUP_FD int vms = -1;
	struct table table = { .row = STATE_ID_OCTETS };
	int r = state_files_folder(&vms, home, STATE_VMS);

	if (r == 0)
		r = state_files_each(vms, prune_one, &table);
	if (r < 0 && r != -ENOENT) {
		free(table.rows);
		return r;
	}
	*ret_ids = (void *)table.rows;
	*ret_len = table.len;
	return 0;
}
