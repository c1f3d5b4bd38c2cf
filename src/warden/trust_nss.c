// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: it is made under a hidden name and renamed when it is whole, so of several
 * launches at one time the first to be done wins. certutil gets our own certificate and nothing
 * else: no environment, no descriptor, a few seconds.
 */
#include "warden/trust_nss.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fd_limit.h"
#include "wire/leaf.h"

#define CERTUTIL "/usr/bin/certutil"
#define NAME     "nss-"

enum { PATIENCE_MS = 5000, NAME_OCTETS = 64 };

/* It failed or hung: no further launch of this process is to wait for it. */
static int certutil_fails;

/* become() - in the child; only what may be called between fork() and exec */
static _Noreturn void become(int folder)
{
	/* execve() does not write to them */
	static const char certificate[] = "../" LEAF_CERTIFICATE_FILE;
	static const char *const argv[] = {
		"certutil", "-A", "-d",  "sql:.", "--empty-password", "-n",
		"immure",   "-t", "C,,", "-i",    certificate,        NULL,
	};
	static char *const envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	umask(0077);
	fd_limit_restore();
	if (null >= 0 && fchdir(folder) == 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
		(void)execve(CERTUTIL, (char *const *)(uintptr_t)argv, envp);
	_exit(1);
}

/* reap() - Return: 0: it did its work; -EIO: it did not; -ETIMEDOUT; -errno. */
static int reap(pid_t pid)
{
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd one = { .fd = pidfd, .events = POLLIN };
	int status = 0;
	int ready = pidfd < 0 ? 0 : poll(&one, 1, PATIENCE_MS);

	if (ready != 1)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (ready != 1)
		return -ETIMEDOUT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int fill(int folder)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(folder);
	return reap(pid);
}

/* take_away() - the folder @name of @parent with the files in it, as far as that is possible */
static void take_away(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *e = NULL; (e = readdir(dir)) != NULL;)
		(void)unlinkat(fd, e->d_name, 0);
	closedir(dir);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* is_whole() - does the folder @name hold what NSS needs? */
static bool is_whole(int parent, const char *name)
{
	static const char *const files[] = { "cert9.db", "key4.db" };
	struct stat st;
	char path[2 * NAME_OCTETS];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		if (fstatat(parent, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		    st.st_size == 0 || faccessat(parent, path, R_OK, 0) < 0)
			return false;
	}
	return true;
}

/* take_away_stale() - what launches that were killed left behind */
static void take_away_stale(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *e = NULL; (e = readdir(dir)) != NULL;) {
		const char *dash = strrchr(e->d_name, '-');
		long pid = dash != NULL ? strtol(dash + 1, NULL, 10) : 0;

		if (strncmp(e->d_name, "." NAME, sizeof("." NAME) - 1) == 0 && pid > 0 &&
		    pid <= INT_MAX && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			take_away(parent, e->d_name);
	}
	closedir(dir);
}

/* put() - the whole @hidden in place of @name, unless another launch was faster. What is broken there is
 * moved aside first: only what has a name of our own is ever taken apart. Return: 0; -errno. */
static int put(int parent, const char *hidden, const char *name)
{
	char broken[2 * NAME_OCTETS];
	int r = renameat(parent, hidden, parent, name) < 0 ? -errno : 0;

	if ((r != -ENOTEMPTY && r != -EEXIST && r != -ENOTDIR) || is_whole(parent, name))
		return r == -ENOTEMPTY || r == -EEXIST ? 0 : r;
	(void)snprintf(broken, sizeof(broken), ".%s-broken-%d", name, (int)getpid());
	take_away(parent, broken);
	if (renameat(parent, name, parent, broken) < 0 && errno != ENOENT)
		return -errno;
	r = renameat(parent, hidden, parent, name) < 0 ? -errno : 0;
	take_away(parent, broken);
	return r == -ENOTEMPTY || r == -EEXIST ? 0 : r;
}

/* make() - the database @name of @parent. Return: 0; -errno. */
static int make(int parent, const char *name)
{
	char hidden[2 * NAME_OCTETS];

	(void)snprintf(hidden, sizeof(hidden), ".%s-%d", name, (int)getpid());
	take_away_stale(parent);
	take_away(parent, hidden); /* of one who had this number and was killed */
	if (mkdirat(parent, hidden, 0700) < 0)
		return -errno;
	CLEANUP_FD int folder =
	    openat(parent, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = folder < 0 ? -errno : fill(folder);
	if (r == -EIO || r == -ETIMEDOUT)
		certutil_fails = r;
	if (r == 0)
		r = put(parent, hidden, name);
	take_away(parent, hidden);
	return r;
}

int trust_nss(char **ret, int folder, const char *hash)
{
	char name[NAME_OCTETS], link[64], path[PATH_MAX];

	(void)snprintf(name, sizeof(name), NAME "%s", hash);
	if (!is_whole(folder, name)) {
		if (access(CERTUTIL, X_OK) < 0)
			return -ENOENT;
		if (certutil_fails < 0)
			return certutil_fails;
		int r = make(folder, name);
		if (r < 0)
			return r;
	}
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	return asprintf(ret, "%s/%s", path, name) < 0 ? -ENOMEM : 0;
}
