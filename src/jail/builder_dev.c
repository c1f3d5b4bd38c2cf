// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: /dev holds the six harmless devices of the host, bound one by one (a user
 * namespace cannot make device nodes), an own devpts instance and links. The folder itself is part
 * of the read-only root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };

static const struct {
	const char *target, *name;
} links[] = {
	{ "/proc/self/fd", "dev/fd" },       { "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
	{ "pts/ptmx", "dev/ptmx" },
};

static int bind_nodes(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		char path[32];

		snprintf(path, sizeof(path), "dev/%s", nodes[i]);
		if (mknodat(b->root, path, S_IFREG | 0444, 0) < 0)
			return builder_step(b, -errno, "make /%s", path);
		int r = tree_bind(b, path, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
		if (r < 0)
			return builder_step(b, r, "bind /%s", path);
	}
	return 0;
}

static int mount_pts(struct builder *b)
{
	static const char *const options[] = { "newinstance", "ptmxmode=0666", "mode=0620", NULL };

	if (mkdirat(b->root, "dev/pts", 0755) < 0)
		return builder_step(b, -errno, "make /dev/pts");
	CLEANUP_FD int pts = tree_new("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	int r = pts < 0 ? pts : tree_attach(b, pts, "dev/pts", 0);
	return r < 0 ? builder_step(b, r, "mount /dev/pts") : 0;
}

int builder_dev(struct builder *b)
{
	int r = bind_nodes(b);

	if (r == 0)
		r = mount_pts(b);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, b->root, links[i].name) < 0)
			r = builder_step(b, -errno, "make /%s", links[i].name);
	return r;
}
