// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the file is made, then the ledger told, then lines are written; so a log that
 * has a line is in the ledger. Whoever holds the lock on the file <log>.jsonl is its writer.
 *
 * A full file is renamed to the next free number, which no later one changes, and the new one begins
 * with an entry that names it; between the two there may be a crash, hence a log may be without
 * <log>.jsonl for ever, and who opens it again continues the last part.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/ledger.h"
#include "audit/log_priv.h"
#include "base/clock.h"
#include "base/fd.h"

enum { WAITING_OCTETS_MAX = 1024 * 1024 };

void log_free(struct audit_log *log)
{
	fd_close(&log->fd);
	fd_close(&log->folder);
	buf_free(&log->waiting);
	audit_key_wipe(&log->key);
	free(log);
}

static void drop(struct audit_log *log)
{
	if (log != NULL)
		log_free(log);
}

DEFINE_FREEP(struct audit_log, drop)

/* file_take() - open or make the file and be its writer. @flags: O_EXCL or 0. */
static int file_take(int *ret, int folder, const char *name, int flags)
{
	CLEANUP_FD int fd = openat(folder, name,
				   O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
				       O_NONBLOCK | O_NOCTTY | flags,
				   0600);
	struct stat st, there;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EINVAL;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	/* another writer may have put it aside before it ended */
	if (fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || there.st_ino != st.st_ino)
		return -EBUSY;
	*ret = fd_take(&fd);
	return 0;
}

/* begin_part() - the first line of a file that is not the first */
static int begin_part(struct audit_log *log)
{
	char before[AUDIT_FILE_NAME_OCTETS];

	audit_file_name(before, log->name, log->parts);
	log->next.size = log->written.size = 0;
	int r = log_note(log, SPAN("audit.continue"), before, NULL);
	return r == 0 ? log_write(log, log->sync != AUDIT_SYNC_NONE) : r;
}

/* take_next() - the new file, which begins with the name of the part before */
static int take_next(struct audit_log *log, const char *name)
{
	const struct point before = log->written;
	int fd = -1, old = log->fd;
	int r = file_take(&fd, log->folder, name, O_EXCL);

	if (r < 0)
		return r;
	log->fd = fd;
	log->parts++;
	r = begin_part(log);
	if (r == 0) {
		fd_close(&old);
		return 0;
	}
	(void)unlinkat(log->folder, name, 0); /* while it is locked: it is ours */
	log->parts--;
	log->fd = old;
	log->written = log->next = before;
	log->torn = false;
	fd_close(&fd);
	return r;
}

/* log_next_part() - where the name was free for a moment, another writer may have come to go on with the log:
 * its file is left alone, and this writer is at its end, or there would be two chains */
int log_next_part(struct audit_log *log)
{
	char now[AUDIT_FILE_NAME_OCTETS], then[AUDIT_FILE_NAME_OCTETS];

	audit_file_name(now, log->name, 0);
	audit_file_name(then, log->name, log->parts + 1);
	if (renameat2(log->folder, now, log->folder, then, RENAME_NOREPLACE) < 0)
		return -errno;
	int r = take_next(log, now);
	if (r == -EEXIST ||
	    (r < 0 && renameat2(log->folder, then, log->folder, now, RENAME_NOREPLACE) < 0))
		log->dead = -EBUSY;
	return r;
}

static int tell_opened(struct audit_log *log)
{
	const struct audit_entry entry = {
		.ledger = { .event = SPAN("opened"),
			    .log = span_of(log->name),
			    .app = span_of(log->app) },
	};

	return ledger_append(log->folder, &entry, &log->key, log->sync != AUDIT_SYNC_NONE);
}

/* repair() - cut what a writer that died left unfinished */
static int repair(struct audit_log *log, const struct audit_tail *tail)
{
	char reason[96];

	if (tail->torn == 0)
		return 0;
	if (ftruncate(log->fd, tail->size) < 0)
		return -errno;
	(void)snprintf(reason, sizeof(reason), "%lld octets of an unfinished line were cut",
		       (long long)tail->torn);
	int r = log_note(log, SPAN("audit.repair"), NULL, reason);
	return r == 0 ? log_write(log, log->sync != AUDIT_SYNC_NONE) : r;
}

/* last_part() - the end of the part before, if this file has no line yet */
static int last_part(struct audit_tail *ret, struct audit_log *log)
{
	char name[AUDIT_FILE_NAME_OCTETS];

	audit_file_name(name, log->name, log->parts);
	CLEANUP_FD int fd = audit_file_open(log->folder, name);
	if (fd < 0)
		return fd;
	int r = audit_tail_find(ret, fd);
	return r == 0 && ret->torn > 0 ? -EBADMSG : r;
}

/* go_on() - where the chain ends */
static int go_on(struct audit_log *log)
{
	struct audit_tail here = { 0 }, before = { 0 };
	int r = audit_tail_find(&here, log->fd);
	bool is_new_part = here.seq == 0 && log->parts > 0;

	if (r == 0 && is_new_part)
		r = last_part(&before, log);
	if (r < 0)
		return r;
	const struct audit_tail *end = is_new_part ? &before : &here;
	log->written = (struct point){ .seq = end->seq, .size = here.size };
	memcpy(log->written.prev, end->hash, sizeof(end->hash));
	log->next = log->written;
	r = tell_opened(log);
	if (r == 0 && is_new_part) {
		r = ftruncate(log->fd, 0) < 0 ? -errno : begin_part(log);
		here.torn = 0;
	}
	return r == 0 ? repair(log, &here) : r;
}

static int take(struct audit_log *log, struct diag *diag)
{
	char name[AUDIT_FILE_NAME_OCTETS];
	int r = 0;

	audit_file_name(name, log->name, 0);
	r = file_take(&log->fd, log->folder, name, 0);
	if (r == -EBUSY)
		return diag_set(diag, r, "the audit log %s is being written by another process",
				name);
	if (r == 0) {
		log->parts = audit_parts(log->folder, log->name);
		r = go_on(log);
	}
	if (r == -EBADMSG)
		return diag_set(diag, r,
				"the audit log %s does not end with an entry; see 'immure "
				"audit verify'",
				name);
	return r < 0 ? diag_set(diag, r, "the audit log %s cannot be written: %s", name,
				strerrordesc_np(-r))
		     : 0;
}

int audit_open(struct audit_log **ret, int home, const struct audit_settings *settings,
	       struct diag *diag)
{
	if (!audit_log_name_valid(settings->log) || strcmp(settings->log, AUDIT_LEDGER) == 0)
		return diag_set(diag, -EINVAL, "'%s' is no name of an audit log", settings->log);
	CLEANUP(dropp) struct audit_log *log = calloc(1, sizeof(*log));
	if (log == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	log->folder = log->fd = -1;
	log->waiting = BUF(WAITING_OCTETS_MAX);
	log->sync = settings->sync;
	log->part_octets = settings->part_octets > 0 ? settings->part_octets : AUDIT_PART_OCTETS;
	log->checkpoint_ns = clock_mono_ns();
	(void)snprintf(log->name, sizeof(log->name), "%s", settings->log);
	(void)snprintf(log->app, sizeof(log->app), "%s",
		       settings->app != NULL ? settings->app : "");
	int r = audit_folder(&log->folder, home, true, diag);
	if (r == 0)
		r = audit_key_load(&log->key, log->folder, diag);
	if (r == 0)
		r = take(log, diag);
	if (r < 0)
		return r;
	*ret = log;
	log = NULL;
	return 0;
}
