// SPDX-License-Identifier: Apache-2.0
/* A namespace of its own for a listener; the dialler is started from outside it, as the warden does. */
#include "jail/dialler.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/test.h"
#include "base/test_net.h"
#include "jail/caps.h"
#include "jail/capture.h"

enum { PORT = 8080, NOBODY = 65534 };

/*
 * make_inside() - in a child with a network of its own: a listener and a socket to find it by, sent
 * through @channel; it stays until the channel closes. Return: as main()
 */
static int make_inside(int channel, bool userns)
{
	const char *stage = "none";
	struct sockaddr_storage a;
	int all[CAPTURE_SOCKETS] = { -1, -1, -1, -1 };

	if (!test_enter((userns ? CLONE_NEWUSER : 0) | CLONE_NEWNET) ||
	    capture_open(all, &stage) < 0)
		return 77;
	CLEANUP_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = test_address(&a, "127.0.0.1", PORT);
	CHECK(bind(listener, (struct sockaddr *)&a, len) == 0 && listen(listener, 8) == 0, "%d",
	      errno);
	const int fds[] = { all[CAPTURE_TCP], listener };
	CHECK(fd_send(channel, SPAN("x"), fds, 2) == 0, "send");
	(void)test_ready(channel, POLLIN);
	return test_failures > 0;
}

/* take() - wait for an answer. Return: the socket, -1 with *ret_error */
static int take(int *ret_error, const struct dialler *dialler)
{
	int fd = -1;

	CHECK(test_ready(dialler->fd, POLLIN), "no answer");
	CHECK(dialler_take(ret_error, &fd, dialler) == 0, "lost");
	return fd;
}

static void test_connect(const struct dialler *dialler, int listener)
{
	struct sockaddr_storage a;
	int error = 0;

	CHECK(dialler_ask(dialler, AF_INET) == 0, "ask");
	CLEANUP_FD int fd = take(&error, dialler);
	CHECK(fd >= 0 && error == 0, "%d", error);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
	      "flags");
	socklen_t len = test_address(&a, "127.0.0.1", PORT);
	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0 || errno == EINPROGRESS, "%d", errno);
	CHECK(test_ready(listener, POLLIN), "nobody came");
	CLEANUP_FD int far = accept(listener, NULL, NULL);
	CHECK(far >= 0, "%d", errno);
}

/* It comes with the first answer, and sees who listens inside: wire/diag_test.c */
static void test_diag(struct dialler *dialler)
{
	int family = 0, protocol = 0;
	socklen_t len = sizeof(family);

	if (dialler->diag < 0 && access("/proc/net/netlink", F_OK) == 0) {
		CLEANUP_FD int own =
		    socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

		CHECK(own < 0, "this kernel has sock_diag, and it is not handed over");
		return;
	}
	CHECK(getsockopt(dialler->diag, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
		  getsockopt(dialler->diag, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
		  family == AF_NETLINK && protocol == NETLINK_SOCK_DIAG,
	      "%d %d", family, protocol);
}

static void test_families(const struct dialler *dialler)
{
	const int families[] = { AF_INET6, AF_INET, AF_INET6 };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		CHECK(dialler_ask(dialler, families[i]) == 0, "ask");
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int error = 0, family = 0;
		socklen_t len = sizeof(family);
		CLEANUP_FD int fd = take(&error, dialler);

		CHECK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
			  family == families[i],
		      "%zu: %d", i, family);
	}
}

/* status() - a line of /proc/PID/status */
static bool status(pid_t pid, const char *line)
{
	char path[64], text[4096];
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && fd_read_full(&len, fd, text, sizeof(text) - 1) == 0, "%s", path);
	text[len] = '\0';
	return strstr(text, line) != NULL;
}

/* What it is once it answers: without power, without another descriptor, outside the sandbox. */
static void test_confined(const struct dialler *dialler)
{
	char path[64], text[64];

	CHECK(status(dialler->pid, "\nCapEff:\t0000000000000000\n"), "capabilities");
	CHECK(status(dialler->pid, "\nCapPrm:\t0000000000000000\n"), "capabilities");
	CHECK(status(dialler->pid, "\nNoNewPrivs:\t1\n") && status(dialler->pid, "\nSeccomp:\t2\n"),
	      "not confined");
	if (geteuid() != 0)
		return; /* it is not dumpable: nobody else may look */
	for (int fd = 1; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)dialler->pid, fd);
		/* the socket it has just handed over it closes a moment later */
		for (int i = 0; i < TEST_PATIENCE_MS && readlink(path, text, sizeof(text)) >= 0;
		     i++)
			(void)poll(NULL, 0, 1);
		CHECK(readlink(path, text, sizeof(text)) < 0, "%s is open", path);
	}
}

static void test_death(struct dialler *dialler)
{
	int error = 0, fd = -1;

	CHECK(kill(dialler->pid, SIGKILL) == 0, "%d", errno);
	CHECK(test_ready(dialler->fd, POLLIN), "its end does not show");
	int r = dialler_take(&error, &fd, dialler);
	CHECK(r == -ECONNRESET, "%d", r);
	dialler_end(dialler);
	CHECK(dialler->pid == 0 && dialler->fd == -1 && dialler->diag == -1, "ended");
	dialler_end(dialler);
}

/* Its channel's end is its own. */
static void test_channel_end(int inside)
{
	struct dialler dialler = DIALLER;
	siginfo_t info = { 0 };

	CHECK(dialler_start(&dialler, inside) == 0, "start");
	fd_close(&dialler.fd);
	CHECK(waitid(P_PID, (id_t)dialler.pid, &info, WEXITED | WNOWAIT) == 0, "%d", errno);
	CHECK(info.si_code == CLD_EXITED && info.si_status == 0, "%d %d", info.si_code,
	      info.si_status);
	dialler_end(&dialler);
}

static void test_refused(void)
{
	struct dialler dialler = DIALLER;
	CLEANUP_FD int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(dialler_start(&dialler, file) == -ENOTTY, "no socket");
	CHECK(dialler.pid == 0 && dialler.fd == -1, "written on failure");
}

static void all_tests(int channel)
{
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	char octet = 0;
	struct dialler dialler = DIALLER;

	int r = fd_recv(&len, channel, &octet, 1, fds, &count);
	CHECK(r == 0 && count == 2, "%d %zu", r, count);
	if (r < 0 || count != 2)
		return;
	r = dialler_start(&dialler, fds[0]);
	CHECK(r == 0, "%s", strerrordesc_np(-r));
	if (r == 0) {
		test_connect(&dialler, fds[1]);
		test_families(&dialler);
		test_diag(&dialler);
		test_confined(&dialler);
		test_death(&dialler);
		test_channel_end(fds[0]);
		test_refused();
	}
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

/* with_inside() - Return: 0, 1, 77 */
static int with_inside(bool userns)
{
	int pair[2], code = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "%d", errno);
	pid_t pid = fork();
	if (pid == 0) {
		fd_close(&pair[0]);
		_exit(make_inside(pair[1], userns));
	}
	fd_close(&pair[1]);
	struct pollfd p = { .fd = pair[0], .events = POLLIN };
	bool there = poll(&p, 1, TEST_PATIENCE_MS) == 1 && (p.revents & POLLIN) != 0;
	if (there && (p.revents & POLLHUP) == 0)
		all_tests(pair[0]);
	fd_close(&pair[0]);
	CHECK(waitpid(pid, &code, 0) == pid && WIFEXITED(code), "%d", code);
	return WEXITSTATUS(code) != 0 ? WEXITSTATUS(code) : test_failures > 0;
}

/* as_user() - the same as an ordinary user, whose sandboxes have a user namespace around them */
static int as_user(void)
{
	int code = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				       setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(1);
		(void)prctl(PR_SET_DUMPABLE, 1);
		_exit(with_inside(true));
	}
	CHECK(waitpid(pid, &code, 0) == pid && WIFEXITED(code), "%d", code);
	return WEXITSTATUS(code);
}

int main(void)
{
	int user = as_user();
	int root = caps_have(CAP_SYS_ADMIN) == 1 ? with_inside(false) : 77;

	CHECK(user == 0 || user == 77, "as a user: %d", user);
	CHECK(root == 0 || root == 77, "as root: %d", root);
	if (test_failures > 0)
		return 1;
	return user == 77 && root == 77 ? 77 : 0;
}
