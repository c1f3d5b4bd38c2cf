// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: starts the real init (its path is the first argument) as PID 1 of fresh
 * namespaces, plays the warden over a socket pair, and looks at what comes back. The self-test
 * reports escapes here, for most walls are missing; that it reports them is part of the test.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "wire/selftest.h"

enum {
	WAIT_MS = 15000,
	SKIPPED = 77, /* as meson understands it */
	BIG_OCTETS = 64 << 20,
};

static const char *init_path;

struct peer {
	pid_t pid;
	int fd; /* owned; our end of the channel */
};

struct frame {
	struct agent_header h;
	struct span payload;
	char octets[AGENT_FRAME_OCTETS_MAX];
};

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

/* start_init() - Return: 0, or -EPERM where namespaces may not be had */
static int start_init(struct peer *ret)
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

/* end_init() - close the channel. Return: the exit status of init, as waitpid() says it. */
static int end_init(struct peer *peer)
{
	int status = -1;

	fd_close(&peer->fd);
	CHECK(waitpid(peer->pid, &status, 0) == peer->pid, "wait: %d", errno);
	return status;
}

/* ---- frames ---- */

static bool receive(struct frame *ret, const struct peer *peer, int wait_ms)
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

/* expect() - the next frame must be this one */
static bool expect(struct frame *ret, const struct peer *peer, enum agent_type type, uint32_t id)
{
	bool got = receive(ret, peer, WAIT_MS);

	CHECK(got, "no frame; wanted type %d of %u", type, id);
	CHECK(!got || (ret->h.type == type && ret->h.id == id), "type %d of %u; wanted %d of %u",
	      ret->h.type, ret->h.id, type, id);
	return got && ret->h.type == type && ret->h.id == id;
}

/* send_now() - send a frame, waiting while init does not read; takes the buffer and closes the fds
 */
static void send_now(const struct peer *peer, struct buf *frame, int encoded, const int *fds,
		     size_t count)
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

/* send_exec() - @argv ends with NULL; @fds are consumed */
static void send_exec(const struct peer *peer, uint32_t id, unsigned flags, const char *dir,
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

static void nulls(int *fds)
{
	for (int i = 0; i < 3; i++)
		fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void send_shell(const struct peer *peer, uint32_t id, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int fds[3];

	nulls(fds);
	send_exec(peer, id, 0, "/", argv, fds);
}

static void send_signal(const struct peer *peer, uint32_t id, int number)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	send_now(peer, &frame, agent_u32_encode(&frame, AGENT_SIGNAL, id, (uint32_t)number), NULL,
		 0);
}

static void expect_exit(const struct peer *peer, uint32_t id, uint32_t code, uint32_t number)
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

static void expect_run(const struct peer *peer, uint32_t id, uint32_t code, uint32_t number)
{
	static struct frame f;

	if (expect(&f, peer, AGENT_STARTED, id))
		expect_exit(peer, id, code, number);
}

static void expect_failure(const struct peer *peer, uint32_t id, enum agent_step step, int error)
{
	static struct frame f;
	struct agent_failure got = { 0 };

	if (!expect(&f, peer, AGENT_FAILED, id))
		return;
	CHECK(agent_failure_decode(&got, f.payload) == 0, "payload");
	CHECK(got.step == step && got.error == (uint32_t)error,
	      "%u: step %d error %u; wanted %d, %d", id, got.step, got.error, step, error);
}

/* ---- running programs ---- */

static void test_exits(const struct peer *peer)
{
	const struct {
		const char *script;
		uint32_t code, number;
	} rows[] = {
		{ "true", 0, 0 },
		{ "false", 1, 0 },
		{ "exit 255", 255, 0 },
		{ "kill -9 $$", 0, SIGKILL },
		{ "kill -PIPE $$", 0, SIGPIPE },   /* not inherited as ignored */
		{ "kill -CHLD $$; exit 3", 3, 0 }, /* nor as blocked, for then sh would not reap */
		{ "test $(ls /proc/self/fd | wc -l) = 4", 0, 0 },     /* 0, 1, 2 and that of ls */
		{ "test $$ = $(cut -d' ' -f6 /proc/$$/stat)", 0, 0 }, /* leads a session */
		{ "grep -q 'SigBlk:.0000000000000000' /proc/self/status", 0, 0 },
		{ "grep -q 'SigIgn:.0000000000000000' /proc/self/status", 0, 0 },
		{ "test $TERM$PWD = dumb/", 0, 0 },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		send_shell(peer, i + 1, rows[i].script);
		expect_run(peer, i + 1, rows[i].code, rows[i].number);
	}
}

static void test_refused_programs(const struct peer *peer)
{
	const struct {
		const char *dir, *program;
		enum agent_step step;
		int error;
	} rows[] = {
		{ "/", "no-such-program", AGENT_STEP_EXEC, ENOENT },
		{ "/", "/no/such", AGENT_STEP_EXEC, ENOENT },
		{ "/", "", AGENT_STEP_EXEC, ENOENT },
		{ "/", "/etc/passwd", AGENT_STEP_EXEC, EACCES },
		{ "/", "/", AGENT_STEP_EXEC, EACCES },
		{ "/no/such", "true", AGENT_STEP_CHDIR, ENOENT },
		{ "/etc/passwd", "true", AGENT_STEP_CHDIR, ENOTDIR },
	};

	for (unsigned flags = 0; flags <= 3; flags += 3)
		for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const char *argv[] = { rows[i].program, NULL };
			int fds[3];

			nulls(fds);
			send_exec(peer, i + 1, flags, rows[i].dir, argv, fds);
			expect_failure(peer, i + 1, rows[i].step, rows[i].error);
		}
}

static void test_concurrent(const struct peer *peer)
{
	enum { COUNT = 100 };
	static struct frame f;
	unsigned started = 0;
	unsigned exited = 0;

	for (uint32_t i = 1; i <= COUNT; i++)
		send_shell(peer, i, "exit 7");
	while (exited < COUNT && receive(&f, peer, WAIT_MS)) {
		struct agent_exit e = { 0 };

		started += f.h.type == AGENT_STARTED;
		if (f.h.type == AGENT_EXITED && agent_exit_decode(&e, f.payload) == 0 &&
		    e.code == 7)
			exited++;
	}
	CHECK(started == COUNT && exited == COUNT, "%u %u", started, exited);
}

/* The 257th operation is refused; the others are not disturbed. */
static void test_limit(const struct peer *peer)
{
	enum { COUNT = 256 };
	static struct frame f;

	for (uint32_t i = 1; i <= COUNT; i++) {
		send_shell(peer, i, "exec sleep 100");
		expect(&f, peer, AGENT_STARTED, i);
	}
	send_shell(peer, COUNT + 1, "true");
	expect_failure(peer, COUNT + 1, AGENT_STEP_LIMIT, EAGAIN);
	for (uint32_t i = 1; i <= COUNT; i++) {
		send_signal(peer, i, SIGTERM);
		expect_exit(peer, i, 0, SIGTERM);
	}
	send_shell(peer, COUNT + 1, "true");
	expect_run(peer, COUNT + 1, 0, 0);
}

static void test_signals(const struct peer *peer)
{
	static struct frame f;

	send_shell(peer, 1, "sleep 100 & sleep 100"); /* the group gets it, not sh alone */
	expect(&f, peer, AGENT_STARTED, 1);
	send_signal(peer, 1, SIGTERM);
	expect_exit(peer, 1, 0, SIGTERM);
	send_signal(peer, 1, SIGTERM); /* too late: ignored */

	/* SIGKILL reaches other groups of the session */
	send_shell(peer, 2, "exec bash -c 'set -m; sleep 1234 & wait'");
	expect(&f, peer, AGENT_STARTED, 2);
	usleep(200000);
	send_signal(peer, 2, SIGKILL);
	expect_exit(peer, 2, 0, SIGKILL);
	send_shell(peer, 3,
		   "usleep 1 2>/dev/null; sleep 0.1; ! grep -qa [1]234 /proc/[0-9]*/cmdline");
	expect_run(peer, 3, 0, 0);
}

static unsigned count_frames(const struct peer *peer, enum agent_type type, unsigned wanted)
{
	static struct frame f;
	unsigned count = 0;

	while (count < wanted && receive(&f, peer, WAIT_MS))
		count += f.h.type == type;
	return count;
}

/* try_exec() - ask for a program that is not there. Return: 0, or -EAGAIN when init does not read.
 */
static int try_exec(const struct peer *peer, uint32_t id)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct span words[] = { SPAN("/no/such") };
	struct agent_exec exec = { .working_dir = SPAN("/"), .argc = 1, .words = words };
	int fds[3];

	nulls(fds);
	int r = agent_exec_encode(&frame, id, &exec, 3);
	if (r == 0)
		r = fd_send(peer->fd, buf_span(&frame), fds, 3);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	return r;
}

/* A warden that does not read: nothing is lost. */
static void test_deaf_warden(const struct peer *peer)
{
	enum { ROUNDS = 2000, COUNT = 200 };
	unsigned ends = 0;
	unsigned full = 0;

	for (uint32_t i = 1; i <= COUNT; i++)
		send_shell(peer, i, "sleep 0.2");
	usleep(500000);
	ends = count_frames(peer, AGENT_EXITED, COUNT);
	CHECK(ends == COUNT, "%u", ends);

	ends = 0;
	for (uint32_t i = 1; i <= ROUNDS;) {
		int r = try_exec(peer, i);

		i += r == 0;
		if (r == -EAGAIN) { /* init has stopped reading, as it should; so take an answer */
			full++;
			ends += count_frames(peer, AGENT_FAILED, 1);
		}
	}
	ends += count_frames(peer, AGENT_FAILED, ROUNDS - ends);
	CHECK(ends == ROUNDS && full > 0, "%u, %u times full", ends, full);
}

static void test_orphans(const struct peer *peer)
{
	send_shell(peer, 1, "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.1 &) ; done");
	expect_run(peer, 1, 0, 0);
	send_shell(peer, 2, "sleep 0.5; ! grep -q 'State:.Z' /proc/[0-9]*/status");
	expect_run(peer, 2, 0, 0);
}

static void test_disturbance(const struct peer *peer)
{
	/* all signals but those that stop the sender itself, many times: init lives */
	send_shell(peer, 1,
		   "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 34 63; do "
		   "kill -$n 1; kill -$n 1; done; exit 0");
	expect_run(peer, 1, 0, 0);
	send_shell(peer, 2, "true");
	expect_run(peer, 2, 0, 0);
}

/* ---- standard input and output ---- */

struct stream { /* what goes into and comes out of a program */
	int to, from;
	size_t sent, got;
	uint32_t sum;
};

static unsigned char octet_at(size_t at)
{
	return (unsigned char)(at * 2654435761U >> 13);
}

static void feed(struct stream *s)
{
	static unsigned char block[65536];
	size_t len = BIG_OCTETS - s->sent < sizeof(block) ? BIG_OCTETS - s->sent : sizeof(block);

	for (size_t i = 0; i < len; i++)
		block[i] = octet_at(s->sent + i);
	ssize_t n = write(s->to, block, len);
	if (n > 0)
		s->sent += (size_t)n;
	if (s->sent == BIG_OCTETS || (n < 0 && errno != EAGAIN))
		fd_close(&s->to);
}

/* take() - Return: false at the end */
static bool take(struct stream *s)
{
	static unsigned char block[65536];
	ssize_t n = read(s->from, block, sizeof(block));

	for (ssize_t i = 0; i < n; i++)
		s->sum += block[i] != octet_at(s->got + (size_t)i);
	if (n > 0)
		s->got += (size_t)n;
	return n > 0;
}

static void shovel(struct stream *s)
{
	for (bool more = true; more;) {
		struct pollfd p[] = { { .fd = s->from, .events = POLLIN },
				      { .fd = s->to, .events = POLLOUT } };

		if (poll(p, 2, WAIT_MS) <= 0)
			break;
		if (p[1].revents != 0)
			feed(s);
		if (p[0].revents != 0)
			more = take(s);
	}
	fd_close(&s->to);
	fd_close(&s->from);
}

static void test_big_stream(const struct peer *peer)
{
	const char *argv[] = { "cat", NULL };
	int in[2];
	int out[2];
	static struct frame f;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	int fds[] = { in[0], out[1], open("/dev/null", O_RDWR | O_CLOEXEC) };
	struct stream s = { .to = in[1], .from = out[0] };
	(void)fcntl(s.to, F_SETFL, O_WRONLY | O_NONBLOCK);
	send_exec(peer, 1, 0, "/", argv, fds);
	expect(&f, peer, AGENT_STARTED, 1);
	shovel(&s);
	CHECK(s.got == BIG_OCTETS && s.sum == 0, "%zu octets, %u wrong", s.got, s.sum);
	expect_exit(peer, 1, 0, 0);
}

/* ---- terminals ---- */

struct console {
	int to, from; /* owned */
	size_t len;
	char text[256 * 1024];
};

static void open_console(struct console *c, const struct peer *peer, uint32_t id, unsigned flags,
			 const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int in[2];
	int out[2];

	c->len = 0;
	c->text[0] = '\0';
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	int fds[] = { in[0], out[1], open("/dev/null", O_RDWR | O_CLOEXEC) };
	c->to = in[1];
	c->from = out[0];
	send_exec(peer, id, flags, "/", argv, fds);
}

static void close_console(struct console *c)
{
	fd_close(&c->to);
	fd_close(&c->from);
}

/* read_until() - read output until it holds @text; NULL: until its end */
static bool read_until(struct console *c, const char *text)
{
	for (;;) {
		struct pollfd p = { .fd = c->from, .events = POLLIN };

		if (text != NULL && strstr(c->text, text) != NULL)
			return true;
		if (c->len + 1 >= sizeof(c->text) || poll(&p, 1, WAIT_MS) <= 0)
			return false;
		ssize_t n = read(c->from, c->text + c->len, sizeof(c->text) - 1 - c->len);
		if (n <= 0)
			return text == NULL;
		c->len += (size_t)n;
		c->text[c->len] = '\0';
	}
}

static void type(struct console *c, const char *keys)
{
	CHECK(fd_write_all(c->to, span_of(keys)) == 0, "type");
}

static void test_tty(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	open_console(&c, peer, 1, AGENT_EXEC_TTY | AGENT_EXEC_TTY_STDERR,
		     "stty size; tty; echo error >&2; exit 5");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(read_until(&c, NULL), "%s", c.text);
	CHECK(strcmp(c.text, "33 111\r\n/dev/pts/0\r\nerror\r\n") == 0, "%s", c.text);
	expect_exit(peer, 1, 5, 0);
	close_console(&c);

	open_console(&c, peer, 2, AGENT_EXEC_TTY,
		     "echo error >&2; test -t 2 || echo apart; kill -9 $$");
	expect(&f, peer, AGENT_STARTED, 2);
	CHECK(read_until(&c, NULL) && strcmp(c.text, "apart\r\n") == 0, "%s", c.text);
	expect_exit(peer, 2, 0, SIGKILL);
	close_console(&c);
}

static void test_tty_keys(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	open_console(&c, peer, 1, 3,
		     "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(read_until(&c, "ready"), "%s", c.text);
	type(&c, "\003");
	CHECK(read_until(&c, "caught"), "%s", c.text);
	expect_exit(peer, 1, 9, 0);
	close_console(&c);

	open_console(&c, peer, 2, 3, "cat; echo end");
	expect(&f, peer, AGENT_STARTED, 2);
	type(&c, "one\ntwo");
	CHECK(read_until(&c, "two"), "%s", c.text);
	fd_close(&c.to); /* in mid-line: two Ctrl-D */
	CHECK(read_until(&c, "end"), "%s", c.text);
	expect_exit(peer, 2, 0, 0);
	close_console(&c);
}

static void test_tty_stop(const struct peer *peer)
{
	static struct console c;
	static struct frame f;
	uint32_t number = 0;

	open_console(&c, peer, 1, 3, "echo ready; read x; echo got $x");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(read_until(&c, "ready"), "%s", c.text);
	for (int i = 0; i < 2; i++) {
		type(&c, "\032");
		if (expect(&f, peer, AGENT_STOPPED, 1))
			CHECK(agent_u32_decode(&number, f.payload) == 0 && number == SIGTSTP, "%u",
			      number);
		send_signal(peer, 1, SIGCONT);
		usleep(50000);
	}
	type(&c, "word\n");
	CHECK(read_until(&c, "got word"), "%s", c.text);
	expect_exit(peer, 1, 0, 0);
	close_console(&c);

	open_console(&c, peer, 2, 3, "echo ready; read x");
	expect(&f, peer, AGENT_STARTED, 2);
	CHECK(read_until(&c, "ready"), "%s", c.text);
	type(&c, "\032");
	expect(&f, peer, AGENT_STOPPED, 2);
	send_signal(peer, 2, SIGKILL); /* a stopped one dies too */
	expect_exit(peer, 2, 0, SIGKILL);
	close_console(&c);
}

static void test_tty_resize(const struct peer *peer)
{
	static struct console c;
	static struct frame f;
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	open_console(&c, peer, 1, 3,
		     "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(read_until(&c, "ready"), "%s", c.text);
	send_now(peer, &frame, agent_size_encode(&frame, 1, 44, 222), NULL, 0);
	CHECK(read_until(&c, "44 222"), "%s", c.text);
	expect_exit(peer, 1, 0, 0);
	close_console(&c);
}

/* Output that nobody reads until after the program ended is kept; so is order. */
static void test_tty_drain(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	open_console(&c, peer, 1, 3, "seq 1 20000");
	expect(&f, peer, AGENT_STARTED, 1);
	usleep(300000);
	CHECK(read_until(&c, NULL), "%zu octets", c.len);
	CHECK(c.len == 108894 + 20000, "%zu octets", c.len); /* seq, with \r before each \n */
	CHECK(strstr(c.text, "\r\n19999\r\n20000\r\n") != NULL, "the end");
	expect_exit(peer, 1, 0, 0);
	close_console(&c);

	/* every buffer on the way is full when the program exits */
	open_console(&c, peer, 3, 3, "head -c 84000 /dev/zero | tr '\\000' x");
	expect(&f, peer, AGENT_STARTED, 3);
	usleep(300000);
	CHECK(read_until(&c, NULL) && c.len == 84000, "%zu octets", c.len);
	expect_exit(peer, 3, 0, 0);
	close_console(&c);

	/* one left behind holds the terminal open and writes on: the end is told all the same */
	open_console(&c, peer, 2, 3,
		     "trap '' HUP; (while echo x; do :; done) & sleep 0.1; echo last; exit 0");
	expect(&f, peer, AGENT_STARTED, 2);
	(void)read_until(&c, NULL);
	close_console(&c);
	expect_exit(peer, 2, 0, 0);
}

static void test_tty_hangup(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	open_console(&c, peer, 1, 3, "while :; do sleep 0.05; echo x; done");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(read_until(&c, "x"), "%s", c.text);
	fd_close(&c.from);
	expect_exit(peer, 1, 0, SIGHUP);
	close_console(&c);

	/* one that stopped its output cannot keep others waiting */
	open_console(&c, peer, 2, 3, "yes");
	expect(&f, peer, AGENT_STARTED, 2);
	send_shell(peer, 3, "true");
	expect_run(peer, 3, 0, 0);
	send_signal(peer, 2, SIGKILL);
	(void)read_until(&c, NULL);
	close_console(&c);
	expect_exit(peer, 2, 0, SIGKILL);
}

/* A large paste into a program that reads slowly arrives whole. */
static void test_tty_paste(const struct peer *peer)
{
	enum { PASTE_OCTETS = 300000 };
	static char paste[PASTE_OCTETS];
	static struct console c;
	static struct frame f;

	memset(paste, 'x', sizeof(paste));
	open_console(&c, peer, 1, 3,
		     "stty raw -echo; echo ready; sleep 0.2; head -c 300000 | wc -c");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(read_until(&c, "ready"), "%s", c.text);
	CHECK(fd_write_all(c.to, (struct span){ paste, sizeof(paste) }) == 0, "paste");
	CHECK(read_until(&c, "300000"), "%s", c.text);
	expect_exit(peer, 1, 0, 0);
	close_console(&c);
}

static void test_tty_null(const struct peer *peer)
{
	const char *argv[] = { "sh", "-c", "read x || exit 4", NULL };
	int fds[3];

	nulls(fds); /* what epoll refuses */
	send_exec(peer, 1, 3, "/", argv, fds);
	expect_run(peer, 1, 4, 0);
}

/* ---- files ---- */

static void send_file(const struct peer *peer, uint32_t id, enum agent_type type,
		      const struct agent_file *file, int fd)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	send_now(peer, &frame, agent_file_encode(&frame, type, id, file), &fd, 1);
}

static void expect_done(const struct peer *peer, uint32_t id, uint64_t moved)
{
	static struct frame f;
	uint64_t got = 0;

	if (expect(&f, peer, AGENT_DONE, id))
		CHECK(agent_u64_decode(&got, f.payload) == 0 && got == moved, "%llu",
		      (unsigned long long)got);
}

static void write_inside(const struct peer *peer, const char *path, uint32_t mode, const char *text)
{
	struct agent_file file = { .mode = mode, .path = span_of(path) };
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	send_file(peer, 50, AGENT_FILE_WRITE, &file, p[0]);
	CHECK(fd_write_all(p[1], span_of(text)) == 0, "%s", path);
	(void)close(p[1]);
	expect_done(peer, 50, strlen(text));
}

static void check_inside(const struct peer *peer, const char *script)
{
	static struct frame f;
	struct agent_exit e = { 0 };

	send_shell(peer, 60, script);
	expect(&f, peer, AGENT_STARTED, 60);
	if (expect(&f, peer, AGENT_EXITED, 60))
		CHECK(agent_exit_decode(&e, f.payload) == 0 && e.code == 0 && e.signal == 0, "%s",
		      script);
}

static void test_file_write(const struct peer *peer)
{
	write_inside(peer, "/tmp/a", 0, "one");
	check_inside(peer, "test $(cat /tmp/a) = one && test $(stat -c %a /tmp/a) = 644");
	check_inside(peer, "chmod 751 /tmp/a; ln -s a /tmp/link; ln -s /tmp/b /tmp/dangling");
	write_inside(peer, "/tmp/link", 0600, "two");
	check_inside(peer, "test -L /tmp/link && test $(cat /tmp/a) = two");
	check_inside(peer, "test $(stat -c %a /tmp/a) = 751"); /* that of the file that was there */
	write_inside(peer, "/tmp/dangling", 0600, "three");
	check_inside(peer, "test $(cat /tmp/b) = three && test $(stat -c %a /tmp/b) = 600");
	check_inside(peer, "test $(ls -A /tmp | wc -l) = 4"); /* no drafts left */
	check_inside(peer, "rm /tmp/*; mkdir /tmp/d; mkfifo /tmp/fifo; ln -s loop /tmp/loop");

	const struct {
		const char *path;
		enum agent_step step;
		int error;
	} rows[] = {
		{ "/tmp/d", AGENT_STEP_OPEN, EISDIR },    { "/tmp/d/", AGENT_STEP_OPEN, EISDIR },
		{ "/tmp/d/..", AGENT_STEP_OPEN, EISDIR }, { "/tmp/fifo", AGENT_STEP_OPEN, EINVAL },
		{ "/tmp/x/y", AGENT_STEP_OPEN, ENOENT },  { "/tmp/loop", AGENT_STEP_OPEN, ELOOP },
		{ "/usr/x", AGENT_STEP_OPEN, EROFS },     { "/dev/null", AGENT_STEP_OPEN, EINVAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_file file = { .path = span_of(rows[i].path) };

		send_file(peer, 70, AGENT_FILE_WRITE, &file,
			  open("/dev/null", O_RDONLY | O_CLOEXEC));
		expect_failure(peer, 70, rows[i].step, rows[i].error);
	}
	struct agent_file file = { .path = SPAN("/tmp/a") };
	send_file(peer, 71, AGENT_FILE_WRITE, &file,
		  open("/", O_RDONLY | O_CLOEXEC)); /* unreadable */
	expect_failure(peer, 71, AGENT_STEP_COPY, EISDIR);
	check_inside(peer, "test $(ls -A /tmp | wc -l) = 3 && rm -r /tmp/*"); /* no draft is left */
}

static void test_file_read(const struct peer *peer)
{
	const struct {
		uint64_t offset, length;
		const char *want;
	} rows[] = {
		{ 0, UINT64_MAX, "0123456789" },
		{ 3, 4, "3456" },
		{ 8, 100, "89" },
		{ 10, 1, "" },
		{ INT64_MAX, 1, "" },
		{ 0, 0, "" },
	};

	write_inside(peer, "/tmp/a", 0, "0123456789");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_file file = { .offset = rows[i].offset,
					   .length = rows[i].length,
					   .path = SPAN("/tmp/a") };
		static struct console c;
		int p[2];

		if (pipe2(p, O_CLOEXEC) < 0)
			return;
		send_file(peer, 1, AGENT_FILE_READ, &file, p[1]);
		c.from = p[0];
		c.len = 0;
		c.text[0] = '\0';
		CHECK(read_until(&c, NULL) && strcmp(c.text, rows[i].want) == 0, "row %zu: %s", i,
		      c.text);
		(void)close(p[0]);
		expect_done(peer, 1, strlen(rows[i].want));
	}
}

static void test_file_read_refusals(const struct peer *peer)
{
	const struct {
		const char *path;
		int error;
	} rows[] = {
		{ "/tmp/fifo", EINVAL }, { "/tmp", EISDIR },      { "/dev/zero", EINVAL },
		{ "/no/such", ENOENT },  { "/tmp/a/b", ENOTDIR },
	};

	check_inside(peer, "mkfifo /tmp/fifo");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_file file = { .length = 1, .path = span_of(rows[i].path) };

		send_file(peer, 1, AGENT_FILE_READ, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
		expect_failure(peer, 1, AGENT_STEP_OPEN, rows[i].error);
	}

	/* a worker that waits for us can be given up, and /proc is read though it cannot be spliced
	 */
	struct agent_file file = { .length = UINT64_MAX, .path = SPAN("/proc/self/status") };
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	send_file(peer, 1, AGENT_FILE_READ, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
	static struct frame f;
	expect(&f, peer, AGENT_DONE, 1);
	send_file(peer, 2, AGENT_FILE_WRITE, &(struct agent_file){ .path = SPAN("/tmp/never") },
		  p[0]);
	send_signal(peer, 2, SIGTERM);
	expect_failure(peer, 2, AGENT_STEP_COPY, EINTR);
	(void)close(p[1]);
	check_inside(peer, "rm -f /tmp/.immure-* /tmp/*; test $(ls -A /tmp | wc -l) = 0");
}

static void test_file_big(const struct peer *peer)
{
	struct agent_file file = { .length = UINT64_MAX, .path = SPAN("/tmp/big") };
	int in[2];
	int out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	struct stream s = { .to = in[1], .from = out[0] };
	send_file(peer, 1, AGENT_FILE_WRITE, &file, in[0]);
	while (s.to >= 0)
		feed(&s);
	expect_done(peer, 1, BIG_OCTETS);
	send_file(peer, 2, AGENT_FILE_READ, &file, out[1]);
	shovel(&s);
	CHECK(s.got == BIG_OCTETS && s.sum == 0, "%zu octets, %u wrong", s.got, s.sum);
	expect_done(peer, 2, BIG_OCTETS);
	check_inside(peer, "rm /tmp/big");
}

static void test_file_list(const struct peer *peer)
{
	static struct console c;
	struct agent_file file = { .path = SPAN("/tmp") };
	struct agent_entry entry = { 0 };
	static const struct {
		const char *name;
		uint32_t mode;
		uint64_t size;
	} rows[] = { { ".h", S_IFREG | 0644, 2 },
		     { "Z", S_IFDIR | 0755, 0 },
		     { "a", S_IFIFO | 0600, 0 } };
	int p[2];

	check_inside(peer, "umask 022; echo x >/tmp/.h; mkdir /tmp/Z; mkfifo -m 600 /tmp/a");
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	send_file(peer, 1, AGENT_FILE_LIST, &file, p[1]);
	c.from = p[0];
	c.len = 0;
	CHECK(read_until(&c, NULL), "read");
	(void)close(p[0]);
	struct span rest = { c.text, c.len };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(agent_entry_decode(&entry, &rest) == 1, "row %zu", i);
		CHECK(span_is(entry.name, rows[i].name) && entry.mode == rows[i].mode,
		      "row %zu: %o", i, entry.mode);
		CHECK((entry.mode & S_IFMT) == S_IFDIR || entry.size == rows[i].size, "row %zu", i);
	}
	CHECK(rest.len == 0, "%zu", rest.len);
	expect_done(peer, 1, c.len);

	check_inside(peer, "cd /tmp/Z && seq 65537 | xargs touch");
	file.path = SPAN("/tmp/Z");
	send_file(peer, 2, AGENT_FILE_LIST, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
	expect_failure(peer, 2, AGENT_STEP_OPEN, EOVERFLOW);
	check_inside(peer, "rm /tmp/Z/65537");
	send_file(peer, 3, AGENT_FILE_LIST, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
	static struct frame f;
	expect(&f, peer, AGENT_DONE, 3);
	check_inside(peer, "rm -r /tmp/Z /tmp/a /tmp/.h");
}

/* ---- the channel ---- */

static void test_hello(const struct peer *peer)
{
	static struct frame f;
	struct agent_hello hello = { 0 };
	const uint64_t all = ((uint64_t)1 << SELFTEST_COUNT) - 1;
	const uint64_t missing =
	    (uint64_t)1 << SELFTEST_SECCOMP | (uint64_t)1 << SELFTEST_NO_NEW_PRIVS |
	    (uint64_t)1 << SELFTEST_CAPABILITIES | (uint64_t)1 << SELFTEST_TIOCSTI |
	    (uint64_t)1 << SELFTEST_IO_URING | (uint64_t)1 << SELFTEST_UNSHARE;
	const uint64_t standing = (uint64_t)1 << SELFTEST_PROCESSES | (uint64_t)1 << SELFTEST_PROC |
				  (uint64_t)1 << SELFTEST_ROOT_WRITE |
				  (uint64_t)1 << SELFTEST_INTERFACES;

	if (!expect(&f, peer, AGENT_HELLO, 0))
		return;
	CHECK(agent_hello_decode(&hello, f.payload) == 0 && hello.attempted == all, "attempts");
	CHECK((hello.escaped & missing) == missing, "missing walls: %llx",
	      (unsigned long long)hello.escaped);
	CHECK((hello.escaped & standing) == 0, "walls that stand: %llx",
	      (unsigned long long)hello.escaped);
}

static void test_bad_frames(void)
{
	const struct {
		struct span frame;
		int fds;
	} rows[] = {
		{ SPAN("x"), 0 },
		{ SPAN("\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\1"), 0 },
		{ SPAN("\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0"), 1 }, /* a descriptor too many */
		{ SPAN("\1\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0x"), 0 },
		{ SPAN("\0\0\0\0\1\0\3\0\1\0\0\0\0\0\0\0"), 3 },           /* an EXEC of nothing */
		{ SPAN("\4\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\x41\0\0\0"), 0 }, /* signal 65 */
		{ SPAN("\24\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		       "\0"),
		  0 }, /* a HELLO of ours */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct frame f;
		struct peer peer;
		int fds[3];
		int r = start_init(&peer);

		CHECK(r == 0 && receive(&f, &peer, WAIT_MS), "row %zu: %d", i, r);
		nulls(fds);
		r = fd_send(peer.fd, rows[i].frame, fds, (size_t)rows[i].fds);
		CHECK(r == 0 && !receive(&f, &peer, WAIT_MS), "row %zu: %d", i, r);
		int status = end_init(&peer);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "row %zu: %x", i, status);
		for (int k = 0; k < 3; k++)
			(void)close(fds[k]);
	}
}

/* Whatever runs ends with the channel, or on SHUTDOWN; init says it was in order. */
static void test_end(bool shutdown)
{
	static struct frame f;
	static struct console c;
	struct peer peer;
	int r = start_init(&peer);

	CHECK(r == 0 && receive(&f, &peer, WAIT_MS), "%d", r);
	open_console(&c, &peer, 1, 3,
		     "trap '' HUP TERM; setsid sleep 100 & (sleep 100 &); sleep 100");
	expect(&f, &peer, AGENT_STARTED, 1);
	if (shutdown) {
		struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

		send_now(&peer, &frame, agent_plain_encode(&frame, AGENT_SHUTDOWN, 0), NULL, 0);
		CHECK(!receive(&f, &peer, WAIT_MS), "a frame after SHUTDOWN");
	}
	int64_t start = clock_mono_ns();
	int status = end_init(&peer);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
	CHECK(clock_mono_ns() - start < 5000000000, "took long");
	close_console(&c);
}

static void test_blob(void)
{
	CHECK(agent_init_image_len > 4096 && agent_init_image_len < 80000, "%zu octets",
	      agent_init_image_len);
	CHECK(memcmp(agent_init_image, "\177ELF", 4) == 0, "not a program");
}

static void (*const tests[])(const struct peer *peer) = {
	test_exits,      test_refused_programs,
	test_concurrent, test_limit,
	test_signals,    test_deaf_warden,
	test_orphans,    test_disturbance,
	test_big_stream, test_tty,
	test_tty_keys,   test_tty_stop,
	test_tty_resize, test_tty_drain,
	test_tty_hangup, test_tty_paste,
	test_tty_null,   test_file_write,
	test_file_read,  test_file_read_refusals,
	test_file_big,   test_file_list,
};

int main(int argc, char **argv)
{
	struct peer peer = { .fd = -1 };

	if (argc != 2)
		return 2;
	init_path = argv[1];
	(void)signal(SIGPIPE, SIG_IGN);
	if (start_init(&peer) < 0)
		return SKIPPED;
	struct pollfd p = { .fd = peer.fd, .events = POLLIN };
	if (poll(&p, 1, WAIT_MS) == 1 && (p.revents & POLLIN) == 0) {
		int status = end_init(&peer);

		return WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED ? SKIPPED : 1;
	}
	test_hello(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		unsigned before = test_failures;

		tests[i](&peer);
		if (test_failures >
		    before) /* the next would read its frames; what failed is said */
			return 1;
	}
	int status = end_init(&peer);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
	test_bad_frames();
	test_end(false);
	test_end(true);
	test_blob();
	return test_failures > 0;
}
