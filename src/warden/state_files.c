// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: these are all the system calls of a state folder. Each names one component
 * beneath a descriptor with O_NOFOLLOW, so no link leads elsewhere; each opens with O_NONBLOCK and
 * looks at the file's type, so a FIFO or a device planted there costs an error, not a hang.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "warden/state_priv.h"

enum {
	STAT_OCTETS = 2048, /* /proc/PID/stat: 52 numbers and a name of at most 64 octets */
	DELETE_DEPTH_MAX =
	    16, /* folders within folders; ours has 2 levels. Each costs a descriptor */
	DELETE_PASSES_MAX = 8, /* while somebody else makes files there */
	RENAME_TRIES_MAX = 16, /* with 32 random bits even two are rare */
	OPEN_SAFE = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
};

/* read_start() - the start time in @path, a /proc/PID/stat. Return: 0; -ESRCH: it is dead; -errno.
 */
static int read_start(uint64_t *ret, const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[STAT_OCTETS];

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;

	/* one read: the kernel writes the whole line at once */
	ssize_t n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	return state_text_stat(ret, (struct span){ text, (size_t)n });
}

int state_files_self(struct state_process *ret)
{
	uint64_t start = 0;
	int r = read_start(&start, "/proc/self/stat");

	if (r == 0)
		*ret = (struct state_process){ getpid(), start };
	return r;
}

int state_files_alive(const struct state_process *process)
{
	char path[sizeof("/proc/4194304/stat")];
	uint64_t start = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)process->pid);
	int r = read_start(&start, path);
	if (r == -ESRCH)
		return 0;
	return r < 0 ? r : start == process->start;
}

int state_files_folder(int *ret, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | OPEN_SAFE);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

int state_files_read(struct span *ret, char *buffer, size_t capacity, int dir, const char *name)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | OPEN_SAFE);
	struct stat st;
	size_t len = 0, beyond_len = 0;
	char beyond = '\0';

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;

	int r = fd_read_full(&len, fd, buffer, capacity);
	if (r == 0 && len == capacity)
		r = fd_read_full(&beyond_len, fd, &beyond, 1);
	if (r < 0)
		return r;
	if (beyond_len > 0)
		return -EFBIG;
	*ret = (struct span){ buffer, len };
	return 0;
}

int state_files_write(int dir, const char *name, struct span text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | OPEN_SAFE, 0600);

	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, text);
	if (close(fd) < 0 && r == 0 &&
	    errno != EINTR) /* a network's file system may say it only now */
		r = -errno;
	return r;
}

int state_files_overwrite(int dir, const char *name, struct span text)
{
	CLEANUP_FD int fd = openat(dir, name, O_WRONLY | OPEN_SAFE);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (size_t)st.st_size != text.len)
		return -EINVAL;
	return fd_write_all(fd, text);
}

int state_files_each(int dir, int (*each)(void *context, int dir, const char *name), void *context)
{
	CLEANUP_FD int own = -1; /* its own position, whoever else reads @dir */
	const struct dirent *entry = NULL;
	int r = state_files_folder(&own, dir, ".");

	if (r < 0)
		return r;

	DIR *stream = fdopendir(own);
	if (stream == NULL)
		return -errno;
	(void)fd_take(&own); /* now the stream's */
	while (r == 0) {
		errno = 0;
		entry = readdir(stream); /* NOLINT(concurrency-mt-unsafe): one thread, own stream */
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(context, dir, entry->d_name);
	}
	if (entry == NULL && errno != 0)
		r = -errno;
	(void)closedir(stream);
	return r;
}

int state_files_rename(char *ret, size_t size, int dir, const char *from, const char *prefix)
{
	for (int i = 0; i < RENAME_TRIES_MAX; i++) {
		uint32_t random = 0;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO; /* it never cuts so few octets, see getrandom(2) */
		(void)snprintf(ret, size, "%s%08x", prefix, random);
		/* a folder takes the place of an empty folder at most: ours never are */
		if (renameat(dir, from, dir, ret) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return -errno;
	}
	return -EEXIST;
}

struct deletion {
	dev_t device;
	unsigned depth;
};

static int delete_below(struct deletion *deletion, int dir, const char *name);

static int delete_one(void *context, int dir, const char *name)
{
	struct deletion *deletion = context;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* Linux says EISDIR, POSIX EPERM; what is neither a folder nor deletable fails once more
	 * below */
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	return delete_below(deletion, dir, name);
}

/* delete_below() - delete the folder @name with all in it. Return: 0 or -errno. */
static int delete_below(struct deletion *deletion, int dir, const char *name)
{
	CLEANUP_FD int folder = -1;
	struct stat st;
	int r = state_files_folder(&folder, dir, name);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (fstat(folder, &st) < 0)
		return -errno;
	if (st.st_dev != deletion->device)
		return -EXDEV;
	if (deletion->depth == DELETE_DEPTH_MAX)
		return -ELOOP;

	deletion->depth++;
	for (int pass = 0; r == 0 && pass < DELETE_PASSES_MAX; pass++) {
		r = state_files_each(folder, delete_one, deletion);
		if (r == 0 && (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT))
			break;
		if (r == 0 && (errno != ENOTEMPTY || pass == DELETE_PASSES_MAX - 1))
			r = -errno;
	}
	deletion->depth--;
	return r;
}

int state_files_delete(int dir, const char *name)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	return delete_one(&(struct deletion){ .device = st.st_dev }, dir, name);
}
