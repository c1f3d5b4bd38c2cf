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

/* is_below() - is the folder @fd, or the file's, the place or below it? 1, 0, -errno: unknown. */
static int is_below(int fd, const struct stat *st, const struct jail_place *place)
{
	CLEANUP_FD int at = open_folder(fd, st);
	struct stat here, up;

	if (at < 0)
		return at;
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		CLEANUP_FD int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0 || fstat(at, &here) < 0 || fstat(parent, &up) < 0)
			return -errno;
		if (is_place(&here, place))
			return 1;
		if (here.st_dev == up.st_dev && here.st_ino == up.st_ino)
			return 0; /* the root */
		fd_close(&at);
		at = fd_take(&parent);
	}
	return -ENAMETOOLONG;
}

/* is_state() - does it hold our state, or lie in it? 1, 0 or -errno. */
static int is_state(const struct jail_plan *plan, int fd, const struct stat *st)
{
	if (plan->state_len == 0)
		return 0;
	return is_among(st, plan->state, plan->state_len) ? 1 : is_below(fd, st, &plan->state[0]);
}

/* is_programs() - does it hold programs of ours, or lie among them? 1, 0 or -errno. */
static int is_programs(const struct jail_plan *plan, int fd, const struct stat *st)
{
	int r = is_among(st, plan->programs, plan->programs_len) ? 1 : 0;

	for (uint32_t i = 0; r == 0 && i < plan->program_folders_len; i++)
		r = is_below(fd, st, &plan->program_folders[i]);
	return r;
}

int builder_guard(struct builder *b, int fd, bool writable, const char *name)
{
	const struct jail_plan *plan = b->plan;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return builder_step(b, -errno, "look at %s", name);
	int r = is_state(plan, fd, &st);
	if (r < 0)
		return builder_step(b, r, "tell whether %s holds immure's own state", name);
	if (r > 0)
		return builder_step(b, -EPERM,
				    "share %s, which holds immure's own state: share less", name);
	if (writable && is_among(&st, plan->settings, plan->settings_len))
		return builder_step(b, -EPERM,
				    "share %s for writing, which holds the --config file or the "
				    "policy: share less, "
				    "or read-only",
				    name);
	r = writable ? is_programs(plan, fd, &st) : 0;
	if (r < 0)
		return builder_step(b, r, "tell whether %s holds immure's own programs", name);
	if (r > 0)
		return builder_step(
		    b, -EPERM,
		    "share %s for writing, which holds immure's own programs: share less, or "
		    "read-only",
		    name);
	return 0;
}
