// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a worker is a fork of init that may block on a disk, a FUSE server or the
 * warden's pipe, and dies with its job. Paths mean what they mean to the programs inside: symbolic
 * links are followed, and the walls hold for the worker as for any other process.
 *
 *	read	only regular files, so that a FIFO or device cannot hold the worker at open()
 *	write	into a new file beside the target, which then takes its place
 *	list	names sorted by octets; what vanishes meanwhile is left out
 *
 * So a reader of what is written sees the old or the new content, whole. The new file has the
 * permission bits of the one that was there, else those asked for. A target that is no regular file
 * is refused, never written in place. A worker that is killed leaves its draft (.immure-*) behind.
 */
#include "agent/files_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spawn_priv.h"
#include "base/fd.h"

enum {
	CHUNK_OCTETS = 64 * 1024, /* what a pipe holds */
	LINKS_MAX = 40,           /* MAXSYMLINKS, include/linux/namei.h */
	MODE_DEFAULT = 0644,
	ENTRIES_MAX = 65536,
	NAMES_OCTETS_MAX = 8 * 1024 * 1024,
};

/* Memory of a worker, untouched (and so free) in init. */
static char chunk[CHUNK_OCTETS];

struct worker {
	const struct files_task *task;
	struct job_shared *shared;
	enum agent_step step; /* which one is under way */
};

/* ---- read ---- */

/* copy_chunk() - pass on the next at most @len octets. Return: how many; 0: the end; -errno. */
static ssize_t copy_chunk(int to, int from, off_t *offset, size_t len)
{
	ssize_t n = sendfile(to, from, offset, len);

	if (n >= 0 || (errno != EINVAL && errno != ENOSYS))
		return n < 0 ? -errno : n;
	n = pread(from, chunk, len < sizeof(chunk) ? len : sizeof(chunk),
		  *offset); /* no splicing here */
	if (n <= 0)
		return n < 0 ? -errno : 0;
	*offset += n;
	int r = fd_write_all(to, (struct span){ chunk, (size_t)n });
	return r < 0 ? r : n;
}

static int read_file(struct worker *w)
{
	const struct agent_file *file = w->task->file;
	CLEANUP_FD int fd = open(w->task->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	off_t offset = (off_t)file->offset;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	w->step = AGENT_STEP_COPY;
	uint64_t end = (uint64_t)INT64_MAX - file->offset; /* where the kernel's offsets end */
	if (end > file->length)
		end = file->length;
	while (w->shared->moved < end) {
		uint64_t left = end - w->shared->moved;
		ssize_t n = copy_chunk(w->task->fd, fd, &offset,
				       left < (1U << 20) ? (size_t)left : 1U << 20);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		w->shared->moved += (uint64_t)n;
	}
	return 0;
}

/* ---- write ---- */

struct target {     /* a file to be: its folder, and its name there */
	int folder; /* owned */
	char name[AGENT_NAME_OCTETS_MAX + 1];
	mode_t mode;
};

/* split() - open the folder of @path, which is relative to target->folder, and note the name */
static int split(struct target *target, const char *path)
{
	char folder[AGENT_PATH_OCTETS_MAX + 1];
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t head = slash != NULL ? (size_t)(slash - path) + 1 : 0;
	size_t len = strlen(name);

	if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	if (len > AGENT_NAME_OCTETS_MAX)
		return -ENAMETOOLONG;
	memcpy(folder, path, head);
	folder[head] = '\0';
	int fd = openat(target->folder, head > 0 ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	memcpy(target->name, name, len + 1);
	fd_close(&target->folder);
	target->folder = fd;
	return 0;
}

/* find_target() - follow @path to where a file is or would be, through links at its end too */
static int find_target(struct target *target, const char *path)
{
	char link[AGENT_PATH_OCTETS_MAX + 1];

	for (int i = 0; i < LINKS_MAX; i++) {
		int r = split(target, path);
		if (r < 0)
			return r;
		ssize_t n = readlinkat(target->folder, target->name, link, sizeof(link));
		if (n < 0) /* no link, or nothing there; what else is wrong shows when we write */
			return errno == EINVAL || errno == ENOENT ? 0 : -errno;
		if ((size_t)n == sizeof(link))
			return -ENAMETOOLONG;
		link[n] = '\0';
		path = link;
	}
	return -ELOOP;
}

/* judge_target() - may a file take this place, and with which permission bits? */
static int judge_target(struct target *target, uint32_t mode)
{
	struct stat st;

	target->mode = mode != 0 ? (mode_t)mode : MODE_DEFAULT;
	if (fstatat(target->folder, target->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	target->mode = st.st_mode & 07777;
	return faccessat(target->folder, target->name, W_OK, 0) < 0 ? -errno : 0;
}

static int copy_in(struct worker *w, int fd)
{
	for (;;) {
		ssize_t n = read(w->task->fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		int r = fd_write_all(fd, (struct span){ chunk, (size_t)n });
		if (r < 0)
			return r;
		w->shared->moved += (uint64_t)n;
	}
}

/* draft_name() - a name no file has: 64 random bits */
static int draft_name(char *ret, size_t capacity)
{
	static const char start[] = ".immure-", digits[] = "0123456789abcdef";
	unsigned char random[8];

	if (syscall(SYS_getrandom, random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	if (capacity < sizeof(start) + 2 * sizeof(random))
		return -ENAMETOOLONG;
	memcpy(ret, start, sizeof(start));
	char *at = ret + sizeof(start) - 1;
	for (size_t i = 0; i < sizeof(random); i++) {
		*at++ = digits[random[i] >> 4];
		*at++ = digits[random[i] & 15];
	}
	*at = '\0';
	return 0;
}

static int write_draft(struct worker *w, const struct target *target)
{
	char draft[32];
	int r = draft_name(draft, sizeof(draft));

	if (r < 0)
		return r;
	CLEANUP_FD int fd = openat(target->folder, draft,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	w->step = AGENT_STEP_COPY;
	r = copy_in(w, fd);
	if (r == 0 && fchmod(fd, target->mode) < 0)
		r = -errno;
	if (r == 0 && renameat(target->folder, draft, target->folder, target->name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(target->folder, draft, 0);
	return r;
}

static int write_file(struct worker *w)
{
	struct target target = { .folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	int r = target.folder < 0 ? -errno : find_target(&target, w->task->path);

	if (r == 0)
		r = judge_target(&target, w->task->file->mode);
	if (r == 0)
		r = write_draft(w, &target);
	fd_close(&target.folder);
	return r;
}

/* ---- list ---- */

struct listing { /* mapped, so that only what is used costs memory */
	size_t count, used;
	struct span entries[ENTRIES_MAX];
	char names[NAMES_OCTETS_MAX];
};

static int add_name(struct listing *l, const char *name)
{
	size_t len = strlen(name);

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (l->count == ENTRIES_MAX || len + 1 > sizeof(l->names) - l->used)
		return -EOVERFLOW;
	char *at = l->names + l->used;
	memcpy(at, name, len + 1);
	l->entries[l->count++] = (struct span){ at, len };
	l->used += len + 1;
	return 0;
}

static int read_names(struct listing *l, int folder)
{
	for (;;) {
		long n = syscall(SYS_getdents64, folder, chunk, sizeof(chunk));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct kernel_entry *entry = (const void *)(chunk + at);
			int r = add_name(l, entry->name);

			if (r < 0)
				return r;
			at += entry->octets;
		}
	}
}

static int by_octets(const void *a, const void *b)
{
	return strcmp(((const struct span *)a)->ptr, ((const struct span *)b)->ptr);
}

static int flush(struct worker *w, struct buf *stream)
{
	int r = fd_write_all(w->task->fd, buf_span(stream));

	if (r == 0)
		w->shared->moved += buf_len(stream);
	buf_drop(stream, buf_len(stream));
	return r;
}

static int send_entries(struct worker *w, const struct listing *l, int folder)
{
	struct buf stream = { .ptr = chunk,
			      .capacity = sizeof(chunk),
			      .octets_max = sizeof(chunk) };

	for (size_t i = 0; i < l->count; i++) {
		struct agent_entry entry = { .name = l->entries[i] };
		struct stat st;

		if (fstatat(folder, l->entries[i].ptr, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		entry.mode = st.st_mode;
		entry.size = (uint64_t)st.st_size;
		int r = agent_entry_encode(&stream, &entry);
		if (r == -E2BIG) {
			r = flush(w, &stream);
			if (r == 0)
				r = agent_entry_encode(&stream, &entry);
		}
		if (r < 0)
			return r;
	}
	return flush(w, &stream);
}

static int list_folder(struct worker *w)
{
	CLEANUP_FD int folder = open(w->task->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct listing *l = MAP_FAILED;

	if (folder < 0)
		return -errno;
	l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l == MAP_FAILED)
		return -errno;
	int r = read_names(l, folder);
	if (r == 0) {
		qsort(l->entries, l->count, sizeof(l->entries[0]), by_octets);
		w->step = AGENT_STEP_COPY;
		r = send_entries(w, l, folder);
	}
	(void)munmap(l, sizeof(*l));
	return r;
}

/* ---- the worker ---- */

__attribute__((noreturn)) static void work(const struct files_task *task, struct job_shared *shared)
{
	struct worker w = { .task = task, .shared = shared, .step = AGENT_STEP_OPEN };
	int flags = fcntl(task->fd, F_GETFL);
	int r = -EINVAL;

	spawn_close_all(task->fd);
	if (flags >= 0)
		(void)fcntl(task->fd, F_SETFL, flags & ~O_NONBLOCK); /* a worker may wait */
	if (task->type == AGENT_FILE_READ)
		r = read_file(&w);
	else if (task->type == AGENT_FILE_WRITE)
		r = write_file(&w);
	else if (task->type == AGENT_FILE_LIST)
		r = list_folder(&w);
	shared->step = w.step;
	shared->error = (uint32_t)-r;
	_exit(r < 0);
}

int files_start(struct job *job, const struct files_task *task)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		work(task, job->shared);
	job->pid = pid;
	return 0;
}

void files_ended(struct job *job, int status)
{
	if (!WIFEXITED(status)) {
		job_fail(job, AGENT_STEP_COPY, EINTR);
	} else if (WEXITSTATUS(status) != 0) {
		job_fail(job, (enum agent_step)job->shared->step, (int)job->shared->error);
	} else {
		job->moved = job->shared->moved;
		job->tell |= TELL_DONE;
	}
}
