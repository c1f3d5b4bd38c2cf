// SPDX-License-Identifier: Apache-2.0
#include "audit/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/audit.h"
#include "base/fd.h"

enum { CHUNK_OCTETS = 256 * 1024, ROOM_OCTETS = CHUNK_OCTETS + AUDIT_LINE_OCTETS_MAX };
enum { LOCK_TRIES = 500 };

static const char suffix[] = ".jsonl";

int audit_folder_sync(int folder)
{
	CLEANUP_FD int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && (fsync(fd) == 0 || errno == EINVAL)) /* it has nothing to sync: fsync(2) */
		return 0;
	return -errno;
}

/* make_folder() - unless there is one by now */
static int make_folder(int home)
{
	if (mkdirat(home, "audit", 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	return audit_folder_sync(home);
}

int audit_folder(int *ret, int home, bool make, struct diag *diag)
{
	enum { FLAGS = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_RDONLY };
	CLEANUP_FD int folder = openat(home, "audit", FLAGS);
	struct stat st;

	if (folder < 0 && errno == ENOENT && make) {
		int r = make_folder(home);

		if (r < 0)
			return diag_set(diag, r, "the folder of audit logs cannot be made: %s",
					strerrordesc_np(-r));
		folder = openat(home, "audit", FLAGS);
	}
	if (folder < 0 || fstat(folder, &st) < 0)
		return diag_set(diag, -errno, "the folder of audit logs cannot be opened: %s",
				strerrordesc_np(errno));
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return diag_set(diag, -EPERM,
				"the folder of audit logs is not yours alone to write");
	*ret = fd_take(&folder);
	return 0;
}

bool audit_log_name_valid(const char *name)
{
	size_t len = strlen(name);

	for (const char *c = name; *c != '\0'; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-')
			return false;
	return len > 0 && len < AUDIT_LOG_NAME_OCTETS;
}

void audit_file_name(char ret[AUDIT_FILE_NAME_OCTETS], const char *log, unsigned part)
{
	if (part > 0)
		(void)snprintf(ret, AUDIT_FILE_NAME_OCTETS, "%s.%u%s", log, part, suffix);
	else
		(void)snprintf(ret, AUDIT_FILE_NAME_OCTETS, "%s%s", log, suffix);
}

/* part_of() - "12" is 12. Return: is it the number of a part? */
static bool part_of(unsigned *ret, struct span text)
{
	unsigned number = 0;

	if (text.len == 0 || text.len > 6 || text.ptr[0] == '0')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit((unsigned char)text.ptr[i]))
			return false;
		number = number * 10 + (unsigned)(text.ptr[i] - '0');
	}
	*ret = number;
	return number <= AUDIT_PARTS_MAX;
}

bool audit_file_split(char ret_log[AUDIT_LOG_NAME_OCTETS], unsigned *ret_part, const char *name)
{
	struct span rest = span_of(name);
	unsigned part = 0;

	if (rest.len < sizeof(suffix) ||
	    strcmp(name + rest.len - (sizeof(suffix) - 1), suffix) != 0)
		return false;
	rest.len -= sizeof(suffix) - 1;
	struct span log = span_cut(&rest, '.');
	if (log.len >= AUDIT_LOG_NAME_OCTETS || (rest.ptr != NULL && !part_of(&part, rest)))
		return false;
	memcpy(ret_log, log.ptr, log.len);
	ret_log[log.len] = '\0';
	*ret_part = part;
	return audit_log_name_valid(ret_log);
}

int audit_file_open(int folder, const char *name)
{
	CLEANUP_FD int fd =
	    openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? fd_take(&fd) : -EINVAL;
}

int audit_lock(int fd, int how)
{
	static const struct timespec pause = { 0, 10000000 };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, how | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		(void)nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

unsigned audit_parts(int folder, const char *log)
{
	char name[AUDIT_FILE_NAME_OCTETS];
	unsigned parts = 0;
	struct stat st;

	do
		audit_file_name(name, log, ++parts);
	while (parts <= AUDIT_PARTS_MAX && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return parts - 1;
}

int audit_lines_open(struct audit_lines *ret, int fd, off_t at)
{
	char *room = malloc(ROOM_OCTETS);

	if (room == NULL)
		return -ENOMEM;
	*ret = (struct audit_lines){ .fd = fd, .at = at, .room = room };
	return 0;
}

void audit_lines_close(struct audit_lines *lines)
{
	free(lines->room);
	lines->room = NULL;
}

/* fill() - behind what is there, which goes to the front */
static int fill(struct audit_lines *lines)
{
	size_t kept = lines->end - lines->start;
	size_t got = 0;

	memmove(lines->room, lines->room + lines->start, kept);
	lines->start = 0;
	lines->end = kept;
	while (got == 0 && !lines->is_over) {
		ssize_t n = pread(lines->fd, lines->room + kept, ROOM_OCTETS - kept,
				  lines->at + (off_t)kept);

		if (n < 0 && errno != EINTR)
			return -errno;
		lines->is_over = n == 0;
		got = n > 0 ? (size_t)n : 0;
	}
	lines->end += got;
	return 0;
}

int audit_lines_next(struct span *ret, struct audit_lines *lines)
{
	size_t seen = 0; /* octets without a newline */

	for (;;) {
		char *at = lines->room + lines->start;
		size_t len = lines->end - lines->start;
		char *end = len > seen ? memchr(at + seen, '\n', len - seen) : NULL;

		if (end != NULL && end - at < AUDIT_LINE_OCTETS_MAX) {
			*ret = (struct span){ at, (size_t)(end - at) };
			lines->start += ret->len + 1;
			lines->at += (off_t)ret->len + 1;
			return 1;
		}
		if (end != NULL || len >= AUDIT_LINE_OCTETS_MAX)
			return -E2BIG;
		if (lines->is_over)
			return 0;
		seen = len;
		int r = fill(lines);
		if (r < 0)
			return r;
	}
}

/*
 * tail_read() - the last line in @text, which begins at @at of the file. What stands behind the last newline
 * was never acknowledged, and is less than a line; whatever ends with a newline may have been, so that a last
 * line that does not read (damaged, of a later version) is not ours to cut.
 */
static int tail_read(struct audit_tail *ret, struct span text, off_t at, off_t size)
{
	const char *end = memrchr(text.ptr, '\n', text.len);
	size_t whole = end != NULL ? (size_t)(end - text.ptr) + 1 : 0, torn = text.len - whole;
	struct audit_entry entry;
	struct diag diag;

	if (torn >= AUDIT_LINE_OCTETS_MAX || (end == NULL && at > 0))
		return -EBADMSG;
	if (end == NULL) {
		*ret = (struct audit_tail){ .torn = size };
		return 0;
	}
	const char *before = memrchr(text.ptr, '\n', whole - 1);
	const char *start = before != NULL ? before + 1 : text.ptr;
	struct span line = { start, (size_t)(end - start) };
	if (audit_parse(&entry, line, &diag) < 0)
		return -EBADMSG;
	sha256(ret->hash, line);
	ret->seq = entry.seq + 1;
	ret->size = at + (off_t)whole;
	ret->torn = (off_t)torn;
	return 0;
}

int audit_tail_before(struct audit_tail *ret, int fd, off_t end)
{
	enum { WINDOW = 2 * AUDIT_LINE_OCTETS_MAX }; /* a torn line and one before it */
	off_t at = end > WINDOW ? end - WINDOW : 0;
	size_t len = (size_t)(end - at);
	char *room = malloc(len + 1);
	if (room == NULL)
		return -ENOMEM;
	ssize_t n = pread(fd, room, len, at);
	int r = n < 0 ? -errno : (size_t)n != len ? -EIO : 0;
	struct audit_tail tail = { 0 };
	if (r == 0)
		r = tail_read(&tail, (struct span){ room, len }, at, end);
	free(room);
	if (r == 0)
		*ret = tail;
	return r;
}

int audit_tail_find(struct audit_tail *ret, int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -errno : audit_tail_before(ret, fd, st.st_size);
}
