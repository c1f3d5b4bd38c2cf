// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a warden that was killed leaves its groups behind, empty, since the kernel
 * ended the sandbox with it. They are looked for where cgroup_open() would put them for us now:
 * groups left in another session's scope go when that scope does.
 */
#include <dirent.h>
#include <fcntl.h>

#include "base/fd.h"
#include "jail/cgroup_priv.h"

struct prune {
	const struct cgroup_io *io;
	const char *prefix;
	bool (*alive)(void *context, const char *name);
	void *context;
	int removed;
};

/* prune_below() - remove leftovers among the children of @dir, which is taken over */
static void prune_below(struct prune *prune, int dir)
{
	DIR *stream = fdopendir(dir);
	const struct dirent *entry = NULL;

	if (stream == NULL) {
		fd_close(&dir);
		return;
	}
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, own stream */
	while ((entry = readdir(stream)) != NULL) {
		if (strncmp(entry->d_name, prune->prefix, strlen(prune->prefix)) != 0 ||
		    prune->alive(prune->context, entry->d_name))
			continue;
		/* with processes in it this is refused, and so are files */
		prune->removed += prune->io->remove(dirfd(stream), entry->d_name) == 0;
	}
	(void)closedir(stream);
}

int cgroup_prune_in(const struct cgroup_view *view, const char *prefix,
		    bool (*alive)(void *context, const char *name), void *context)
{
	struct prune prune = { view->io, prefix, alive, context, 0 };
	struct cgroup_map map;
	int dir = -1, above = -1;
	int r = cgroup_read_map(&map, view);

	if (r < 0)
		return r;
	if (map.unified[0] != '\0' && cgroup_folder(&dir, AT_FDCWD, map.unified) == 0) {
		if (!map.unified_top && cgroup_folder(&above, dir, "..") == 0)
			prune_below(&prune, above);
		prune_below(&prune, dir);
	}
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (map.v1[i][0] != '\0' && cgroup_folder(&dir, AT_FDCWD, map.v1[i]) == 0)
			prune_below(&prune, dir);
	return prune.removed;
}

int cgroup_prune(const char *prefix, bool (*alive)(void *context, const char *name), void *context)
{
	return cgroup_prune_in(&cgroup_kernel, prefix, alive, context);
}
