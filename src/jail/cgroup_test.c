// SPDX-License-Identifier: Apache-2.0
/*
 * v2 is tested against a tree of plain files in which fake_io acts the kernel: it knows which
 * controllers a group has, refuses them below a group with processes, and moves processes. v1 is
 * tested for real where the machine has it and we may, else those tests say that they were skipped.
 */
#include "jail/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "jail/cgroup_priv.h"

static char folder[] = "/tmp/cgroup_test.XXXXXX";

/* ---- finding ---- */

#define V2          "0::/user/scope\n"
#define V1          "4:memory:/a/b\n8:pids:/\n2:cpu,cpuacct:/c d\n1:name=systemd:/x\n"
#define M2(r, p)    "31 23 0:28 " r " " p " rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw\n"
#define M1(r, p, c) "31 23 0:28 " r " " p " rw,relatime - cgroup cgroup rw," c "\n"
#define OTHER       "22 1 254:0 / / rw - ext4 /dev/vda rw,memory\nshort\n1 2 3 / /x rw\n\n"

static void test_find(void)
{
	const struct {
		const char *groups, *mounts, *unified, *memory, *pids, *cpu;
		bool top;
	} rows[] = {
		{ V2 V1, OTHER M2("/", "/sys/fs/cgroup"), "/sys/fs/cgroup/user/scope", "", "", "",
		  false },
		{ "0::/\n", M2("/", "/cg"), "/cg", "", "", "", true },
		{ V2, M2("/user", "/cg"), "/cg/scope", "", "", "", false },
		{ V2, M2("/user/scope", "/cg"), "/cg", "", "", "", true },
		{ V2, M2("/us", "/cg"), "", "", "", "", false }, /* no whole component */
		{ V2, M2("/else", "/cg"), "", "", "", "",
		  false }, /* our group is not in that mount */
		{ V2, M2("/else", "/no") M2("/", "/cg"), "/cg/user/scope", "", "", "", false },
		{ V2, M2("/", "/cg") M2("/", "/later"), "/cg/user/scope", "", "", "", false },
		{ V2, M2("/", "/a\\040b\\134"), "/a b\\/user/scope", "", "", "", false },
		{ "0::/../up\n", M2("/", "/cg"), "", "", "", "", false }, /* above our namespace */
		{ "0::/a/..\n", M2("/", "/cg"), "", "", "", "", false },
		{ V1, M1("/", "/m", "memory") M1("/", "/p", "pids") M1("/", "/c", "cpu,cpuacct"),
		  "", "/m/a/b", "/p", "/c/c d", false },
		{ V1, M1("/", "/all", "pids,memory,cpu"), "", "/all/a/b", "/all", "/all/c d",
		  false },
		{ V1, M1("/", "/m", "memoryx"), "", "", "", "", false },
		{ V1, M1("/", "/m", "cpuacct"), "", "", "", "", false },
		{ "", "", "", "", "", "", false },
		{ ":::\n\n0:\nx\n0::relative\n", M2("/", "/cg"), "", "", "", "", false },
	};
	static struct cgroup_map map;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cgroup_find(&map, span_of(rows[i].groups), span_of(rows[i].mounts));
		CHECK(strcmp(map.unified, rows[i].unified) == 0, "row %zu: %s", i, map.unified);
		CHECK(map.unified_top == rows[i].top, "row %zu", i);
		CHECK(strcmp(map.v1[CGROUP_MEMORY], rows[i].memory) == 0, "row %zu: %s", i,
		      map.v1[CGROUP_MEMORY]);
		CHECK(strcmp(map.v1[CGROUP_PIDS], rows[i].pids) == 0, "row %zu: %s", i,
		      map.v1[CGROUP_PIDS]);
		CHECK(strcmp(map.v1[CGROUP_CPU], rows[i].cpu) == 0, "row %zu: %s", i,
		      map.v1[CGROUP_CPU]);
	}
}

/* ---- the kernel, as plain files ---- */

static const char *const fake_files[] = { "cgroup.procs",
					  "cgroup.controllers",
					  "cgroup.subtree_control",
					  "cgroup.kill",
					  "memory.max",
					  "memory.swap.max",
					  "memory.events",
					  "pids.max",
					  "pids.events",
					  "cpu.max",
					  "top",
					  "readonly" };

static void put(int dir, const char *file, const char *text)
{
	CHECK(fd_replace_file(dir, file, span_of(text), 0600) == 0, "%s", file);
}

/* get() - a whole file, with blanks for newlines; "?" if there is none */
static const char *get(int dir, const char *file)
{
	static char text[256];
	char *read = NULL;
	size_t len = 0;

	if (fd_read_file(&read, &len, dir, file, sizeof(text) - 1) < 0)
		return "?";
	memcpy(text, read, len + 1);
	free(read);
	for (char *p = text; *p != '\0'; p++)
		*p = (char)(*p == '\n' ? ' ' : *p);
	return text;
}

static void fake_fill(int dir, const char *controllers, const char *enabled, const char *procs)
{
	unsigned set = cgroup_set(span_of(controllers), ' ');

	put(dir, "cgroup.controllers", controllers);
	put(dir, "cgroup.subtree_control", enabled);
	put(dir, "cgroup.procs", procs);
	put(dir, "cgroup.kill", "");
	if ((set & 1U << CGROUP_MEMORY) != 0) {
		put(dir, "memory.max", "max\n");
		put(dir, "memory.swap.max", "max\n");
		put(dir, "memory.events", "low 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n");
	}
	if ((set & 1U << CGROUP_PIDS) != 0) {
		put(dir, "pids.max", "max\n");
		put(dir, "pids.events", "max 7\n");
	}
	if ((set & 1U << CGROUP_CPU) != 0)
		put(dir, "cpu.max", "max 100000\n");
}

static bool fake_has(int dir, const char *file)
{
	return faccessat(dir, file, F_OK, 0) == 0;
}

static int fake_make(int dir, const char *name)
{
	CLEANUP_FD int made = -1;
	char enabled[256];

	if (fake_has(dir, "readonly"))
		return -EACCES;
	if (mkdirat(dir, name, 0700) < 0)
		return -errno;
	(void)snprintf(enabled, sizeof(enabled), "%s", get(dir, "cgroup.subtree_control"));
	int r = cgroup_folder(&made, dir, name);
	if (r == 0)
		fake_fill(made, enabled, "", "");
	return r;
}

static int fake_remove(int dir, const char *name)
{
	CLEANUP_FD int child = -1;
	int r = cgroup_folder(&child, dir, name);

	if (r < 0)
		return r;
	if (strcmp(get(child, "cgroup.procs"), "") != 0)
		return -EBUSY;
	for (size_t i = 0; i < ARRAY_SIZE(fake_files); i++)
		(void)unlinkat(child, fake_files[i], 0);
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int fake_enable(int dir, struct span text)
{
	char enabled[256], name[16];

	(void)snprintf(name, sizeof(name), "%.*s", (int)text.len - 2, text.ptr + 1);
	if (strstr(get(dir, "cgroup.controllers"), name) == NULL)
		return -ENOENT;
	if (!fake_has(dir, "top") && strcmp(get(dir, "cgroup.procs"), "") != 0)
		return -EBUSY;
	(void)snprintf(enabled, sizeof(enabled), "%s %s", get(dir, "cgroup.subtree_control"), name);
	put(dir, "cgroup.subtree_control", enabled);
	return 0;
}

/* fake_leave() - take the process in @line off the group that the last fake_tree() put it in */
static int fake_home = -1;

static void fake_leave(struct span line)
{
	char rest[256];
	char pid[32];
	char *found = NULL;

	(void)snprintf(rest, sizeof(rest), "%s", get(fake_home, "cgroup.procs"));
	(void)snprintf(pid, sizeof(pid), "%.*s ", (int)line.len - 1, line.ptr);
	found = strstr(rest, pid);
	if (found == NULL)
		return;
	memmove(found, found + strlen(pid), strlen(found + strlen(pid)) + 1);
	for (char *p = rest; *p != '\0'; p++)
		*p = (char)(*p == ' ' ? '\n' : *p);
	put(fake_home, "cgroup.procs", rest);
}

static int fake_write(int dir, const char *file, struct span text)
{
	char whole[256];

	if (!fake_has(dir, file))
		return -ENOENT;
	if (fake_has(dir, "readonly"))
		return -EACCES;
	if (strcmp(file, "cgroup.subtree_control") == 0)
		return fake_enable(dir, text);
	if (strcmp(file, "cgroup.procs") == 0) {
		struct stat here = { 0 }, home = { 0 };

		CHECK(fstat(dir, &here) == 0 && fstat(fake_home, &home) == 0, "stat");
		if (here.st_ino != home.st_ino)
			fake_leave(text);
		(void)snprintf(whole, sizeof(whole), "%s%.*s", get(dir, file), (int)text.len,
			       text.ptr);
		put(dir, file, whole);
		return 0;
	}
	return fd_replace_file(dir, file, text, 0600);
}

static const struct cgroup_io fake_io = { fake_make, fake_remove, fake_write };
static struct cgroup_view fake_view = { "groups", "mounts", &fake_io };

/* ---- v2 ---- */

static const struct cgroup_limits all_limits = { .cpus = 1.5, .memory_mb = 64, .processes = 20 };

/* A tree cg/up/own, in which we are in own. What is above has @above enabled. */
struct tree {
	int root, up, own; /* descriptors */
};

static void tree_make(struct tree *ret, const char *offered, const char *above, const char *procs)
{
	char text[512];

	(void)mkdir("cg", 0700);
	(void)mkdir("cg/up", 0700);
	(void)mkdir("cg/up/own", 0700);
	CHECK(cgroup_folder(&ret->root, AT_FDCWD, "cg") == 0, "cg");
	CHECK(cgroup_folder(&ret->up, ret->root, "up") == 0, "up");
	CHECK(cgroup_folder(&ret->own, ret->up, "own") == 0, "own");
	fake_fill(ret->up, "cpu memory pids", above, "");
	fake_fill(ret->own, offered, "", procs);
	fake_home = ret->own;
	(void)snprintf(text, sizeof(text), "1 2 0:3 / %s/cg rw - cgroup2 cgroup2 rw\n", folder);
	put(AT_FDCWD, "mounts", text);
	put(AT_FDCWD, "groups", "0::/up/own\n");
}

static void tree_free(struct tree *t)
{
	put(t->own, "cgroup.procs", "");
	put(t->up, "cgroup.procs", "");
	CHECK(fake_remove(t->up, "own") == 0, "nothing else is left");
	CHECK(fake_remove(t->root, "up") == 0, "nothing else is left");
	CHECK(rmdir("cg") == 0, "nothing else is left");
	fd_close(&t->own);
	fd_close(&t->up);
	fd_close(&t->root);
}

static struct cgroup *open_all(struct cgroup_held *ret_held, struct diag *diag)
{
	struct cgroup *cgroup = NULL;
	int r = cgroup_open_in(&cgroup, &fake_view, "immure-vm-1", &all_limits, ret_held, diag);

	CHECK(r == 0, "%d: %s", r, diag->why);
	return cgroup;
}

/* We are in a delegated scope, alone or with a child: we make room and get all limits. */
static void test_delegated(void)
{
	struct tree tree;
	struct cgroup_held held;
	struct cgroup_events events;
	struct diag diag = { 0 };
	CLEANUP_FD int group = -1;
	CLEANUP_FD int leaf = -1;
	char procs[64], want[64];
	pid_t child = fork();

	if (child == 0)
		for (;;)
			(void)pause();
	(void)snprintf(procs, sizeof(procs), "%d\n%d\n", (int)getpid(), (int)child);
	(void)snprintf(want, sizeof(want), "%d %d ", (int)getpid(), (int)child);
	tree_make(&tree, "cpu memory pids hugetlb", "", procs);
	struct cgroup *cgroup = open_all(&held, &diag);
	CHECK(held.cpus == CGROUP_V2 && held.memory == CGROUP_V2 && held.processes == CGROUP_V2,
	      "%s", diag.why);
	CHECK(diag.why[0] == '\0', "%s", diag.why);
	CHECK(cgroup_folder(&leaf, tree.own, CGROUP_LEAF) == 0, "leaf");
	CHECK(strcmp(get(leaf, "cgroup.procs"), want) == 0, "%s", get(leaf, "cgroup.procs"));
	CHECK(strcmp(get(tree.own, "cgroup.procs"), "") == 0, "%s", get(tree.own, "cgroup.procs"));
	CHECK(cgroup_folder(&group, tree.own, "immure-vm-1") == 0, "group");
	CHECK(strcmp(get(group, "memory.max"), "67108864 ") == 0, "%s", get(group, "memory.max"));
	CHECK(strcmp(get(group, "memory.swap.max"), "0 ") == 0, "%s",
	      get(group, "memory.swap.max"));
	CHECK(strcmp(get(group, "pids.max"), "20 ") == 0, "%s", get(group, "pids.max"));
	CHECK(strcmp(get(group, "cpu.max"), "150000 100000 ") == 0, "%s", get(group, "cpu.max"));
	CHECK(cgroup_add(cgroup, child) == 0, "add");
	CHECK(strstr(get(group, "cgroup.procs"), strchr(want, ' ') + 1) != NULL, "%s",
	      get(group, "cgroup.procs"));
	CHECK(cgroup_events(&events, cgroup) == 0, "events");
	CHECK(events.oom_kills == 2 && events.forks_refused == 7 && cgroup_oom_killed(cgroup),
	      "events");
	CHECK(cgroup_kill(cgroup) == 0 && strcmp(get(group, "cgroup.kill"), "1 ") == 0, "kill");
	put(group, "cgroup.procs", "");
	cgroup_free(cgroup);
	CHECK(!fake_has(tree.own, "immure-vm-1"), "removed");

	/* and once more, from the leaf where we are now: the group above it has all enabled */
	put(AT_FDCWD, "groups", "0::/up/own/immure-warden\n");
	cgroup = open_all(&held, &diag);
	CHECK(held.memory == CGROUP_V2 && fake_has(tree.own, "immure-vm-1"), "beside the leaf");
	cgroup_free(cgroup);
	put(leaf, "cgroup.procs", "");
	CHECK(fake_remove(tree.own, CGROUP_LEAF) == 0, "leaf");
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child, "end");
	tree_free(&tree);
}

static void test_places(void)
{
	const struct {
		const char *offered, *above;
		bool strangers, top, readonly, up_readonly;
		unsigned want;     /* as bits */
		const char *where; /* "own", "up" or NULL */
	} rows[] = {
		{ "cpu memory pids", "", true, false, false, false, 0,
		  NULL }, /* they are not moved */
		{ "cpu memory pids", "", true, true, false, false, 7, "own" },
		{ "memory", "", true, true, false, false, 2, "own" },
		{ "cpu memory pids", "memory pids", true, false, false, false, 6, "up" },
		{ "cpu memory pids", "memory pids", true, false, false, true, 0, NULL },
		{ "cpu memory pids", "memory pids", false, false, true, false, 6, "up" },
		{ "cpu memory pids", "", false, false, true, false, 0, NULL },
		{ "", "", false, false, false, false, 0, NULL },
		{ "hugetlb", "", true, true, false, false, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tree tree;
		struct cgroup_held held;
		struct diag diag = { 0 };
		char procs[64];

		(void)snprintf(procs, sizeof(procs), "%d\n%d\n", (int)getpid(),
			       (int)(rows[i].strangers ? getppid() : getpid()));
		tree_make(&tree, rows[i].offered, rows[i].above, procs);
		if (rows[i].top)
			put(tree.own, "top", "");
		if (rows[i].readonly)
			put(tree.own, "readonly", "");
		if (rows[i].up_readonly)
			put(tree.up, "readonly", "");
		struct cgroup *cgroup = open_all(&held, &diag);
		unsigned got = (held.cpus == CGROUP_V2 ? 1U : 0) |
			       (held.memory == CGROUP_V2 ? 2U : 0) |
			       (held.processes == CGROUP_V2 ? 4U : 0);
		CHECK(got == rows[i].want, "row %zu: %x", i, got);
		CHECK((diag.why[0] != '\0') == (got != 7), "row %zu: %s", i, diag.why);
		CHECK(fake_has(tree.own, "immure-vm-1") ==
			  (rows[i].where != NULL && strcmp(rows[i].where, "own") == 0),
		      "row %zu", i);
		CHECK(fake_has(tree.up, "immure-vm-1") ==
			  (rows[i].where != NULL && strcmp(rows[i].where, "up") == 0),
		      "row %zu", i);
		CHECK(!fake_has(tree.own, CGROUP_LEAF), "row %zu", i);
		cgroup_free(cgroup);
		tree_free(&tree);
	}
}

static void test_leftover(void)
{
	struct tree tree;
	struct cgroup_held held;
	struct diag diag = { 0 };
	CLEANUP_FD int old = -1;

	tree_make(&tree, "cpu memory pids", "", "1\n");
	put(tree.own, "top", "");
	put(tree.own, "cgroup.subtree_control", "cpu memory pids");
	CHECK(fake_make(tree.own, "immure-vm-1") == 0, "an empty one of that name");
	struct cgroup *cgroup = open_all(&held, &diag);
	CHECK(held.memory == CGROUP_V2, "it gave way");
	cgroup_free(cgroup);

	CHECK(fake_make(tree.own, "immure-vm-1") == 0, "one that is in use");
	CHECK(cgroup_folder(&old, tree.own, "immure-vm-1") == 0, "open");
	put(old, "cgroup.procs", "1\n");
	cgroup = open_all(&held, &diag);
	CHECK(held.memory == CGROUP_NONE && strcmp(get(old, "pids.max"), "max ") == 0, "untouched");
	cgroup_free(cgroup);
	CHECK(fake_has(tree.own, "immure-vm-1"), "not ours to remove");
	put(old, "cgroup.procs", "");
	CHECK(fake_remove(tree.own, "immure-vm-1") == 0, "clear");
	tree_free(&tree);
}

static bool alive(void *context, const char *name)
{
	return strcmp(name, context) == 0;
}

static void test_prune(void)
{
	static const char *const names[] = { "immure-vm-a", "immure-vm-b", "other", "immure-vm-c" };
	struct tree tree;
	CLEANUP_FD int busy = -1;
	char living[] = "immure-vm-b";

	tree_make(&tree, "memory", "", "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(fake_make(i == 0 ? tree.up : tree.own, names[i]) == 0, "%s", names[i]);
	CHECK(fake_make(tree.own, "immure-vm-d") == 0, "make");
	CHECK(cgroup_folder(&busy, tree.own, "immure-vm-d") == 0, "open");
	put(busy, "cgroup.procs", "1\n");
	int r = cgroup_prune_in(&fake_view, "immure-vm-", alive, living);
	CHECK(r == 2, "%d", r);
	CHECK(!fake_has(tree.up, "immure-vm-a") && !fake_has(tree.own, "immure-vm-c"), "gone");
	CHECK(fake_has(tree.own, "immure-vm-b") && fake_has(tree.own, "other"), "stay");
	CHECK(fake_has(tree.own, "immure-vm-d"), "it has a process");
	put(busy, "cgroup.procs", "");
	CHECK(fake_remove(tree.own, "immure-vm-b") == 0 && fake_remove(tree.own, "other") == 0 &&
		  fake_remove(tree.own, "immure-vm-d") == 0,
	      "clear");
	tree_free(&tree);
}

static void test_limits(void)
{
	const struct {
		const char *name;
		struct cgroup_limits limits;
		int want;
		const char *cpu_max;
	} rows[] = {
		{ "immure-vm-1", { .cpus = 0.5 }, 0, "50000 100000 " },
		{ "immure-vm-1", { .cpus = 0.01 }, 0, "1000 100000 " },
		{ "immure-vm-1",
		  { .cpus = 0.005 },
		  0,
		  "5000 1000000 " }, /* too little for the usual period */
		{ "immure-vm-1", { .cpus = 1e-9 }, 0, "1000 1000000 " },
		{ "immure-vm-1", { .cpus = 65536 }, 0, "6553600000 100000 " },
		{ "immure-vm-1", { .cpus = 65537 }, -EINVAL, NULL },
		{ "immure-vm-1", { .cpus = -1 }, -EINVAL, NULL },
		{ "immure-vm-1", { .cpus = NAN }, -EINVAL, NULL },
		{ "immure-vm-1", { .cpus = INFINITY }, -EINVAL, NULL },
		{ "immure-vm-1", { .memory_mb = UINT64_MAX }, -EINVAL, NULL },
		{ "immure-vm-1", { .processes = UINT64_MAX }, -EINVAL, NULL },
		{ "immure-vm-1", { 0 }, 0, NULL },
		{ "", { .cpus = 1 }, -EINVAL, NULL },
		{ "..", { .cpus = 1 }, -EINVAL, NULL },
		{ "a/b", { .cpus = 1 }, -EINVAL, NULL },
		{ "immure-warden", { .cpus = 1 }, -EINVAL, NULL },
		{ "1234567890123456789012345678901234567890123456789012345678901234",
		  { 0 },
		  -EINVAL,
		  NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tree tree;
		struct cgroup *cgroup = NULL;
		struct cgroup_held held;
		struct diag diag = { 0 };
		CLEANUP_FD int group = -1;

		tree_make(&tree, "cpu memory pids", "", "1\n");
		put(tree.own, "top", "");
		int r = cgroup_open_in(&cgroup, &fake_view, rows[i].name, &rows[i].limits, &held,
				       &diag);
		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		CHECK((diag.why[0] != '\0') == (r < 0), "row %zu: %s", i, diag.why);
		CHECK(fake_has(tree.own, "immure-vm-1") == (rows[i].cpu_max != NULL), "row %zu", i);
		if (rows[i].cpu_max != NULL && cgroup_folder(&group, tree.own, "immure-vm-1") == 0)
			CHECK(strcmp(get(group, "cpu.max"), rows[i].cpu_max) == 0, "row %zu: %s", i,
			      get(group, "cpu.max"));
		cgroup_free(cgroup);
		tree_free(&tree);
	}
}

static void test_no_proc(void)
{
	const struct cgroup_view view = { "absent", "absent", &fake_io };
	struct cgroup *cgroup = NULL;
	struct cgroup_held held;
	struct cgroup_events events;
	struct diag diag = { 0 };

	CHECK(cgroup_open_in(&cgroup, &view, "a", &all_limits, &held, &diag) == 0, "no failure");
	CHECK(held.cpus == CGROUP_NONE && held.memory == CGROUP_NONE &&
		  held.processes == CGROUP_NONE,
	      "nothing is held");
	CHECK(strstr(diag.why, "cpus, memory, processes") != NULL, "%s", diag.why);
	CHECK(cgroup_add(cgroup, getpid()) == 0 && cgroup_kill(cgroup) == 0, "nothing to do");
	CHECK(cgroup_events(&events, cgroup) == 0 && events.oom_kills == 0, "nothing to tell");
	CHECK(!cgroup_oom_killed(cgroup), "nothing to tell");
	cgroup_free(cgroup);
	CHECK(cgroup_prune_in(&view, "immure-vm-", alive, NULL) == -ENOENT, "no place to look");
	cgroup_free(NULL);
}

/* ---- the real kernel ---- */

static char real_name[CGROUP_NAME_OCTETS]; /* of this run only */

/* in_child() - run @program in the group. Return: its wait status. */
static int in_child(struct cgroup *cgroup, int (*program)(void))
{
	int go[2] = { -1, -1 };
	int status = 0;
	char c = 0;

	CHECK(pipe2(go, O_CLOEXEC) == 0, "pipe");
	pid_t child = fork();
	if (child == 0) {
		(void)close(go[1]);
		_exit(read(go[0], &c, 1) == 1 ? program() : 99);
	}
	int r = cgroup_add(cgroup, child);
	CHECK(r == 0, "add: %d", r);
	CHECK(write(go[1], "g", 1) == 1, "go");
	CHECK(waitpid(child, &status, 0) == child, "wait");
	(void)close(go[0]);
	(void)close(go[1]);
	return status;
}

static int hog(void)
{
	enum { OCTETS = 256 << 20 };
	char *all = mmap(NULL, OCTETS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; all != MAP_FAILED && i < OCTETS; i += 4096)
		all[i] = 1;
	return 0;
}

/* forks() - how many children can it have? Return: that, and at most 30 */
static int forks(void)
{
	int count = 0;

	for (; count < 30; count++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				(void)pause();
		if (pid < 0)
			break;
	}
	return count; /* they stay, for cgroup_kill() */
}

/* spin() - a second of work. Return: hundredths of it that it got */
static int spin(void)
{
	struct timespec used;
	int64_t end = clock_mono_ns() + 1000000000;

	while (clock_mono_ns() < end)
		;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int)(used.tv_sec * 100 + used.tv_nsec / 10000000);
}

static struct cgroup *real_open(struct cgroup_held *held, struct cgroup_limits limits)
{
	struct cgroup *cgroup = NULL;
	struct diag diag = { 0 };
	int r = cgroup_open(&cgroup, real_name, &limits, held, &diag);

	CHECK(r == 0, "%d: %s", r, diag.why);
	if (diag.why[0] != '\0')
		(void)printf("skipped: %s\n", diag.why);
	return cgroup;
}

static void test_real(void)
{
	struct cgroup_held held;
	struct cgroup_events events = { 0 };

	struct cgroup *cgroup = real_open(&held, (struct cgroup_limits){ .memory_mb = 64 });
	if (held.memory != CGROUP_NONE) {
		int status = in_child(cgroup, hog);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", (unsigned)status);
		CHECK(cgroup_events(&events, cgroup) == 0 && events.oom_kills > 0, "not seen");
		CHECK(cgroup_oom_killed(cgroup), "not seen");
	}
	cgroup_free(cgroup);

	cgroup = real_open(&held, (struct cgroup_limits){ .processes = 6 });
	if (held.processes != CGROUP_NONE) {
		int status = in_child(cgroup, forks);

		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5, "%d children",
		      WEXITSTATUS(status));
		CHECK(cgroup_events(&events, cgroup) == 0 && events.forks_refused > 0, "not seen");
		CHECK(cgroup_kill(cgroup) == 0, "the five that are left");
	}
	cgroup_free(cgroup);

	cgroup = real_open(&held, (struct cgroup_limits){ .cpus = 0.2 });
	if (held.cpus != CGROUP_NONE) {
		int status = in_child(cgroup, spin);

		CHECK(WIFEXITED(status) && WEXITSTATUS(status) < 35, "%d%%", WEXITSTATUS(status));
	}
	cgroup_free(cgroup);

	cgroup = real_open(&held, all_limits);
	CHECK(cgroup_prune(real_name, alive, real_name) == 0, "it lives");
	cgroup_free(cgroup);
	CHECK(cgroup_prune(real_name, alive, real_name + 1) == 0, "nothing is left");
}

/* A warden that was killed: its groups are found and removed. */
static void test_real_leftovers(void)
{
	struct cgroup_held held;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		(void)real_open(&held, all_limits);
		_exit(held.cpus != CGROUP_NONE || held.memory != CGROUP_NONE ||
		      held.processes != CGROUP_NONE);
	}
	CHECK(waitpid(child, &status, 0) == child, "wait");
	int removed = cgroup_prune(real_name, alive, real_name + 1);
	CHECK((removed > 0) == (WEXITSTATUS(status) != 0), "%d", removed);
}

static void ordinary_user(void)
{
	struct cgroup_held held;
	struct diag diag = { 0 };
	struct cgroup *cgroup = NULL;

	CHECK(cgroup_open(&cgroup, real_name, &all_limits, &held, &diag) == 0, "no failure");
	bool none =
	    held.cpus == CGROUP_NONE || held.memory == CGROUP_NONE || held.processes == CGROUP_NONE;
	CHECK(none == (strstr(diag.why, "systemd-run --user") != NULL), "%s", diag.why);
	CHECK(cgroup_add(cgroup, getpid()) == 0, "to those that there are");
	cgroup_free(cgroup);
}

static void test_ordinary_user(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		ordinary_user();
		_exit(test_failures > 0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0, "%x", (unsigned)status);
}

static void show_cost(void)
{
	int64_t best = INT64_MAX, best_free = INT64_MAX;

	for (int i = 0; i < 50; i++) {
		struct cgroup_held held;
		struct cgroup *cgroup = NULL;
		struct diag diag = { 0 };
		int64_t begin = clock_mono_ns();

		CHECK(cgroup_open(&cgroup, real_name, &all_limits, &held, &diag) == 0, "open");
		int64_t opened = clock_mono_ns();
		cgroup_free(cgroup);
		int64_t end = clock_mono_ns();
		best = opened - begin < best ? opened - begin : best;
		best_free = end - opened < best_free ? end - opened : best_free;
	}
	(void)printf("cgroup_open %lld us, cgroup_free %lld us (best of 50, three limits)\n",
		     (long long)best / 1000, (long long)best_free / 1000);
}

int main(void)
{
	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return 99;
	(void)snprintf(real_name, sizeof(real_name), "immure-test-%d", (int)getpid());
	test_find();
	test_delegated();
	test_places();
	test_leftover();
	test_prune();
	test_limits();
	test_no_proc();
	(void)fflush(stdout);
	test_real();
	(void)fflush(stdout);
	test_real_leftovers();
	test_ordinary_user();
	show_cost();
	(void)unlink("groups");
	(void)unlink("mounts");
	CHECK(rmdir(folder) == 0, "nothing else is left");
	return test_failures > 0;
}
