// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the warden's half of a launch. One clone3() makes the builder PID 1 of a new
 * PID namespace (and, for an ordinary user, root of a new user namespace); the builder unshares the
 * rest itself, so that the costly network namespace is made beside the warden's own work and not
 * inside its clone call.
 *
 * As the host's root the program gets a uid of its own that owns no file and runs no process on the
 * host, drawn from a range nobody allocates from (systemd's UIDS-GIDS.md: 1879048192..2147352575).
 */
#include "jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/fd_limit.h"
#include "jail/builder_priv.h"
#include "jail/caps.h"

enum { HOST_UID_FIRST = 1879048192, HOST_UID_MASK = 0xfffff, CAPABILITY_SYS_ADMIN = 21 };

/*
 * whole_host() - do we see all user ids of the host, or just those of a container? Not to know is an
 * error: taken for a container, the program would run as the host's root.
 */
static int whole_host(bool *ret)
{
	CLEANUP_FD int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[64] = { 0 };
	unsigned inside = 1, outside = 1, count = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, text, sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers, all of 32 bits */
	*ret = sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
	return 0;
}

static int identify(struct builder *b, struct diag *diag)
{
	uint32_t random = 0;

	b->caller_uid = geteuid();
	b->caller_gid = getegid();
	if (b->caller_uid == 0 && caps_have(CAPABILITY_SYS_ADMIN)) {
		int r = whole_host(&b->privileged);

		if (r < 0)
			return diag_set(diag, r, "cannot read /proc/self/uid_map: %s",
					strerror(-r));
	}
	if (!b->privileged) {
		b->host_uid = b->caller_uid;
		b->scratch_uid = 0;
		return 0;
	}
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return diag_set(diag, -EAGAIN, "no random numbers from the kernel");
	b->host_uid = HOST_UID_FIRST + (random & HOST_UID_MASK);
	b->scratch_uid = b->host_uid;
	return 0;
}

static int explain_clone(int error, struct diag *diag)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return diag_set(diag, -error,
				"userns: this user may not make user namespaces: allow it with "
				"'sysctl kernel.unprivileged_userns_clone=1' (or your system's "
				"equivalent, see 'immure doctor'), or run as root");
	case ENOSPC:
	case EUSERS:
		return diag_set(diag, -error,
				"userns: too many user namespaces: raise user.max_user_namespaces");
	default:
		return diag_set(diag, -error, "pidns: clone3: %s: see 'immure doctor'",
				strerror(error));
	}
}

static int clone_builder(struct jail *jail, struct builder *b, struct diag *diag)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWTIME | CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			 (b->privileged ? 0 : CLONE_NEWUSER),
		.pidfd = (uint64_t)(uintptr_t)&jail->pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		builder_main(b);
	if (pid < 0)
		return explain_clone(errno, diag);
	jail->pid = (pid_t)pid;
	return 0;
}

int jail_spawn(struct jail *ret, bool ahead, struct diag *diag)
{
	struct jail jail = { .pidfd = -1,
			     .agent = -1,
			     .control = -1,
			     .capture = { -1, -1, -1, -1 },
			     .mountns = -1 };
	CLEANUP_FD int builder_agent = -1;
	CLEANUP_FD int builder_control = -1;
	struct builder b = { .image = -1, .host = -1, .root = -1, .empty = -1, .proc = -1 };
	int agent[2], control[2];
	struct rlimit files;

	fd_limit_raise();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < JAIL_DESCRIPTORS_MIN)
		return diag_set(diag, -EMFILE,
				"a sandbox needs %d file descriptors, and %llu are allowed: raise "
				"'ulimit -n'",
				JAIL_DESCRIPTORS_MIN, (unsigned long long)files.rlim_cur);
	int r = identify(&b, diag);

	if (r < 0)
		return r;
	jail.plan = mmap(NULL, sizeof(*jail.plan), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jail.plan == MAP_FAILED)
		return diag_set(diag, -ENOMEM, "no memory for a plan");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, agent) == 0) {
		jail.agent = agent[0];
		builder_agent = agent[1];
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0) {
		jail.control = control[0];
		builder_control = control[1];
	}
	b.shared = jail.plan;
	b.ahead = ahead;
	b.agent = builder_agent;
	b.control = builder_control;
	jail.host_uid = b.host_uid;
	r = jail.agent < 0 || jail.control < 0
		? diag_set(diag, -errno, "socketpair: %s", strerror(errno))
		: clone_builder(&jail, &b, diag);
	if (r < 0) {
		jail_free(&jail);
		return r;
	}
	*ret = jail;
	return 0;
}

int jail_build(struct jail *jail)
{
	int r = fd_send(jail->control, SPAN("g"), NULL, 0);

	jail->shares = jail->plan->mounts_len > 0 || jail->plan->rootfs != 0;
	/* the builder has its own mapping of the plan by now */
	(void)munmap(jail->plan, sizeof(*jail->plan));
	jail->plan = NULL;
	return r;
}

/* remedy() - what the user can do about a missing wall */
static const char *remedy(enum jail_wall wall, int error)
{
	if (error == ENOMEM)
		return "the host is short of memory";
	if (error == EMFILE)
		return "raise 'ulimit -n'";
	if (error == ETOOMANYREFS)
		return "programs of this user have more file descriptors on their way between "
		       "sockets than 'ulimit -Hn' is: end those programs, or raise it";
	if (error == ENFILE)
		return "raise /proc/sys/fs/file-max";
	if (wall == WALL_LANDLOCK)
		return "boot with lsm=landlock,... (kernel 5.13 or later), or --allow-degraded "
		       "landlock";
	if (wall == WALL_CAPTURE)
		return "the kernel needs nf_tables with TPROXY, see 'immure doctor', or "
		       "--allow-degraded "
		       "capture (the sandbox then has no network at all)";
	if (wall == WALL_PROC && error == EPERM)
		return "this looks like a container that masks /proc: run it with an unmasked "
		       "/proc";
	if (error == ENOSPC)
		return "raise the limits in /proc/sys/user";
	return "see 'immure doctor'";
}

static int explain(const struct jail_report *report, struct diag *diag)
{
	return diag_set(diag, -report->error, "wall '%s' cannot be raised: %s: %s; %s",
			jail_wall_names[report->wall], report->detail, strerror(report->error),
			remedy(report->wall, report->error));
}

/* take_capture() - @fds, which are for the bits of @sockets. Return: false: that cannot be */
static bool take_capture(struct jail *jail, uint32_t sockets, const int *fds, size_t count)
{
	const uint32_t needed = 1U << CAPTURE_TCP | 1U << CAPTURE_DNS;

	if (jail->capture[CAPTURE_TCP] >= 0 || (sockets & needed) != needed ||
	    sockets >> CAPTURE_SOCKETS != 0 || (size_t)__builtin_popcount(sockets) != count)
		return false;
	for (size_t i = 0; i < CAPTURE_SOCKETS; i++)
		if ((sockets & 1U << i) != 0)
			jail->capture[i] = *fds++;
	return true;
}

int jail_report_read(struct jail *jail, struct jail_report *report, struct diag *diag)
{
	struct builder_message message = { 0 };
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	int r = fd_recv(&len, jail->control, &message, sizeof(message), fds, &count);
	bool died = r == -ECONNRESET;

	/* it died with our octet unread; what it said before comes next (net/unix/af_unix.c) */
	if (died)
		r = fd_recv(&len, jail->control, &message, sizeof(message), fds, &count);
	if (died && r == 0 && len == 0)
		r = -ECONNRESET;
	if (r == -EMSGSIZE) /* its sockets did not fit into our table of descriptors */
		return diag_set(diag, -EMFILE, "out of file descriptors: raise 'ulimit -n'");
	if (r < 0)
		return r == -EAGAIN ? 0
				    : diag_set(diag, r, "the builder's report cannot be read: %s",
					       strerror(-r));
	if (len == 0) { /* closed by init's exec; a builder that died is seen by its pidfd */
		fd_close(&jail->control);
		return 1;
	}
	if (message.kind == BUILDER_CAPTURE && len == sizeof(message) &&
	    take_capture(jail, message.sockets, fds, count))
		return 0;
	if (message.kind == BUILDER_READY && count == 1 && jail->mountns < 0) {
		jail->mountns = fds[0];
		count = 0;
	}
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	if (len != sizeof(message) || message.report.wall >= WALL_COUNT)
		return diag_set(diag, -EPROTO, "the builder's report makes no sense");
	*report = message.report;
	report->detail[sizeof(report->detail) - 1] = '\0';
	return message.kind == BUILDER_FAILED ? explain(report, diag) : 0;
}

void jail_kill(const struct jail *jail)
{
	if (jail->pid > 0) /* our child, not yet waited for: the number is its own */
		(void)kill(jail->pid, SIGKILL);
}

void jail_end(struct jail *jail)
{
	jail_kill(jail);
	if (jail->pid > 0) {
		while (waitpid(jail->pid, NULL, 0) < 0 && errno == EINTR)
			;
		jail->pid = 0;
	}
}

/*
 * close_later() - have the kernel close @fd beside us. The last one of a mount namespace frees all
 * its mounts, which takes a tenth of a launch. A message that waits in the very socket it holds can
 * never be read; the kernel's collector of such (net/unix/garbage.c) finds it when the other end
 * goes, and since Linux 6.9 it is a process of the kernel's own. Whatever fails, it is closed here.
 */
static void close_later(int *fd)
{
	int pair[2];

	if (*fd >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		const int cycle[2] = { *fd, pair[1] };

		(void)!fd_send(pair[0], SPAN("m"), cycle, 2);
		fd_close(&pair[1]);
		fd_close(fd);
		fd_close(&pair[0]);
	}
	fd_close(fd);
}

void jail_free(struct jail *jail)
{
	jail_end(jail);
	if (jail->plan != NULL)
		(void)munmap(jail->plan, sizeof(*jail->plan));
	jail->plan = NULL;
	fd_close(&jail->pidfd);
	fd_close(&jail->agent);
	fd_close(&jail->control);
	for (size_t i = 0; i < CAPTURE_SOCKETS; i++)
		fd_close(&jail->capture[i]);
	if (jail->shares) /* whoever shared a folder may unmount it as soon as we are gone */
		fd_close(&jail->mountns);
	else
		close_later(&jail->mountns);
}
