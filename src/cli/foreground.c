// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the program's streams are foreground_streams.c's. With a terminal on both sides the
 * program gets a private one inside, ours turns raw, and keys, window size and job control pass through.
 * Signals we get are passed on, SIGTERM with the sandbox's grace time behind it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/foreground_priv.h"
#include "cli/signals.h"

static const int64_t SETTLE_NS = 3000000; /* most short programs are over by then */
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
			foreground_give_up(f);
		sandbox_stop(server_get(f->server), false);
		break;
	default:
		if (f->session != NULL)
			session_signal(f->session, number);
		else
			sandbox_stop(server_get(f->server), true);
		f->status = 128 + number;
		if (f->over)
			foreground_give_up(f);
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
	foreground_leave(f);
}

static int start_session(struct foreground *f)
{
	const struct session_hooks hooks = {
		.output = foreground_output,
		.stopped = on_stopped,
		.ended = on_ended,
		.drained = foreground_input_taken,
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
	int r = foreground_choose_streams(f, fds);
	if (r == 0)
		r = foreground_open_conduits(f, fds, theirs);
	if (r == 0 && f->tty) {
		exec.flags = AGENT_EXEC_TTY | (fds[2] < 0 ? AGENT_EXEC_TTY_STDERR : 0);
		terminal_size(STDIN_FILENO, &exec.rows, &exec.columns);
	}
	if (r == 0)
		r = session_start(&f->session, sandbox, &exec, fds, &hooks, f->diag);
	for (int i = 0; i < 3; i++)
		fd_close(&theirs[i]);
	if (r == 0) {
		r = foreground_open_relays(f, fds);
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
	f->prompt.sandbox = server_get(f->server);
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

static bool on_asked(void *context, const struct consent_question *question)
{
	struct foreground *f = context;

	return prompt_ask(&f->prompt, question);
}

static void on_settled(void *context, uint32_t id, enum consent_answer answer, const char *by)
{
	struct foreground *f = context;

	prompt_settled(&f->prompt, id, answer, by);
}

static void on_sandbox_ended(void *context, enum state_status status, const char *why)
{
	struct foreground *f = context;

	offer_stop(&f->offer);
	prompt_close(&f->prompt);
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
	foreground_leave(f);
}

int foreground_new(struct foreground **ret, bool ahead, struct diag *diag)
{
	struct foreground *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	const struct server_main main = { .running = on_running,
					  .ended = on_sandbox_ended,
					  .asked = on_asked,
					  .settled = on_settled,
					  .ports = on_ports,
					  .settle_ns = SETTLE_NS,
					  .context = f };
	f->null = f->signal_fd = -1;
	f->offer = OFFER;
	f->prompt = PROMPT;
	f->prompt.shown = foreground_shown;
	f->prompt.context = f;
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
	prompt_close(&f->prompt);
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
