// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: making a network namespace and its capture takes as long as all the rest of
 * a launch, and shares nothing with it. So a child of the builder makes it, beside the builder's
 * mounts, on another processor; both have one table of descriptors, through which the namespace
 * and the sockets come back. The builder enters the namespace before it gives up its power.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "jail/builder_priv.h"
#include "jail/capture.h"

/* What the child tells, in memory that both see. */
struct builder_net {
	int done;    /* eventfd: all of this is told */
	int netns;   /* -errno, or a descriptor */
	int capture; /* 0 or -errno */
	int sockets[CAPTURE_SOCKETS];
	const char *stage; /* of capture: what failed; static text */
};

static void make_net(struct builder_net *net)
{
	net->netns = net->capture = -EIO;
	if (unshare(CLONE_NEWNET) < 0) {
		net->netns = -errno;
		return;
	}
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	net->netns = fd < 0 ? -errno : fd;
	net->capture = capture_open(net->sockets, &net->stage);
}

/*
 * run_elsewhere() - keep @pid off this processor. The scheduler leaves a new process with its parent
 * while the warden still keeps the other processors busy, and moves it too late.
 */
static void run_elsewhere(pid_t pid)
{
	cpu_set_t cpus;
	int here = sched_getcpu();

	if (here < 0 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0 || CPU_COUNT(&cpus) < 2)
		return;
	CPU_CLR((unsigned)here, &cpus);
	(void)sched_setaffinity(pid, sizeof(cpus), &cpus); /* a hint: without it all is slower */
}

int builder_net_start(struct builder *b)
{
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&b->net_pidfd,
		.exit_signal = SIGCHLD,
	};

	b->net =
	    mmap(NULL, sizeof(*b->net), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->net == MAP_FAILED)
		return builder_step(b, -ENOMEM, "share memory");
	b->net->done = eventfd(0, EFD_CLOEXEC);
	if (b->net->done < 0)
		return builder_step(b, -errno, "make an eventfd");
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		make_net(b->net);
		_exit(eventfd_write(b->net->done, 1) < 0);
	}
	if (pid < 0)
		return builder_step(b, -errno, "start the network's builder");
	b->net_pid = (pid_t)pid;
	run_elsewhere(b->net_pid);
	return 0;
}

/* wait_for_net() - its word, or its death; it takes its time to die, so its word comes first */
static int wait_for_net(struct builder *b)
{
	struct pollfd polls[2] = { { .fd = b->net->done, .events = POLLIN },
				   { .fd = b->net_pidfd, .events = POLLIN } };

	while (poll(polls, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	bool told = polls[0].revents != 0;
	fd_close(&b->net->done);
	fd_close(&b->net_pidfd);
	return told ? 0 : -EIO;
}

int builder_net_enter(struct builder *b)
{
	int r = wait_for_net(b);

	if (r < 0)
		return builder_step(b, r, "wait for the network's builder");
	if (b->net->netns < 0)
		return builder_step(b, b->net->netns, "unshare the network namespace");
	r = setns(b->net->netns, CLONE_NEWNET) < 0 ? -errno : 0;
	fd_close(&b->net->netns);
	return r < 0 ? builder_step(b, r, "enter the network namespace") : 0;
}

int builder_net_reap(struct builder *b)
{
	while (waitpid(b->net_pid, NULL, 0) < 0)
		if (errno != EINTR)
			return builder_step(b, -errno, "wait for the network's builder");
	return 0;
}

int builder_net_capture(struct builder *b)
{
	struct builder_message message = { .kind = BUILDER_CAPTURE };
	int fds[CAPTURE_SOCKETS];
	size_t len = 0;

	if (b->net->capture < 0)
		return builder_step(b, b->net->capture, "%s",
				    b->net->stage != NULL ? b->net->stage : "");
	for (unsigned i = 0; i < CAPTURE_SOCKETS; i++)
		if (b->net->sockets[i] >= 0) {
			fds[len++] = b->net->sockets[i];
			message.sockets |= 1U << i;
		}
	int r =
	    fd_send(b->control, (struct span){ (const char *)&message, sizeof(message) }, fds, len);
	for (size_t i = 0; i < len; i++)
		fd_close(&fds[i]);
	return r < 0 ? builder_step(b, r, "send the capture sockets") : 0;
}
