// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: /dev/null is handed to the program; pipes are joined to pipes of its own
 * (conduit.h); others go through relays. When the program has ended, what its pipes hold is still
 * carried, for as long as the reader takes; but a reader that takes nothing shall not hold us after
 * a kill or a time-out, so then we have PATIENCE_NS.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/foreground_priv.h"

static const int64_t PATIENCE_NS = 1000000000; /* with a reader that takes nothing */

static const char *const stream_names[] = { "standard input", "standard output", "standard error" };

/* fail() - a stream of ours is lost: what comes of the program would be taken for whole */
static void fail(struct foreground *f, int stream, const char *verb, int error)
{
	if (f->failed)
		return;
	f->failed = true;
	f->status = diag_set(f->diag, error, "%s cannot be %s: %s", stream_names[stream], verb,
			     strerror(-error));
}

static void judge_streams(struct foreground *f)
{
	bool failed = f->failed;

	for (int i = 0; i < 3; i++)
		if (f->pipes[i].error < 0)
			fail(f, i, i == STDIN_FILENO ? "read" : "written", f->pipes[i].error);
	for (int i = 0; i < 2; i++)
		if (f->out[i].error < 0)
			fail(f, i + 1, "written", f->out[i].error);
	if (f->failed && !failed && !f->ended && !f->over)
		sandbox_stop(server_get(f->server), true);
}

void foreground_leave(struct foreground *f)
{
	bool drained = !conduit_is_open(&f->pipes[1]) && !conduit_is_open(&f->pipes[2]) &&
		       relay_out_done(&f->out[0]) && relay_out_done(&f->out[1]);

	judge_streams(f);
	if (f->gone || (!f->ended && !f->over))
		return;
	loop_disarm(&f->patience);
	if (!drained) {
		if (f->hurried)
			loop_arm(f->loop, &f->patience, PATIENCE_NS);
	} else if (f->over) {
		f->gone = true;
		server_stop(f->server);
	} else {
		sandbox_stop(server_get(f->server), true);
	}
}

static void on_carried(void *context)
{
	foreground_leave(context);
}

/* on_input_carried() - closed: we let go of the caller's pipe, too, so that its writer learns of it */
static void on_input_carried(void *context)
{
	struct foreground *f = context;

	judge_streams(f);
	if (conduit_is_open(&f->pipes[0]))
		return;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)dup2(null, STDIN_FILENO);
	fd_close(&null);
}

void foreground_give_up(struct foreground *f)
{
	for (int i = 0; i < 2; i++) {
		conduit_close(&f->pipes[i + 1]);
		relay_out_abandon(&f->out[i]);
	}
	foreground_leave(f);
}

static void patience_over(struct loop_timer *timer)
{
	foreground_give_up(container_of(timer, struct foreground, patience));
}

void foreground_output(void *context, int stream, struct span data)
{
	struct foreground *f = context;

	relay_out_write(&f->out[stream - 1], data);
}

void foreground_input_taken(void *context)
{
	struct foreground *f = context;

	relay_in_pause(&f->in, f->prompt.showing);
}

/* pause_output() - while its readers are slow, or somebody is asked on the terminal it may write to */
static void pause_output(struct foreground *f)
{
	session_pause(f->session, f->prompt.showing || relay_out_full(&f->out[0]) ||
				      relay_out_full(&f->out[1]));
}

void foreground_shown(void *context, bool begins)
{
	struct foreground *f = context;

	if (f->session == NULL)
		return;
	pause_output(f);
	relay_in_pause(&f->in, begins || session_input_pending(f->session));
}

static void pass_input(struct foreground *f, struct span data)
{
	int r = session_input(f->session, data);

	if (r == -EPIPE) {
		relay_in_close(&f->in); /* it closed its stdin */
	} else if (r < 0) {
		fail(f, STDIN_FILENO, "passed on", r);
		sandbox_stop(server_get(f->server), true);
	} else if (session_input_pending(f->session)) {
		relay_in_pause(&f->in, true);
	}
}

static void on_input(void *context, struct span data)
{
	struct foreground *f = context;

	if (f->session == NULL)
		return;
	if (f->in.error < 0) {
		fail(f, STDIN_FILENO, "read", f->in.error);
		sandbox_stop(server_get(f->server), true);
	} else if (data.len == 0 &&
		   f->terminal.raw) { /* our terminal is gone: what a shell's program would get */
		f->status = 128 + SIGHUP;
		session_signal(f->session, SIGHUP);
		sandbox_stop(server_get(f->server), false); /* for one that ignores it */
	} else if (data.len == 0) {
		session_close_input(f->session);
	} else {
		pass_input(f, data);
	}
}

static void on_out_changed(void *context)
{
	struct foreground *f = context;
	bool broken = f->out[0].broken || f->out[1].broken;

	if (f->session == NULL) { /* the rest of what it wrote */
		foreground_leave(f);
		return;
	}
	pause_output(f);
	if (broken) /* nobody reads any more: what a shell's program would get */
		session_signal(f->session, f->tty ? SIGHUP : SIGPIPE);
}

/* choose_stream() - @ret: what the program gets for our descriptor @fd */
static int choose_stream(struct foreground *f, int *ret, int fd)
{
	enum relay_kind kind = relay_kind(fd);

	if (kind == RELAY_BROKEN)
		return diag_set(f->diag, -errno, "%s cannot be used: %s", stream_names[fd],
				strerror(errno));
	if (kind == RELAY_REFUSE)
		return diag_set(
		    f->diag, -EISDIR,
		    "%s is a folder, which would be a way out of the sandbox: redirect it to a "
		    "file or /dev/null",
		    stream_names[fd]);
	if (kind == RELAY_NONE && f->null < 0)
		f->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (kind == RELAY_NONE && f->null < 0)
		return diag_set(f->diag, -errno, "open /dev/null: %s", strerror(errno));
	*ret = kind == RELAY_NONE ? f->null : kind == RELAY_PUMP ? SESSION_PIPED : fd;
	if (kind != RELAY_NONE && fd > 0 && f->options->log)
		*ret = SESSION_PIPED;
	return 0;
}

static bool same_file(int a, int b)
{
	struct stat left, right;

	return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

int foreground_choose_streams(struct foreground *f, int fds[3])
{
	enum foreground_tty want = f->options->tty;
	bool both = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	int r = 0;

	f->tty = want == FOREGROUND_TTY_YES || (want == FOREGROUND_TTY_AUTO && both);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		r = choose_stream(f, &fds[fd], fd);
	if (r == 0 && (fds[1] == SESSION_PIPED) == (fds[2] == SESSION_PIPED) &&
	    same_file(STDOUT_FILENO, STDERR_FILENO))
		fds[2] = SESSION_JOINED; /* "> log 2>&1" keeps the order */
	if (f->tty)                      /* init relays the terminal inside; it wants pipes */
		fds[0] = fds[1] = SESSION_PIPED;
	return r;
}

int foreground_open_conduits(struct foreground *f, int fds[3], int theirs[3])
{
	f->patience.fired = patience_over;
	for (int i = 0; i < 3; i++) {
		f->pipes[i].changed = i == STDIN_FILENO ? on_input_carried : on_carried;
		f->pipes[i].context = f;
		if (fds[i] != i || relay_kind(i) != RELAY_PIPE)
			continue;
		int r = conduit_open(&f->pipes[i], &theirs[i], f->loop, i, i == STDIN_FILENO);
		if (r < 0)
			return diag_set(f->diag, r, "cannot make a pipe: %s", strerror(-r));
		fds[i] = theirs[i];
	}
	return 0;
}

int foreground_open_relays(struct foreground *f, const int fds[3])
{
	f->in.data = on_input;
	f->in.context = f;
	for (int i = 0; i < 2; i++) {
		f->out[i].changed = on_out_changed;
		f->out[i].context = f;
		relay_out_open(&f->out[i], f->loop, i + 1);
		if (f->tty)
			relay_out_drive(&f->out[i]);
	}
	if (fds[0] != SESSION_PIPED)
		return 0;
	int r = relay_in_open(&f->in, f->loop, STDIN_FILENO);
	if (r == -EPERM) /* a plain file, which epoll does not watch */
		r = relay_in_plain(&f->in, f->loop, STDIN_FILENO);
	if (r == 0 && f->tty && isatty(STDIN_FILENO) == 1)
		r = terminal_raw(&f->terminal, STDIN_FILENO);
	return r;
}
