/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup - limits for all processes of one sandbox together, by the best means this host offers:
 * cgroup v2 where its controllers are ours to use, else v1 for each controller by itself, else
 * none.
 *
 * Nothing of the caller's is moved but the calling process and its own descendants, and only where
 * v2 demands it (no processes beside child groups); no group that we did not make is changed, but
 * for controllers being enabled in the one we run in. Source:
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel.
 */
#ifndef JAIL_CGROUP_H
#define JAIL_CGROUP_H

#include <sys/types.h>

#include "base/base.h"

enum { CGROUP_NAME_OCTETS = 64 }; /* of a group's name, its NUL included */

/* What to hold; 0: not asked. */
struct cgroup_limits {
	double cpus;        /* processors' worth of time, 0.001 to 65536 */
	uint64_t memory_mb; /* MiB, page cache and tmpfs included; no swap on top */
	uint64_t processes; /* tasks, so each thread counts, and init too */
};

/* By what a limit is held. */
enum cgroup_tier {
	CGROUP_NONE, /* not asked, or no cgroup holds it */
	CGROUP_V2,
	CGROUP_V1,
};

struct cgroup_held {
	enum cgroup_tier cpus, memory, processes;
};

/* What happened in the sandbox since it was opened. */
struct cgroup_events {
	uint64_t oom_kills;     /* processes killed because of the memory limit */
	uint64_t forks_refused; /* because of the limit on processes */
};

struct cgroup;

/**
 * cgroup_open() - make groups and set their limits
 * @ret:	owned by the caller; free it when the sandbox has ended
 * @ret_held:	by what each limit is held
 * @name:	a file's name, as "immure-vm-a1b2c3d4": letters, digits, '-', '_', '.'; no dot in
 * front
 * @diag:	filled if something asked for is not held: what, and what to do about it. Else
 * untouched
 *
 * That no cgroup holds a limit is no failure: @ret_held says it, and the caller decides.
 * Without any limit asked for this does nothing at all.
 * Return: 0; -EINVAL: a bad name or an impossible limit, with *diag set; -ENOMEM.
 */
MUST_USE int cgroup_open(struct cgroup **ret, const char *name, const struct cgroup_limits *limits,
			 struct cgroup_held *ret_held, struct diag *diag);

/* cgroup_add() - put a process in, before it runs the program; its children follow.
 * Return: 0; -errno: it is in none or not all of the groups and must not go on. */
MUST_USE int cgroup_add(struct cgroup *cgroup, pid_t pid);

/* cgroup_kill() - SIGKILL to all in it. Return: 0; -EBUSY: some fork faster than they die; -errno.
 */
MUST_USE int cgroup_kill(struct cgroup *cgroup);

/* cgroup_events() - Return: 0 or -errno. What no cgroup counts is 0. */
MUST_USE int cgroup_events(struct cgroup_events *ret, const struct cgroup *cgroup);

/* cgroup_oom_killed() - was a process killed because of the memory limit? false if it cannot be
 * told */
MUST_USE bool cgroup_oom_killed(const struct cgroup *cgroup);

/* cgroup_free() - remove the groups (waiting up to 0.25 s for dead processes to vanish) and free.
 * What still has processes then is left to cgroup_prune(). */
void cgroup_free(struct cgroup *cgroup); /* NULL is fine */
DEFINE_FREEP(struct cgroup, cgroup_free)

/**
 * cgroup_prune() - remove empty groups that killed processes left, as far as they are beside ours
 * @prefix:	of their names, as "immure-vm-"
 * @alive:	does the sandbox of this group's name still run? Then it stays
 *
 * Return: how many were removed; -errno.
 */
MUST_USE int cgroup_prune(const char *prefix, bool (*alive)(void *context, const char *name),
			  void *context);

#endif
