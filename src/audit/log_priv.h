/* SPDX-License-Identifier: Apache-2.0 */
/* log_priv - the writer's state, for the two files that it is in. */
#ifndef AUDIT_LOG_PRIV_H
#define AUDIT_LOG_PRIV_H

#include "audit/audit.h"
#include "audit/files.h"
#include "audit/key.h"
#include "base/buf.h"

/* Where the chain is. */
struct point {
	uint64_t seq; /* of the next line */
	uint8_t prev[AUDIT_HASH_OCTETS];
	off_t size;     /* of the file */
	uint64_t since; /* entries since the last checkpoint */
};

struct audit_log {
	int folder, fd; /* owned */
	char name[AUDIT_LOG_NAME_OCTETS], app[AUDIT_LOG_NAME_OCTETS];
	enum audit_sync sync;
	uint64_t part_octets;
	unsigned parts; /* put aside */
	struct audit_key key;
	struct point written, next; /* next: with what waits */
	struct buf waiting;
	uint64_t waiting_len; /* entries of the caller in it */
	uint64_t lost;        /* entries that could not be written, and were not told of yet */
	int lost_error;
	int untold; /* entries were dropped by audit_append(), and who waits for audit_flush() does not know */
	int dead; /* another writer goes on with the log: nothing may be written any more */
	int64_t checkpoint_ns;
	bool torn; /* the file may be longer than written.size */
};

/* log_put() - encode a line and make it wait. Return: 0 or -ENOMEM. */
MUST_USE int log_put(struct audit_log *log, const struct audit_entry *entry);

/* log_note() - an entry about the log itself. @path, @reason: NULL: none. */
MUST_USE int log_note(struct audit_log *log, struct span action, const char *path,
		      const char *reason);

MUST_USE int log_checkpoint(struct audit_log *log);

/* log_write() - what waits. Return: as audit_flush(). */
MUST_USE int log_write(struct audit_log *log, bool sync);

/* log_next_part() - put the file aside and begin the next. Return: 0; -errno: all is as before, or
 * log->dead is set. */
MUST_USE int log_next_part(struct audit_log *log);

void log_free(struct audit_log *log);

#endif
