// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a sandbox has at most one group a hierarchy, all of one name. For v2 three
 * places are tried, the first that offers a controller we need is taken:
 *
 *	our own group			if controllers are enabled below it, or can be: we are in
 *					the topmost group, which alone may have processes beside
 *					children
 *	the same, with us moved down	if all processes in it are ours, as in a delegated scope:
 *					into the child "immure-warden", after which it may have
 *					others
 *	the group above			if somebody delegated that to us; enabled there is only used
 *
 * Whatever v2 does not offer is looked for in v1, in the group we are in, so that limits which
 * already hold for us hold for the sandbox too. A group is made, its limits are written, and only a
 * limit whose every needed write succeeded counts as held. Folders are descriptors all along.
 */
#include "jail/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/fd.h"
#include "jail/cgroup_priv.h"

enum {
	VALUE_OCTETS = 64,
	REMOVE_TRIES_MAX = 8,   /* 1, 2, 4 ... 128 ms: 0.25 s in all */
	KILL_ROUNDS_MAX = 100,  /* of 1 ms, for forks that outrun us */
	PERIOD_US = 100 * 1000, /* the kernel's default */
	PERIOD_US_MAX = 1000 * 1000,
	QUOTA_US_MIN = 1000, /* kernel/sched/core.c, min_cfs_quota_period */
	CPUS_MAX = 65536,
};

struct group {
	int parent; /* owned */
	int dir;    /* owned */
	enum cgroup_tier tier;
	unsigned set; /* controllers it holds, as bits */
};

struct cgroup {
	const struct cgroup_io *io;
	char name[CGROUP_NAME_OCTETS];
	struct cgroup_held held;
	size_t groups_len;
	struct group groups[1 + CGROUP_CONTROLLERS];
};

/* ---- limits ---- */

enum value { VALUE_MEMORY, VALUE_ZERO, VALUE_PIDS, VALUE_CPU_MAX, VALUE_PERIOD, VALUE_QUOTA };

static const struct setting {
	enum cgroup_tier tier;
	enum cgroup_controller controller;
	const char *file;
	enum value value;
	bool optional; /* absent where the kernel counts no swap */
} settings[] = {
	{ CGROUP_V2, CGROUP_MEMORY, "memory.max", VALUE_MEMORY, false },
	{ CGROUP_V2, CGROUP_MEMORY, "memory.swap.max", VALUE_ZERO, true },
	{ CGROUP_V1, CGROUP_MEMORY, "memory.limit_in_bytes", VALUE_MEMORY, false },
	/* memory and swap together; after the one above, which it may not be less than */
	{ CGROUP_V1, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", VALUE_MEMORY, true },
	{ CGROUP_V2, CGROUP_PIDS, "pids.max", VALUE_PIDS, false },
	{ CGROUP_V1, CGROUP_PIDS, "pids.max", VALUE_PIDS, false },
	{ CGROUP_V2, CGROUP_CPU, "cpu.max", VALUE_CPU_MAX, false },
	{ CGROUP_V1, CGROUP_CPU, "cpu.cfs_period_us", VALUE_PERIOD, false },
	{ CGROUP_V1, CGROUP_CPU, "cpu.cfs_quota_us", VALUE_QUOTA, false },
};

static void value_text(char ret[VALUE_OCTETS], enum value value, const struct cgroup_limits *limits)
{
	/* a tiny share needs a long period, since the quota has a least value */
	unsigned period = limits->cpus * PERIOD_US < QUOTA_US_MIN ? PERIOD_US_MAX : PERIOD_US;
	unsigned long long quota = (unsigned long long)(limits->cpus * period + 0.5);

	quota = quota < QUOTA_US_MIN ? QUOTA_US_MIN : quota;
	switch (value) {
	case VALUE_MEMORY:
		(void)snprintf(ret, VALUE_OCTETS, "%llu\n",
			       (unsigned long long)limits->memory_mb << 20);
		break;
	case VALUE_ZERO:
		(void)snprintf(ret, VALUE_OCTETS, "0\n");
		break;
	case VALUE_PIDS:
		(void)snprintf(ret, VALUE_OCTETS, "%llu\n", (unsigned long long)limits->processes);
		break;
	case VALUE_CPU_MAX:
		(void)snprintf(ret, VALUE_OCTETS, "%llu %u\n", quota, period);
		break;
	case VALUE_PERIOD:
		(void)snprintf(ret, VALUE_OCTETS, "%u\n", period);
		break;
	case VALUE_QUOTA:
		(void)snprintf(ret, VALUE_OCTETS, "%llu\n", quota);
		break;
	}
}

/* set_limit() - all settings of one controller. Return: 0: the limit holds; -errno. */
static int set_limit(const struct cgroup *cgroup, const struct group *group,
		     enum cgroup_controller controller, const struct cgroup_limits *limits)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];
		char text[VALUE_OCTETS];

		if (s->tier != group->tier || s->controller != controller)
			continue;
		value_text(text, s->value, limits);
		int r = cgroup->io->write(group->dir, s->file, span_of(text));
		if (r == -ENOENT && s->optional)
			continue;
		/* v1 refuses a quota above that of the group around, which then is what holds */
		if (r == -EINVAL && s->value == VALUE_QUOTA)
			continue;
		if (r < 0)
			return r;
	}
	return 0;
}

static void mark_held(struct cgroup *cgroup, enum cgroup_controller controller,
		      enum cgroup_tier tier)
{
	enum cgroup_tier *const held[CGROUP_CONTROLLERS] = {
		[CGROUP_CPU] = &cgroup->held.cpus,
		[CGROUP_MEMORY] = &cgroup->held.memory,
		[CGROUP_PIDS] = &cgroup->held.processes,
	};

	*held[controller] = tier;
}

/* ---- groups ---- */

/* make_group() - make it below @parent; an empty one of that name, of a dead sandbox, gives way */
static int make_group(int *ret_dir, const struct cgroup *cgroup, int parent)
{
	int r = cgroup->io->make(parent, cgroup->name);

	if (r == -EEXIST && cgroup->io->remove(parent, cgroup->name) == 0)
		r = cgroup->io->make(parent, cgroup->name);
	if (r < 0)
		return r;
	r = cgroup_folder(ret_dir, parent, cgroup->name);
	if (r < 0)
		(void)cgroup->io->remove(parent, cgroup->name);
	return r;
}

/* add_group() - a group below @parent for the controllers in @set. Return: those that it holds. */
static unsigned add_group(struct cgroup *cgroup, int *parent, enum cgroup_tier tier, unsigned set,
			  const struct cgroup_limits *limits)
{
	CLEANUP_FD int dir = -1;

	if (set == 0 || make_group(&dir, cgroup, *parent) < 0)
		return 0;

	struct group group = { .dir = dir, .tier = tier };
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		if ((set & 1U << i) == 0 || set_limit(cgroup, &group, i, limits) < 0)
			continue;
		group.set |= 1U << i;
		mark_held(cgroup, i, tier);
	}
	if (group.set == 0) {
		(void)cgroup->io->remove(*parent, cgroup->name);
		return 0;
	}
	group.dir = fd_take(&dir);
	group.parent = fd_take(parent);
	cgroup->groups[cgroup->groups_len++] = group;
	return group.set;
}

/* ---- v2 ---- */

/* open_unified() - the group in v2. Return: the controllers that it holds. */
static unsigned open_unified(struct cgroup *cgroup, const struct cgroup_map *map, unsigned wanted,
			     const struct cgroup_limits *limits)
{
	CLEANUP_FD int own = -1;
	CLEANUP_FD int above = -1;

	if (map->unified[0] == '\0' || cgroup_folder(&own, AT_FDCWD, map->unified) < 0)
		return 0;
	/* before the first choice is tried the group above is opened: we may be moved */
	if (!map->unified_top && cgroup_folder(&above, own, "..") < 0)
		return 0;

	unsigned above_set =
	    above < 0 ? 0 : wanted & cgroup_read_set(above, "cgroup.subtree_control");
	unsigned held =
	    add_group(cgroup, &own, CGROUP_V2, cgroup_own_set(cgroup->io, own, wanted), limits);
	if (held == 0)
		held = add_group(cgroup, &above, CGROUP_V2, above_set, limits);
	return held;
}

/* ---- v1 ---- */

/* open_v1() - a group for @first, and for others of @wanted in the same hierarchy */
static unsigned open_v1(struct cgroup *cgroup, const struct cgroup_map *map, unsigned first,
			unsigned wanted, const struct cgroup_limits *limits)
{
	CLEANUP_FD int own = -1;
	unsigned set = 0;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if ((wanted & 1U << i) != 0 && strcmp(map->v1[i], map->v1[first]) == 0)
			set |= 1U << i;
	if (map->v1[first][0] == '\0' || cgroup_folder(&own, AT_FDCWD, map->v1[first]) < 0)
		return 0;
	return add_group(cgroup, &own, CGROUP_V1, set, limits);
}

/* ---- the whole ---- */

static bool is_name(const char *name)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strnlen(name, CGROUP_NAME_OCTETS);

	return len > 0 && len < CGROUP_NAME_OCTETS && name[0] != '.' &&
	       strspn(name, allowed) == len && strcmp(name, CGROUP_LEAF) != 0;
}

static unsigned asked(const struct cgroup_limits *limits)
{
	return (limits->cpus > 0 ? 1U << CGROUP_CPU : 0) |
	       (limits->memory_mb > 0 ? 1U << CGROUP_MEMORY : 0) |
	       (limits->processes > 0 ? 1U << CGROUP_PIDS : 0);
}

static int judge(const char *name, const struct cgroup_limits *limits, struct diag *diag)
{
	if (!is_name(name))
		return diag_set(diag, -EINVAL, "not a name for a cgroup");
	if (!isfinite(limits->cpus) || limits->cpus < 0 || limits->cpus > CPUS_MAX)
		return diag_set(diag, -EINVAL, "cpus: must be between 0 and %d", CPUS_MAX);
	if (limits->memory_mb > INT64_MAX >> 20)
		return diag_set(diag, -EINVAL, "memory: more than any machine has");
	if (limits->processes > INT32_MAX)
		return diag_set(diag, -EINVAL, "processes: more than any kernel allows");
	return 0;
}

/* tell_missing() - which limits no cgroup holds, and what to do about it */
static void tell_missing(struct diag *diag, unsigned missing)
{
	static const char *const names[CGROUP_CONTROLLERS] = { "cpus", "memory", "processes" };
	const char *parts[CGROUP_CONTROLLERS] = { "", "", "" };
	size_t len = 0;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if ((missing & 1U << i) != 0)
			parts[len++] = names[i];
	(void)diag_set(
	    diag, 0,
	    "no cgroup can hold the limit on %s%s%s%s%s here: %swith "
	    "controllers delegated: systemd-run %s--scope -p Delegate=yes immure run ...",
	    parts[0], len > 1 ? ", " : "", parts[1], len > 2 ? ", " : "", parts[2],
	    geteuid() == 0 ? "" : "run immure as root, or ", geteuid() == 0 ? "" : "--user ");
}

/* hold() - have each limit in @wanted held, v2 first. Return: what no group holds. */
static unsigned hold(struct cgroup *cgroup, const struct cgroup_view *view, unsigned wanted,
		     const struct cgroup_limits *limits)
{
	struct cgroup_map map;

	if (cgroup_read_map(&map, view) < 0)
		return wanted;
	unsigned missing = wanted & ~open_unified(cgroup, &map, wanted, limits);
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if ((missing & 1U << i) != 0)
			missing &= ~open_v1(cgroup, &map, i, missing, limits);
	return missing;
}

int cgroup_open_in(struct cgroup **ret, const struct cgroup_view *view, const char *name,
		   const struct cgroup_limits *limits, struct cgroup_held *ret_held,
		   struct diag *diag)
{
	unsigned wanted = asked(limits);
	int r = judge(name, limits, diag);

	if (r < 0)
		return r;

	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
	if (cgroup == NULL)
		return -ENOMEM;
	cgroup->io = view->io;
	memcpy(cgroup->name, name, strlen(name));
	if (wanted != 0) {
		unsigned missing = hold(cgroup, view, wanted, limits);

		if (missing != 0)
			tell_missing(diag, missing);
	}
	*ret = cgroup;
	*ret_held = cgroup->held;
	return 0;
}

int cgroup_open(struct cgroup **ret, const char *name, const struct cgroup_limits *limits,
		struct cgroup_held *ret_held, struct diag *diag)
{
	return cgroup_open_in(ret, &cgroup_kernel, name, limits, ret_held, diag);
}

int cgroup_add(struct cgroup *cgroup, pid_t pid)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cgroup->groups_len; i++)
		r = cgroup_put(cgroup->io, cgroup->groups[i].dir, pid);
	return r;
}

static void wait_ms(long ms)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = ms * 1000 * 1000 }, NULL);
}

static int kill_one(void *context, pid_t pid)
{
	bool *any = context;

	if (pid > 1 && pid != getpid()) {
		*any = true;
		(void)kill(pid, SIGKILL);
	}
	return 0;
}

/* kill_all() - for kernels without cgroup.kill. Killing is repeated: a fork may just have happened.
 */
static int kill_all(const struct group *group)
{
	for (int i = 0; i < KILL_ROUNDS_MAX; i++) {
		bool any = false;
		int r = cgroup_each(group->dir, kill_one, &any);

		if (r < 0 || !any)
			return r;
		wait_ms(1);
	}
	return -EBUSY;
}

int cgroup_kill(struct cgroup *cgroup)
{
	const struct group *group = &cgroup->groups[0]; /* all processes are in all groups */
	int r = -ENOENT;

	if (cgroup->groups_len == 0)
		return 0;
	if (group->tier == CGROUP_V2)
		r = cgroup->io->write(group->dir, "cgroup.kill", SPAN("1\n"));
	return r == -ENOENT ? kill_all(group) : r;
}

/* read_count() - the number in the line "@key NUMBER" of @file; 0 if there is none. */
static int read_count(uint64_t *ret, int dir, const char *file, const char *key)
{
	char *text = NULL;
	size_t len = 0;
	int r = fd_read_file(&text, &len, dir, file, CGROUP_FILE_OCTETS_MAX);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	struct span rest = { text, len };
	while (rest.ptr != NULL) {
		struct span line = span_cut(&rest, '\n');

		if (span_is(span_cut(&line, ' '), key) && line.ptr != NULL)
			*ret = strtoull(line.ptr, NULL, 10);
	}
	free(text);
	return 0;
}

int cgroup_events(struct cgroup_events *ret, const struct cgroup *cgroup)
{
	struct cgroup_events events = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < cgroup->groups_len; i++) {
		const struct group *g = &cgroup->groups[i];

		if ((g->set & 1U << CGROUP_MEMORY) != 0)
			r = read_count(&events.oom_kills, g->dir,
				       g->tier == CGROUP_V2 ? "memory.events"
							    : "memory.oom_control",
				       "oom_kill");
		if (r == 0 && (g->set & 1U << CGROUP_PIDS) != 0)
			r = read_count(&events.forks_refused, g->dir, "pids.events", "max");
	}
	if (r == 0)
		*ret = events;
	return r;
}

bool cgroup_oom_killed(const struct cgroup *cgroup)
{
	struct cgroup_events events;

	return cgroup_events(&events, cgroup) == 0 && events.oom_kills > 0;
}

void cgroup_free(struct cgroup *cgroup)
{
	if (cgroup == NULL)
		return;
	for (size_t i = 0; i < cgroup->groups_len; i++) {
		struct group *g = &cgroup->groups[i];

		/* a killed process stays in its group until its parent has waited for it */
		for (int try = 0; try < REMOVE_TRIES_MAX; try++) {
			if (cgroup->io->remove(g->parent, cgroup->name) != -EBUSY)
				break;
			wait_ms(1L << try);
		}
		fd_close(&g->dir);
		fd_close(&g->parent);
	}
	free(cgroup);
}
