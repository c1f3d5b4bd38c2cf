// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: two tables of stages, run in order. Each stage belongs to a wall; one that
 * fails ends the launch with the wall's name, unless the plan waives that wall and it can be waived.
 * The early table needs no plan (so nothing in it can be waived) and runs while the warden still
 * reads its settings; so does the root, built ahead as most sandboxes want it. A plan that wants
 * another root gets a new one instead.
 *
 * What runs here holds the power to build the sandbox and reads nothing that comes from inside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/fd.h"
#include "base/fd_limit.h"
#include "base/landlock.h"
#include "jail/builder_priv.h"
#include "jail/caps.h"
#include "jail/seccomp.h"

enum { FILES_MAX = 1 << 20 }; /* of a program, whatever its caller may have */

struct stage {
	enum jail_wall wall;
	bool waivable; /* --allow-degraded may do without */
	int (*raise)(struct builder *b);
};

void builder_writable(struct builder *b, const char *path)
{
	if (b->writable_len < BUILDER_WRITABLE_MAX)
		b->writable[b->writable_len++] = path;
}

static int unshare_one(struct builder *b, int flag, const char *what)
{
	return unshare(flag) < 0 ? builder_step(b, -errno, "unshare the %s namespace", what) : 0;
}

static int raise_userns(struct builder *b)
{
	return b->privileged ? 0 : builder_map_caller(b);
}

static int raise_mountns(struct builder *b)
{
	int r = unshare_one(b, CLONE_NEWNS, "mount");

	if (r < 0)
		return r;
	b->mountns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return b->mountns < 0 ? builder_step(b, -errno, "open the mount namespace") : 0;
}

static int raise_ipcns(struct builder *b)
{
	return unshare_one(b, CLONE_NEWIPC, "IPC");
}

static int raise_utsns(struct builder *b)
{
	return unshare_one(b, CLONE_NEWUTS, "UTS");
}

static int raise_cgroupns(struct builder *b)
{
	return unshare_one(b, CLONE_NEWCGROUP, "cgroup");
}

int builder_high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 16);
}

/* drop_root() - take away a root that was built ahead and does not fit the plan */
static int drop_root(struct builder *b)
{
	if (b->root >= 0 && (fchdir(b->root) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
		return builder_step(b, -errno, "take the default root away");
	fd_close(&b->host);
	fd_close(&b->root);
	fd_close(&b->empty);
	fd_close(&b->proc);
	b->writable_len = 0;
	return 0;
}

static int raise_root(struct builder *b)
{
	int r = drop_root(b);

	if (r == 0)
		r = builder_root(b);
	if (r == 0)
		r = builder_dev(b);
	return r == 0 ? builder_scratch(b) : r;
}

/* raise_mounts() - what only the plan knows of the root */
static int raise_mounts(struct builder *b)
{
	const char *hostname = plan_text(b->plan, b->plan->hostname);

	if (hostname != NULL && sethostname(hostname, strlen(hostname)) < 0)
		return builder_step(b, -errno, "set the host name");
	int r = builder_trust(b);
	return r < 0 ? r : builder_mounts(b);
}

static int set_limit(struct builder *b, __rlimit_resource_t resource, rlim_t value,
		     const char *name)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return builder_step(b, -errno, "read RLIMIT_%s", name);
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value)
		limit.rlim_max = value;
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit) < 0)
		return builder_step(b, -errno, "set RLIMIT_%s", name);
	return 0;
}

/* put_oom_score() - when memory runs out, the sandbox shall go before anything of the host */
static int put_oom_score(struct builder *b)
{
	CLEANUP_FD int fd = openat(b->proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, SPAN("900"));

	return r < 0 ? builder_step(b, r, "write oom_score_adj") : 0;
}

static int raise_limits(struct builder *b)
{
	int r = put_oom_score(b);

	if (r == 0)
		r = set_limit(b, RLIMIT_CORE, 0, "CORE");
	if (r == 0) /* whatever of these the caller may: not with a program like this */
		r = set_limit(b, RLIMIT_RTPRIO, 0, "RTPRIO");
	if (r == 0)
		r = set_limit(b, RLIMIT_NICE, 0, "NICE");
	if (r == 0)
		r = set_limit(b, RLIMIT_MEMLOCK, 64 << 20, "MEMLOCK");
	if (r == 0)
		r = set_limit(b, RLIMIT_NPROC, b->plan->processes, "NPROC");
	if (r == 0 && b->plan->memory_mb > 0)
		r = set_limit(b, RLIMIT_DATA, b->plan->memory_mb << 20, "DATA");
	return r;
}

/*
 * raise_files() - programs of an ordinary user get half of what its wardens have (base/fd_limit.h): a
 * program that sends descriptors is held to its own limit as well, by the same sum, so all sandboxes
 * together stop there. Root's have a user each. After our own descriptors were sent.
 */
static int raise_files(struct builder *b)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return builder_step(b, -errno, "read RLIMIT_NOFILE");
	rlim_t half = limit.rlim_cur / 2, given = fd_limit_given();
	if (!b->privileged)
		limit.rlim_max = half > JAIL_DESCRIPTORS_MIN ? half : JAIL_DESCRIPTORS_MIN;
	if (limit.rlim_max > FILES_MAX)
		limit.rlim_max = FILES_MAX;
	limit.rlim_cur = given < limit.rlim_max ? given : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return builder_step(b, -errno, "set RLIMIT_NOFILE");
	return 0;
}

static int raise_caps(struct builder *b)
{
	int r = caps_drop();

	return r < 0 ? builder_step(b, r, "drop all capabilities") : 0;
}

static int raise_nnp(struct builder *b)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		   ? builder_step(b, -errno, "set no_new_privs")
		   : 0;
}

static int raise_landlock(struct builder *b)
{
	struct landlock_tree trees[BUILDER_WRITABLE_MAX + 1];
	size_t len = 0;
	int abi = 0, r = 0;

	builder_writable(b, "/dev");
	builder_writable(b, "/dev/null"); /* also the host's, which a caller may pass as a stream */
	trees[len++] = (struct landlock_tree){ tree_open(b, "/"), false };
	for (size_t i = 0; i < b->writable_len; i++)
		trees[len++] = (struct landlock_tree){ tree_open(b, b->writable[i]), true };
	for (size_t i = 0; r == 0 && i < len; i++)
		if (trees[i].fd < 0)
			r = builder_step(b, trees[i].fd, "open %s",
					 i > 0 ? b->writable[i - 1] : "/");
	if (r == 0) {
		r = landlock_enforce(&abi, trees, len);
		if (r < 0)
			builder_step(b, r, "restrict to the sandbox's files");
	}
	for (size_t i = 0; i < len; i++)
		fd_close(&trees[i].fd);
	return r;
}

static int raise_seccomp(struct builder *b)
{
	int r = seccomp_install();

	return r < 0 ? builder_step(b, r, "install the system call filter") : 0;
}

/* plain_process() - leave nothing of the caller's: terminal, streams, umask, signals, folder */
static int plain_process(struct builder *b)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	umask(022);
	if (null < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 || chdir("/") < 0)
		return builder_step(b, -errno, "leave the caller's session");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return builder_step(b, -errno, "replace the caller's streams");
	return 0;
}

static const struct stage early[] = {
	{ WALL_USERNS, false, raise_userns },
	{ WALL_NETNS, false, builder_beside_start }, /* as soon as can be: it takes longest */
	{ WALL_ROOT, false, plain_process },
	{ WALL_MOUNTNS, false, raise_mountns },
	{ WALL_IPCNS, false, raise_ipcns },
	{ WALL_UTSNS, false, raise_utsns },
};

static const struct stage root[] = {
	{ WALL_ROOT, false, raise_root },
	{ WALL_PROC, false, builder_proc },
};

static const struct stage late[] = {
	{ WALL_CGROUPNS, true, raise_cgroupns },
	{ WALL_ROOT, false, raise_mounts },
	{ WALL_LIMITS, true, raise_limits },
	{ WALL_ROOT, false, builder_enter_root },
	{ WALL_NETNS, false, builder_net_enter },
	{ WALL_CAPTURE, true, builder_net_capture },
	{ WALL_LIMITS, true, raise_files },
	{ WALL_ROOT, false, builder_beside_image },
	{ WALL_USERNS, false, builder_become_user },
	{ WALL_CAPS, false, raise_caps },
	{ WALL_NNP, false, raise_nnp },
	{ WALL_LANDLOCK, true, raise_landlock },
	{ WALL_SECCOMP, true, raise_seccomp },
	{ WALL_ROOT, false, builder_beside_reap },
};

static void send_report(struct builder *b, enum builder_kind kind, const struct jail_report *report)
{
	struct builder_message message = { .kind = kind, .report = *report };

	struct span packet = { (const char *)&message, sizeof(message) };
	bool help = kind == BUILDER_READY && b->mountns >= 0;

	/* the descriptor is a help only, the report is not */
	if (!help || fd_send(b->control, packet, &b->mountns, 1) < 0)
		(void)!fd_send(b->control, packet, NULL, 0);
}

static _Noreturn void fail(struct builder *b, enum jail_wall wall, int error)
{
	struct jail_report report = { .failed = true, .wall = wall, .error = -error };

	memcpy(report.detail, b->detail, sizeof(report.detail));
	send_report(b, BUILDER_FAILED, &report);
	_exit(1);
}

/* run_stages() - @report gathers the walls that are missing with leave */
static void run_stages(struct builder *b, const struct stage *stages, size_t len,
		       struct jail_report *report)
{
	for (size_t i = 0; i < len; i++) {
		int r = stages[i].raise(b);
		uint64_t bit = 1ULL << stages[i].wall;

		if (r == 0)
			continue;
		if (!stages[i].waivable || (b->plan->degraded & bit) == 0)
			fail(b, stages[i].wall, r);
		report->missing |= bit;
	}
}

/* wait_for_plan() - the warden's one octet; its end of file means that nobody wants us any more */
static void wait_for_plan(struct builder *b)
{
	char go = 0;
	ssize_t n = 0;

	do
		n = recv(b->control, &go, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(0);
}

static _Noreturn void become_init(struct builder *b)
{
	static char name[] = "immure-init";
	static char *const argv[] = { name, NULL };
	static char *const envp[] = { NULL };

	/* the death signal is lost with a change of identity, so it is set only now */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(b->agent, AGENT_CHANNEL_FD) >= 0 &&
	    close_range(AGENT_CHANNEL_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		(void)syscall(SYS_execveat, b->image, "", argv, envp, AT_EMPTY_PATH);
	fail(b, WALL_ROOT, builder_step(b, -errno, "start init"));
}

/* keep_channels() - close all that the warden had open, its own ends of our channels above all */
static int keep_channels(struct builder *b)
{
	b->control = builder_high(b->control);
	b->agent = builder_high(b->agent);
	if (b->control < 0 || b->agent < 0)
		return -EMFILE;
	unsigned low = (unsigned)(b->control < b->agent ? b->control : b->agent);
	unsigned top = (unsigned)(b->control < b->agent ? b->agent : b->control);
	if (close_range(3, low - 1, 0) < 0 ||
	    (low + 1 < top && close_range(low + 1, top - 1, 0) < 0) ||
	    close_range(top + 1, ~0U, 0) < 0)
		return -errno;
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
}

/* own_session() - so that no signal of the caller's terminal reaches us or our child */
static int own_session(struct builder *b)
{
	if (keep_channels(b) < 0)
		_exit(1); /* nobody to tell; the warden sees the end of the channel */
	return setsid() < 0 ? builder_step(b, -errno, "leave the caller's session") : 0;
}

/* default_plan() - what most sandboxes ask of their root */
static const struct jail_plan *default_plan(void)
{
	static struct jail_plan plan = { .user = JAIL_USER };

	plan.hostname = jail_plan_text(&plan, JAIL_HOSTNAME);
	return &plan;
}

/* fits() - is the root of the default plan also the root of this one? */
static bool fits(const struct jail_plan *plan)
{
	return plan->rootfs == 0 && plan->user == JAIL_USER && plan->disk_mb == 0 &&
	       plan->hostname != 0 && strcmp(plan_text(plan, plan->hostname), JAIL_HOSTNAME) == 0;
}

void builder_main(struct builder *b)
{
	struct jail_report report = { 0 };
	int r = own_session(b);

	if (r < 0)
		fail(b, WALL_ROOT, r);
	b->plan = default_plan();
	run_stages(b, early, ARRAY_SIZE(early), &report);
	if (b->ahead)
		run_stages(b, root, ARRAY_SIZE(root), &report);
	wait_for_plan(b);
	b->plan = b->shared;
	if (!b->ahead || !fits(b->plan))
		run_stages(b, root, ARRAY_SIZE(root), &report);
	run_stages(b, late, ARRAY_SIZE(late), &report);
	send_report(b, BUILDER_READY, &report);
	become_init(b);
}
