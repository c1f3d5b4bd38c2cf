// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: many processes append here, but each only twice in its life. Under the lock the
 * end of the file is found, so nothing about it need be remembered, and a line that a killed writer
 * left unfinished is cut: nobody was told that it is there. Each line is signed.
 */
#include "audit/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "audit/files.h"
#include "base/clock.h"
#include "base/fd.h"

static int put(int fd, struct audit_tail *tail, const struct audit_entry *entry,
	       const struct audit_key *key)
{
	struct audit_entry line = *entry;
	char *room = malloc(AUDIT_LINE_OCTETS_MAX);

	if (room == NULL)
		return -ENOMEM;
	line.time_ns = clock_unix_ns();
	line.seq = tail->seq++;
	memcpy(line.prev, tail->hash, sizeof(line.prev));
	struct span text = { room, audit_sign(room, &line, key) };
	int r = fd_write_all(fd, text);
	if (r < 0)
		(void)!ftruncate(fd, tail->size);
	tail->size += (off_t)text.len;
	sha256(tail->hash, (struct span){ room, text.len - 1 });
	free(room);
	return r;
}

/* repair() - cut what is unfinished, and say so */
static int repair(int fd, struct audit_tail *tail, const struct audit_key *key)
{
	const struct audit_entry entry = {
		.ledger = { .event = SPAN("repaired"),
			    .log = SPAN(AUDIT_LEDGER),
			    .entries = AUDIT_NUMBER((uint64_t)tail->torn) },
	};

	if (tail->torn == 0)
		return 0;
	if (ftruncate(fd, tail->size) < 0)
		return -errno;
	return put(fd, tail, &entry, key);
}

int ledger_append(int folder, const struct audit_entry *entry, const struct audit_key *key,
		  bool sync)
{
	enum { FLAGS = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK };
	CLEANUP_FD int fd = openat(folder, AUDIT_LEDGER ".jsonl", FLAGS, 0600);
	struct audit_tail tail = { 0 };
	int r = fd >= 0 ? audit_lock(fd, LOCK_EX) : -errno;

	if (r == 0)
		r = audit_tail_find(&tail, fd);
	if (r == 0)
		r = repair(fd, &tail, key);
	if (r == 0)
		r = put(fd, &tail, entry, key);
	if (r == 0 && sync && fdatasync(fd) < 0)
		r = -errno;
	return r;
}
