// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the warden makes the pipes and gives the program's ends to init; so it never
 * takes a descriptor from inside, and its own ends are non-blocking whatever the program does to
 * its. A session ends when the program has: what the pipes hold then is still read, but a daemon
 * that keeps them open does not hold the session.
 */
#include "warden/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fd.h"
#include "warden/log.h"

enum {
	PUMP_OCTETS = 256 * 1024,
	PIPE_OCTETS = 1024 * 1024, /* if much goes through: to make so much room takes time */
	MUCH_OCTETS = 32 * 1024,   /* at once, of the 64 KiB that a new pipe holds */
};

struct pump {
	struct loop_source source;
	int fd; /* owned; our end of the pipe; -1: not piped, or at its end */
	int stream;
	bool grown;
	struct session *session;
};

struct session {
	struct operation op;
	struct sandbox *sandbox;
	struct loop *loop;
	struct session_hooks hooks;
	struct pump input, output[2];
	struct buf queue; /* for stdin */
	bool input_closing, paused, timed_out, has_result;
	struct session_result result;
	uint64_t oom_kills; /* of the sandbox, when it began */
	char lost[96];      /* why a pipe of ours failed; "": none did */
	struct loop_timer timer;
	struct loop_timer ending;
};

static char pump_buffer[PUMP_OCTETS]; /* one thread; never in use across a return to the loop */

static void close_pump(struct pump *pump)
{
	loop_remove(&pump->source);
	fd_close(&pump->fd);
}

/* grow_pump() - give its pipe more room; a smaller one only means more turns */
static void grow_pump(struct pump *pump)
{
	if (!pump->grown)
		(void)fcntl(pump->fd, F_SETPIPE_SZ, PIPE_OCTETS);
	pump->grown = true;
}

/* lose_pump() - a pipe failed on our side: end the program, lest half of its data be taken for all */
static void lose_pump(struct pump *pump, int error)
{
	struct session *session = pump->session;

	close_pump(pump);
	if (session->lost[0] == '\0')
		(void)snprintf(session->lost, sizeof(session->lost), "a pipe to it failed: %s",
			       strerror(error));
	session_signal(session, SIGKILL);
}

/* read_pump() - deliver what is there. Return: whether the pipe may hold more. */
static bool read_pump(struct pump *pump)
{
	struct session *session = pump->session;
	ssize_t n = read(pump->fd, pump_buffer, sizeof(pump_buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0) {
		lose_pump(pump, errno);
		return false;
	}
	if (n == 0) {
		close_pump(pump);
		return false;
	}
	struct span data = { pump_buffer, (size_t)n };
	if (n >= MUCH_OCTETS)
		grow_pump(pump);
	if (session->hooks.log)
		log_append(sandbox_dir(session->sandbox), sandbox_log(session->sandbox), data);
	session->hooks.output(session->hooks.context, pump->stream, data);
	return true;
}

static void output_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	read_pump(container_of(source, struct pump, source));
}

/* finish() - from the loop: drain the pipes, then the owner's last callback */
static void finish(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, ending);

	for (size_t i = 0; i < 2; i++) {
		struct pump *pump = &session->output[i];

		/* paused: the reader is slow; come back when it is not */
		while (pump->fd >= 0 && !session->paused && read_pump(pump))
			;
		if (session->paused && pump->fd >= 0)
			return;
		close_pump(pump);
	}
	close_pump(&session->input);
	loop_disarm(&session->timer);
	if (session->lost[0] != '\0' && session->result.error == NULL) {
		session->result.exit_code = 125;
		session->result.error = session->lost;
	}
	session->hooks.ended(session->hooks.context, &session->result);
}

static void end(struct session *session, const struct session_result *result)
{
	session->result = *result;
	session->has_result = true;
	session->ending.fired = finish;
	loop_arm(session->loop, &session->ending, 0);
}

/* failure_result() - what a shell would say: 127 not found, 126 cannot be run, else ours */
static struct session_result failure_result(const struct agent_failure *failure)
{
	struct session_result result = { .exit_code = 125, .error = strerror((int)failure->error) };

	if (failure->step != AGENT_STEP_EXEC)
		return result;
	result.exit_code = failure->error == ENOENT || failure->error == ENOTDIR ? 127 : 126;
	if (failure->error == ENOENT)
		result.error = "command not found in the sandbox";
	return result;
}

/* judge_oom() - a SIGKILL that nobody here sent, while the kernel killed for the limit of memory */
static void judge_oom(struct session *session, struct session_result *result)
{
	if (result->exit_code != 128 + SIGKILL || session->timed_out ||
	    sandbox_oom_kills(session->sandbox) == session->oom_kills)
		return;
	result->out_of_memory = true;
	result->error = "the kernel killed it, for the sandbox has reached its limit of memory";
}

static void operation_event(struct operation *op, const struct operation_event *event)
{
	struct session *session = container_of(op, struct session, op);
	struct session_result result = { 0 };

	switch (event->kind) {
	case OPERATION_STARTED:
		if (session->hooks.started != NULL)
			session->hooks.started(session->hooks.context);
		return;
	case OPERATION_STOPPED:
		if (session->hooks.stopped != NULL)
			session->hooks.stopped(session->hooks.context);
		return;
	case OPERATION_EXITED:
		result.signal = (int)event->exited.signal;
		result.exit_code =
		    result.signal != 0 ? 128 + result.signal : (int)event->exited.code;
		result.duration_ms = event->exited.duration_ns / 1000000;
		judge_oom(session, &result);
		break;
	case OPERATION_FAILED:
		result = failure_result(&event->failure);
		break;
	case OPERATION_DONE:
	case OPERATION_LOST:
		result.exit_code = 125;
		result.error = "the sandbox ended under it";
		break;
	}
	result.timed_out = session->timed_out;
	if (session->timed_out)
		result.exit_code = 124;
	end(session, &result);
}

static void timed_out(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, timer);

	session->timed_out = true;
	session_signal(session, SIGKILL);
}

static void input_ready(struct loop_source *source, uint32_t events)
{
	struct session *session = container_of(source, struct pump, source)->session;
	struct span data = buf_span(&session->queue);
	ssize_t n = data.len > 0 ? write(session->input.fd, data.ptr, data.len) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && errno != EPIPE) {
		buf_free(&session->queue);
		lose_pump(&session->input, errno);
	} else if (n < 0 ||
		   (events & (EPOLLERR | EPOLLHUP)) != 0) { /* nobody will read it any more */
		buf_free(&session->queue);
		close_pump(&session->input);
	} else {
		buf_drop(&session->queue, (size_t)n);
	}
	if (buf_len(&session->queue) > 0)
		return;
	buf_free(&session->queue);
	if (session->input_closing)
		close_pump(&session->input);
	else
		loop_change(&session->input.source, 0);
	if (session->hooks.drained != NULL)
		session->hooks.drained(session->hooks.context);
}

/* make_pipe() - one piped stream; @ret_theirs: the program's end, owned by the caller */
static int make_pipe(struct session *session, struct pump *pump, int stream, int *ret_theirs)
{
	bool is_input = stream == 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pump->fd = ends[is_input ? 1 : 0];
	*ret_theirs = ends[is_input ? 0 : 1];
	if (fcntl(pump->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	pump->source.ready = is_input ? input_ready : output_ready;
	return loop_add(session->loop, &pump->source, pump->fd, is_input ? 0 : EPOLLIN);
}

static int open_streams(struct session *session, const int fds[3], int theirs[3], int given[3])
{
	for (int i = 0; i < 3; i++) {
		struct pump *pump = i == 0 ? &session->input : &session->output[i - 1];

		given[i] = fds[i] == SESSION_JOINED ? given[1] : fds[i];
		if (fds[i] != SESSION_PIPED)
			continue;
		int r = make_pipe(session, pump, i, &theirs[i]);
		if (r < 0)
			return r;
		given[i] = theirs[i];
	}
	return 0;
}

static struct session *new_session(struct sandbox *sandbox, const struct session_hooks *hooks)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->sandbox = sandbox;
	session->loop = sandbox_loop(sandbox);
	session->oom_kills = sandbox_oom_kills(sandbox);
	session->hooks = *hooks;
	session->op.event = operation_event;
	session->queue = BUF(SESSION_INPUT_OCTETS_MAX);
	session->input = (struct pump){ .fd = -1, .session = session };
	for (int i = 0; i < 2; i++)
		session->output[i] = (struct pump){ .fd = -1, .stream = i + 1, .session = session };
	return session;
}

int session_start(struct session **ret, struct sandbox *sandbox, const struct agent_exec *exec,
		  const int fds[3], const struct session_hooks *hooks, struct diag *diag)
{
	struct session *session = new_session(sandbox, hooks);
	int theirs[3] = { -1, -1, -1 }, given[3] = { -1, -1, -1 };

	if (session == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	int r = open_streams(session, fds, theirs, given);
	for (int i = 0; r == 0 && i < 3; i++)
		sandbox_lend_pipe(sandbox, given[i]);
	if (r == 0)
		r = sandbox_exec(sandbox, &session->op, exec, given);
	for (int i = 0; i < 3; i++)
		fd_close(&theirs[i]);
	if (r < 0) {
		session_free(session);
		if (r == -E2BIG)
			return diag_set(diag, r,
					"the command line and its environment exceed 128 KiB");
		if (r == -ETOOMANYREFS)
			return diag_set(diag, r,
					"cannot start it: programs of this user have more file "
					"descriptors on their way between sockets than 'ulimit "
					"-Hn' is");
		return diag_set(diag, r, "cannot start it: %s", strerror(-r));
	}
	session->timer.fired = timed_out;
	*ret = session;
	return 0;
}

void session_limit(struct session *session, uint64_t timeout_ms)
{
	loop_arm(session->loop, &session->timer, (int64_t)timeout_ms * 1000000);
}

int session_input(struct session *session, struct span data)
{
	if (session->input.fd < 0 || session->input_closing)
		return -EPIPE;
	int r = buf_append(&session->queue, data);
	if (buf_len(&session->queue) >= MUCH_OCTETS)
		grow_pump(&session->input);
	if (r == 0 && buf_len(&session->queue) > 0)
		loop_change(&session->input.source, EPOLLOUT);
	return r;
}

void session_close_input(struct session *session)
{
	session->input_closing = true;
	if (buf_len(&session->queue) == 0)
		close_pump(&session->input);
}

bool session_input_pending(const struct session *session)
{
	return session->input.fd >= 0 && buf_len(&session->queue) > 0;
}

void session_pause(struct session *session, bool paused)
{
	if (session->paused == paused)
		return;
	session->paused = paused;
	for (size_t i = 0; i < 2; i++) {
		struct pump *pump = &session->output[i];

		/* out of the loop altogether: a pipe whose writer is gone reports that for ever */
		loop_remove(&pump->source);
		int r = paused || pump->fd < 0
			    ? 0
			    : loop_add(session->loop, &pump->source, pump->fd, EPOLLIN);
		if (r < 0)
			lose_pump(pump, -r);
	}
	if (!paused && session->has_result)
		loop_arm(session->loop, &session->ending, 0);
}

void session_signal(struct session *session, int signal)
{
	sandbox_signal(session->sandbox, &session->op, signal);
}

void session_resize(struct session *session, uint16_t rows, uint16_t columns)
{
	sandbox_resize(session->sandbox, &session->op, rows, columns);
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	session_signal(session, SIGKILL);
	sandbox_forget(session->sandbox, &session->op);
	loop_disarm(&session->timer);
	loop_disarm(&session->ending);
	close_pump(&session->input);
	close_pump(&session->output[0]);
	close_pump(&session->output[1]);
	buf_free(&session->queue);
	free(session);
}
