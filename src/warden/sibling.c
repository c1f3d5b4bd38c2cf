// SPDX-License-Identifier: Apache-2.0
#include "warden/sibling.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"

/* open_folder() - where our own executable is. Return: a descriptor; -errno. */
static int open_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash == NULL) /* not the path of a file, as with a memfd */
		return -ENOENT;
	slash[1] = '\0';
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sibling_folder(int which)
{
	static const char *const places[SIBLING_FOLDERS] = { ".", "../libexec/immure" };
	CLEANUP_FD int folder = open_folder();

	if (folder < 0)
		return folder;
	int fd = openat(folder, places[which], O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sibling_open(const char *name)
{
	for (int i = 0; i < SIBLING_FOLDERS; i++) {
		CLEANUP_FD int folder = sibling_folder(i);

		if (folder == -ENOENT)
			continue;
		if (folder < 0)
			return folder;
		int fd = openat(folder, name, O_PATH | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

/* high() - a copy of @fd beyond all that the sibling shall have. Return: a descriptor; -1. */
static int high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, SIBLING_FD_FIRST + SIBLING_FDS_MAX);
}

/* become() - in the child; only what may be called between fork() and exec */
static _Noreturn void become(int program, char *const *argv, const int *fds, size_t len)
{
	static char *const envp[] = { NULL };
	int copies[SIBLING_FDS_MAX];

	program = high(program);
	for (size_t i = 0; i < len; i++)
		copies[i] = high(fds[i]);
	for (size_t i = 0; i < len; i++)
		if (program < 0 || copies[i] < 0 || dup2(copies[i], SIBLING_FD_FIRST + (int)i) < 0)
			_exit(1);
	/* a script could not be run so, but this is none */
	(void)close_range(SIBLING_FD_FIRST + (unsigned)len, ~0U, CLOSE_RANGE_CLOEXEC);
	(void)execveat(program, "", argv, envp, AT_EMPTY_PATH);
	_exit(1);
}

int sibling_start(pid_t *ret, const char *name, const char *role, const int *fds, size_t len)
{
	/* execve() does not write to them */
	char *const argv[] = { (char *)(uintptr_t)name, (char *)(uintptr_t)role, NULL };
	CLEANUP_FD int program = sibling_open(name);

	assert(len <= SIBLING_FDS_MAX);
	if (program < 0)
		return program;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(program, argv, fds, len);
	*ret = pid;
	return 0;
}
