// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the calls on the cgroup file system, and the one delicate matter of v2: a
 * group other than the topmost either has processes or gives controllers to its children
 * (cgroup-v2.rst, "No Internal Process Constraint"). In a scope that was delegated to us we are
 * the process in the way, so we move down into a child. That is done only if all processes there
 * are we and our descendants, and undone if it gained nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "jail/cgroup_priv.h"

enum {
	VALUE_OCTETS = 64,
	STAT_OCTETS_MAX = 4096, /* /proc/PID/stat */
	ANCESTORS_MAX = 16,     /* from a helper of ours up to us there are one or two */
};

static int io_make(int dir, const char *name)
{
	return mkdirat(dir, name, 0755) < 0 ? -errno : 0;
}

static int io_remove(int dir, const char *name)
{
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int io_write(int dir, const char *file, struct span text)
{
	CLEANUP_FD int fd = openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd_write_all(fd, text);
}

static const struct cgroup_io kernel_io = { io_make, io_remove, io_write };
const struct cgroup_view cgroup_kernel = { "/proc/self/cgroup", "/proc/self/mountinfo",
					   &kernel_io };

int cgroup_folder(int *ret, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

unsigned cgroup_read_set(int dir, const char *file)
{
	char *text = NULL;
	size_t len = 0;

	if (fd_read_file(&text, &len, dir, file, CGROUP_FILE_OCTETS_MAX) < 0)
		return 0;
	unsigned set = cgroup_set((struct span){ text, len }, ' ');
	free(text);
	return set;
}

int cgroup_each(int dir, int (*each)(void *context, pid_t pid), void *context)
{
	char *text = NULL;
	size_t len = 0;
	int r = fd_read_file(&text, &len, dir, "cgroup.procs", CGROUP_FILE_OCTETS_MAX);

	if (r < 0)
		return r;
	struct span rest = { text, len };
	while (r == 0 && rest.ptr != NULL) {
		struct span line = span_cut(&rest, '\n');

		if (line.len > 0) /* 0: it is in a PID namespace that we do not see */
			r = each(context, (pid_t)strtol(line.ptr, NULL, 10));
	}
	free(text);
	return r;
}

int cgroup_put(const struct cgroup_io *io, int dir, pid_t pid)
{
	char text[VALUE_OCTETS];

	(void)snprintf(text, sizeof(text), "%d\n", (int)pid);
	return io->write(dir, "cgroup.procs", span_of(text));
}

/* enable() - have @set available to the children of @dir. Return: what of it is. */
static unsigned enable(const struct cgroup_io *io, int dir, unsigned set)
{
	unsigned enabled = cgroup_read_set(dir, "cgroup.subtree_control");
	unsigned offered = cgroup_read_set(dir, "cgroup.controllers");

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		char text[VALUE_OCTETS];

		if ((set & offered & ~enabled & 1U << i) == 0)
			continue;
		(void)snprintf(text, sizeof(text), "+%s\n", cgroup_controller_names[i]);
		if (io->write(dir, "cgroup.subtree_control", span_of(text)) == 0)
			enabled |= 1U << i;
	}
	return enabled & set;
}

/* parent_of() - Return: the parent of process @pid, or 0. */
static pid_t parent_of(pid_t pid)
{
	char path[VALUE_OCTETS], *text = NULL;
	size_t len = 0;
	long parent = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(&text, &len, AT_FDCWD, path, STAT_OCTETS_MAX) < 0)
		return 0;
	const char *end = strrchr(text, ')'); /* after it: " S 123 " */
	if (end != NULL && strlen(end) > strlen(") S "))
		parent = strtol(end + strlen(") S "), NULL, 10);
	free(text);
	return (pid_t)parent;
}

/* not_ours() - is @pid neither we nor a descendant of ours? */
static int not_ours(void *context, pid_t pid)
{
	const pid_t *self = context;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		if (pid == *self)
			return 0;
		pid = parent_of(pid);
	}
	return 1;
}

struct move {
	const struct cgroup_io *io;
	int to;
	pid_t self;
};

static int move_one(void *context, pid_t pid)
{
	struct move *move = context;
	int r = not_ours(&move->self, pid) ? 0 : cgroup_put(move->io, move->to, pid);

	return r == -ESRCH ? 0 : r; /* just ended */
}

/* move_down() - if all in the group @dir are ours, move them to a child. Return: 0 or -errno. */
static int move_down(const struct cgroup_io *io, int dir)
{
	CLEANUP_FD int leaf = -1;
	pid_t self = getpid();
	int r = cgroup_each(dir, not_ours, &self);

	if (r != 0)
		return r < 0 ? r : -EBUSY;
	r = io->make(dir, CGROUP_LEAF);
	if (r == 0 || r == -EEXIST)
		r = cgroup_folder(&leaf, dir, CGROUP_LEAF);
	if (r == 0)
		r = cgroup_each(dir, move_one, &(struct move){ io, leaf, self });
	return r;
}

/* move_back() - as it was before move_down(), which was of no use */
static void move_back(const struct cgroup_io *io, int dir)
{
	CLEANUP_FD int leaf = -1;

	if (cgroup_folder(&leaf, dir, CGROUP_LEAF) < 0)
		return;
	if (cgroup_each(leaf, move_one, &(struct move){ io, dir, getpid() }) == 0)
		(void)io->remove(dir, CGROUP_LEAF);
}

unsigned cgroup_own_set(const struct cgroup_io *io, int own, unsigned wanted)
{
	unsigned set = enable(io, own, wanted);

	if (set == wanted || (wanted & cgroup_read_set(own, "cgroup.controllers")) == set)
		return set;
	if (move_down(io, own) < 0 || enable(io, own, wanted) == set)
		move_back(io, own);
	return enable(io, own, wanted);
}

int cgroup_read_map(struct cgroup_map *ret, const struct cgroup_view *view)
{
	char *groups = NULL, *mounts = NULL;
	size_t groups_len = 0, mounts_len = 0;
	int r = fd_read_file(&groups, &groups_len, AT_FDCWD, view->groups, CGROUP_FILE_OCTETS_MAX);

	if (r == 0)
		r = fd_read_file(&mounts, &mounts_len, AT_FDCWD, view->mounts,
				 CGROUP_FILE_OCTETS_MAX);
	if (r == 0)
		cgroup_find(ret, (struct span){ groups, groups_len },
			    (struct span){ mounts, mounts_len });
	free(groups);
	free(mounts);
	return r;
}
