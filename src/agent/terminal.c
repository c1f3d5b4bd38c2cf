// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a terminal is a master here and a slave in the program; between the master
 * and the warden's two descriptors stand two small buffers. pump() moves octets while it can, then
 * tells epoll what it waits for, and no more: a source we want nothing from leaves the loop, since
 * epoll would report its hang-up for ever. A buffer is filled when empty and emptied before it is
 * filled again, so a reader that stops stops the program, and nothing is lost.
 *
 *	input ends	the terminal's end-of-file character, once the terminal is in line mode
 *	output breaks	the terminal hangs up, as when a user closes a window
 *	program ends	what it wrote is still in the kernel: drain until the master has no more. A
 *			program left behind may write for ever, so no more than a terminal can hold.
 */
#include "agent/terminal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/init_priv.h"
#include "agent/leader_priv.h"
#include "base/fd.h"

enum {
	INPUT_OCTETS = 4096,
	OUTPUT_OCTETS = 8192,
	ROUNDS_MAX = 8,                /* of one pump(), so that other jobs get their turn */
	DRAIN_OCTETS_MAX = 128 * 1024, /* twice TTYB_DEFAULT_MEM_LIMIT, drivers/tty/tty_buffer.c */
	FDS_PER_TERMINAL = 3,
	FDS_OTHER = 32, /* of init itself, and those of a frame just received */
};

struct channel { /* octets on their way: data[start .. start + len] */
	size_t start, len;
	char *data;
	size_t capacity;
};

struct terminal {
	struct job *job; /* NULL: this row is free */
	struct loop_source master, input, output;
	int master_fd, input_fd, output_fd; /* owned; -1: closed */
	int status;                         /* of the leader, once it has ended */
	size_t drained_octets;
	struct channel in, out;
	bool input_always;  /* a file or /dev/null: always readable, and epoll refuses it */
	bool output_always; /* likewise */
	bool eof_due;       /* input ended, the program does not know yet */
	bool line_begun;    /* input stopped in mid-line */
	bool ended;         /* the leader is gone */
	bool drained;       /* ... and so is what was written */
	char in_data[INPUT_OCTETS];
	char out_data[OUTPUT_OCTETS];
};

static struct terminal terminals[JOBS_MAX];

/* ---- moving octets ---- */

enum moved { MOVED_NOTHING, MOVED_SOME, MOVED_END };

static enum moved fill(struct channel *c, int fd)
{
	ssize_t n = 0;

	if (c->len > 0 || fd < 0)
		return MOVED_NOTHING;
	do
		n = read(fd, c->data, c->capacity);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return MOVED_NOTHING;
	if (n <= 0)
		return MOVED_END;
	c->start = 0;
	c->len = (size_t)n;
	return MOVED_SOME;
}

static enum moved drain(struct channel *c, int fd)
{
	ssize_t n = 0;

	if (c->len == 0 || fd < 0)
		return MOVED_NOTHING;
	do
		n = write(fd, c->data + c->start, c->len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return MOVED_NOTHING;
	if (n < 0)
		return MOVED_END;
	c->start += (size_t)n;
	c->len -= (size_t)n;
	return n > 0 ? MOVED_SOME : MOVED_NOTHING;
}

static void close_input(struct terminal *t)
{
	loop_remove(&t->input);
	fd_close(&t->input_fd);
	t->input_always = false;
}

static void close_output(struct terminal *t)
{
	loop_remove(&t->output);
	fd_close(&t->output_fd);
	t->out.len = 0;
}

/* close_master() - if programs still have the terminal open, it hangs up for them */
static void close_master(struct terminal *t)
{
	loop_remove(&t->master);
	fd_close(&t->master_fd);
	t->in.len = 0;
	t->eof_due = false;
}

/* put_eof() - type Ctrl-D, or what the terminal has for it; in mid-line a first one ends the line
 */
static void put_eof(struct terminal *t)
{
	struct termios modes;

	if (!t->eof_due || t->in.len > 0 || t->master_fd < 0)
		return;
	if (tcgetattr(t->master_fd, &modes) < 0 || (modes.c_lflag & ICANON) == 0)
		return; /* asked again whenever something happens on this terminal */
	t->eof_due = false;
	if (modes.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	t->in.data[0] = t->in.data[1] = (char)modes.c_cc[VEOF];
	t->in.start = 0;
	t->in.len = t->line_begun ? 2 : 1;
}

static bool move_in(struct terminal *t)
{
	enum moved got = t->eof_due ? MOVED_NOTHING : fill(&t->in, t->input_fd);

	if (got == MOVED_SOME)
		t->line_begun = t->in.data[t->in.len - 1] != '\n';
	if (got == MOVED_END) {
		close_input(t);
		t->eof_due = true;
	}
	put_eof(t);

	enum moved put = drain(&t->in, t->master_fd);
	if (put == MOVED_END) { /* no program has the terminal open: nobody will read this */
		t->in.len = 0;
		close_input(t);
	}
	return got == MOVED_SOME || put == MOVED_SOME;
}

static bool move_out(struct terminal *t)
{
	bool was_empty = t->out.len == 0;
	enum moved got = fill(&t->out, t->master_fd);

	if (got == MOVED_SOME && t->ended)
		t->drained_octets += t->out.len;
	if (t->ended && was_empty && got != MOVED_SOME)
		t->drained = true;
	if (got == MOVED_END)
		close_master(t);

	enum moved put = drain(&t->out, t->output_fd);
	if (put == MOVED_END) {
		close_output(t);
		close_master(t);
	}
	return got == MOVED_SOME || put == MOVED_SOME;
}

/* ---- waiting ---- */

/* watch() - be called for @events of @fd, or not at all. Return: 0, or -errno of epoll. */
static int watch(struct terminal *t, struct loop_source *source, int fd, uint32_t events)
{
	if (fd < 0 || events == 0) {
		loop_remove(source);
		return 0;
	}
	if (source->loop == NULL)
		return loop_add(t->job->init->loop, source, fd, events);
	loop_change(source, events);
	return 0;
}

static void wait_for_more(struct terminal *t)
{
	bool want_input = t->in.len == 0 && !t->eof_due && t->input_fd >= 0 && t->master_fd >= 0;
	uint32_t master = t->out.len == 0 ? (uint32_t)EPOLLIN : 0;
	uint32_t output = t->out.len > 0 ? EPOLLOUT : EPOLLERR; /* ERR: the reader left */
	int r = 0;

	if (t->in.len > 0 || (t->input_always && want_input))
		master |= EPOLLOUT;
	r = watch(t, &t->master, t->master_fd, master);
	if (r == 0 && !t->input_always)
		r = watch(t, &t->input, t->input_fd, want_input ? (uint32_t)EPOLLIN : 0);
	if (r == 0 && !t->output_always)
		r = watch(t, &t->output, t->output_fd, output);
	if (r < 0) { /* no memory to wait with: hang up rather than go deaf */
		close_input(t);
		close_output(t);
		close_master(t);
	}
}

static void finish(struct terminal *t)
{
	struct job *job = t->job;
	uint32_t error = __atomic_load_n(&job->shared->error, __ATOMIC_ACQUIRE);

	close_input(t);
	close_output(t);
	close_master(t);
	t->job = NULL;
	job->terminal = NULL;
	job_note_started(job);
	if (error != 0)
		job_fail(job, (enum agent_step)job->shared->step, (int)error);
	else if (!job->started) /* somebody inside killed the leader on its way */
		job_fail(job, AGENT_STEP_FORK, EINTR);
	else
		job_exited(job, t->status);
	serve_tell(job);
}

static void pump(struct terminal *t)
{
	for (int i = 0; i < ROUNDS_MAX; i++) {
		bool in = move_in(t);
		bool out = move_out(t);

		if (!in && !out)
			break;
	}
	if (t->ended && t->master_fd < 0)
		t->drained = true;
	if (t->ended && t->out.len == 0 && (t->drained || t->drained_octets >= DRAIN_OCTETS_MAX))
		finish(t);
	else
		wait_for_more(t);
}

static void master_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	pump(container_of(source, struct terminal, master));
}

static void input_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	pump(container_of(source, struct terminal, input));
}

static void output_ready(struct loop_source *source, uint32_t events)
{
	struct terminal *t = container_of(source, struct terminal, output);

	if ((events & (EPOLLERR | EPOLLHUP)) != 0) { /* nobody looks at the terminal any more */
		close_output(t);
		close_master(t);
	}
	pump(t);
}

/* ---- starting ---- */

static void set_size(int master, uint16_t rows, uint16_t columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	(void)ioctl(master, TIOCSWINSZ, &size);
}

/* set_utf8() - let the backspace key take back a whole character */
static void set_utf8(int master)
{
	struct termios modes;

	if (tcgetattr(master, &modes) < 0)
		return;
	modes.c_iflag |= IUTF8;
	(void)tcsetattr(master, TCSANOW, &modes);
}

/* open_pair() - a fresh master and slave of @exec's size. Return: 0 or -errno. */
static int open_pair(int *ret_master, int *ret_slave, const struct agent_exec *exec)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	CLEANUP_FD int master = open("/dev/ptmx", flags | O_NONBLOCK);
	int locked = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &locked) < 0)
		return -errno;
	int slave =
	    ioctl(master, TIOCGPTPEER, flags); /* no way to be led to another one by a path */
	if (slave < 0)
		return -errno;
	if (exec->rows > 0 && exec->columns > 0)
		set_size(master, exec->rows, exec->columns);
	set_utf8(master);
	*ret_master = fd_take(&master);
	*ret_slave = slave;
	return 0;
}

/* is_always_ready() - files and /dev/null never block, and epoll refuses them */
static bool is_always_ready(int fd)
{
	int kind = 0;
	socklen_t len = sizeof(kind);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &len) == 0)
		return false;
	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) && !isatty(fd);
}

static int unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* free_row() - Return: a free terminal whose descriptors fit our limit, or NULL */
static struct terminal *free_row(void)
{
	struct rlimit limit = { 0 };
	size_t max = JOBS_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < FDS_OTHER + max * FDS_PER_TERMINAL)
		max = limit.rlim_cur < FDS_OTHER ? 0
						 : (limit.rlim_cur - FDS_OTHER) / FDS_PER_TERMINAL;
	for (size_t i = 0; i < max; i++)
		if (terminals[i].job == NULL)
			return &terminals[i];
	return NULL;
}

static int fork_leader(struct job *job, int slave, const struct spawn *spawn)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		leader_run(job->shared, slave, spawn);
	job->pid = pid;
	return 0;
}

static void set_up(struct terminal *t, struct job *job, int *fds)
{
	t->job = job;
	t->master = (struct loop_source){ .fd = -1, .ready = master_ready };
	t->input = (struct loop_source){ .fd = -1, .ready = input_ready };
	t->output = (struct loop_source){ .fd = -1, .ready = output_ready };
	t->input_fd = fd_take(&fds[0]);
	t->output_fd = fd_take(&fds[1]);
	t->input_always = is_always_ready(t->input_fd);
	t->output_always = is_always_ready(t->output_fd);
	t->eof_due = t->line_begun = t->ended = t->drained = false;
	t->drained_octets = 0;
	t->in = (struct channel){ .data = t->in_data, .capacity = sizeof(t->in_data) };
	t->out = (struct channel){ .data = t->out_data, .capacity = sizeof(t->out_data) };
}

int terminal_start(struct job *job, enum agent_step *ret_step, int *fds,
		   const struct agent_exec *exec, const struct spawn *spawn)
{
	struct terminal *t = free_row();
	CLEANUP_FD int master = -1;
	CLEANUP_FD int slave = -1;

	*ret_step = t == NULL ? AGENT_STEP_LIMIT : AGENT_STEP_TTY;
	if (t == NULL)
		return -EMFILE;
	int r = open_pair(&master, &slave, exec);
	if (r == 0)
		r = unblock(fds[0]);
	if (r == 0)
		r = unblock(fds[1]);
	if (r < 0)
		return r;

	bool stderr_too = (exec->flags & AGENT_EXEC_TTY_STDERR) != 0;
	struct spawn inside = *spawn;
	inside.fds[0] = inside.fds[1] = slave;
	inside.fds[2] = stderr_too ? slave : fds[2];
	inside.foreground = true;
	*ret_step = AGENT_STEP_FORK;
	r = fork_leader(job, slave, &inside);
	if (r < 0)
		return r;

	set_up(t, job, fds);
	t->master_fd = fd_take(&master);
	job->terminal = t;
	wait_for_more(t);
	return 0;
}

void terminal_leader_ended(struct job *job, int status)
{
	job->terminal->ended = true;
	job->terminal->status = status;
	pump(job->terminal);
}

void terminal_resize(struct job *job, uint16_t rows, uint16_t columns)
{
	if (job->terminal != NULL && job->terminal->master_fd >= 0)
		set_size(job->terminal->master_fd, rows, columns);
}
