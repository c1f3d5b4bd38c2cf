// SPDX-License-Identifier: Apache-2.0
/*
 * Children confine themselves and then try what an attacker would. They cannot print any more, so
 * what became of each attempt is in memory shared with this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "gateway/gateway_priv.h"

enum { UNTRIED = -1, CONFINED_NOT = 99, SURVIVED = 98 };

/* clang-format off */
#define ROW(call, ...) { #call, SYS_##call, { __VA_ARGS__ } }
/* clang-format on */

/* What may not even begin: arguments are such that most would work if they were allowed. */
static const struct {
	const char *name;
	long number;
	long args[6];
} attempts[] = {
	ROW(socket, AF_INET, SOCK_STREAM),
	ROW(socket, AF_UNIX, SOCK_STREAM),
	ROW(socketpair, AF_UNIX, SOCK_STREAM),
	ROW(connect, 3, 0, 0),
	ROW(bind, 3, 0, 0),
	ROW(listen, 3, 1),
	ROW(sendto, 3, 0, 0),
	ROW(openat, AT_FDCWD, 0, O_RDONLY),
	ROW(openat2, AT_FDCWD),
	ROW(open_by_handle_at, AT_FDCWD),
	ROW(mkdirat, AT_FDCWD),
	ROW(unlinkat, AT_FDCWD),
	ROW(write, 3, 0, 0),
	ROW(readv, 3, 0, 0),
	ROW(pipe2, 0, 0),
	ROW(tee, 3, 3, 1),
	ROW(vmsplice, 3, 0, 0),
	ROW(sendfile, 3, 3, 0, 1),
	ROW(ioctl, 3, 0x5412), /* TIOCSTI */
	ROW(fcntl, 3, F_GETFD),
	ROW(dup, 3),
	ROW(pidfd_open, 1),
	ROW(pidfd_getfd, 3),
	ROW(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
	ROW(mprotect, 0, 0, PROT_EXEC),
	ROW(memfd_create, 0),
	ROW(clone, SIGCHLD),
	ROW(clone3, 0),
	ROW(unshare, 0),
	ROW(setns, 3),
	ROW(ptrace, 0),
	ROW(process_vm_readv, 1),
	ROW(kill, 0, 0),
	ROW(prctl, 4, 1), /* PR_SET_DUMPABLE */
	ROW(prlimit64, 0),
	ROW(seccomp, 0),
	ROW(setuid, 0),
	ROW(capset, 0),
	ROW(bpf, 0),
	ROW(io_uring_setup, 1),
	ROW(userfaultfd, 0),
	ROW(perf_event_open, 0),
	ROW(mount, 0),
	ROW(chroot, 0),
	ROW(keyctl, 0),
	/* what is allowed is so with the gateway's own arguments alone */
	ROW(sendmsg, 3, 0, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_FASTOPEN), /* it would connect */
	ROW(sendmsg, 3, 0, 0),
	ROW(setsockopt, 3, SOL_SOCKET, SO_REUSEADDR),
	ROW(setsockopt, 3, SOL_SOCKET, TCP_NODELAY),
	ROW(setsockopt, 3, IPPROTO_TCP, SO_LINGER),
	ROW(setsockopt, 3, IPPROTO_TCP, 31), /* TCP_ULP, linux/tcp.h */
#ifdef __x86_64__
	ROW(open, 0, O_RDONLY),
	ROW(fork, 0),
	ROW(vfork, 0),
	{ "x32 sendmsg", 0x40000000 | 518, { 3 } }, /* __X32_SYSCALL_BIT */
	{ "x32 execve", 0x40000000 | 520, { 0 } },
#endif
};

static long call(long number, const long args[6])
{
	return syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* quit() - _exit() without the leak check that ASan adds to it, which the filter forbids */
static void quit(int code)
{
	(void)syscall(SYS_exit_group, code);
}

static int *shared; /* the errno of each attempt */

static pid_t start(void (*body)(void))
{
	const char *step = NULL;
	pid_t pid = fork();

	if (pid == 0) {
		if (gateway_confine(&step) < 0)
			quit(CONFINED_NOT);
		body();
		quit(SURVIVED);
	}
	CHECK(pid > 0, "%d", errno);
	return pid;
}

static int end_of(pid_t pid)
{
	int status = 0;

	CHECK(waitpid(pid, &status, 0) == pid, "%d", errno);
	return status;
}

static void try_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		errno = 0;
		shared[i] = call(attempts[i].number, attempts[i].args) == -1 ? errno : 0;
	}
}

static void try_execve(void)
{
	char name[] = "true", *words[] = { name, NULL }, *none[] = { NULL };

	(void)execve("/bin/true", words, none);
}

static void try_execveat(void)
{
	(void)syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0);
}

#ifdef __x86_64__
/* The calls of 32-bit programs have other numbers: 5 is open() there, which is fstat() here. */
static void try_ia32(void)
{
	long result = 5;

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
}
#endif

static void test_refused(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		shared[i] = UNTRIED;
	int status = end_of(start(try_all));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED, "%x", (unsigned)status);
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		CHECK(shared[i] == EPERM, "%s: %d", attempts[i].name, shared[i]);
}

static void test_killed(void)
{
	void (*const bodies[])(void) = {
		try_execve,
		try_execveat,
#ifdef __x86_64__
		try_ia32,
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		int status = end_of(start(bodies[i]));

		/* SIGSEGV: a kernel without 32-bit calls knows no such interrupt */
		CHECK(WIFSIGNALED(status) &&
			  (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV),
		      "row %zu: %x", i, (unsigned)status);
	}
}

static int pair[2] = { -1, -1 };

/* wait_for_end() - in the child: with what is allowed, say that we are confined, and wait */
static void wait_for_end(void)
{
	struct msghdr empty = { 0 };

	fd_close(&pair[0]);
	if (fd_send(pair[1], SPAN("x"), NULL, 0) < 0)
		quit(1);
	quit(recvmsg(pair[1], &empty, 0) != 0);
}

static void check_line(const char *text, const char *want)
{
	CHECK(strstr(text, want) != NULL, "lacks \"%s\"", want);
}

/* test_state() - as the kernel shows it: who is not dumpable has a root-owned /proc/PID */
static void test_state(void)
{
	char path[64], octet = 0;
	char *status = NULL;
	size_t len = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "%d", errno);
	pid_t pid = start(wait_for_end);
	CHECK(recv(pair[0], &octet, 1, 0) == 1, "%d", errno);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CHECK(fd_read_file(&status, &len, AT_FDCWD, path, 65536) == 0, "%s", path);
	if (status != NULL) {
		check_line(status, "NoNewPrivs:\t1");
		check_line(status, "Seccomp:\t2");
		check_line(status, "CapPrm:\t0000000000000000");
		check_line(status, "CapEff:\t0000000000000000");
	}
	free(status);
	fd_close(&pair[1]);
	fd_close(&pair[0]);
	CHECK(end_of(pid) == 0, "not its own end");
}

int main(void)
{
	shared =
	    mmap(NULL, sizeof(attempts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED, "%d", errno);
	if (test_failures > 0)
		return 1;
	test_refused();
	test_killed();
	test_state();
	return test_failures > 0;
}
