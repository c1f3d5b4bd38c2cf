/* SPDX-License-Identifier: Apache-2.0 */
/* files - the folder of logs: names, opening, reading line by line, finding the end. */
#ifndef AUDIT_FILES_H
#define AUDIT_FILES_H

#include <sys/types.h>

#include "audit/entry.h"

enum { AUDIT_FILE_NAME_OCTETS = AUDIT_LOG_NAME_OCTETS + sizeof(".100000.jsonl") };

#define AUDIT_LEDGER "ledger"

/* audit_folder() - open audit/ in @home, @make it if need be. @ret: owned.
 * Return: 0; -ENOENT: there is none; -EPERM: it is not ours alone to write; another -errno. */
MUST_USE int audit_folder(int *ret, int home, bool make, struct diag *diag);

/* audit_folder_sync() - the names in @folder are on the disk. Return: 0 or -errno. */
MUST_USE int audit_folder_sync(int folder);

/* audit_file_name() - of part @part of @log; 0: the one that is written to */
void audit_file_name(char ret[AUDIT_FILE_NAME_OCTETS], const char *log, unsigned part);

/* audit_file_split() - the reverse. Return: is @name that of a file of a log? */
MUST_USE bool audit_file_split(char ret_log[AUDIT_LOG_NAME_OCTETS], unsigned *ret_part,
			       const char *name);

/* audit_file_open() - to read; only what is a file. Return: owned; -errno. */
MUST_USE int audit_file_open(int folder, const char *name);

/* audit_lock() - the open file @fd, @how is LOCK_EX or LOCK_SH: flock(2). Return: 0; -ETIMEDOUT: not in 5 s;
 * another -errno. */
MUST_USE int audit_lock(int fd, int how);

/* audit_parts() - how many of @log were put aside; they are numbered from 1 */
MUST_USE unsigned audit_parts(int folder, const char *log);

/* A file read line by line. */
struct audit_lines {
	int fd;     /* borrowed */
	off_t at;   /* of the next line */
	char *room; /* owned */
	size_t start, end;
	bool is_over; /* nothing more to read */
};

/* audit_lines_open() - from @at on. Return: 0; -ENOMEM. */
MUST_USE int audit_lines_open(struct audit_lines *ret, int fd, off_t at);
void audit_lines_close(struct audit_lines *lines);

/* audit_lines_next() - the next line without its newline, borrowed until the next call
 * Return: 1; 0: no more whole lines, lines->at says where the rest begins, audit_lines_rest() how
 * long it is; -E2BIG: it is longer than a line may be; another -errno. */
MUST_USE int audit_lines_next(struct span *ret, struct audit_lines *lines);

static inline size_t audit_lines_rest(const struct audit_lines *lines)
{
	return lines->end - lines->start;
}

/* The end of a chain. */
struct audit_tail {
	uint64_t seq;                    /* of the next line */
	uint8_t hash[AUDIT_HASH_OCTETS]; /* of the last */
	off_t size;                      /* up to which all is whole */
	off_t torn;                      /* octets behind that */
};

/* audit_tail_find() - of the file @fd. An empty one has seq 0.
 * Return: 0; -EBADMSG: its last whole line is none of ours, or more than a line is unfinished; another -errno. */
MUST_USE int audit_tail_find(struct audit_tail *ret, int fd);

/* audit_tail_before() - as if the file ended at @end. Return: as above; -EIO: it is shorter. */
MUST_USE int audit_tail_before(struct audit_tail *ret, int fd, off_t end);

#endif
