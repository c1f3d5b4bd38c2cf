// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the log is vm.log.1, if there is one, and then vm.log. The warden appends
 * to vm.log and, when that is full, renames it to vm.log.1 and begins anew. Following keeps the
 * file open, so that a rename loses nothing: what is left in the old file is read before the new
 * one is opened. It ends when the warden has ended and all it wrote was read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sandboxes.h"

#define LOG_NOW    "vm.log"
#define LOG_BEFORE "vm.log.1"

enum { CHUNK_OCTETS = 64 * 1024, LOOK_AGAIN_MS = 100 };

struct reader {
	FILE *out;
	bool raw;    /* every octet as it is */
	size_t kept; /* octets at the front of text[]: an unfinished character */
	char text[CHUNK_OCTETS];
};

static int open_log(int logs, const char *name)
{
	int fd = openat(logs, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st = { 0 };

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		fd_close(&fd);
	return fd;
}

/* print_rest() - all that is in @fd beyond its offset */
static int print_rest(struct reader *reader, int fd)
{
	for (;;) {
		ssize_t n = read(fd, reader->text + reader->kept, CHUNK_OCTETS - reader->kept);
		struct span text = { reader->text, reader->kept };
		size_t used = 0; /* of text; a failed write shows in ferror() */

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		text.len += (size_t)n;
		used = text.len;
		if (reader->raw)
			fwrite(text.ptr, 1, text.len, reader->out);
		else
			used = print_safe_part(reader->out, text);
		if (fflush(reader->out) == EOF || ferror(reader->out))
			return -EIO;
		reader->kept = text.len - used;
		memmove(reader->text, text.ptr + used, reader->kept);
	}
}

/**
 * seek_lines() - place @fd before its last @lines lines
 *
 * A last line without a newline counts. Return: how many of them the file has not.
 */
static uint64_t seek_lines(int fd, uint64_t lines)
{
	char block[4096];
	off_t at = lseek(fd, 0, SEEK_END);
	bool at_end = true;

	if (lines == 0)
		return 0;
	while (at > 0) {
		size_t want = at < (off_t)sizeof(block) ? (size_t)at : sizeof(block);
		ssize_t n = pread(fd, block, want, at - (off_t)want);

		if (n != (ssize_t)want)
			break; /* it was cut meanwhile: show what there is */
		for (size_t i = want; i-- > 0; at_end = false) {
			if (block[i] != '\n' || at_end)
				continue;
			if (lines == 1) {
				(void)lseek(fd, at - (off_t)want + (off_t)i + 1, SEEK_SET);
				return 0;
			}
			lines--;
		}
		at -= (off_t)want;
	}
	(void)lseek(fd, 0, SEEK_SET);
	return at_end ? lines : lines - 1;
}

/* is_replaced() - is vm.log another file by now? */
static bool is_replaced(int logs, int fd)
{
	struct stat ours = { 0 }, now = { 0 };

	if (fstatat(logs, LOG_NOW, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return fd < 0 || fstat(fd, &ours) < 0 || ours.st_ino != now.st_ino ||
	       ours.st_dev != now.st_dev;
}

/* follow() - print what comes until the process of @warden has ended; @fd is vm.log or -1 */
static int follow(struct reader *reader, int logs, int *fd, int warden)
{
	bool ended = false;
	int r = 0;

	for (;;) {
		struct pollfd watch = { .fd = warden, .events = POLLIN };

		if (*fd >= 0)
			r = print_rest(reader, *fd);
		if (r == 0 && is_replaced(logs, *fd)) {
			if (*fd >= 0)
				r = print_rest(reader, *fd); /* what it got before the rename */
			fd_close(fd);
			*fd = open_log(logs, LOG_NOW);
			if (*fd >= 0 && r == 0)
				continue;
		}
		if (r < 0 || ended)
			return r;
		ended = poll(&watch, 1, LOOK_AGAIN_MS) > 0; /* one more round: its last words */
	}
}

/* print_tail() - what is left, at the end of all, of a character that was never finished */
static int print_tail(struct reader *reader)
{
	reader->text[reader->kept] = 0;
	print_safe(reader->out, reader->text);
	return fflush(reader->out) == EOF ? -EIO : 0;
}

/* print_log() - both files from where @lines says, then what follows. Return: 0 or -errno. */
static int print_log(struct cli_call *call, int logs, int warden, uint64_t lines)
{
	struct reader reader = { .out = call->out };
	CLEANUP_FD int before = open_log(logs, LOG_BEFORE);
	CLEANUP_FD int now = open_log(logs, LOG_NOW);
	int r = 0;

	reader.raw = cli_has(call, "raw") || fileno(call->out) < 0 || !isatty(fileno(call->out));
	if (now >= 0 && cli_has(call, "lines"))
		lines = seek_lines(now, lines);
	if (before >= 0 && cli_has(call, "lines"))
		(void)seek_lines(before, lines);
	if (before >= 0)
		r = print_rest(&reader, before);
	if (r == 0 && now >= 0)
		r = print_rest(&reader, now);
	if (r == 0 && warden >= 0)
		r = follow(&reader, logs, &now, warden);
	return r < 0 ? r : print_tail(&reader);
}

int cli_logs(struct cli_call *call)
{
	const char *id = call->operands[0], *count = cli_value(call, "lines");
	CLEANUP_FD int home = -1;
	CLEANUP_FD int dir = -1;
	CLEANUP_FD int logs = -1;
	CLEANUP_FD int warden = -1;
	uint64_t lines = 0;
	int r = 0;

	if (count != NULL && cli_count(&lines, count) < 0)
		return diag_set(&call->diag, -EINVAL, "logs: --lines '%s' is no whole number",
				count);
	r = state_home(&home, &call->diag);
	if (r < 0)
		return r;
	r = sandboxes_open(&dir, home, id, call);
	if (r < 0)
		return cli_complain(call, r);
	logs = openat(dir, "logs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (logs < 0)
		return diag_set(&call->diag, -errno, "%s has no logs: %s", id,
				strerrordesc_np(errno));
	if (cli_has(call, "follow"))
		(void)!state_pidfd(&warden, home,
				   id); /* one that has ended has nothing to follow */
	r = print_log(call, logs, warden, lines);
	return r < 0 ? diag_set(&call->diag, r, "the log of %s: %s", id, strerrordesc_np(-r)) : 0;
}
