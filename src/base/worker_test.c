// SPDX-License-Identifier: Apache-2.0
/*
 * Children confine themselves and then try what an attacker would. They cannot print any more, so
 * what became of each attempt is in memory shared with this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "base/worker.h"

enum { CONFINED_NOT = 99, SURVIVED = 98 };

/* clang-format off */
#define ROW(call, ...) { #call, SYS_##call, { __VA_ARGS__ } }
/* clang-format on */

static const struct {
	const char *name;
	long number;
	long args[6];
} attempts[] = {
	ROW(socket, AF_UNIX, SOCK_STREAM),
	ROW(socketpair, AF_UNIX, SOCK_STREAM),
	ROW(connect, 3, 0, 0),
	ROW(openat, AT_FDCWD, 0, O_RDONLY),
	ROW(read, 3, 0, 0),
	ROW(write, 3, 0, 0),
	ROW(sendto, 3, 0, 0),
	ROW(sendmsg, 3, 0, 0),
	ROW(sendmsg, 3, 0, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_FASTOPEN),
	ROW(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
	ROW(mmap, 0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
	ROW(mprotect, 0, 0, PROT_EXEC),
	ROW(memfd_create, 0),
	ROW(memfd_secret, 0),
	ROW(pipe2, 0, 0),
	ROW(dup, 3),
	ROW(fcntl, 3, F_GETFD),
	ROW(ioctl, 3, 0x5412), /* TIOCSTI */
	ROW(clone, SIGCHLD),
	ROW(clone3, 0),
	ROW(unshare, 0),
	ROW(ptrace, 0),
	ROW(process_vm_writev, 1),
	ROW(kill, 0, 0),
	ROW(prctl, 4, 1), /* PR_SET_DUMPABLE */
	ROW(prlimit64, 0),
	ROW(setuid, 0),
	ROW(capset, 0),
	ROW(bpf, 0),
	ROW(io_uring_setup, 1),
};

static int *shared;    /* the errno of each attempt */
static int channel[2]; /* ours, and the child's */

static pid_t start(void (*body)(void))
{
	const char *step = NULL;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(channel[1], WORKER_FD_CHANNEL) < 0 || worker_harden(&step) < 0 ||
		    worker_confine(&step, RLIM_INFINITY) < 0)
			(void)syscall(SYS_exit_group, CONFINED_NOT);
		body();
		(void)syscall(SYS_exit_group, SURVIVED);
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
		const long *a = attempts[i].args;

		errno = 0;
		shared[i] = syscall(attempts[i].number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1
				? errno
				: 0;
	}
}

static void try_execve(void)
{
	char name[] = "true", *words[] = { name, NULL }, *none[] = { NULL };

	(void)execve("/bin/true", words, none);
}

static void test_refused(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		shared[i] = -1;
	int status = end_of(start(try_all));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED, "%x", (unsigned)status);
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		CHECK(shared[i] == EPERM, "%s: %d", attempts[i].name, shared[i]);
	status = end_of(start(try_execve));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%x", (unsigned)status);
}

/* A descriptor that comes with a message finds no room. */
static void take_descriptor(void)
{
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	char packet[8];
	int r = -EAGAIN;

	while (r == -EAGAIN)
		r = fd_recv(&len, WORKER_FD_CHANNEL, packet, sizeof(packet), fds, &count);
	shared[0] = r;
	shared[1] = (int)count;
}

static void test_descriptors(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	shared[0] = shared[1] = -1;
	CHECK(fd_send(channel[0], SPAN("x"), &null, 1) == 0, "send");
	(void)end_of(start(take_descriptor));
	CHECK(shared[0] == -EMSGSIZE || (shared[0] == 0 && shared[1] == 0), "%d, %d descriptors",
	      shared[0], shared[1]);
	fd_close(&null);
}

static void wait_for_end(void)
{
	struct msghdr empty = { 0 };

	(void)!fd_send(WORKER_FD_CHANNEL, SPAN("x"), NULL, 0);
	(void)recvmsg(WORKER_FD_CHANNEL, &empty, 0);
}

static void check_line(const char *text, const char *want)
{
	CHECK(strstr(text, want) != NULL, "lacks \"%s\"", want);
}

/* test_state() - as the kernel shows it; whose memory cannot be opened is not dumpable */
static void test_state(void)
{
	char path[64], octet = 0;
	char *status = NULL;
	struct stat st = { 0 };
	size_t len = 0;

	pid_t pid = start(wait_for_end);
	CHECK(recv(channel[0], &octet, 1, 0) == 1, "%d", errno);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CHECK(fd_read_file(&status, &len, AT_FDCWD, path, 65536) == 0, "%s", path);
	if (status != NULL) {
		check_line(status, "NoNewPrivs:\t1");
		check_line(status, "Seccomp:\t2");
		check_line(status, "CapPrm:\t0000000000000000");
		check_line(status, "CapEff:\t0000000000000000");
	}
	free(status);
	/* proc(5): the files in /proc/PID of one that is not dumpable belong to root */
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	CHECK(stat(path, &st) == 0 && st.st_uid == 0, "%s belongs to %u", path, st.st_uid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(geteuid() == 0 || (memory < 0 && errno == EACCES), "%s opens", path);
	fd_close(&memory);
	fd_close(&channel[0]);
	fd_close(&channel[1]);
	CHECK(WIFEXITED(end_of(pid)), "its channel ended");
}

int main(void)
{
	shared =
	    mmap(NULL, sizeof(attempts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED &&
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0,
	      "%d", errno);
	if (test_failures > 0)
		return 1;
	test_refused();
	test_descriptors();
	test_state();
	return test_failures > 0;
}
