// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: everything is done by descriptor. A path inside the new root is resolved with
 * RESOLVE_NO_SYMLINKS beneath it, so nothing that lies in a user's folder or image can redirect a
 * mount (CVE-2021-30465, CVE-2025-31133); a detached tree gets its flags before it is attached, so
 * no mount is ever seen with too much.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

int builder_step(struct builder *b, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->detail, sizeof(b->detail), format, args);
	va_end(args);
	return error;
}

/* open_beneath() - openat2 that leaves @dir by no link. Return: descriptor or -errno. */
static int open_beneath(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* relative() - "/a/b" as "a/b", and "/" as "." */
static const char *relative(const char *path)
{
	while (*path == '/')
		path++;
	return *path != '\0' ? path : ".";
}

int tree_open(struct builder *b, const char *path)
{
	return open_beneath(b->root, relative(path), O_PATH);
}

int tree_dir(struct builder *b, const char *path, mode_t mode)
{
	CLEANUP_FD int at = fcntl(b->root, F_DUPFD_CLOEXEC, 0);
	struct span rest = span_of(relative(path));

	if (at < 0)
		return -errno;
	while (rest.ptr != NULL) {
		struct span part = span_cut(&rest, '/');
		char name[256];

		if (part.len == 0 || span_is(part, "."))
			continue;
		if (part.len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, part.ptr, part.len);
		name[part.len] = '\0';
		int next = open_beneath(at, name, O_PATH | O_DIRECTORY);
		if (next == -ENOENT) {
			if (mkdirat(at, name, mode) < 0)
				return -errno;
			next = open_beneath(at, name, O_PATH | O_DIRECTORY);
		}
		if (next < 0)
			return next;
		fd_close(&at);
		at = next;
	}
	return 0;
}

int tree_file(struct builder *b, const char *path, struct span text)
{
	CLEANUP_FD int fd = openat(b->root, relative(path),
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : fd_write_all(fd, text);
}

int tree_clone(int dir, const char *path, bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
			 (*path == '\0' ? AT_EMPTY_PATH : 0) | (recursive ? AT_RECURSIVE : 0);
	int tree = open_tree(dir, path, flags);

	return tree < 0 ? -errno : tree;
}

static int set_attrs(int tree, uint64_t attrs)
{
	struct mount_attr attr = { .attr_set = attrs };

	if (attrs == 0)
		return 0;
	return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0
		   ? -errno
		   : 0;
}

int tree_attach(struct builder *b, int tree, const char *path, uint64_t attrs)
{
	CLEANUP_FD int at = tree_open(b, path);
	int r = at < 0 ? at : set_attrs(tree, attrs);

	if (r < 0)
		return r;
	if (move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* make_point() - a new file or folder to mount on */
static int make_point(int dir, const char *name, bool folder)
{
	return (folder ? mkdirat(dir, name, 0755) : mknodat(dir, name, S_IFREG | 0444, 0)) < 0
		   ? -errno
		   : 0;
}

/* copy_link() - the symbolic link @name of @dir, made again in @to (bin -> usr/bin) */
static int copy_link(int to, int dir, const char *name)
{
	char target[4096];
	ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

int tree_copy(int to, int dir, const char *name)
{
	const uint64_t attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return copy_link(to, dir, name);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0; /* a socket, pipe or device has no business in a root */
	CLEANUP_FD int tree = tree_clone(dir, name, true);
	int r = tree < 0 ? tree : set_attrs(tree, attrs);
	if (r == 0)
		r = make_point(to, name, S_ISDIR(st.st_mode));
	/* @name was made just now and is no link */
	if (r == 0 && move_mount(tree, "", to, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}

int tree_bind(struct builder *b, const char *source, const char *path, uint64_t attrs)
{
	CLEANUP_FD int tree = tree_clone(b->host, relative(source), true);

	return tree < 0 ? tree : tree_attach(b, tree, path, attrs);
}

int tree_new(const char *type, const char *const *options, uint64_t attrs)
{
	CLEANUP_FD int fs = fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return -errno;
	for (; *options != NULL; options++) {
		char key[64];
		const char *value = strchr(*options, '=');
		int r = 0;

		if (value == NULL) {
			r = fsconfig(fs, FSCONFIG_SET_FLAG, *options, NULL, 0);
		} else {
			snprintf(key, sizeof(key), "%.*s", (int)(value - *options), *options);
			r = fsconfig(fs, FSCONFIG_SET_STRING, key, value + 1, 0);
		}
		if (r < 0)
			return -errno;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int mount = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	return mount < 0 ? -errno : mount;
}
