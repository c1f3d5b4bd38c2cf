// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as root the program runs as a uid that owns nothing on the host, so in a
 * folder that is shared with it, it could not write. An idmapped mount (mount_setattr(2),
 * MOUNT_ATTR_IDMAP) lends it one owner there: the owner of the shared folder. The kernel takes the
 * mapping from a user namespace; a short-lived child provides it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

/*
 * map_child() - in a new user namespace: tell our PID as the host's /proc sees it, wait, end
 *
 * The kernel makes no user namespace for a process whose root is not the topmost one of its mount
 * namespace (create_user_ns(), current_chrooted()); by now @root covers the one we have.
 */
static _Noreturn void map_child(int channel, int root)
{
	char pid[16] = { 0 };

	if (readlink("/proc/self", pid, sizeof(pid) - 1) <= 0 || fchdir(root) < 0 ||
	    chroot(".") < 0 || unshare(CLONE_NEWUSER) < 0 ||
	    send(channel, pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid))
		_exit(1);
	while (read(channel, pid, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int write_map(const char *pid, const char *file, uid_t from, uid_t to)
{
	char path[64], line[64];
	int len = snprintf(line, sizeof(line), "%u %u 1\n", from, to);

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_write_all(fd, (struct span){ line, (size_t)len });
}

/* open_userns() - descriptor of the user namespace of @pid with @owner mapped to @to, or -errno */
static int open_userns(const char *pid, uid_t owner, gid_t group, uid_t to)
{
	char path[64];
	int r = write_map(pid, "uid_map", owner, to);

	if (r == 0)
		r = write_map(pid, "gid_map", group, to);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%s/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* child_userns() - @ret: a user namespace that maps @owner and @group to @to; owned by the caller */
static int child_userns(int *ret, int root, uid_t owner, gid_t group, uid_t to)
{
	CLEANUP_FD int ours = -1;
	CLEANUP_FD int theirs = -1;
	int pair[2];
	char pid[16] = { 0 };

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		fd_close(&ours);
		map_child(theirs, root);
	}
	fd_close(&theirs);
	ssize_t n = 0;
	do
		n = read(ours, pid, sizeof(pid));
	while (n < 0 && errno == EINTR);
	int r = n < 0 ? -errno : -EIO;
	if (n == sizeof(pid))
		r = open_userns(pid, owner, group, to);
	fd_close(&ours); /* ends the child */
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	*ret = r;
	return 0;
}

int builder_idmap(struct builder *b, int tree, uid_t owner, gid_t group)
{
	CLEANUP_FD int userns = -1;
	int r = child_userns(&userns, b->root, owner, group, b->host_uid);

	if (r < 0)
		return r;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns };
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return -errno;
	return 0;
}
