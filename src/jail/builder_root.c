// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the new root is one small tmpfs. The system's folders are bound into it
 * read-only, each by itself, so what is not on the list is not there at all: no host home, no /run,
 * no /sys, no /var. The same tmpfs holds the writable places (/tmp, the home, /dev/shm): a second,
 * writable mount of just these folders covers them, and then the root mount turns read-only. So one
 * size limit bounds all scratch space of a sandbox.
 *
 * With --rootfs DIR, the top-level entries of DIR take the place of the system's folders; a mount
 * point that DIR lacks can still be made in the tmpfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

static const uint64_t READONLY = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
static const uint64_t WRITABLE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/* What programs need of the host, beside /etc (builder_etc.c). Absent ones are skipped. */
static const char *const system_folders[] = { "usr",   "bin",    "sbin", "lib", "lib32",
					      "lib64", "libx32", "opt",  "nix" };

/* Top-level folders of a --rootfs that are ours, whatever it holds there. */
static const char *const own_folders[] = { "dev", "proc", "sys", "tmp", "run", "home", "root" };

static bool is_own_folder(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_folders); i++)
		if (strcmp(own_folders[i], name) == 0)
			return true;
	return false;
}

static int bind_system(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(system_folders); i++) {
		int r = tree_copy(b->root, b->host, system_folders[i]);

		if (r < 0 && r != -ENOENT)
			return builder_step(b, r, "bind /%s", system_folders[i]);
	}
	return builder_etc(b);
}

/* bind_rootfs() - every top-level entry of the user's folder */
static int bind_rootfs(struct builder *b, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int r = 0;

	if (dir == NULL) {
		r = builder_step(b, -errno, "open --rootfs %s", path);
		fd_close(&fd);
		return r;
	}
	r = builder_guard(b, fd, false, path);
	while (r == 0) {
		errno = 0;
		struct dirent *e = readdir(dir);

		if (e == NULL && errno != 0)
			r = builder_step(b, -errno, "read --rootfs %s", path);
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    is_own_folder(e->d_name))
			continue;
		r = tree_copy(b->root, fd, e->d_name);
		if (r < 0)
			builder_step(b, r, "bind %s/%s", path, e->d_name);
	}
	closedir(dir);
	return r;
}

void builder_inodes(char *ret, size_t size, uint64_t size_mb)
{
	/* a file for each KiB is more than any source tree has; an empty one costs about as much */
	uint64_t files = size_mb == 0 || size_mb > 1024 ? 1U << 20 : size_mb * 1024;

	snprintf(ret, size, "nr_inodes=%llu", (unsigned long long)files);
}

/* attach_root() - put the new root over the old one, where path walks do not see it yet */
static int attach_root(struct builder *b)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	char size[64], inodes[64];
	const char *options[] = { size, inodes, "mode=0755", NULL };

	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof(private)) < 0)
		return builder_step(b, -errno, "make mounts private");
	if (b->plan->disk_mb > 0)
		snprintf(size, sizeof(size), "size=%llum", (unsigned long long)b->plan->disk_mb);
	else
		snprintf(size, sizeof(size), "size=50%%");
	builder_inodes(inodes, sizeof(inodes), b->plan->disk_mb);
	b->root = tree_new("tmpfs", options, WRITABLE);
	if (b->root < 0)
		return builder_step(b, b->root, "make the root tmpfs");
	if (move_mount(b->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return builder_step(b, -errno, "attach the root tmpfs");
	int r = tree_dir(b, BUILDER_EMPTY, 0755);
	if (r == 0)
		r = b->empty = tree_open(b, BUILDER_EMPTY);
	return r < 0 ? builder_step(b, r, "make /run") : 0;
}

int builder_root(struct builder *b)
{
	static const char *const empty[] = { "proc", "dev", "tmp", "home", "var", "mnt", "srv" };
	const char *rootfs = plan_text(b->plan, b->plan->rootfs);

	b->host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->host < 0)
		return builder_step(b, -errno, "open /");
	int r = attach_root(b);
	if (r == 0)
		r = rootfs != NULL ? bind_rootfs(b, rootfs) : bind_system(b);
	if (r == 0 && rootfs != NULL)
		r = builder_etc_over(b);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(empty); i++)
		if (mkdirat(b->root, empty[i], 0755) < 0 && errno != EEXIST)
			r = builder_step(b, -errno, "make /%s", empty[i]);
	return r;
}

/* open_scratch() - make @path writable for the program: a second mount of just this folder */
static int open_scratch(struct builder *b, const char *path, mode_t mode)
{
	int r = tree_dir(b, path, 0755);

	if (r < 0)
		return builder_step(b, r, "make %s", path);
	CLEANUP_FD int at = tree_open(b, path);
	if (at < 0)
		return builder_step(b, at, "open %s", path);
	if (fchownat(at, "", b->scratch_uid, b->scratch_uid, AT_EMPTY_PATH) < 0)
		return builder_step(b, -errno, "chown %s", path);
	if (fchmodat(b->root, path + 1, mode, 0) < 0)
		return builder_step(b, -errno, "chmod %s", path);
	CLEANUP_FD int tree = tree_clone(at, "", false);
	r = tree < 0 ? tree : tree_attach(b, tree, path, WRITABLE);
	if (r < 0)
		return builder_step(b, r, "mount %s", path);
	builder_writable(b, path);
	return 0;
}

int builder_scratch(struct builder *b)
{
	const char *home = b->plan->user == 0 ? "/root" : "/home/user";
	static const char *const shared[] = { "/tmp", "/dev/shm" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(shared); i++)
		r = open_scratch(b, shared[i], 01777);
	if (r == 0)
		r = open_scratch(b, home, 0700);
	if (r < 0)
		return r;
	/* a --rootfs may have a /var of its own, read-only, without tmp: then that is how it is */
	if (symlinkat("../tmp", b->root, "var/tmp") < 0 && errno != EEXIST && errno != EROFS)
		return builder_step(b, -errno, "make /var/tmp");
	if (mkdirat(b->root, "tmp/workspace", 0755) < 0 ||
	    fchownat(b->root, "tmp/workspace", b->scratch_uid, b->scratch_uid, 0) < 0)
		return builder_step(b, -errno, "make /tmp/workspace");
	return 0;
}

/*
 * change_root() - the host's goes to an empty folder below the new one, by its descriptor: a share
 * may lie above it. Not over the new one as pivot_root(".", ".") would have it: for as long as it is
 * there, no user namespace could be made (current_chrooted() in fs/namespace.c).
 */
static int change_root(struct builder *b)
{
	char old[32];

	snprintf(old, sizeof(old), "/proc/self/fd/%d", b->empty);
	if (fchdir(b->root) < 0 || syscall(SYS_pivot_root, ".", old) < 0 || chdir("/") < 0)
		return builder_step(b, -errno, "pivot_root");
	fd_close(&b->empty);
	return builder_beside_detach(b);
}

int builder_enter_root(struct builder *b)
{
	struct mount_attr readonly = { .attr_set = READONLY };

	if (mount_setattr(b->root, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
		return builder_step(b, -errno, "make the root read-only");
	return change_root(b);
}
