// SPDX-License-Identifier: Apache-2.0
/* A child confines itself and tries what it should not be able to; its tally is in shared memory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "observe/observe_priv.h"

enum { SURVIVED = 98, CONFINED_NOT = 99 };

/* clang-format off */
#define ROW(call, ...) { #call, SYS_##call, { __VA_ARGS__ } }
static const struct {
	const char *name;
	long number, args[6];
} attempts[] = {
	ROW(bpf, 0), ROW(socket, AF_UNIX, SOCK_STREAM), ROW(connect, 3), ROW(openat, AT_FDCWD, 0),
	ROW(read, 3), ROW(write, 3), ROW(recvmsg, 3), ROW(sendto, 3), ROW(sendmsg, 3, 0, 0), ROW(dup, 3),
	ROW(mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1), ROW(mprotect, 0, 0, PROT_EXEC),
	ROW(setns, 4), ROW(unshare, 0), ROW(clone, SIGCHLD), ROW(ptrace, 0), ROW(kill, 0, 0), ROW(ioctl, 3),
	ROW(prlimit64, 0), ROW(setuid, 0), ROW(capset, 0), ROW(perf_event_open, 0), ROW(io_uring_setup, 1),
};
/* clang-format on */

static int *shared;    /* the errno of each attempt */
static int channel[2]; /* ours, and the child's */

static void try_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		const long *a = attempts[i].args;

		errno = 0;
		shared[i] = syscall(attempts[i].number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1
				? errno
				: 0;
	}
	(void)!fd_send(OBSERVE_FD_CHANNEL, SPAN("x"), NULL, 0);
	(void)syscall(SYS_exit_group, SURVIVED);
}

/* run() - @other is a descriptor that must be gone, @kept one that stays */
static int run(void (*body)(void))
{
	const char *step = NULL;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int keep[] = { 20 };

		if (dup2(channel[1], 20) < 0 || dup2(channel[1], 21) < 0 ||
		    dup2(channel[1], OBSERVE_FD_CHANNEL) < 0 ||
		    observer_confine(&step, keep, ARRAY_SIZE(keep)) < 0)
			(void)syscall(SYS_exit_group, CONFINED_NOT);
		body();
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "%d", errno);
	return status;
}

static void test_refused(void)
{
	int status = run(try_all);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED, "%x", (unsigned)status);
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		CHECK(shared[i] == EPERM, "%s: %d", attempts[i].name, shared[i]);
	char octet = 0;
	CHECK(recv(channel[0], &octet, 1, MSG_DONTWAIT) == 1, "its channel works");
}

static void try_execve(void)
{
	char name[] = "true", *words[] = { name, NULL }, *none[] = { NULL };

	(void)execve("/bin/true", words, none);
}

static void send_by(int fd)
{
	struct msghdr empty = { 0 };

	bool closed =
	    syscall(SYS_sendmsg, fd, &empty, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EBADF;
	(void)syscall(SYS_exit_group, closed ? 1 : 2);
}

static void send_by_kept(void)
{
	send_by(20);
}

static void send_by_other(void)
{
	send_by(21);
}

int main(void)
{
	shared =
	    mmap(NULL, sizeof(attempts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* high ones, or the child's own would be among them */
	if (shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) < 0)
		return 1;
	test_refused();
	int status = run(try_execve);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%x", (unsigned)status);
	status = run(send_by_kept);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%x: kept is open", (unsigned)status);
	status = run(send_by_other);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%x: another is not",
	      (unsigned)status);
	return test_failures > 0;
}
