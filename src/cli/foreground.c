// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: /dev/null is handed to the program; pipes are joined to pipes of its own
 * (conduit.h); others go through relays. When the program has ended, what its pipes hold is still
 * carried, for as long as the reader takes; but a reader that takes nothing shall not hold us after
 * a kill or a time-out, so then we have PATIENCE_NS. With a terminal on both sides the program gets a private
 * one inside, ours turns raw, and keys, window size and job control pass through. Signals we get
 * are passed on, SIGTERM with the sandbox's grace time behind it.
 */
#include "cli/foreground.h"
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/conduit.h"
#include "cli/offer.h"
#include "cli/ports.h"
#include "cli/relay.h"
#include "cli/terminal.h"
#include "warden/server.h"

static const int64_t PATIENCE_NS = 1000000000; /* with a reader that takes nothing */

struct foreground {
	struct loop *loop;
	struct server *server;
	struct session *session;
	const struct foreground_options *options;
	bool tty;
	bool ended;  /* the program has; only the sandbox's own end is awaited */
	bool failed; /* *status and *diag say why; what the program says does not matter any more */
	int status;  /* exit status, or -errno with *diag */
	int null;    /* for a stream of ours that is closed */
	struct diag *diag;
	struct terminal terminal;
	struct relay_in in;
	struct relay_out out[2];
	struct conduit pipes[3];
	struct loop_timer patience;
	bool over; /* the sandbox has ended, too */
	bool gone; /* we have asked the loop to end */
	struct ports_told told;
	struct offer offer;
	bool hurried; /* the program was ended; a reader must not hold us */
	struct loop_source signals;
	int signal_fd;
};

static const int64_t SETTLE_NS = 3000000; /* most short programs are over by then */
static const char *const stream_names[] = { "standard input", "standard output", "standard error" };
static const int forwarded[] = { SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
				 SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT };

static void resize(struct foreground *f)
{
	uint16_t rows, columns;

	if (!f->tty || f->session == NULL)
		return;
	terminal_size(STDIN_FILENO, &rows, &columns);
	session_resize(f->session, rows, columns);
}

/* suspend() - stop like a program that got Ctrl-Z; goes on here when the shell says so */
static void suspend(struct foreground *f)
{
	bool raw = f->terminal.raw;

	if (f->session == NULL)
		return;
	terminal_restore(&f->terminal);
	if (!f->tty)
		session_signal(f->session, SIGSTOP);
	(void)kill(getpid(), SIGSTOP);
	if (raw)
		(void)!terminal_raw(&f->terminal, STDIN_FILENO);
	session_signal(f->session, SIGCONT);
	resize(f);
}

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

/* leave() - once the program has ended: go when all it wrote was carried */
static void leave(struct foreground *f)
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
	leave(context);
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

static void give_up(struct foreground *f)
{
	for (int i = 0; i < 2; i++) {
		conduit_close(&f->pipes[i + 1]);
		relay_out_abandon(&f->out[i]);
	}
	leave(f);
}

static void patience_over(struct loop_timer *timer)
{
	give_up(container_of(timer, struct foreground, patience));
}

static void handle_signal(struct foreground *f, int number)
{
	switch (number) {
	case SIGWINCH:
		resize(f);
		break;
	case SIGTSTP:
		suspend(f);
		break;
	case SIGCONT:
		break; /* suspend() has done it */
	case SIGTERM:
		f->status = 128 + SIGTERM;
		f->hurried = true;
		if (f->over)
			give_up(f);
		sandbox_stop(server_get(f->server), false);
		break;
	default:
		if (f->session != NULL)
			session_signal(f->session, number);
		else
			sandbox_stop(server_get(f->server), true);
		f->status = 128 + number;
		if (f->over)
			give_up(f);
		break;
	}
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct foreground *f = container_of(source, struct foreground, signals);
	int number = 0;

	(void)events;
	while ((number = signals_next(f->signal_fd)) > 0)
		handle_signal(f, number);
}

static void on_stopped(void *context)
{
	suspend(context);
}

static void on_output(void *context, int stream, struct span data)
{
	struct foreground *f = context;

	relay_out_write(&f->out[stream - 1], data);
}

static void on_ended(void *context, const struct session_result *result)
{
	struct foreground *f = context;

	bool told = f->over || f->failed; /* the sandbox's end, or that of a stream, says it all */

	f->ended = true;
	if (!told)
		f->status = result->exit_code;
	if (!told && result->error != NULL)
		diag_set(f->diag, 0,
			 result->out_of_memory ? "'%s' ended: %s" : "cannot run '%s': %s",
			 f->options->words[0], result->error);
	session_free(f->session);
	f->session = NULL;
	conduit_close(&f->pipes[0]);
	f->hurried |= result->signal != 0 || result->timed_out || result->error != NULL;
	for (int i = 0; i < 2; i++) {
		relay_out_finish(&f->out[i]);
		conduit_finish(&f->pipes[i + 1]);
	}
	leave(f);
}

/* on_input_taken() - the program has read what we queued */
static void on_input_taken(void *context)
{
	struct foreground *f = context;

	relay_in_pause(&f->in, false);
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
		leave(f);
		return;
	}
	session_pause(f->session, relay_out_full(&f->out[0]) || relay_out_full(&f->out[1]));
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

static int choose_streams(struct foreground *f, int fds[3])
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

/* open_conduits() - in place of pipes of ours, pipes of the program's own: the ends in @theirs */
static int open_conduits(struct foreground *f, int fds[3], int theirs[3])
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

static int open_relays(struct foreground *f, const int fds[3])
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

static int start_session(struct foreground *f)
{
	const struct session_hooks hooks = {
		.output = on_output,
		.stopped = on_stopped,
		.ended = on_ended,
		.drained = on_input_taken,
		.log = f->options->log,
		.context = f,
	};
	struct sandbox *sandbox = server_get(f->server);
	size_t env_len = 0, argc = f->options->words_len;
	const struct span *env = sandbox_env(sandbox, &env_len);
	struct span *words = calloc(argc + env_len, sizeof(*words));
	struct agent_exec exec = {
		.working_dir = span_of(sandbox_config(sandbox)->working_dir),
		.argc = (uint32_t)argc,
		.envc = (uint32_t)env_len,
		.words = words,
	};
	int fds[3] = { -1, -1, -1 }, theirs[3] = { -1, -1, -1 };

	if (words == NULL)
		return diag_set(f->diag, -ENOMEM, "out of memory");
	for (size_t i = 0; i < argc; i++)
		words[i] = span_of(f->options->words[i]);
	memcpy(words + argc, env, env_len * sizeof(*env));
	int r = choose_streams(f, fds);
	if (r == 0)
		r = open_conduits(f, fds, theirs);
	if (r == 0 && f->tty) {
		exec.flags = AGENT_EXEC_TTY | (fds[2] < 0 ? AGENT_EXEC_TTY_STDERR : 0);
		terminal_size(STDIN_FILENO, &exec.rows, &exec.columns);
	}
	if (r == 0)
		r = session_start(&f->session, sandbox, &exec, fds, &hooks, f->diag);
	for (int i = 0; i < 3; i++)
		fd_close(&theirs[i]);
	if (r == 0) {
		r = open_relays(f, fds);
		if (r < 0)
			diag_set(f->diag, r, "cannot relay the terminal: %s", strerror(-r));
	}
	free(words);
	return r;
}

static void on_running(void *context)
{
	struct foreground *f = context;
	json_auto_t *ports = sandbox_ports_json(server_get(f->server));

	ports_tell(f->options->notes, ports, &sandbox_config(server_get(f->server))->network);
	int r = start_session(f);

	if (r == 0) {
		offer_start(&f->offer, server_get(f->server), f->options->notes, &f->terminal.raw);
		return;
	}
	f->status = r;
	f->ended = f->failed = true; /* whatever its program, if that was started, says yet */
	sandbox_stop(server_get(f->server), true);
}

/* on_ports() - a person is told of those that nobody asked for by number */
static void on_ports(void *context)
{
	struct foreground *f = context;
	json_auto_t *ports = sandbox_ports_json(server_get(f->server));

	if (isatty(fileno(f->options->notes)) != 1)
		return;
	ports_tell_auto(f->options->notes, ports, &f->told, f->terminal.raw ? "\r\n" : "\n");
	(void)fflush(f->options->notes);
}

static void on_sandbox_ended(void *context, enum state_status status, const char *why)
{
	struct foreground *f = context;

	offer_stop(&f->offer);
	terminal_restore(&f->terminal);
	if (server_timed_out(f->server) && !f->failed) {
		f->status = 124;
		diag_set(f->diag, 0, "its time was up (--timeout): the sandbox was ended");
	} else if (!f->failed && (status == STATE_CRASHED ? !f->ended : *why != '\0')) {
		f->status = diag_set(f->diag, -EIO, "%s", why);
	}
	f->over = f->hurried = true;
	conduit_finish(&f->pipes[1]);
	conduit_finish(&f->pipes[2]);
	leave(f);
}

int foreground_new(struct foreground **ret, bool ahead, struct diag *diag)
{
	struct foreground *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	const struct server_main main = { .running = on_running,
					  .ended = on_sandbox_ended,
					  .ports = on_ports,
					  .settle_ns = SETTLE_NS,
					  .context = f };
	f->null = f->signal_fd = -1;
	f->offer = OFFER;
	f->diag = diag;
	int r = loop_new(&f->loop);
	if (r == 0)
		r = server_new(&f->server, f->loop);
	if (r < 0)
		diag_set(diag, r, "cannot start: %s", strerror(-r));
	if (r == 0)
		r = server_prepare(f->server, &main, ahead, diag);
	if (r < 0) {
		foreground_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static int watch_signals(struct foreground *f)
{
	(void)signal(SIGTTOU, SIG_IGN); /* restoring the terminal from the background */
	f->signals.ready = signals_ready;
	return signals_watch(&f->signal_fd, f->loop, &f->signals, forwarded, ARRAY_SIZE(forwarded));
}

static json_t *command_json(const struct foreground_options *options)
{
	json_t *command = json_array();

	for (size_t i = 0; i < options->words_len; i++)
		json_array_append_new(command, json_string(options->words[i]));
	return command;
}

int foreground_run(struct foreground *f, struct config *config,
		   const struct foreground_options *options, struct diag *diag)
{
	json_t *command = command_json(options);

	f->options = options;
	int r = watch_signals(f);
	if (r < 0) {
		config_free(config);
		diag_set(diag, r, "cannot watch signals: %s", strerror(-r));
	} else {
		r = server_sandbox(f->server, config, command, diag);
	}
	json_decref(command);
	if (r < 0)
		return r;
	r = loop_run(f->loop);
	terminal_restore(&f->terminal);
	return r < 0 ? diag_set(diag, r, "epoll: %s", strerror(-r)) : f->status;
}

void foreground_tell_refused(struct foreground *f, FILE *err)
{
	const struct sandbox *sandbox = server_get(f->server);
	uint64_t count = sandbox_refusals(sandbox);

	if (f->status == 0 || count == 0 || isatty(fileno(err)) != 1 ||
	    sandbox_config(sandbox)->remove)
		return;
	fprintf(err,
		count == 1 ? "immure: %llu thing was refused; say: immure why %s\n"
			   : "immure: %llu things were refused; say: immure why %s\n",
		(unsigned long long)count, sandbox_id(sandbox));
}

void foreground_free(struct foreground *f)
{
	if (f == NULL)
		return;
	offer_stop(&f->offer);
	terminal_restore(&f->terminal);
	session_free(f->session);
	for (int i = 0; i < 3; i++)
		conduit_close(&f->pipes[i]);
	for (int i = 0; i < 2; i++)
		relay_out_abandon(&f->out[i]);
	loop_disarm(&f->patience);
	server_free(f->server);
	loop_free(f->loop);
	fd_close(&f->null);
	fd_close(&f->signal_fd);
	free(f);
}
