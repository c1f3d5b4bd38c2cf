// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: immure's own state (sockets that command other sandboxes) and the settings it
 * was started with must not be reachable from inside (THREATS C18). The plan names them and every
 * folder above them by device and inode; what is shared is compared by the very descriptor that is
 * mounted, so no path can be swapped in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

enum { DEPTH_MAX = 256 }; /* folders above one; a deeper path is refused */

static bool is_place(const struct stat *st, const struct jail_place *place)
{
	return st->st_dev == place->dev && st->st_ino == place->ino;
}

static bool is_among(const struct stat *st, const struct jail_place *places, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (is_place(st, &places[i]))
			return true;
	return false;
}

/* open_folder() - the folder @fd, or the one that the file @fd lies in. Descriptor or -errno. */
static int open_folder(int fd, const struct stat *st)
{
	char link[64], path[4096];

	if (S_ISDIR(st->st_mode)) {
		int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

		return copy < 0 ? -errno : copy;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || path[0] != '/')
		return -EINVAL;
	path[len] = '\0';
	*(strrchr(path, '/') + 1) = '\0';
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -errno : folder;
}

/* is_below() - is the folder @at the place, or anywhere below it? Unknown counts as yes. */
static bool is_below(int fd, const struct stat *st, const struct jail_place *place)
{
	CLEANUP_FD int at = open_folder(fd, st);
	struct stat here, up;

	for (int depth = 0; at >= 0 && depth < DEPTH_MAX; depth++) {
		int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0 || fstat(at, &here) < 0 || fstat(parent, &up) < 0) {
			fd_close(&parent);
			return true;
		}
		fd_close(&at);
		at = parent;
		if (is_place(&here, place))
			return true;
		if (here.st_dev == up.st_dev && here.st_ino == up.st_ino)
			return false; /* the root */
	}
	return true;
}

int builder_guard(struct builder *b, int fd, bool writable, const char *name)
{
	const struct jail_plan *plan = b->plan;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return builder_step(b, -errno, "look at %s", name);
	if (plan->state_len > 0 &&
	    (is_among(&st, plan->state, plan->state_len) || is_below(fd, &st, &plan->state[0])))
		return builder_step(b, -EPERM,
				    "share %s, which holds immure's own state: share less", name);
	if (writable && is_among(&st, plan->settings, plan->settings_len))
		return builder_step(
		    b, -EPERM,
		    "share %s for writing, which holds the --config file: share less, "
		    "or read-only",
		    name);
	return 0;
}
