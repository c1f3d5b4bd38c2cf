// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a procfs of the sandbox's own PID namespace. What in it concerns the whole
 * host is covered: files by /dev/null, folders by an empty one. File modes guard most of these
 * already, since the program is nobody's uid outside; the covers hold if a mode is ever wrong.
 *
 * What programs see is a read-only view of it: nothing there is theirs to write. That closes
 * oom_score_adj, which the kernel guards for root alone, and files through which holes went before
 * (mem and CVE-2016-5195, setgroups and CVE-2014-8989, attr). The links below fd are not touched:
 * what they lead to has a mount of its own. The builder keeps the writable mount underneath.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

static const char *const masked[] = {
	"acpi", "asound",        "bus",        "fs",         "irq",           "kcore",
	"keys", "kmsg",          "kpagecount", "kpageflags", "latency_stats", "sched_debug",
	"scsi", "sysrq-trigger", "timer_list", "timer_stats"
};

static int mask(struct builder *b, int proc, const char *name)
{
	CLEANUP_FD int at = openat(proc, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	struct stat st;

	if (at < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(at, &st) < 0)
		return -errno;
	CLEANUP_FD int tree = S_ISDIR(st.st_mode) ? tree_clone(b->root, BUILDER_EMPTY, false)
						  : tree_clone(b->root, "dev/null", false);
	if (tree < 0)
		return tree;
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0 ||
	    move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int builder_proc(struct builder *b)
{
	static const char *const options[] = { NULL };
	const uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

	b->proc = tree_new("proc", options, attrs);
	if (b->proc < 0)
		return builder_step(b, b->proc, "mount /proc");
	int r = tree_attach(b, b->proc, "proc", 0);
	if (r < 0)
		return builder_step(b, r, "attach /proc");
	CLEANUP_FD int view = tree_clone(b->proc, "", false);
	r = view < 0 ? view : tree_attach(b, view, "proc", MOUNT_ATTR_RDONLY);
	if (r < 0)
		return builder_step(b, r, "make /proc read-only");
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
		r = mask(b, view, masked[i]);
		if (r < 0)
			return builder_step(b, r, "cover /proc/%s", masked[i]);
	}
	return 0;
}
