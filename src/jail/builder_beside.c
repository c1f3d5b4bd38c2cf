// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: making a network namespace and its capture takes as long as all the rest of
 * a launch, and shares nothing with it. So a child of the builder makes it, beside the builder's
 * mounts, on another processor, and init's program in a memfd; both have one table of descriptors,
 * through which these come back. The builder enters the namespace before it gives up its power.
 *
 * The child also takes the host's root away once the builder has changed to the
 * new one. The kernel frees some forty mounts in that call, which the builder need not wait for
 * before init starts.
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
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "agent/agent.h"
#include "base/fd.h"
#include "jail/builder_priv.h"
#include "jail/capture.h"

/* What both tell each other, in memory that both see. */
struct builder_beside {
	int done;                        /* eventfd: all that follows is told */
	int netns;                       /* -errno, or a descriptor */
	int capture;                     /* 0 or -errno */
	int sockets[CAPTURE_SOCKETS];    /* descriptors */
	const char *stage;               /* of capture: what failed; static text */
	int image;                       /* -errno, or a descriptor */
	char detail[BUILDER_DETAIL_MAX]; /* of image: what failed */

	int changed; /* eventfd: the builder has changed its root, and told: */
	int mountns; /* in which that was */
	int host;    /* the root it had */
	int detach;  /* 0 or -errno; told by the child's end */
};

static void make_net(struct builder_beside *beside)
{
	beside->netns = beside->capture = -EIO;
	if (unshare(CLONE_NEWNET) < 0) {
		beside->netns = -errno;
		return;
	}
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	beside->netns = fd < 0 ? -errno : fd;
	beside->capture = capture_open(beside->sockets, &beside->stage);
}

/* make_image() - init's program in a sealed memfd, so that nothing can change it (CVE-2019-5736) */
static int make_image(struct builder *b)
{
	const unsigned exec = 0x0010U; /* MFD_EXEC, linux/memfd.h since 6.3 */
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	CLEANUP_FD int low = memfd_create("immure-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | exec);
	if (low < 0 && errno == EINVAL)
		low = memfd_create("immure-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (low < 0)
		return builder_step(b, -errno, "make a memfd");
	CLEANUP_FD int image = builder_high(low);
	if (image < 0)
		return builder_step(b, -errno, "move a memfd");
	int r = fd_write_all(image,
			     (struct span){ (const char *)agent_init_image, agent_init_image_len });
	if (r == 0 && fcntl(image, F_ADD_SEALS, seals) < 0)
		r = -errno;
	return r < 0 ? builder_step(b, r, "copy init to a memfd") : fd_take(&image);
}

/* detach_host() - the builder, and with it the namespace, has another root by now */
static int detach_host(struct builder_beside *beside)
{
	eventfd_t changed = 0;

	while (eventfd_read(beside->changed, &changed) < 0)
		if (errno != EINTR)
			return -errno;
	int r = setns(beside->mountns, CLONE_NEWNS) < 0 || fchdir(beside->host) < 0 ||
			umount2(".", MNT_DETACH) < 0
		    ? -errno
		    : 0;
	fd_close(&beside->host);
	return r;
}

static _Noreturn void work_beside(struct builder *b)
{
	struct builder_beside *beside = b->beside;

	beside->detach = -EIO;
	make_net(beside);
	beside->image = make_image(b);
	memcpy(beside->detail, b->detail, sizeof(beside->detail));
	if (eventfd_write(beside->done, 1) < 0)
		_exit(1);
	beside->detach = detach_host(beside);
	_exit(0);
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

static int share_memory(struct builder *b)
{
	b->beside = mmap(NULL, sizeof(*b->beside), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->beside == MAP_FAILED)
		return builder_step(b, -ENOMEM, "share memory");
	b->beside->done = eventfd(0, EFD_CLOEXEC);
	b->beside->changed = eventfd(0, EFD_CLOEXEC);
	return b->beside->done < 0 || b->beside->changed < 0
		   ? builder_step(b, -errno, "make an eventfd")
		   : 0;
}

int builder_beside_start(struct builder *b)
{
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&b->beside_pidfd,
		.exit_signal = SIGCHLD,
	};
	int r = share_memory(b);

	if (r < 0)
		return r;
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		work_beside(b);
	if (pid < 0)
		return builder_step(b, -errno, "start the child beside");
	b->beside_pid = (pid_t)pid;
	run_elsewhere(b->beside_pid);
	return 0;
}

/* wait_for_word() - its word, or its death; it takes its time to die, so its word comes first */
static int wait_for_word(struct builder *b)
{
	struct pollfd polls[2] = { { .fd = b->beside->done, .events = POLLIN },
				   { .fd = b->beside_pidfd, .events = POLLIN } };

	while (poll(polls, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	bool told = polls[0].revents != 0;
	fd_close(&b->beside->done);
	fd_close(&b->beside_pidfd);
	return told ? 0 : -EIO;
}

int builder_net_enter(struct builder *b)
{
	int r = wait_for_word(b);

	if (r < 0)
		return builder_step(b, r, "wait for the child beside");
	if (b->beside->netns < 0)
		return builder_step(b, b->beside->netns, "unshare the network namespace");
	r = setns(b->beside->netns, CLONE_NEWNET) < 0 ? -errno : 0;
	fd_close(&b->beside->netns);
	return r < 0 ? builder_step(b, r, "enter the network namespace") : 0;
}

int builder_net_capture(struct builder *b)
{
	struct builder_message message = { .kind = BUILDER_CAPTURE };
	int fds[CAPTURE_SOCKETS];
	size_t len = 0;

	if (b->beside->capture < 0)
		return builder_step(b, b->beside->capture, "%s",
				    b->beside->stage != NULL ? b->beside->stage : "");
	for (unsigned i = 0; i < CAPTURE_SOCKETS; i++)
		if (b->beside->sockets[i] >= 0) {
			fds[len++] = b->beside->sockets[i];
			message.sockets |= 1U << i;
		}
	int r =
	    fd_send(b->control, (struct span){ (const char *)&message, sizeof(message) }, fds, len);
	for (size_t i = 0; i < len; i++)
		fd_close(&fds[i]);
	return r < 0 ? builder_step(b, r, "send the capture sockets") : 0;
}

int builder_beside_image(struct builder *b)
{
	b->image = b->beside->image;
	return b->image < 0 ? builder_step(b, b->image, "%s", b->beside->detail) : 0;
}

int builder_beside_detach(struct builder *b)
{
	b->beside->mountns = b->mountns;
	b->beside->host = fd_take(&b->host); /* the child closes it */
	return eventfd_write(b->beside->changed, 1) < 0
		   ? builder_step(b, -errno, "have the host's root taken away")
		   : 0;
}

int builder_beside_reap(struct builder *b)
{
	while (waitpid(b->beside_pid, NULL, 0) < 0)
		if (errno != EINTR)
			return builder_step(b, -errno, "wait for the child beside");
	return b->beside->detach < 0 ? builder_step(b, b->beside->detach, "leave the host's root")
				     : 0;
}
