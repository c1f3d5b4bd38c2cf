// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what the user asked for with -v, --tmpfs or vfs settings. A source is opened
 * once; its type, its owner and its mount are all taken from that one descriptor, so swapping the
 * path meanwhile changes nothing (CVE-2021-30465). A mount point is made if it is not there, in a
 * cover of its folder if that is read-only (builder_mimic.c).
 *
 * The kernel lets nobody rename or remove a mount point, but a folder above it: "mv a b" would take
 * what is protected at a/secret away, and the program could put its own in the place, on the host's
 * disk. So where something is mounted within a writable share, each folder between the two becomes
 * a mount of itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

/* make_point() - make @path a folder, or a file when @folder is false */
static int make_point(struct builder *b, const char *path, bool folder)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');

	if (folder)
		return tree_dir(b, path, 0755);
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	int r = tree_dir(b, parent, 0755);
	if (r < 0)
		return r;
	CLEANUP_FD int at = tree_open(b, parent);
	if (at < 0)
		return at;
	return mknodat(at, slash + 1, S_IFREG | 0444, 0) < 0 && errno != EEXIST ? -errno : 0;
}

/* mount_point() - the same, in a system folder, too */
static int mount_point(struct builder *b, const char *path, bool folder)
{
	int r = make_point(b, path, folder);

	if (r == -EROFS) {
		r = builder_mimic(b, path);
		if (r < 0)
			return r;
		r = make_point(b, path, folder);
	}
	if (r < 0)
		builder_step(b, r, "make the mount point %s%s", path,
			     r == -ELOOP ? ", with a symbolic link in the way" : "");
	return r;
}

/* open_source() - @ret: a detached copy of one bind's source, owned inside by the program's user */
static int open_source(struct builder *b, int *ret, bool *ret_folder,
		       const struct jail_mount *mount)
{
	const char *source = plan_text(b->plan, mount->source);
	struct mount_attr private = { .propagation = MS_PRIVATE };
	struct stat st;

	CLEANUP_FD int fd = open(source, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return builder_step(b, -errno, "open %s", source);
	int r = builder_guard(b, fd, !mount->readonly, source);
	if (r < 0)
		return r;
	CLEANUP_FD int tree = tree_clone(fd, "", true);
	if (tree < 0)
		return builder_step(b, tree, "open %s", source);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return builder_step(b, -EINVAL, "%s is neither a folder nor a file", source);
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &private, sizeof(private)) < 0)
		return builder_step(b, -errno, "make %s private", source);
	r = b->privileged ? builder_idmap(b, tree, st.st_uid, st.st_gid) : 0;
	if (r < 0 && !mount->readonly) /* read-only needs no owner: what others may read */
		return builder_step(b, r, "map the owner of %s to the sandbox's user", source);
	*ret_folder = S_ISDIR(st.st_mode);
	*ret = fd_take(&tree);
	return 0;
}

/* pin() - mount the folder at @path on itself, with its flags and all that is mounted below */
static int pin(struct builder *b, const char *path)
{
	CLEANUP_FD int at = tree_open(b, path);
	struct statx st;

	if (at < 0)
		return at;
	if (statx(at, "", AT_EMPTY_PATH, 0, &st) < 0)
		return -errno;
	if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		return 0;
	CLEANUP_FD int tree = tree_clone(at, "", true);
	return tree < 0 ? tree : tree_attach(b, tree, path, 0);
}

/* share_above() - length of the path of the outermost writable share that holds @path; 0: none */
static size_t share_above(const struct jail_plan *plan, const char *path)
{
	for (uint32_t i = 0; i < plan->mounts_len; i++) { /* sorted: outer ones come first */
		const char *outer = plan_text(plan, plan->mounts[i].path);
		size_t len = strlen(outer);

		if (plan->mounts[i].type == JAIL_MOUNT_BIND && !plan->mounts[i].readonly &&
		    strncmp(path, outer, len) == 0 && path[len] == '/')
			return len;
	}
	return 0;
}

static int pin_parents(struct builder *b, const char *path)
{
	size_t len = share_above(b->plan, path);
	char parent[4096];
	int r = 0;

	if (len == 0)
		return 0;
	for (const char *slash = strchr(path + len + 1, '/'); r == 0 && slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		r = pin(b, parent);
	}
	return r < 0 ? builder_step(b, r, "keep the folder %s in its place", parent) : 0;
}

static int bind_mount(struct builder *b, const struct jail_mount *mount)
{
	const char *path = plan_text(b->plan, mount->path);
	uint64_t attrs =
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (mount->readonly ? MOUNT_ATTR_RDONLY : 0);
	CLEANUP_FD int tree = -1;
	bool folder = false;
	int r = open_source(b, &tree, &folder, mount);

	if (r < 0)
		return r;
	r = mount_point(b, path, folder);
	if (r < 0)
		return r;
	r = pin_parents(b, path);
	if (r < 0)
		return r;
	r = tree_attach(b, tree, path, attrs);
	return r < 0 ? builder_step(b, r, "mount %s at %s", plan_text(b->plan, mount->source), path)
		     : 0;
}

static int tmpfs_mount(struct builder *b, const struct jail_mount *mount)
{
	const char *path = plan_text(b->plan, mount->path);
	char size[64], uid[32], gid[32];
	char inodes[64];
	const char *options[] = { size, uid, gid, inodes, "mode=0755", NULL };

	builder_inodes(inodes, sizeof(inodes), mount->size_mb);

	snprintf(uid, sizeof(uid), "uid=%u", b->scratch_uid);
	snprintf(gid, sizeof(gid), "gid=%u", b->scratch_uid);
	if (mount->size_mb > 0)
		snprintf(size, sizeof(size), "size=%llum", (unsigned long long)mount->size_mb);
	else
		snprintf(size, sizeof(size), "size=50%%");
	int r = mount_point(b, path, true);
	if (r < 0)
		return r;
	r = pin_parents(b, path);
	if (r < 0)
		return r;
	CLEANUP_FD int tree = tree_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	r = tree < 0 ? tree : tree_attach(b, tree, path, mount->readonly ? MOUNT_ATTR_RDONLY : 0);
	return r < 0 ? builder_step(b, r, "mount a tmpfs at %s", path) : 0;
}

int builder_mounts(struct builder *b)
{
	for (uint32_t i = 0; i < b->plan->mounts_len; i++) {
		const struct jail_mount *mount = &b->plan->mounts[i];
		int r =
		    mount->type == JAIL_MOUNT_BIND ? bind_mount(b, mount) : tmpfs_mount(b, mount);

		if (r < 0)
			return r;
		if (!mount->readonly)
			builder_writable(b, plan_text(b->plan, mount->path));
	}
	return builder_mimic_seal(b);
}
