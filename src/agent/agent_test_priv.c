// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: init is the real program, started as PID 1 of fresh namespaces in which most
 * walls are missing. What it says comes back over a socket pair and is judged frame by frame.
 */
#include "agent/agent_test_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/fd.h"
#include "base/test.h"

enum { SKIPPED = 77 }; /* as meson understands it */

static const char *init_path;

/* ---- starting init ---- */

static int write_text(const char *path, const char *text)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, span_of(text));
}

static int mount_all(void)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} readonly = { .set = 1 /* RDONLY */ };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	(void)syscall(SYS_mount_setattr, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &readonly,
		      sizeof(readonly));
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		return -1;
	if (mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666") < 0)
		return -1;
	return mount("/dev/pts/ptmx", "/dev/ptmx", NULL, MS_BIND, NULL);
}

__attribute__((noreturn)) static void become_init(int channel, int program)
{
	int null = open("/dev/null", O_RDWR);

	if (mount_all() < 0 || null < 0)
		_exit(SKIPPED);
	int kept = fcntl(program, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	(void)dup2(channel, AGENT_CHANNEL_FD);
	(void)syscall(SYS_close_range, 4U, (unsigned)kept - 1, 0U);
	(void)signal(SIGPIPE, SIG_IGN); /* init must not hand this on */
	char name[] = "immure-init";
	char *argv[] = { name, NULL };
	(void)syscall(SYS_execveat, kept, "", argv, environ, AT_EMPTY_PATH);
	_exit(SKIPPED);
}

static void write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	(void)write_text(path, text);
}

static void map_ids(pid_t pid)
{
	char text[64];

	write_proc(pid, "setgroups", "deny");
	(void)snprintf(text, sizeof(text), "0 %u 1", (unsigned)getuid());
	write_proc(pid, "uid_map", text);
	(void)snprintf(text, sizeof(text), "0 %u 1", (unsigned)getgid());
	write_proc(pid, "gid_map", text);
}

int start_init(struct peer *ret)
{
	CLEANUP_FD int program = open(init_path, O_RDONLY | O_CLOEXEC);
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET;
	int pair[2];
	int gate[2];
	char go = 0;

	if (getuid() != 0)
		flags |= CLONE_NEWUSER;
	if (program < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		while (read(gate[0], &go, 1) < 0)
			;
		become_init(pair[1], program);
	}
	int r = pid < 0 ? -errno : 0;
	if (r == 0 && getuid() != 0)
		map_ids(pid);
	if (r == 0)
		r = fd_write_all(gate[1], SPAN("g"));
	fd_close(&gate[0]);
	fd_close(&gate[1]);
	fd_close(&pair[1]);
	*ret = (struct peer){ .pid = pid, .fd = pair[0] };
	return r;
}

int end_init(struct peer *peer)
{
	int status = -1;

	fd_close(&peer->fd);
	CHECK(waitpid(peer->pid, &status, 0) == peer->pid, "wait: %d", errno);
	return status;
}

/* ---- frames ---- */

bool receive(struct frame *ret, const struct peer *peer, int wait_ms)
{
	struct pollfd p = { .fd = peer->fd, .events = POLLIN };
	int fds[FD_PASS_MAX];
	size_t count = 0;
	size_t len = 0;

	if (poll(&p, 1, wait_ms) <= 0 ||
	    fd_recv(&len, peer->fd, ret->octets, sizeof(ret->octets), fds, &count) < 0 || len == 0)
		return false;
	CHECK(count == 0, "descriptors from inside");
	if (agent_header_decode(&ret->h, (struct span){ ret->octets, len }) < 0)
		return false;
	ret->payload = (struct span){ ret->octets + AGENT_HEADER_OCTETS, ret->h.length };
	return true;
}

bool expect(struct frame *ret, const struct peer *peer, enum agent_type type, uint32_t id)
{
	bool got = receive(ret, peer, WAIT_MS);

	CHECK(got, "no frame; wanted type %d of %u", type, id);
	CHECK(!got || (ret->h.type == type && ret->h.id == id), "type %d of %u; wanted %d of %u",
	      ret->h.type, ret->h.id, type, id);
	return got && ret->h.type == type && ret->h.id == id;
}

void send_now(const struct peer *peer, struct buf *frame, int encoded, const int *fds, size_t count)
{
	int r = encoded;

	while (r == 0 && (r = fd_send(peer->fd, buf_span(frame), fds, count)) == -EAGAIN) {
		struct pollfd p = { .fd = peer->fd, .events = POLLOUT };

		r = poll(&p, 1, WAIT_MS) == 1 ? 0 : -ETIMEDOUT;
	}
	CHECK(r == 0, "send: %d", r);
	buf_free(frame);
	for (size_t i = 0; i < count; i++)
		(void)close(fds[i]);
}

static const char *const ENVIRONMENT[] = { "PATH=/usr/bin:/bin", "TERM=dumb", "LC_ALL=C" };

void send_exec(const struct peer *peer, uint32_t id, unsigned flags, const char *dir,
	       const char *const *argv, const int *fds)
{
	struct span words[16];
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct agent_exec exec = { .flags = flags, .working_dir = span_of(dir), .words = words };

	if ((flags & AGENT_EXEC_TTY) != 0) {
		exec.rows = 33;
		exec.columns = 111;
	}
	while (argv[exec.argc] != NULL) {
		words[exec.argc] = span_of(argv[exec.argc]);
		exec.argc++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ENVIRONMENT); i++)
		words[exec.argc + exec.envc++] = span_of(ENVIRONMENT[i]);
	send_now(peer, &frame, agent_exec_encode(&frame, id, &exec, 3), fds, 3);
}

void nulls(int *fds)
{
	for (int i = 0; i < 3; i++)
		fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

void send_shell(const struct peer *peer, uint32_t id, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int fds[3];

	nulls(fds);
	send_exec(peer, id, 0, "/", argv, fds);
}

void send_signal(const struct peer *peer, uint32_t id, int number)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	send_now(peer, &frame, agent_u32_encode(&frame, AGENT_SIGNAL, id, (uint32_t)number), NULL,
		 0);
}

void expect_exit(const struct peer *peer, uint32_t id, uint32_t code, uint32_t number)
{
	static struct frame f;
	struct agent_exit e = { 0 };

	if (!expect(&f, peer, AGENT_EXITED, id))
		return;
	CHECK(agent_exit_decode(&e, f.payload) == 0, "payload");
	CHECK(e.code == code && e.signal == number, "%u: code %u signal %u; wanted %u and %u", id,
	      e.code, e.signal, code, number);
	CHECK(e.duration_ns > 0 && e.duration_ns < 60000000000, "%llu ns",
	      (unsigned long long)e.duration_ns);
}

void expect_run(const struct peer *peer, uint32_t id, uint32_t code, uint32_t number)
{
	static struct frame f;

	if (expect(&f, peer, AGENT_STARTED, id))
		expect_exit(peer, id, code, number);
}

void expect_failure(const struct peer *peer, uint32_t id, enum agent_step step, int error)
{
	static struct frame f;
	struct agent_failure got = { 0 };

	if (!expect(&f, peer, AGENT_FAILED, id))
		return;
	CHECK(agent_failure_decode(&got, f.payload) == 0, "payload");
	CHECK(got.step == step && got.error == (uint32_t)error,
	      "%u: step %d error %u; wanted %d, %d", id, got.step, got.error, step, error);
}

/* ---- the program ---- */

int begin_test(struct peer *ret, int argc, char **argv)
{
	if (argc != 2)
		return 2;
	init_path = argv[1];
	(void)signal(SIGPIPE, SIG_IGN);
	if (start_init(ret) < 0)
		return SKIPPED;
	struct pollfd p = { .fd = ret->fd, .events = POLLIN };
	if (poll(&p, 1, WAIT_MS) == 1 && (p.revents & POLLIN) == 0) {
		int status = end_init(ret);

		return WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED ? SKIPPED : 1;
	}
	return 0;
}

int run_tests(int argc, char **argv, void (*const *tests)(const struct peer *peer), size_t count)
{
	struct peer peer = { .fd = -1 };
	static struct frame f;
	int r = begin_test(&peer, argc, argv);

	if (r != 0)
		return r;
	expect(&f, &peer, AGENT_HELLO, 0);
	for (size_t i = 0; i < count && test_failures == 0; i++)
		tests[i](&peer); /* the next would read the frames of one that failed */
	int status = end_init(&peer);
	CHECK(test_failures > 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "%x", status);
	return test_failures > 0;
}
