// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: init lives on the other side of the wall, so every frame is judged: its
 * header and payload must decode, its type must be one that init sends, its id must be one of ours
 * (or of an operation just forgotten). Anything else ends the sandbox. Init sends no descriptors;
 * those that come are closed unseen.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "warden/sandbox_priv.h"

enum {
	FRAMES_A_TURN = 64, /* then other sources get their turn */
	PENDING_MAX = 1024, /* frames; more than init could have operations under way */
};

/* A frame that waits: the kernel queues no more than net.unix.max_dgram_qlen (10) packets. */
struct pending {
	struct buf frame;
	int fds[AGENT_FDS_MAX]; /* owned */
	size_t count;
	struct pending *next;
};

static struct operation *find(struct sandbox *sandbox, uint32_t id)
{
	for (struct operation *op = sandbox->operations; op != NULL; op = op->next)
		if (op->id == id)
			return op;
	return NULL;
}

static void unlink_operation(struct sandbox *sandbox, struct operation *op)
{
	for (struct operation **at = &sandbox->operations; *at != NULL; at = &(*at)->next)
		if (*at == op) {
			*at = op->next;
			break;
		}
	op->next = NULL;
	op->id = 0;
}

static bool is_last(enum operation_kind kind)
{
	return kind != OPERATION_STARTED && kind != OPERATION_STOPPED;
}

static void deliver(struct sandbox *sandbox, uint32_t id, const struct operation_event *event)
{
	struct operation *op = find(sandbox, id);

	if (op == NULL)
		return; /* forgotten by its owner */
	if (is_last(event->kind))
		unlink_operation(sandbox, op);
	op->event(op, event);
	if (sandbox->stop_asked && sandbox->operations == NULL)
		sandbox_end_soon(sandbox);
}

/* decode_event() - @payload of a frame about an operation. Return: 0 or -EPROTO. */
static int decode_event(struct operation_event *ret, enum agent_type type, struct span payload)
{
	uint32_t number = 0;
	int r = -EPROTO;

	switch ((int)type) {
	case AGENT_STARTED:
	case AGENT_STOPPED:
		ret->kind = type == AGENT_STARTED ? OPERATION_STARTED : OPERATION_STOPPED;
		r = agent_u32_decode(&number, payload);
		ret->value = number;
		break;
	case AGENT_EXITED:
		ret->kind = OPERATION_EXITED;
		r = agent_exit_decode(&ret->exited, payload);
		break;
	case AGENT_FAILED:
		ret->kind = OPERATION_FAILED;
		r = agent_failure_decode(&ret->failure, payload);
		break;
	case AGENT_DONE:
		ret->kind = OPERATION_DONE;
		r = agent_u64_decode(&ret->value, payload);
		break;
	default:
		break;
	}
	return r;
}

/* take_frame() - Return: 0, or -EPROTO if init must not be trusted with anything any more. */
static int take_frame(struct sandbox *sandbox, struct span frame)
{
	struct operation_event event = { 0 };
	struct agent_header header;
	struct agent_hello hello;
	int r = agent_header_decode(&header, frame);

	if (r < 0)
		return r;
	struct span payload = span_drop(frame, AGENT_HEADER_OCTETS);
	if (header.type == AGENT_HELLO) {
		r = agent_hello_decode(&hello, payload);
		if (r == 0)
			sandbox_hello(sandbox, &hello);
		return r;
	}
	r = decode_event(&event, header.type, payload);
	if (r == 0)
		deliver(sandbox, header.id, &event);
	return r;
}

static void free_pending(struct pending *pending)
{
	for (size_t i = 0; i < pending->count; i++)
		fd_close(&pending->fds[i]);
	buf_free(&pending->frame);
	free(pending);
}

/* fail_pending() - an operation whose descriptors cannot go (base/fd_limit.h) */
static void fail_pending(struct sandbox *sandbox, struct span frame)
{
	const struct operation_event failed = { .kind = OPERATION_FAILED,
						.failure = { ETOOMANYREFS, AGENT_STEP_LIMIT } };
	struct agent_header header;

	if (agent_header_decode(&header, frame) == 0)
		deliver(sandbox, header.id, &failed);
}

/* send_pending() - as many as init's queue takes. A dead init is told by its pidfd. */
static void send_pending(struct sandbox *sandbox)
{
	while (sandbox->pending != NULL) {
		struct pending *first = sandbox->pending;
		int r =
		    fd_send(sandbox->jail.agent, buf_span(&first->frame), first->fds, first->count);

		if (r == -EAGAIN)
			return;
		sandbox->pending = first->next;
		sandbox->pending_len--;
		if (r == -ETOOMANYREFS)
			fail_pending(sandbox, buf_span(&first->frame));
		free_pending(first);
	}
	loop_change(&sandbox->channel, EPOLLIN);
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct sandbox *sandbox = container_of(source, struct sandbox, channel);
	static char
	    frame[AGENT_FRAME_OCTETS_MAX]; /* one thread, never nested: read, handle, forget */
	int fds[FD_PASS_MAX];

	if ((events & EPOLLOUT) != 0)
		send_pending(sandbox);
	for (int i = 0; i < FRAMES_A_TURN && sandbox->channel.loop != NULL; i++) {
		size_t len = 0, count = 0;
		int r = fd_recv(&len, sandbox->jail.agent, frame, sizeof(frame), fds, &count);

		if (r == -EAGAIN)
			return;
		for (size_t k = 0; r == 0 && k < count; k++)
			fd_close(&fds[k]);
		if (r == 0 && len == 0) { /* init is gone; its pidfd tells the rest */
			loop_remove(&sandbox->channel);
			return;
		}
		if (r == -ECONNRESET) /* it died with ours unread; what it said comes next */
			continue;
		if (r < 0 && r != -EMSGSIZE) {
			char why[128];

			(void)snprintf(why, sizeof(why), "init cannot be heard: %s", strerror(-r));
			sandbox_broken(sandbox, why);
			return;
		}
		if (r == 0)
			r = take_frame(sandbox, (struct span){ frame, len });
		if (r < 0) {
			sandbox_broken(sandbox, "init sent something that is not its protocol");
			return;
		}
	}
}

int channel_open(struct sandbox *sandbox)
{
	sandbox->channel.ready = channel_ready;
	return loop_add(sandbox->loop, &sandbox->channel, sandbox->jail.agent, EPOLLIN);
}

void channel_close(struct sandbox *sandbox)
{
	loop_remove(&sandbox->channel);
	while (sandbox->pending != NULL) {
		struct pending *first = sandbox->pending;

		sandbox->pending = first->next;
		free_pending(first);
	}
	sandbox->pending_len = 0;
}

/* keep() - queue a frame until init reads; consumes @frame. Return: 0 or -errno. */
static int keep(struct sandbox *sandbox, struct buf *frame, const int *fds, size_t count)
{
	struct pending *last = sandbox->pending_len < PENDING_MAX ? calloc(1, sizeof(*last)) : NULL;
	struct pending **at = &sandbox->pending;

	if (last == NULL)
		return -EAGAIN;
	for (; last->count < count; last->count++) {
		last->fds[last->count] = fcntl(fds[last->count], F_DUPFD_CLOEXEC, 3);
		if (last->fds[last->count] < 0) {
			free_pending(last);
			return -EMFILE;
		}
	}
	last->frame = *frame;
	*frame = BUF(AGENT_FRAME_OCTETS_MAX); /* now the queue's */
	while (*at != NULL)
		at = &(*at)->next;
	*at = last;
	sandbox->pending_len++;
	loop_change(&sandbox->channel, EPOLLIN | EPOLLOUT);
	return 0;
}

int channel_send(struct sandbox *sandbox, struct buf *frame, const int *fds, size_t count)
{
	int r = sandbox->pending != NULL
		    ? -EAGAIN
		    : fd_send(sandbox->jail.agent, buf_span(frame), fds, count);

	if (r == -EAGAIN)
		r = keep(sandbox, frame, fds, count);
	buf_free(frame);
	return r;
}

void channel_lose_all(struct sandbox *sandbox)
{
	const struct operation_event lost = { .kind = OPERATION_LOST };

	while (sandbox->operations != NULL) {
		struct operation *op = sandbox->operations;

		unlink_operation(sandbox, op);
		op->event(op, &lost);
	}
}

/* begin() - link @op under a new id */
static uint32_t begin(struct sandbox *sandbox, struct operation *op)
{
	do
		sandbox->last_id++;
	while (sandbox->last_id == 0 || find(sandbox, sandbox->last_id) != NULL);
	op->id = sandbox->last_id;
	op->next = sandbox->operations;
	sandbox->operations = op;
	return op->id;
}

/* send_request() - the frame of an operation that begins; forgets it again if that fails */
static int send_request(struct sandbox *sandbox, struct operation *op, struct buf *frame,
			int encoded, const int *fds, size_t count)
{
	int r = encoded;

	if (r == 0)
		r = channel_send(sandbox, frame, fds, count);
	else
		buf_free(frame);
	if (r < 0)
		unlink_operation(sandbox, op);
	return r;
}

int sandbox_exec(struct sandbox *sandbox, struct operation *op, const struct agent_exec *exec,
		 const int fds[3])
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	if (sandbox->status != STATE_RUNNING)
		return -ENOTCONN;
	uint32_t id = begin(sandbox, op);
	return send_request(sandbox, op, &frame, agent_exec_encode(&frame, id, exec, 3), fds, 3);
}

int sandbox_file(struct sandbox *sandbox, struct operation *op, enum agent_type type,
		 const struct agent_file *file, int fd)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	if (sandbox->status != STATE_RUNNING)
		return -ENOTCONN;
	uint32_t id = begin(sandbox, op);
	return send_request(sandbox, op, &frame, agent_file_encode(&frame, type, id, file), &fd, 1);
}

void sandbox_signal(struct sandbox *sandbox, const struct operation *op, int signal)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	if (op->id == 0 || agent_u32_encode(&frame, AGENT_SIGNAL, op->id, (uint32_t)signal) < 0)
		buf_free(&frame);
	else
		(void)!channel_send(sandbox, &frame, NULL, 0);
}

void sandbox_resize(struct sandbox *sandbox, const struct operation *op, uint16_t rows,
		    uint16_t columns)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	if (op->id == 0 || agent_size_encode(&frame, op->id, rows, columns) < 0)
		buf_free(&frame);
	else
		(void)!channel_send(sandbox, &frame, NULL, 0);
}

void sandbox_forget(struct sandbox *sandbox, struct operation *op)
{
	unlink_operation(sandbox, op);
}
