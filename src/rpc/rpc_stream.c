// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: all work is done in turn(), which the loop calls at the end of the round in
 * which something happened: read once, hand out whole lines, write what was queued, tell the owner
 * what changed, and set what to wait for. Epoll and the outside only leave a note and arm the turn.
 * So answers to pipelined requests leave in one write, and the owner is never called from within a
 * call it made: it may close the stream in any callback.
 *
 *	wants_input()	read only while nobody is congested, no whole line waits, nothing ended
 *	congested	set when the queue passes RPC_CONGESTED_OCTETS, cleared below half of that
 *	eof		end of input, or an error of it; ended() follows once the lines are taken
 *	broken		end of output. A socket is still read until that would block, for the
 *			requests that were sent before the other side went; two pipes end at once.
 *	finished()	after ended(): broken, or nothing left to write and nobody is going to
 *
 * Sockets are used with MSG_DONTWAIT and MSG_NOSIGNAL. For anything else O_NONBLOCK is set and the
 * old flags are put back on closing, since a terminal or a pipe is shared with whoever started us;
 * the process must ignore SIGPIPE. Regular files and /dev/null cannot be in an epoll (EPERM): they
 * are always ready, so a stream that wants input re-arms its turn. A descriptor that hangs up while
 * its input is not wanted would spin epoll: it is taken out and treated as always ready, too.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "rpc/rpc_priv.h"

static void unref(struct rpc_stream *s)
{
	assert(s->refs > 0);
	if (--s->refs == 0)
		free(s); /* the whole owner */
}

void rpc_stream_wake(struct rpc_stream *s)
{
	if (!s->in_turn && !rpc_stream_is_closed(s) && s->turn.loop == NULL)
		loop_arm(s->loop, &s->turn, 0);
}

/* shrink() - let go of memory that a buffer no longer needs */
static void shrink(struct buf *b, size_t keep)
{
	struct buf small = BUF(b->octets_max);

	if (b->capacity <= keep || buf_len(b) > keep / 2)
		return;
	if (buf_append(&small, buf_span(b)) < 0)
		return; /* no memory to save memory with: later, then */
	buf_free(b);
	*b = small;
}

/* end_input() - nothing more comes; what was read is still taken */
static void end_input(struct rpc_stream *s)
{
	s->eof = true;
	s->readable = false;
	loop_remove(&s->in);
}

/* lose_output() - nothing more can be written */
static void lose_output(struct rpc_stream *s, int error)
{
	if (s->broken)
		return;
	s->broken = true;
	s->blocked = s->congested = false;
	s->readable = true; /* what was sent before, if anything */
	if (s->error == 0)
		s->error = error;
	loop_remove(&s->out);
	buf_free(&s->queue);
	if (s->duplex)
		return;
	end_input(s);
	buf_free(&s->lines);
	s->searched = 0;
	s->more_lines = false;
}

void rpc_stream_break(struct rpc_stream *s, int error)
{
	if (rpc_stream_is_closed(s))
		return;
	lose_output(s, error);
	s->error = error;
	end_input(s);
	buf_free(&s->lines);
	s->searched = 0;
	s->more_lines = false;
	rpc_stream_wake(s);
}

void rpc_stream_wrote(struct rpc_stream *s)
{
	if (s->broken || rpc_stream_is_closed(s)) {
		buf_free(&s->queue);
		return;
	}
	if (buf_len(&s->queue) > RPC_CONGESTED_OCTETS)
		s->congested = s->owes_drained = true;
	rpc_stream_wake(s);
}

void rpc_stream_stop(struct rpc_stream *s, int result)
{
	s->stopping = s->owes_stop = true;
	s->stop_result = result;
	rpc_stream_wake(s);
}

/* takes_lines() - does the owner want more to do? */
static bool takes_lines(const struct rpc_stream *s)
{
	return !s->stopping &&
	       (!s->congested || s->ops->reads_always || buf_len(&s->queue) < RPC_DEAF_OCTETS);
}

static bool wants_input(const struct rpc_stream *s)
{
	return !s->eof && !s->more_lines && takes_lines(s);
}

/* read_some() - Return: octets, 0 at the end, -errno. */
static ssize_t read_some(struct rpc_stream *s, char *room, size_t len)
{
	ssize_t n = 0;

	do
		n = s->in_socket ? recv(s->in_fd, room, len, MSG_DONTWAIT)
				 : read(s->in_fd, room, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* skip() - while within an oversized line, drop what was read of it */
static void skip(struct rpc_stream *s)
{
	struct span have = buf_span(&s->lines);
	const char *end = have.ptr != NULL ? memchr(have.ptr, '\n', have.len) : NULL;

	s->skipping = end == NULL;
	buf_drop(&s->lines, end == NULL ? have.len : (size_t)(end - have.ptr) + 1);
}

static void read_input(struct rpc_stream *s)
{
	size_t want = buf_len(&s->lines);
	char *room = NULL;

	if (want < RPC_READ_OCTETS)
		want = RPC_READ_OCTETS - want; /* the two together: an idle stream stays small */
	if (want < RPC_READ_OCTETS / 2)
		want = RPC_READ_OCTETS;
	if (want > RPC_READ_OCTETS_MAX)
		want = RPC_READ_OCTETS_MAX;
	s->readable = false;
	int r = buf_reserve(&room, &s->lines, want);
	if (r < 0) {
		rpc_stream_break(s, r);
		return;
	}
	ssize_t n = read_some(s, room, want);
	if (n > 0) {
		buf_commit(&s->lines, (size_t)n);
		if (s->broken)
			s->readable = true;
		if (s->skipping)
			skip(s);
		return;
	}
	if (n == -EAGAIN && !s->broken && s->in.loop != NULL)
		return;
	if (n < 0 && n != -EAGAIN && s->error == 0)
		s->error = (int)n;
	end_input(s);
}

/* next_line() - take a line off the front; the last one may lack its newline */
static bool next_line(struct span *ret, struct rpc_stream *s)
{
	struct span have = buf_span(&s->lines);
	const char *end = NULL;

	if (have.ptr != NULL && have.len > s->searched)
		end = memchr(have.ptr + s->searched, '\n', have.len - s->searched);
	s->searched = have.len;
	if (end == NULL && (!s->eof || have.len == 0))
		return false;
	s->searched = 0;
	*ret = have;
	if (end != NULL)
		ret->len = (size_t)(end - have.ptr);
	buf_drop(&s->lines, ret->len + (end != NULL)); /* moves nothing: *ret stays valid */
	return true;
}

static void take_lines(struct rpc_stream *s)
{
	struct span line;

	s->more_lines = true;
	for (unsigned taken = 0; taken < RPC_TURN_LINES && takes_lines(s); taken++) {
		if (!next_line(&line, s)) {
			s->more_lines = false;
			break;
		}
		if (line.len > RPC_LINE_OCTETS_MAX)
			s->ops->oversized(s);
		else
			s->ops->line(s, line);
		if (rpc_stream_is_closed(s))
			return;
	}
	if (!s->more_lines && buf_len(&s->lines) > RPC_LINE_OCTETS_MAX) {
		s->skipping = true;
		s->searched = 0;
		buf_free(&s->lines);
		s->ops->oversized(s);
	}
	if (!rpc_stream_is_closed(s))
		shrink(&s->lines, RPC_READ_OCTETS);
}

/* write_some() - Return: octets, or -errno. */
static ssize_t write_some(struct rpc_stream *s, struct span data)
{
	ssize_t n = 0;

	do
		n = s->out_socket ? send(s->out_fd, data.ptr, data.len, MSG_DONTWAIT | MSG_NOSIGNAL)
				  : write(s->out_fd, data.ptr, data.len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void flush(struct rpc_stream *s)
{
	while (buf_len(&s->queue) > 0 && !s->blocked && !s->broken) {
		struct span rest = buf_span(&s->queue);
		bool polled = s->out.loop != NULL;
		ssize_t n = write_some(s, rest);

		if (n == -EAGAIN && polled) {
			s->blocked = true;
		} else if (n < 0) {
			lose_output(s, (int)n);
		} else {
			buf_drop(&s->queue, (size_t)n);
			s->blocked =
			    polled && (size_t)n < rest.len; /* saves a call that would fail */
		}
	}
	shrink(&s->queue, RPC_KEEP_OCTETS);
	if (buf_len(&s->queue) < RPC_CONGESTED_OCTETS / 2)
		s->congested = false;
}

static bool has_drained(const struct rpc_stream *s)
{
	return s->owes_drained && !s->congested;
}

static bool has_ended(const struct rpc_stream *s)
{
	return !s->told_ended && s->eof && !s->more_lines;
}

static bool has_written(const struct rpc_stream *s)
{
	return s->broken || buf_len(&s->queue) == 0;
}

static bool has_finished(struct rpc_stream *s)
{
	return s->told_ended && !s->told_finished && has_written(s) &&
	       (s->broken || !s->ops->busy(s));
}

/* report() - tell the owner what changed; it may close the stream in each of these */
static void report(struct rpc_stream *s)
{
	if (has_drained(s)) {
		s->owes_drained = false;
		s->ops->drained(s);
	}
	if (!rpc_stream_is_closed(s) && has_ended(s)) {
		s->told_ended = true;
		s->ops->ended(s);
	}
	if (!rpc_stream_is_closed(s) && s->owes_stop && has_written(s)) {
		s->owes_stop = false;
		loop_stop(s->loop, s->stop_result);
	}
	if (!rpc_stream_is_closed(s) && has_finished(s)) {
		s->told_finished = true;
		s->ops->finished(s);
	}
}

static bool is_readable(const struct rpc_stream *s)
{
	return wants_input(s) && (s->readable || s->in.loop == NULL);
}

/* settle() - set what to wait for; what can be done without waiting gets another turn */
static void settle(struct rpc_stream *s)
{
	loop_change(&s->in, wants_input(s) ? EPOLLIN : 0);
	loop_change(&s->out, s->blocked ? EPOLLOUT : 0);
	if (is_readable(s) || (s->more_lines && takes_lines(s)) ||
	    (buf_len(&s->queue) > 0 && !s->blocked && !s->broken) || has_drained(s) ||
	    has_ended(s) || (s->owes_stop && has_written(s)) || has_finished(s))
		loop_arm(s->loop, &s->turn, 0);
}

static void turn(struct loop_timer *timer)
{
	struct rpc_stream *s = container_of(timer, struct rpc_stream, turn);

	s->refs++;
	s->in_turn = true;
	if (is_readable(s))
		read_input(s);
	take_lines(s);
	if (!rpc_stream_is_closed(s)) {
		flush(s);
		report(s);
	}
	s->in_turn = false;
	if (!rpc_stream_is_closed(s))
		settle(s);
	unref(s);
}

static void ready_in(struct loop_source *source, uint32_t events)
{
	struct rpc_stream *s = container_of(source, struct rpc_stream, in);

	if (!wants_input(s) && (events & (EPOLLHUP | EPOLLERR)) != 0)
		loop_remove(source);
	s->readable = true;
	rpc_stream_wake(s);
}

static void ready_out(struct loop_source *source, uint32_t events)
{
	struct rpc_stream *s = container_of(source, struct rpc_stream, out);

	s->blocked = false;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		lose_output(s, -EPIPE);
	rpc_stream_wake(s);
}

/* set_nonblocking() - Return: 0 or -errno; *@ret_flags: what to restore, or -1 */
static int set_nonblocking(int *ret_flags, int fd, bool socket)
{
	int flags = socket ? O_NONBLOCK : fcntl(fd, F_GETFL);

	*ret_flags = -1;
	if (flags < 0)
		return -errno;
	if ((flags & O_NONBLOCK) != 0)
		return 0;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	*ret_flags = flags;
	return 0;
}

/* watch() - put a source into the loop unless it is of a kind that is always ready */
static int watch(struct loop *loop, struct loop_source *source, int fd, uint32_t events)
{
	int r = loop_add(loop, source, fd, events);

	return r == -EPERM ? 0 : r;
}

static int set_up(struct rpc_stream *s)
{
	struct stat in, out;

	if (s->in_fd < 0 || s->out_fd < 0 || fstat(s->in_fd, &in) < 0 || fstat(s->out_fd, &out) < 0)
		return -EBADF;
	s->in_socket = S_ISSOCK(in.st_mode);
	s->out_socket = S_ISSOCK(out.st_mode);
	s->duplex = s->in_socket && in.st_dev == out.st_dev && in.st_ino == out.st_ino;
	int r = set_nonblocking(&s->in_flags, s->in_fd, s->in_socket);
	if (r == 0)
		r = set_nonblocking(&s->out_flags, s->out_fd, s->out_socket);
	if (r == 0)
		r = watch(s->loop, &s->in, s->in_fd, EPOLLIN);
	if (r == 0)
		r = watch(s->loop, &s->out, s->out_fd, 0);
	return r;
}

/* let_go() - undo set_up() and close the descriptors */
static void let_go(struct rpc_stream *s)
{
	loop_disarm(&s->turn);
	loop_remove(&s->in);
	loop_remove(&s->out);
	if (s->out_flags >= 0) /* in this order: both may be one terminal */
		(void)fcntl(s->out_fd, F_SETFL, s->out_flags);
	if (s->in_flags >= 0)
		(void)fcntl(s->in_fd, F_SETFL, s->in_flags);
	fd_close(&s->in_fd);
	fd_close(&s->out_fd);
}

int rpc_stream_open(struct rpc_stream **ret, struct loop *loop, int in, int out,
		    const struct rpc_stream_ops *ops)
{
	struct rpc_stream *s = calloc(1, ops->octets);

	if (s == NULL) {
		if (out != in)
			fd_close(&out);
		fd_close(&in);
		return -ENOMEM;
	}
	*s = (struct rpc_stream){
		.ops = ops,
		.loop = loop,
		.turn.fired = turn,
		.in = { .fd = -1, .ready = ready_in },
		.out = { .fd = -1, .ready = ready_out },
		.in_fd = in,
		/* epoll knows a number only once: the two directions of a socket get one each */
		.out_fd = in == out ? fcntl(in, F_DUPFD_CLOEXEC, 3) : out,
		.in_flags = -1,
		.out_flags = -1,
		.refs = 1,
		.lines = BUF(RPC_LINE_OCTETS_MAX + 2 * RPC_READ_OCTETS_MAX),
		.queue = BUF(RPC_QUEUE_OCTETS_MAX),
	};
	int r = set_up(s);
	if (r < 0) {
		let_go(s);
		unref(s);
		return r;
	}
	if (s->in.loop == NULL)
		rpc_stream_wake(s); /* nothing else would start an always ready input */
	*ret = s;
	return 0;
}

void rpc_stream_close(struct rpc_stream *s)
{
	let_go(s);
	buf_free(&s->lines);
	buf_free(&s->queue);
	s->more_lines = false;
	unref(s);
}
