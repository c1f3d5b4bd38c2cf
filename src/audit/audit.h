/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit - the writer of a log: a chain of lines, each with the hash of the one before.
 *
 *	<home>/audit/			0700
 *		<log>.jsonl		0600, one line an entry; its writer holds a flock
 *		<log>.1.jsonl ...	what was written before, the oldest first
 *		ledger.jsonl		a chain of its own: which logs were opened and closed
 *		key, key.pub		Ed25519, hex; key is 0600
 *		index.db		audit/index.h; can be made anew at any time
 *
 * An effect's entry is appended and flushed before the effect: what audit_flush() has written survives
 * the death of the process. What it could not write is gone and the effect must not take place.
 *
 * A process that writes a log ignores SIGXFSZ, or a limit on files (RLIMIT_FSIZE) ends it.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/entry.h"

enum {
	AUDIT_CHECKPOINT_ENTRIES = 1000,
	AUDIT_PART_OCTETS = 64 * 1024 * 1024, /* the default */
	AUDIT_PARTS_MAX = 100000,             /* 6 TiB of the default */
};
static const int64_t AUDIT_CHECKPOINT_NS = INT64_C(5000000000);

/* When is the file on the disk, not in the kernel alone? */
enum audit_sync {
	AUDIT_SYNC_CHECKPOINT, /* at each checkpoint */
	AUDIT_SYNC_ENTRY,      /* before audit_flush() returns */
	AUDIT_SYNC_NONE,       /* when the kernel likes */
};

struct audit_settings {
	const char *log; /* its name, mostly the sandbox's id: [a-z0-9-], not "ledger" */
	const char *app; /* told in the ledger; NULL: none */
	enum audit_sync sync;
	uint64_t part_octets; /* a file that is larger is put aside; 0: AUDIT_PART_OCTETS */
};

struct audit_log;

/**
 * audit_open() - begin a log, or go on with one
 * @ret:	owned by the caller
 * @home:	folder of all state; audit/ and the key are made in it if need be
 *
 * What a writer that died left of a line it never had acknowledged is cut off, and an entry says so.
 * Return: 0; -EBUSY: it has a writer; -EBADMSG: its end is no line of ours, and is left alone;
 * another -errno. *diag is set on each.
 */
MUST_USE int audit_open(struct audit_log **ret, int home, const struct audit_settings *settings,
			struct diag *diag);

/**
 * audit_append() - put an entry behind those that wait for audit_flush()
 * @entry:	seq and prev do not matter; time_ns 0: now. Borrowed for the call.
 *
 * Return: 0; -ENOMEM, or an error of audit_flush(), which it calls when many wait: none of them is
 * written. If others than @entry are among them, the next audit_flush() fails as well, since who waits for it
 * does not know.
 */
MUST_USE int audit_append(struct audit_log *log, const struct audit_entry *entry);

/**
 * audit_flush() - write all that waits, and a checkpoint if one is due
 *
 * Return: 0: all is written; -errno: nothing of it is, it is forgotten and its number will be told by
 * an entry ("audit.lost"). Then the effects must not take place. The next call tries anew. -EBUSY: another
 * writer goes on with the log, and this one never will.
 */
MUST_USE int audit_flush(struct audit_log *log);

/* audit_due_ns() - when audit_flush() wants to be called even if nothing comes, for a checkpoint: of
 * clock_mono_ns(); INT64_MAX: not at all */
MUST_USE int64_t audit_due_ns(const struct audit_log *log);

/* audit_close() - flush, a last checkpoint, "closed" in the ledger. NULL is fine. Frees @log in any
 * case. Return: 0; -errno: the end is missing. */
int audit_close(struct audit_log *log);

/* audit_log_name_valid() - may a log have this name? */
MUST_USE bool audit_log_name_valid(const char *name);

#endif
