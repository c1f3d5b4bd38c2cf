// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a table says who handles a type of frame. The texts of a frame are
 * terminated where they stand: behind each comes the length of the next, which has been read by
 * then, and behind the last is an octet of room.
 *
 * The answers of a job stand in its row (jobs_priv.h) and are sent at once, or when the channel
 * takes them. While it takes none we take no frame either, so that at most one refusal has no row.
 */
#include <errno.h>
#include <signal.h>

#include "agent/files_priv.h"
#include "agent/init_priv.h"
#include "agent/terminal_priv.h"
#include "base/clock.h"

enum {
	FRAMES_MAX = 32, /* of one wake-up, so that children get their turn */
	ANSWER_OCTETS_MAX = 64,
	RETRY_NS = 10 * 1000 * 1000,
	SIGNAL_MAX = 64,
};

/* ---- answers ---- */

static void listen_for(struct init *init)
{
	loop_change(&init->channel, init->blocked ? (uint32_t)EPOLLOUT : (uint32_t)EPOLLIN);
}

/* send_frame() - Return: was it sent? If not, the channel is blocked now, or dead. */
static bool send_frame(struct init *init, const struct buf *frame)
{
	int r = transport_send(&init->transport, buf_span(frame));

	if (r == 0)
		return true;
	init->blocked = true;
	if (r == -EAGAIN) {
		listen_for(init);
	} else if (r == -ENOMEM) {
		loop_change(&init->channel, 0);
		loop_arm(init->loop, &init->retry, RETRY_NS);
	} else {
		loop_stop(init->loop, 0);
	}
	return false;
}

/* encode_first() - the first thing @job has to tell. Return: its TELL_* bit, or 0. */
static unsigned encode_first(struct buf *frame, const struct job *job)
{
	unsigned bit = job->tell & -job->tell;
	int r = 0;

	if (bit == TELL_STARTED)
		r = agent_u32_encode(frame, AGENT_STARTED, job->id, job->told_pid);
	else if (bit == TELL_STOPPED)
		r = agent_u32_encode(frame, AGENT_STOPPED, job->id, job->stop_signal);
	else if (bit == TELL_EXITED)
		r = agent_exit_encode(frame, job->id, &job->exit);
	else if (bit == TELL_FAILED)
		r = agent_failure_encode(frame, job->id, &job->failure);
	else if (bit == TELL_DONE)
		r = agent_u64_encode(frame, AGENT_DONE, job->id, job->moved);
	if (r < 0) /* a killed worker may leave half a failure; the warden must hear of its end */
		r = agent_failure_encode(frame, job->id,
					 &(struct agent_failure){ EIO, AGENT_STEP_COPY });
	return r < 0 ? 0 : bit;
}

void serve_tell(struct job *job)
{
	while (!job->init->blocked && job->tell != 0) {
		char space[ANSWER_OCTETS_MAX];
		struct buf frame = { .ptr = space,
				     .capacity = sizeof(space),
				     .octets_max = sizeof(space) };
		unsigned bit = encode_first(&frame, job);

		if (!send_frame(job->init, &frame))
			return;
		job->tell &= ~bit;
		if ((bit & (TELL_EXITED | TELL_FAILED | TELL_DONE)) != 0) {
			jobs_free(job);
			return;
		}
	}
}

static void tell_refusal(struct init *init)
{
	char space[ANSWER_OCTETS_MAX];
	struct buf frame = { .ptr = space, .capacity = sizeof(space), .octets_max = sizeof(space) };

	if (init->refused_id == 0 || init->blocked)
		return;
	if (agent_failure_encode(&frame, init->refused_id, &init->refusal) < 0 ||
	    send_frame(init, &frame))
		init->refused_id = 0;
}

static void refuse(struct init *init, uint32_t id, enum agent_step step, int error)
{
	init->refused_id = id;
	init->refusal = (struct agent_failure){ .error = (uint32_t)error, .step = step };
	tell_refusal(init);
}

/* tell_all() - the channel takes frames again */
static void tell_all(struct init *init)
{
	init->blocked = false;
	tell_refusal(init);
	for (size_t i = 0; i < init->jobs.end && !init->blocked; i++)
		if (init->jobs.rows[i].kind != JOB_FREE)
			serve_tell(&init->jobs.rows[i]);
	if (!init->blocked)
		listen_for(init);
}

static void retry_fired(struct loop_timer *timer)
{
	tell_all(container_of(timer, struct init, retry));
}

/* ---- requests ---- */

/* terminate() - put a NUL behind a text of the frame (see above) */
static char *terminate(const struct packet *packet, struct span text)
{
	char *at = packet->ptr + (text.ptr - packet->ptr);

	at[text.len] = '\0';
	return at;
}

/* Words and variables as execve() wants them. Untouched pages of it cost nothing. */
static struct arguments {
	char *vectors[2 * AGENT_ARGS_MAX + 2]; /* argv, NULL, envp, NULL */
	struct span texts[2 * AGENT_ARGS_MAX];
} arguments;

/* fill_arguments() - Return: where envp begins */
static char **fill_arguments(struct arguments *a, const struct packet *packet,
			     const struct agent_exec *exec)
{
	char **envp = a->vectors + exec->argc + 1;

	for (uint32_t i = 0; i < exec->argc; i++)
		a->vectors[i] = terminate(packet, exec->words[i]);
	for (uint32_t i = 0; i < exec->envc; i++)
		envp[i] = terminate(packet, exec->words[exec->argc + i]);
	a->vectors[exec->argc] = NULL;
	envp[exec->envc] = NULL;
	return envp;
}

static void start_program(struct job *job, const struct spawn *spawn)
{
	enum agent_step step = AGENT_STEP_FORK;
	pid_t pid = 0;
	int r = spawn_program(&pid, &step, spawn);

	if (r < 0) {
		job_fail(job, step, -r);
		return;
	}
	job->pid = pid;
	job->told_pid = (uint32_t)pid;
	job->tell |= TELL_STARTED;
}

static void start_terminal(struct init *init, struct job *job, struct packet *packet,
			   const struct agent_exec *exec, const struct spawn *spawn)
{
	enum agent_step step = AGENT_STEP_FORK;
	int r = jobs_share(&init->jobs, job);

	if (r == 0)
		r = terminal_start(job, &step, packet->fds, exec, spawn);
	if (r < 0)
		job_fail(job, step, -r);
}

static int on_exec(struct init *init, const struct agent_header *h, struct packet *packet)
{
	struct span payload = { packet->ptr + AGENT_HEADER_OCTETS, h->length };
	struct agent_exec exec;

	if (agent_exec_decode(&exec, payload, arguments.texts, ARRAY_SIZE(arguments.texts)) < 0)
		return -EPROTO;
	bool terminal = (exec.flags & AGENT_EXEC_TTY) != 0;
	bool own_stderr = (exec.flags & AGENT_EXEC_TTY_STDERR) == 0;
	if ((own_stderr && h->fds != 3) || jobs_by_id(&init->jobs, h->id) != NULL)
		return -EPROTO;

	struct job *job = jobs_add(&init->jobs, h->id, terminal ? JOB_TERMINAL : JOB_PROGRAM);
	if (job == NULL) {
		refuse(init, h->id, AGENT_STEP_LIMIT, EAGAIN);
		return 0;
	}
	char **envp = fill_arguments(&arguments, packet, &exec);
	struct spawn spawn = {
		.fds = { packet->fds[0], packet->fds[1], h->fds == 3 ? packet->fds[2] : -1 },
		.working_dir = terminate(packet, exec.working_dir),
		.argv = arguments.vectors,
		.envp = envp,
	};
	if (terminal)
		start_terminal(init, job, packet, &exec, &spawn);
	else
		start_program(job, &spawn);
	serve_tell(job);
	return 0;
}

static int on_file(struct init *init, const struct agent_header *h, struct packet *packet)
{
	struct span payload = { packet->ptr + AGENT_HEADER_OCTETS, h->length };
	struct agent_file file;

	if (agent_file_decode(&file, payload) < 0 || jobs_by_id(&init->jobs, h->id) != NULL)
		return -EPROTO;
	struct job *job = jobs_add(&init->jobs, h->id, JOB_FILE);
	if (job == NULL) {
		refuse(init, h->id, AGENT_STEP_LIMIT, EAGAIN);
		return 0;
	}
	struct files_task task = {
		.type = h->type,
		.fd = packet->fds[0],
		.file = &file,
		.path = terminate(packet, file.path),
	};
	int r = jobs_share(&init->jobs, job);
	if (r == 0)
		r = files_start(job, &task);
	if (r < 0)
		job_fail(job, AGENT_STEP_FORK, -r);
	serve_tell(job);
	return 0;
}

static int on_signal(struct init *init, const struct agent_header *h, struct packet *packet)
{
	struct span payload = { packet->ptr + AGENT_HEADER_OCTETS, h->length };
	uint32_t number = 0;

	if (agent_u32_decode(&number, payload) < 0 || number == 0 || number > SIGNAL_MAX)
		return -EPROTO;
	struct job *job = jobs_by_id(&init->jobs, h->id);
	if (job != NULL)
		children_signal(job, (int)number);
	return 0;
}

static int on_resize(struct init *init, const struct agent_header *h, struct packet *packet)
{
	struct span payload = { packet->ptr + AGENT_HEADER_OCTETS, h->length };
	uint16_t rows = 0;
	uint16_t columns = 0;

	if (agent_size_decode(&rows, &columns, payload) < 0)
		return -EPROTO;
	struct job *job = jobs_by_id(&init->jobs, h->id);
	if (job != NULL)
		terminal_resize(job, rows, columns);
	return 0;
}

static int on_shutdown(struct init *init, const struct agent_header *h, struct packet *packet)
{
	(void)packet;
	(void)init;
	return h->length > 0 ? -EPROTO : -EPIPE; /* as if the warden had closed the channel */
}

/* What the warden may send; all else breaks the protocol. */
static int (*const handlers[])(struct init *, const struct agent_header *, struct packet *) = {
	[AGENT_EXEC] = on_exec,         [AGENT_SIGNAL] = on_signal,   [AGENT_RESIZE] = on_resize,
	[AGENT_FILE_READ] = on_file,    [AGENT_FILE_WRITE] = on_file, [AGENT_FILE_LIST] = on_file,
	[AGENT_SHUTDOWN] = on_shutdown,
};

static int handle(struct init *init, struct packet *packet)
{
	struct agent_header h;
	int r = agent_header_decode(&h, (struct span){ packet->ptr, packet->len });

	if (r < 0 || h.type >= ARRAY_SIZE(handlers) || handlers[h.type] == NULL ||
	    h.fds != packet->fds_count)
		return -EPROTO;
	return handlers[h.type](init, &h, packet);
}

/* take_frame() - Return: 0; -EAGAIN: there is none; else why the channel is at its end */
static int take_frame(struct init *init)
{
	struct packet packet;
	int r = transport_receive(&packet, &init->transport);

	if (r < 0)
		return r;
	r = handle(init, &packet);
	for (size_t i = 0; i < packet.fds_count; i++)
		fd_close(&packet.fds[i]);
	return r;
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct init *init = container_of(source, struct init, channel);
	int r = 0;

	if (init->blocked && (events & EPOLLOUT) != 0)
		tell_all(init);
	if (init->blocked && (events & (EPOLLHUP | EPOLLERR)) != 0)
		r = -EPIPE; /* what is left unread does not matter: nobody is there for an answer */
	for (int i = 0; i < FRAMES_MAX && r == 0 && !init->blocked; i++)
		r = take_frame(init);
	if (r == -EPIPE || r == -ECONNRESET)
		loop_stop(init->loop, 0);
	else if (r < 0 && r != -EAGAIN)
		loop_stop(init->loop, r);
}

/* touch_memory() - have the pages of the first exec while nobody waits for it */
static void touch_memory(struct init *init)
{
	*(volatile char *)init->transport.frame = 0;
	*(volatile char *)arguments.vectors = 0;
	*(volatile size_t *)&arguments.texts[0].len = 0;
	spawn_touch_memory();
	(void)clock_mono_ns();
}

int serve_start(struct init *init)
{
	touch_memory(init);
	init->channel = (struct loop_source){ .fd = -1, .ready = channel_ready };
	init->retry = (struct loop_timer){ .fired = retry_fired };
	init->jobs.init = init;
	return loop_add(init->loop, &init->channel, transport_fd(&init->transport), EPOLLIN);
}
