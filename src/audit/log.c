// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a line is made when its entry is appended, since the next one needs its hash;
 * all that wait go out by one write(). Two points say where the chain is: as written, and with what
 * waits. A write that fails puts the file and the second point back to the first: the lines are gone,
 * as the effects they were to precede will not take place. Their number is told by an entry of its
 * own, the first that can be written again.
 */
#include <errno.h>
#include <stdlib.h>

#include "audit/ledger.h"
#include "audit/log_priv.h"
#include "base/clock.h"
#include "base/fd.h"

enum { WAITING_OCTETS = 256 * 1024 }; /* then audit_append() writes by itself */

/* put() - @entry as the next line, signed if it is a checkpoint */
static int put(struct audit_log *log, const struct audit_entry *entry, bool sign)
{
	struct audit_entry line = *entry;
	char *room = NULL;
	int r = buf_reserve(&room, &log->waiting, AUDIT_LINE_OCTETS_MAX);

	if (r < 0)
		return r;
	line.seq = log->next.seq;
	memcpy(line.prev, log->next.prev, sizeof(line.prev));
	if (line.time_ns == 0)
		line.time_ns = clock_unix_ns();
	size_t len = sign ? audit_sign(room, &line, &log->key) : audit_encode(room, &line);
	buf_commit(&log->waiting, len);
	sha256(log->next.prev, (struct span){ room, len - 1 });
	log->next.seq++;
	log->next.size += (off_t)len;
	log->next.since++;
	return 0;
}

int log_put(struct audit_log *log, const struct audit_entry *entry)
{
	return put(log, entry, false);
}

int log_note(struct audit_log *log, struct span action, const char *path, const char *reason)
{
	struct audit_entry entry = {
		.request_id = SPAN("-"),
		.phase = AUDIT_EVENT,
		.action = action,
		.actor = { .app = span_of(log->app), .sandbox = span_of(log->name) },
	};

	if (path != NULL)
		entry.resource.path = span_of(path);
	if (reason != NULL) {
		entry.reasons.items[0] = span_of(reason);
		entry.reasons.len = 1;
	}
	return log_put(log, &entry);
}

int log_checkpoint(struct audit_log *log)
{
	const struct audit_entry entry = { .checkpoint = { span_of(log->name) } };
	int r = put(log, &entry, true);

	if (r == 0) {
		log->next.since = 0;
		log->checkpoint_ns = clock_mono_ns();
	}
	return r;
}

/* take_back() - the lines that wait are gone, and whatever of them is in the file */
static void take_back(struct audit_log *log, int error)
{
	log->lost += log->waiting_len;
	log->lost_error = error;
	log->waiting_len = 0;
	buf_drop(&log->waiting, buf_len(&log->waiting));
	log->next = log->written;
	log->torn = ftruncate(log->fd, log->written.size) < 0;
}

int log_write(struct audit_log *log, bool sync)
{
	int r = log->dead;

	if (r == 0 && log->torn && ftruncate(log->fd, log->written.size) < 0)
		r = -errno;
	if (r == 0)
		r = fd_write_all(log->fd, buf_span(&log->waiting));
	if (r == 0 && sync && fdatasync(log->fd) < 0)
		r = -errno;
	if (r < 0) {
		take_back(log, r);
		return r;
	}
	if (log->waiting_len > 0)
		log->lost = 0; /* told by the first line of these */
	log->torn = false;
	log->waiting_len = 0;
	buf_drop(&log->waiting, buf_len(&log->waiting));
	log->written = log->next;
	return 0;
}

static int tell_lost(struct audit_log *log)
{
	char reason[128];

	(void)snprintf(reason, sizeof(reason), "%llu entries could not be written: %s",
		       (unsigned long long)log->lost, strerrordesc_np(-log->lost_error));
	return log_note(log, SPAN("audit.lost"), NULL, reason);
}

/* flush() - audit_flush() for who knows of all drops so far */
static int flush(struct audit_log *log);

int audit_append(struct audit_log *log, const struct audit_entry *entry)
{
	const uint64_t others = log->waiting_len;
	int r = log->lost > 0 && others == 0 ? tell_lost(log) : 0;

	log->waiting_len++; /* if it fails, it is lost as the others are */
	if (r == 0)
		r = log_put(log, entry);
	if (r < 0)
		take_back(log, r);
	else if (buf_len(&log->waiting) > WAITING_OCTETS)
		r = flush(log);
	if (r < 0 && others > 0)
		log->untold = r;
	return r;
}

int64_t audit_due_ns(const struct audit_log *log)
{
	return log->next.since > 0 ? log->checkpoint_ns + AUDIT_CHECKPOINT_NS : INT64_MAX;
}

static bool is_due(const struct audit_log *log)
{
	return log->next.since >= AUDIT_CHECKPOINT_ENTRIES ||
	       (log->next.since > 0 && audit_due_ns(log) <= clock_mono_ns());
}

/* put_aside() - the file is full: it ends with a checkpoint, and the next begins with its name.
 * One that cannot be put aside grows on, and the next flush tries anew; unless another writer has gone on
 * with the log meanwhile, which ends this one: see log_next_part(). */
static void put_aside(struct audit_log *log)
{
	if (log->parts >= AUDIT_PARTS_MAX || (log->written.since > 0 && log_checkpoint(log) < 0) ||
	    log_write(log, log->sync != AUDIT_SYNC_NONE) < 0)
		return;
	(void)!log_next_part(log);
}

static int flush(struct audit_log *log)
{
	bool due = is_due(log);
	int r = due ? log_checkpoint(log) : 0;

	if (r < 0) {
		take_back(log, r);
		return r;
	}
	if (buf_len(&log->waiting) == 0)
		return 0;
	r = log_write(log,
		      log->sync == AUDIT_SYNC_ENTRY || (due && log->sync == AUDIT_SYNC_CHECKPOINT));
	if (r == 0 && (uint64_t)log->written.size >= log->part_octets)
		put_aside(log);
	return r;
}

int audit_flush(struct audit_log *log)
{
	int r = log->untold;

	if (r == 0)
		return flush(log);
	log->untold = 0;
	take_back(log, r); /* whoever's effect it is, it must not take place */
	return r;
}

static int tell_closed(struct audit_log *log)
{
	char last[2 * AUDIT_HASH_OCTETS];

	audit_hex(last, log->written.prev, AUDIT_HASH_OCTETS);
	const struct audit_entry entry = {
		.ledger = { .event = SPAN("closed"),
			    .log = span_of(log->name),
			    .app = span_of(log->app),
			    .entries = AUDIT_NUMBER(log->written.seq),
			    .last = { last, sizeof(last) } },
	};
	return ledger_append(log->folder, &entry, &log->key, log->sync != AUDIT_SYNC_NONE);
}

int audit_close(struct audit_log *log)
{
	int r = 0;

	if (log == NULL)
		return 0;
	if (log->lost > 0 && log->waiting_len == 0) {
		r = tell_lost(log);
		log->waiting_len = r == 0; /* it counts, so that its writing is noticed */
	}
	if (r == 0 && log->next.since > 0)
		r = log_checkpoint(log);
	if (r == 0)
		r = log_write(log, log->sync != AUDIT_SYNC_NONE);
	if (r == 0)
		r = tell_closed(log);
	log_free(log);
	return r;
}
