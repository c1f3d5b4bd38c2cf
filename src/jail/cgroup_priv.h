/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cgroup share, and what tests put in the kernel's place. */
#ifndef JAIL_CGROUP_PRIV_H
#define JAIL_CGROUP_PRIV_H

#include "jail/cgroup.h"

enum cgroup_controller { CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CONTROLLERS };

enum {
	CGROUP_PATH_OCTETS = 4096,            /* PATH_MAX */
	CGROUP_FILE_OCTETS_MAX = 1024 * 1024, /* cgroup.procs with 100,000 processes */
};

#define CGROUP_LEAF "immure-warden" /* where we move to when our group must have no processes */

extern const char *const cgroup_controller_names[CGROUP_CONTROLLERS];

/* The folders of the groups that the calling process is in; "": none that can be seen. */
struct cgroup_map {
	char unified[CGROUP_PATH_OCTETS]; /* v2 */
	bool unified_top;                 /* there is nothing above it */
	char v1[CGROUP_CONTROLLERS][CGROUP_PATH_OCTETS];
};

/* cgroup_find() - @groups is /proc/self/cgroup (cgroups(7)), @mounts /proc/self/mountinfo (proc(5))
 */
void cgroup_find(struct cgroup_map *ret, struct span groups, struct span mounts);

/* cgroup_set() - the controllers named in @list, as bits; names stand between @sep or newlines */
MUST_USE unsigned cgroup_set(struct span list, char sep);

/* The changes made to the tree, so that a test can act the kernel. Return: 0 or -errno. */
struct cgroup_io {
	int (*make)(int dir, const char *name);
	int (*remove)(int dir, const char *name);
	int (*write)(int dir, const char *file, struct span text);
};

struct cgroup_view {
	const char *groups; /* path of /proc/self/cgroup */
	const char *mounts; /* path of /proc/self/mountinfo */
	const struct cgroup_io *io;
};

extern const struct cgroup_view cgroup_kernel;

/* cgroup_read_map() - cgroup_find() on the files of @view. Return: 0 or -errno. */
MUST_USE int cgroup_read_map(struct cgroup_map *ret, const struct cgroup_view *view);

/* cgroup_folder() - open a folder beneath @dir. @ret: owned. Return: 0 or -errno. */
MUST_USE int cgroup_folder(int *ret, int dir, const char *name);

/* cgroup_read_set() - the controllers in cgroup.controllers or cgroup.subtree_control, as bits */
MUST_USE unsigned cgroup_read_set(int dir, const char *file);

/* cgroup_each() - call @each for all processes in a group until it returns non-zero.
 * Return: what it returned last; -errno. */
MUST_USE int cgroup_each(int dir, int (*each)(void *context, pid_t pid), void *context);

/* cgroup_put() - move a process into a group. Return: 0 or -errno. */
MUST_USE int cgroup_put(const struct cgroup_io *io, int dir, pid_t pid);

/* cgroup_own_set() - what of @wanted children of our v2 group can have, if need be by making room
 */
MUST_USE unsigned cgroup_own_set(const struct cgroup_io *io, int own, unsigned wanted);

MUST_USE int cgroup_open_in(struct cgroup **ret, const struct cgroup_view *view, const char *name,
			    const struct cgroup_limits *limits, struct cgroup_held *ret_held,
			    struct diag *diag);
MUST_USE int cgroup_prune_in(const struct cgroup_view *view, const char *prefix,
			     bool (*alive)(void *context, const char *name), void *context);

#endif
