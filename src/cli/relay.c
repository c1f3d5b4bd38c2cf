// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: O_NONBLOCK belongs to the open file, which our caller shares, so it stays as
 * it is. Instead a stream is touched only when epoll says it is ready, and a terminal gets no more
 * at a time than it promises to take.
 */
#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum { READ_OCTETS = 16 * 1024, TERMINAL_OCTETS = 256 /* WAKEUP_CHARS, drivers/tty/tty_io.c */ };

enum relay_kind relay_kind(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return RELAY_NONE;
	if (fstat(fd, &st) < 0)
		return RELAY_BROKEN;
	if (S_ISDIR(st.st_mode) || (flags & O_PATH) != 0)
		return RELAY_REFUSE;
	if (S_ISFIFO(st.st_mode))
		return RELAY_PIPE;
	/* the memory devices (major 1) null, zero, full, random and urandom lead nowhere */
	if (S_ISCHR(st.st_mode) &&
	    (st.st_rdev == 0x103 || st.st_rdev == 0x105 || st.st_rdev == 0x107 ||
	     st.st_rdev == 0x108 || st.st_rdev == 0x109))
		return RELAY_PASS;
	return RELAY_PUMP;
}

/*
 * fault_of() - is the @error of a read or write a fault, after which data is lost? Return: -errno, or 0:
 * the other side is gone, which is an end like others. A terminal that hung up says EIO to everything.
 */
static int fault_of(int fd, int error)
{
	if (error == EPIPE || error == ECONNRESET || error == EBADF)
		return 0;
	if (error == EIO && (isatty(fd) == 1 || errno == EIO))
		return 0;
	return -error;
}

static void in_ready(struct loop_source *source, uint32_t events)
{
	struct relay_in *in = container_of(source, struct relay_in, source);
	char data[READ_OCTETS];
	ssize_t n = read(in->fd, data, sizeof(data));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		in->error = fault_of(in->fd, errno);
	if (n <= 0)
		relay_in_close(in);
	in->data(in->context, (struct span){ data, n > 0 ? (size_t)n : 0 });
}

int relay_in_open(struct relay_in *in, struct loop *loop, int fd)
{
	in->fd = fd;
	in->loop = loop;
	in->source.ready = in_ready;
	return loop_add(loop, &in->source, fd, EPOLLIN);
}

static void read_plain(struct loop_timer *timer)
{
	struct relay_in *in = container_of(timer, struct relay_in, plain);

	loop_arm(in->loop, timer, 0);
	in_ready(&in->source, EPOLLIN);
}

int relay_in_plain(struct relay_in *in, struct loop *loop, int fd)
{
	in->fd = fd;
	in->loop = loop;
	in->is_plain = true;
	in->plain.fired = read_plain;
	loop_arm(loop, &in->plain, 0);
	return 0;
}

static void resume_in(struct relay_in *in)
{
	in->error = loop_add(in->loop, &in->source, in->fd, EPOLLIN);
	if (in->error == 0)
		return;
	relay_in_close(in);
	in->data(in->context, (struct span){ 0 });
}

void relay_in_pause(struct relay_in *in, bool paused)
{
	if (in->closed || in->paused == paused)
		return;
	in->paused = paused;
	/* out of the loop altogether: a stream whose writer is gone reports that for ever */
	if (in->is_plain && paused)
		loop_disarm(&in->plain);
	else if (in->is_plain)
		loop_arm(in->loop, &in->plain, 0);
	else if (paused)
		loop_remove(&in->source);
	else
		resume_in(in);
}

void relay_in_close(struct relay_in *in)
{
	in->closed = true;
	loop_disarm(&in->plain);
	loop_remove(&in->source);
}

static void break_out(struct relay_out *out, int error)
{
	out->broken = true;
	out->error = error;
	loop_remove(&out->source);
	buf_free(&out->queue);
}

static void write_some(struct relay_out *out)
{
	struct span data = buf_span(&out->queue);
	size_t most = out->terminal ? TERMINAL_OCTETS : PIPE_BUF;
	ssize_t n = write(out->fd, data.ptr, data.len < most ? data.len : most);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		break_out(out, fault_of(out->fd, errno));
	else if (n > 0)
		buf_drop(&out->queue, (size_t)n);
}

static void out_ready(struct loop_source *source, uint32_t events)
{
	struct relay_out *out = container_of(source, struct relay_out, source);

	(void)events;
	if (buf_len(&out->queue) > 0)
		write_some(out);
	if (buf_len(&out->queue) == 0)
		loop_remove(&out->source);
	if (!relay_out_full(out) && out->changed != NULL)
		out->changed(out->context);
}

void relay_out_open(struct relay_out *out, struct loop *loop, int fd)
{
	out->fd = fd;
	out->terminal = out->as_text = isatty(fd) == 1;
	out->queue = BUF(RELAY_QUEUE_OCTETS_MAX);
	out->source.ready = out_ready;
	out->source.loop = NULL;
	out->loop = loop;
}

void relay_out_drive(struct relay_out *out)
{
	out->as_text = false;
}

bool relay_out_full(const struct relay_out *out)
{
	return !out->broken && buf_len(&out->queue) > RELAY_FULL_OCTETS;
}

void relay_out_drain(struct relay_out *out)
{
	struct pollfd ready = { .fd = out->fd, .events = POLLOUT };
	sigset_t none;

	sigemptyset(&none);
	while (!out->broken && buf_len(&out->queue) > 0) {
		if (ppoll(&ready, 1, NULL, &none) < 0 && errno != EINTR)
			break_out(out, -errno);
		else
			write_some(out);
	}
}

/* watch_out() - have the loop write what is queued */
static void watch_out(struct relay_out *out)
{
	if (out->source.loop == NULL && loop_add(out->loop, &out->source, out->fd, EPOLLOUT) < 0)
		relay_out_drain(out); /* a plain file: epoll does not watch it, it never blocks */
}

void relay_out_write(struct relay_out *out, struct span data)
{
	if (out->broken)
		return;
	int r = out->as_text ? screen_show(&out->queue, &out->screen, data)
			     : buf_append(&out->queue, data);
	if (r < 0)
		break_out(out, r);
	else
		watch_out(out);
	if ((out->broken || relay_out_full(out)) && out->changed != NULL)
		out->changed(out->context);
}

void relay_out_finish(struct relay_out *out)
{
	int r = out->broken ? 0 : screen_end(&out->queue, &out->screen);

	if (r < 0)
		break_out(out, r);
	else if (!relay_out_done(out))
		watch_out(out);
}

bool relay_out_done(const struct relay_out *out)
{
	return out->broken || buf_len(&out->queue) == 0;
}

void relay_out_abandon(struct relay_out *out)
{
	loop_remove(&out->source);
	buf_free(&out->queue);
}

void relay_out_close(struct relay_out *out)
{
	relay_out_finish(out);
	relay_out_drain(out);
	relay_out_abandon(out);
}
