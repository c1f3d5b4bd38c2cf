// SPDX-License-Identifier: Apache-2.0
/*
 * Children put themselves behind the real filter and try every refused call raw: what the kernel
 * answers must be exactly what the table says. Arguments are chosen so that a call which did get
 * through would fail with another errno, or harm nothing.
 */
#include "jail/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"

#define BAD 0xfffffffffffff000 /* a pointer to nowhere: EFAULT, if anybody looks */

static void confine(void)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : seccomp_install();

	CHECK(r == 0, "install: %d", r);
}

/* in_child() - run @body in a child behind the filter. Return: its wait status. */
static int in_child(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		test_failures = 0;
		confine();
		body();
		_exit(test_failures > 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "child");
	return status;
}

/* Refused whatever the arguments: every row of the table with an errno, by its number. */
static void body_refused(void)
{
	unsigned refused = 0;

	for (uint32_t nr = 0; nr < 600; nr++) {
		const struct seccomp_row *row = seccomp_explain(nr);

		if (row != NULL && row->error == 0)
			continue; /* allowed, or a rule decides */
		errno = 0;
		long r = syscall((long)nr, BAD, BAD, BAD, BAD, BAD, BAD);
		int want = row != NULL ? row->error : ENOSYS;

		CHECK(r == -1 && errno == want, "%s (%u): %ld, errno %d, want %d",
		      row != NULL ? row->name : "unlisted", nr, r, errno, want);
		refused++;
	}
	CHECK(refused > 250, "only %u calls refused", refused);
}

static void body_rules(void)
{
	const long high = 0x100000000; /* a bit where the kernel does not look */
	const struct {
		const char *what;
		long nr, a, b, c;
		int error; /* 0: works */
	} rows[] = {
		{ "unshare user", __NR_unshare, CLONE_NEWUSER, 0, 0, EPERM },
		{ "unshare net", __NR_unshare, CLONE_NEWNET, 0, 0, EPERM },
		{ "unshare time", __NR_unshare, 0x80, 0, 0, EPERM },
		{ "unshare beyond 32 bits", __NR_unshare, CLONE_FS | high, 0, 0, EPERM },
		{ "unshare fs", __NR_unshare, CLONE_FS | CLONE_FILES, 0, 0, 0 },
		{ "AF_UNIX", __NR_socket, AF_UNIX, SOCK_SEQPACKET, 0, 0 },
		{ "TCP", __NR_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0 },
		{ "UDP", __NR_socket, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP, 0 },
		{ "ICMP", __NR_socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, EPROTONOSUPPORT },
		{ "SCTP", __NR_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP, EPROTONOSUPPORT },
		{ "MPTCP", __NR_socket, AF_INET, SOCK_STREAM, 262, EPROTONOSUPPORT },
		{ "raw", __NR_socket, AF_INET, SOCK_RAW, IPPROTO_TCP, EPERM },
		{ "raw, high bits", __NR_socket, AF_INET | high, SOCK_RAW, IPPROTO_TCP, EPERM },
		{ "SOCK_PACKET", __NR_socket, AF_INET, 10, 0, EPERM },
		{ "AF_PACKET", __NR_socket, 17, SOCK_RAW, 0, EAFNOSUPPORT },
		{ "AF_ALG", __NR_socket, 38, SOCK_SEQPACKET, 0, EAFNOSUPPORT },
		{ "AF_VSOCK", __NR_socket, 40, SOCK_STREAM, 0, EAFNOSUPPORT },
		{ "AF_XDP", __NR_socket, 44, SOCK_RAW, 0, EAFNOSUPPORT },
		{ "AF_TIPC pair", __NR_socketpair, 30, SOCK_STREAM, 0, EAFNOSUPPORT },
		{ "routes", __NR_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0 },
		{ "netfilter", __NR_socket, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, EPERM },
		{ "audit", __NR_socket, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, EPERM },
		{ "TCP_ULP", __NR_setsockopt, -1, IPPROTO_TCP, TCP_ULP, ENOENT },
		{ "TCP_NODELAY", __NR_setsockopt, -1, IPPROTO_TCP, TCP_NODELAY, EBADF },
		{ "TIOCSTI", __NR_ioctl, -1, TIOCSTI, 0, EPERM },
		{ "TIOCSTI, high bits", __NR_ioctl, -1, TIOCSTI | high, 0, EPERM },
		{ "TIOCLINUX", __NR_ioctl, -1, TIOCLINUX, 0, EPERM },
		{ "TIOCSETD", __NR_ioctl, -1, TIOCSETD, 0, EPERM },
		{ "TCGETS", __NR_ioctl, -1, TCGETS, 0, EBADF },
		{ "device node", __NR_mknodat, -1, (long)"x", S_IFCHR | 0600, EPERM },
		{ "disk node", __NR_mknodat, -1, (long)"x", S_IFBLK | 0600, EPERM },
		{ "set-user-ID by mode", __NR_fchmodat, -1, (long)"x", 04755, EPERM },
		{ "set-group-ID by mode", __NR_fchmodat, -1, (long)"x", 02755, EPERM },
		{ "plain mode", __NR_fchmodat, -1, (long)"x", 0755, EBADF },
		{ "FIFO", __NR_mknodat, -1, (long)"x", S_IFIFO | 0600, EBADF },
		{ "personality now", __NR_personality, 0xffffffff, 0, 0, 0 },
		{ "READ_IMPLIES_EXEC", __NR_personality, 0x400000, 0, 0, EPERM },
		{ "listener", __NR_seccomp, SECCOMP_SET_MODE_FILTER, 8, 0, EPERM },
		{ "filter", __NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0, EFAULT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		errno = 0;
		long r = syscall(rows[i].nr, rows[i].a, rows[i].b, rows[i].c, 0, 0, 0);

		CHECK(rows[i].error == 0 ? r >= 0 : r == -1 && errno == rows[i].error,
		      "%s: %ld, errno %d, want %d", rows[i].what, r, errno, rows[i].error);
	}
}

/* clone() by itself: the child of one that gets through must leave at once */
static void body_clone(void)
{
	const unsigned long refused[] = {
		CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
		CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWUSER | (1UL << 32),
	};
	int status = -1;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		errno = 0;
		long r = syscall(__NR_clone, refused[i] | SIGCHLD, 0, 0, 0, 0);

		if (r == 0)
			_exit(1);
		CHECK(r == -1 && errno == EPERM, "clone %lx: %ld, %d", refused[i], r, errno);
	}
	long pid = syscall(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(7);
	CHECK(pid > 0 && waitpid((pid_t)pid, &status, 0) == pid, "plain clone: %ld", pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %x", (unsigned)status);
}

#if defined(__x86_64__)
static void body_x32(void)
{
	const long numbers[] = { 0, 1, 39, 57, 59, 101, 165, 272, 308, 425, 512, 547 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		errno = 0;
		long r = syscall(0x40000000 | numbers[i], -1, BAD, BAD, BAD, 0, 0);

		CHECK(r == -1 && errno == ENOSYS, "x32 %ld: %ld, %d", numbers[i], r, errno);
	}
}

static void body_int80(void)
{
	long result = 20; /* getpid of i386 */

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
	_exit(9); /* not reached */
}
#endif

static void *thread(void *argument)
{
	*(int *)argument = 42;
	return NULL;
}

/* What programs do all day. */
static void body_allowed(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };
	char *const envp[] = { NULL };
	int answer = 0, status = -1;
	pthread_t id;
	pid_t pid = 0;

	int r = pthread_create(&id, NULL, thread, &answer); /* clone3, then clone */
	CHECK(r == 0 && pthread_join(id, NULL) == 0 && answer == 42, "thread: %d", r);
	r = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp);
	CHECK(r == 0 && waitpid(pid, &status, 0) == pid && status == 0, "spawn: %d", r);
	pid = fork();
	if (pid == 0)
		_exit(3);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3, "fork");
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0, "/dev/null");
	int pair[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	CHECK(kill(getpid(), 0) == 0 && nanosleep(&(struct timespec){ .tv_nsec = 1 }, NULL) == 0,
	      "signal, sleep");
}

static void body_nothing(void)
{
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* the figure MECHANISMS asks for; no bar, for the machine may be busy */
static void test_cost(void)
{
	double best = 1e9;

	for (int i = 0; i < 30; i++) {
		int pipe_fds[2];
		double us = 0;

		CHECK(pipe(pipe_fds) == 0, "pipe");
		pid_t pid = fork();
		if (pid == 0) {
			(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			us = now_us();
			int r = seccomp_install();
			us = now_us() - us;
			_exit(r < 0 || write(pipe_fds[1], &us, sizeof(us)) != sizeof(us));
		}
		CHECK(read(pipe_fds[0], &us, sizeof(us)) == sizeof(us), "cost");
		CHECK(waitpid(pid, NULL, 0) == pid, "wait");
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		best = us < best ? us : best;
	}
	printf("seccomp_install: %.0f us at best\n", best);
}

static void test_needs_nnp(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		_exit(seccomp_install() != -EACCES);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "status %x", (unsigned)status);
}

int main(void)
{
	const struct {
		const char *name;
		void (*body)(void);
	} rows[] = {
		{ "nothing", body_nothing },
		{ "refused", body_refused },
		{ "rules", body_rules },
		{ "clone", body_clone },
		{ "allowed", body_allowed },
#if defined(__x86_64__)
		{ "x32", body_x32 },
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status = in_child(rows[i].body);

		CHECK(status == 0, "%s: status %x", rows[i].name, (unsigned)status);
	}
#if defined(__x86_64__)
	int status = in_child(body_int80);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "int80: %x", (unsigned)status);
#endif
	test_needs_nnp();
	test_cost();
	return test_failures > 0;
}
