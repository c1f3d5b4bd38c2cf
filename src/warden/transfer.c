// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: init's worker has one end of the pipe, we the other, without blocking. It
 * ends when init says so; what a reader's pipe still holds then is read first. More than
 * TRANSFER_OCTETS_MAX is not collected: the pipe is closed and the answer is EFBIG.
 */
#include "warden/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"

enum { READ_OCTETS = 64 * 1024 };

struct transfer {
	struct operation op;
	struct loop_source pipe;
	int fd; /* owned: our end */
	bool writes;
	int error;
	struct buf data;
	transfer_ended *ended;
	void *context;
};

static void close_pipe(struct transfer *transfer)
{
	loop_remove(&transfer->pipe);
	fd_close(&transfer->fd);
}

/* write_some() - content to the worker. Closes when all is written: the worker's end of file. */
static void write_some(struct transfer *transfer)
{
	struct span rest = buf_span(&transfer->data);
	ssize_t n = rest.len > 0 ? write(transfer->fd, rest.ptr, rest.len) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		buf_drop(&transfer->data, (size_t)n);
	if (n < 0 || buf_len(&transfer->data) == 0)
		close_pipe(transfer);
}

/* read_some() - content from the worker. Return: whether there may be more. */
static bool read_some(struct transfer *transfer)
{
	char *room = NULL;
	int r = buf_reserve(&room, &transfer->data, READ_OCTETS);
	ssize_t n = r == 0 ? read(transfer->fd, room, READ_OCTETS) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0) {
		buf_commit(&transfer->data, (size_t)n);
		return true;
	}
	if (r < 0)
		transfer->error = r == -ENOBUFS ? EFBIG : ENOMEM;
	close_pipe(transfer);
	return false;
}

static void pipe_ready(struct loop_source *source, uint32_t events)
{
	struct transfer *transfer = container_of(source, struct transfer, pipe);

	(void)events;
	if (transfer->writes)
		write_some(transfer);
	else
		read_some(transfer);
}

static void operation_event(struct operation *op, const struct operation_event *event)
{
	struct transfer *transfer = container_of(op, struct transfer, op);
	int error = event->kind == OPERATION_DONE     ? 0
		    : event->kind == OPERATION_FAILED ? (int)event->failure.error
						      : ENOTCONN;

	while (!transfer->writes && transfer->fd >= 0 && read_some(transfer))
		;
	close_pipe(transfer);
	if (transfer->error != 0)
		error = transfer->error;
	transfer->ended(transfer->context, error, &transfer->data);
	buf_free(&transfer->data);
	free(transfer);
}

static int open_pipe(struct transfer *transfer, struct loop *loop, int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	transfer->fd = ends[transfer->writes ? 1 : 0];
	*ret_theirs = ends[transfer->writes ? 0 : 1];
	if (fcntl(transfer->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	transfer->pipe.ready = pipe_ready;
	return loop_add(loop, &transfer->pipe, transfer->fd, transfer->writes ? EPOLLOUT : EPOLLIN);
}

int transfer_start(struct sandbox *sandbox, enum agent_type type, const struct agent_file *file,
		   struct buf *content, transfer_ended *ended, void *context)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	CLEANUP_FD int theirs = -1;

	if (transfer == NULL) {
		if (content != NULL)
			buf_free(content);
		return -ENOMEM;
	}
	transfer->fd = -1;
	transfer->op.event = operation_event;
	transfer->writes = content != NULL;
	transfer->data = content != NULL ? *content : BUF(TRANSFER_OCTETS_MAX + READ_OCTETS);
	if (content != NULL)
		*content = BUF(content->octets_max); /* now ours */
	transfer->ended = ended;
	transfer->context = context;
	int r = open_pipe(transfer, sandbox_loop(sandbox), &theirs);
	if (r == 0)
		r = sandbox_file(sandbox, &transfer->op, type, file, theirs);
	if (r == 0)
		return 0;
	close_pipe(transfer);
	buf_free(&transfer->data);
	free(transfer);
	return r;
}
