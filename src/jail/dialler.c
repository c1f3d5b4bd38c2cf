// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a fork of the warden enters the network namespace of a socket that it is
 * given (SIOCGSKNS), as an ordinary user by way of the user namespace that owns it. Then it gives up
 * all that it has: descriptors but its channel, capabilities, and every system call but those by
 * which it answers. It reads nothing but the warden's octets, one a question.
 *
 * A question is an address family in one octet; an answer an errno, and with 0 the socket. The first
 * answer is to no question: how the beginning went, and with it comes a socket by which the kernel says
 * who listens inside (wire/diag.h), if it can.
 */
#include "jail/dialler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/caps.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif /* another machine: OUR_ARCH is undeclared, so look up its name in linux/audit.h */

enum {
	CHANNEL = 0, /* its descriptor in the dialler */
	DIAG = 1,    /* and that of the socket that comes with the first answer */
	SOCKET_TYPE = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
};

#define LOAD(field)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what)    BPF_STMT(BPF_RET | BPF_K, (what))
#define IS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define ALLOW(call)     IS(SYS_##call, 1), RETURN(SECCOMP_RET_ALLOW)

/* What is not here is not ours, so it kills. An int is the low half of its argument. */
static const struct sock_filter rows[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	ALLOW(recvmsg),
	ALLOW(close),
	ALLOW(restart_syscall), /* after a stop and continue */
	ALLOW(exit_group),
	IS(SYS_sendmsg, 4), /* with other flags it could connect: MSG_FASTOPEN */
	LOAD(args[2]),
	IS(MSG_NOSIGNAL | MSG_DONTWAIT, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	IS(SYS_socket, 9),
	LOAD(args[1]),
	IS(SOCKET_TYPE, 7),
	LOAD(args[2]),
	IS(0, 5),
	LOAD(args[0]),
	IS(AF_INET, 1),
	RETURN(SECCOMP_RET_ALLOW),
	IS(AF_INET6, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_KILL_PROCESS),
};

static int filter_calls(void)
{
	struct sock_filter filter[ARRAY_SIZE(rows)]; /* as struct sock_fprog lacks a const */
	const struct sock_fprog program = { ARRAY_SIZE(rows), filter };

	memcpy(filter, rows, sizeof(rows));
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

/* enter() - the network namespace of @inside. Return: 0 or -errno. */
static int enter(int inside)
{
	CLEANUP_FD int net = ioctl(inside, SIOCGSKNS);

	if (net < 0)
		return -errno;
	if (setns(net, CLONE_NEWNET) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	CLEANUP_FD int owner = ioctl(net, NS_GET_USERNS);
	if (owner < 0 || setns(owner, CLONE_NEWUSER) < 0 || setns(net, CLONE_NEWNET) < 0)
		return -errno;
	return 0;
}

/* open_diag() - at its place, where nothing else is; without one there is none to hand over */
static void open_diag(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		(void)close(DIAG);
	else if (fd != DIAG) {
		(void)dup3(fd, DIAG, O_CLOEXEC);
		(void)close(fd);
	}
}

/* confine() - with @channel and the first answer's socket alone. Return: 0 or -errno. */
static int confine(int channel)
{
	if (dup2(channel, CHANNEL) < 0)
		return -errno;
	open_diag();
	if (close_range(DIAG + 1, ~0U, 0) < 0 ||
	    prctl(PR_SET_NAME, "immure-dialler", 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	int r = caps_drop();
	/* a change of credentials makes it dumpable or not, and forgets the death signal: so now */
	if (r == 0 &&
	    (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
		r = -errno;
	return r == 0 ? filter_calls() : r;
}

/* answer() - that there are too many descriptors on their way (base/fd_limit.h) is one, too */
static int answer(int channel, int error, int fd)
{
	struct span packet = { (const char *)&error, sizeof(error) };
	int r = fd_send(channel, packet, &fd, fd >= 0);

	if (r != -ETOOMANYREFS)
		return r;
	error = ETOOMANYREFS;
	return fd_send(channel, packet, NULL, 0);
}

/* next_question() - Return: an address family; 0: nobody will ask any more */
static int next_question(void)
{
	uint8_t family = 0;
	struct iovec part = { &family, sizeof(family) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = 0;

	do
		n = recvmsg(CHANNEL, &message, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 ? family : 0;
}

static _Noreturn void dialler_main(int channel, int inside)
{
	sigset_t all;

	sigfillset(&all); /* the terminal's are for the warden */
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	int r = enter(inside);
	if (r == 0)
		r = confine(channel);
	if (r < 0) {
		(void)!answer(channel, -r, -1);
		_exit(1);
	}
	r = answer(CHANNEL, 0, DIAG);
	if (r == -EBADF)
		r = answer(CHANNEL, 0, -1);
	(void)close(DIAG);
	for (int family = 0; r == 0 && (family = next_question()) != 0;) {
		CLEANUP_FD int fd = socket(family == AF_INET6 ? AF_INET6 : AF_INET, SOCKET_TYPE, 0);

		r = answer(CHANNEL, fd < 0 ? errno : 0, fd);
	}
	/* not _exit(), at which AddressSanitizer looks for leaks, with calls that are forbidden here */
	(void)syscall(SYS_exit_group, 0);
	__builtin_unreachable();
}

/* await_start() - its first answer. Return: 0 or -errno. */
static int await_start(struct dialler *dialler)
{
	struct pollfd channel = { .fd = dialler->fd, .events = POLLIN };
	int error = 0;

	while (poll(&channel, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	int r = dialler_take(&error, &dialler->diag, dialler);
	return r < 0 ? r : -error;
}

int dialler_start(struct dialler *ret, int inside)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	struct dialler dialler = { .pid = fork(), .fd = pair[0], .diag = -1 };
	if (dialler.pid == 0)
		dialler_main(pair[1], inside);
	int r = dialler.pid < 0 ? -errno : 0;
	fd_close(&pair[1]);
	if (r == 0)
		r = await_start(&dialler);
	if (r < 0)
		dialler_end(&dialler);
	else
		*ret = dialler;
	return r;
}

int dialler_ask(const struct dialler *dialler, int family)
{
	const char question = (char)family;

	return fd_send(dialler->fd, (struct span){ &question, 1 }, NULL, 0);
}

int dialler_take(int *ret_error, int *ret_fd, const struct dialler *dialler)
{
	int fds[FD_PASS_MAX], error = 0;
	size_t len = 0, count = 0;
	int r = fd_recv(&len, dialler->fd, &error, sizeof(error), fds, &count);

	if (r == -EMSGSIZE) { /* the socket does not fit our table of descriptors */
		*ret_error = EMFILE;
		*ret_fd = -1;
		return 0;
	}
	if (r < 0)
		return r;
	if (len != sizeof(error) || count > 1) { /* 0 octets: it died */
		for (size_t i = 0; i < count; i++)
			fd_close(&fds[i]);
		return -ECONNRESET;
	}
	*ret_error = error;
	*ret_fd = count == 1 ? fds[0] : -1;
	return 0;
}

void dialler_end(struct dialler *dialler)
{
	fd_close(&dialler->diag);
	fd_close(&dialler->fd);
	if (dialler->pid > 0) {
		(void)kill(dialler->pid, SIGKILL); /* our child, not yet waited for */
		while (waitpid(dialler->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	dialler->pid = 0;
}
