// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a mount point that the host (or a --rootfs) does not have cannot be made in a
 * folder that is bound read-only. So the lowest folder on its way that does exist is covered by a
 * tmpfs that looks the same: each of its entries is bound there again, links are copied. In that, the
 * rest of the path can be made. The covers stay writable to us until all mounts are made, and are
 * sealed by path then, for a later cover of a folder above holds a copy of an earlier one.
 *
 * The entries are those of this moment: what the host adds to the folder later is not seen inside.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

enum { PATH_OCTETS = 4096 }; /* linux/limits.h PATH_MAX */

/* lowest() - cut @path back to the lowest part that is there, and open that. Descriptor or -errno. */
static int lowest(struct builder *b, char *path)
{
	int fd = -ENOENT;

	while (fd == -ENOENT && *path != '\0') {
		*strrchr(path, '/') = '\0';
		fd = tree_open(b, path);
	}
	return fd;
}

/* is_mounted() - does @folder lie in something the user mounted? Its content is not ours to replace */
static bool is_mounted(const struct jail_plan *plan, struct span folder)
{
	for (uint32_t i = 0; i < plan->mounts_len; i++) {
		struct span path = span_of(plan_text(plan, plan->mounts[i].path));

		if (path.len <= folder.len && memcmp(path.ptr, folder.ptr, path.len) == 0 &&
		    (path.len == folder.len || folder.ptr[path.len] == '/'))
			return true;
	}
	return false;
}

/* copy_link() - the symbolic link @link (O_PATH), made again as @name of @to */
static int copy_link(int link, int to, const char *name)
{
	char target[PATH_OCTETS];
	ssize_t len = readlinkat(link, "", target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

/*
 * copy_entry() - @name of the folder @from, also in the tmpfs @to, which is at @path
 *
 * A bind keeps the flags of the mount it is taken from: the system's are read-only, and what the
 * user mounted in this folder a moment ago is as it was asked for.
 */
static int copy_entry(struct builder *b, int from, int to, const char *path, const char *name)
{
	CLEANUP_FD int entry = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char place[PATH_OCTETS];
	struct stat st;

	if (entry < 0 || fstat(entry, &st) < 0)
		return errno == ENOENT ? 0 : -errno; /* it has just gone */
	if (S_ISLNK(st.st_mode))
		return copy_link(entry, to, name);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0; /* a socket, pipe or device has no business in a root */
	if ((size_t)snprintf(place, sizeof(place), "%s/%s", path, name) >= sizeof(place))
		return -ENAMETOOLONG;
	if ((S_ISDIR(st.st_mode) ? mkdirat(to, name, 0755) : mknodat(to, name, S_IFREG | 0444, 0)) <
	    0)
		return -errno;
	CLEANUP_FD int tree = tree_clone(entry, "", true);
	return tree < 0 ? tree : tree_attach(b, tree, place, 0);
}

/* copy_entries() - all of @dir in the tmpfs @to at @path */
static int copy_entries(struct builder *b, DIR *dir, int to, const char *path)
{
	size_t count = 0;

	for (;;) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (++count > BUILDER_MIMIC_ENTRIES_MAX)
			return builder_step(b, -EOVERFLOW,
					    "make a folder in %s, which has more than %d entries",
					    path, BUILDER_MIMIC_ENTRIES_MAX);
		int r = copy_entry(b, dirfd(dir), to, path, e->d_name);
		if (r < 0)
			return builder_step(b, r, "bind %s/%s again", path, e->d_name);
	}
	return errno != 0 ? builder_step(b, -errno, "list %s", path) : 0;
}

/* cover() - the folder @dir, which is at @path, by a tmpfs with the same entries */
static int cover(struct builder *b, DIR *dir, const char *path)
{
	/* room for its links, which may take a page each, and for mount points */
	char mode[16], uid[32] = "uid=0", gid[32] = "gid=0";
	const char *const options[] = { "size=32m", "nr_inodes=16384", mode, uid, gid, NULL };
	struct stat st;

	/* it opens nothing that was closed. Without privilege only we could list the folder: stay so */
	if (fstat(dirfd(dir), &st) < 0)
		return builder_step(b, -errno, "look at %s", path);
	snprintf(mode, sizeof(mode), "mode=%04o", (unsigned)(st.st_mode & 07777));
	if (b->privileged) {
		snprintf(uid, sizeof(uid), "uid=%u", st.st_uid);
		snprintf(gid, sizeof(gid), "gid=%u", st.st_gid);
	} else {
		snprintf(mode, sizeof(mode), "mode=%04o", (unsigned)((st.st_mode & 07777) | 0700));
	}
	CLEANUP_FD int tree = tree_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	int r = tree < 0 ? tree : tree_attach(b, tree, path, 0);

	if (r < 0)
		return builder_step(b, r, "cover %s", path);
	return copy_entries(b, dir, tree, path);
}

int builder_mimic(struct builder *b, const char *point)
{
	char path[PATH_OCTETS];

	if ((size_t)snprintf(path, sizeof(path), "%s", point) >= sizeof(path))
		return builder_step(b, -ENAMETOOLONG, "make the mount point %s", point);
	CLEANUP_FD int at = lowest(b, path);
	if (at < 0)
		return builder_step(b, at, "make the mount point %s", point);
	struct span folder = { point, strlen(path) };
	if (folder.len == 0 || is_mounted(b->plan, folder))
		return builder_step(b, -EROFS,
				    "make %s in a mount that is read-only: make it on the "
				    "host, or let the mount be written",
				    point);
	if (b->mimics_len == ARRAY_SIZE(b->mimics)) /* one a mount, and builder_trust.c */
		return builder_step(b, -E2BIG, "cover %s", path);
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		int r = builder_step(b, -errno, "list %s, to make a folder in it", path);

		fd_close(&fd);
		return r;
	}
	int r = cover(b, dir, path);
	closedir(dir);
	if (r == 0)
		b->mimics[b->mimics_len++] = folder;
	return r;
}

int builder_mimic_seal(struct builder *b)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	char path[PATH_OCTETS];

	for (size_t i = 0; i < b->mimics_len; i++) {
		snprintf(path, sizeof(path), "%.*s", (int)b->mimics[i].len, b->mimics[i].ptr);
		CLEANUP_FD int at = tree_open(b, path);
		if (at < 0)
			return builder_step(b, at, "open %s", path);
		if (mount_setattr(at, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
			return builder_step(b, -errno, "make %s read-only", path);
	}
	return 0;
}
