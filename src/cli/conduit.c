// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: at any time we wait for one of two things, that there is something to read or
 * that there is room to write. The caller's open file is never made non-blocking, for others share
 * it; SPLICE_F_NONBLOCK and RWF_NOWAIT ask for that by the call.
 *
 * A page moved is a slot of the pipe filled, however little is in it, and a pipe has few slots. So
 * small outputs are copied, as the kernel then fills up the last page: a caller that reads only
 * after our end gets as much as by a pipe of its own.
 */
#include "cli/conduit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	PIPE_OCTETS = 1024 * 1024, /* what a user may ask for: /proc/sys/fs/pipe-max-size */
	SPLICE_LEAST = 16 * 1024,  /* below that a copy is as fast */
	TURNS = 8,                 /* then others have theirs */
};

enum outcome { CARRIED, WAIT_IN, WAIT_OUT, ENDED };

static int our_end(const struct conduit *conduit)
{
	return conduit->inwards ? conduit->out : conduit->in;
}

/* waiting() - octets that can be read */
static size_t waiting(const struct conduit *conduit)
{
	int octets = 0;

	return ioctl(conduit->in, FIONREAD, &octets) == 0 && octets > 0 ? (size_t)octets : 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The first attempt is by RWF_NOWAIT, which pipes know since Linux 6.5. Before that, what poll()
 * promises holds if nobody else reads or writes at that end: an octet, or room for PIPE_BUF.
 */
static bool is_ready(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	if (errno == EOPNOTSUPP && poll(&ready, 1, 0) == 1)
		return true;
	if (errno == EOPNOTSUPP)
		errno = EAGAIN;
	return false;
}

/* write_now() - write(2) that does not wait for room */
static ssize_t write_now(int fd, char *data, size_t len)
{
	const struct iovec iov = { data, len };
	ssize_t n = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);

	return n < 0 && is_ready(fd, POLLOUT) ? write(fd, data, len) : n;
}

/* read_now() - read(2) that does not wait for a writer */
static ssize_t read_now(int fd, char *data, size_t len)
{
	const struct iovec iov = { data, len };
	ssize_t n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	return n < 0 && is_ready(fd, POLLIN) ? read(fd, data, len) : n;
}

/* broken() - by errno; that nobody reads any more is an end like another, as is a stdin that is none
 * to read from (0>&1) */
static enum outcome broken(struct conduit *conduit)
{
	if (errno != EPIPE && !(errno == EBADF && conduit->inwards))
		conduit->error = -errno;
	return ENDED;
}

static enum outcome write_kept(struct conduit *conduit)
{
	ssize_t n = write_now(conduit->out, conduit->kept + conduit->kept_from,
			      conduit->kept_to - conduit->kept_from);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? WAIT_OUT : broken(conduit);
	conduit->kept_from += (size_t)n;
	return conduit->kept_from < conduit->kept_to ? WAIT_OUT : CARRIED;
}

static enum outcome copy(struct conduit *conduit)
{
	ssize_t n =
	    read_now(conduit->in, conduit->kept, least(conduit->left, sizeof(conduit->kept)));

	if (n == 0)
		return ENDED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? WAIT_IN : broken(conduit);
	conduit->kept_from = 0;
	conduit->kept_to = (size_t)n;
	if (conduit->ending)
		conduit->left -= (size_t)n;
	return write_kept(conduit);
}

static enum outcome move(struct conduit *conduit)
{
	ssize_t n = splice(conduit->in, NULL, conduit->out, NULL, least(conduit->left, PIPE_OCTETS),
			   SPLICE_F_NONBLOCK);

	if (n > 0) {
		if (conduit->ending)
			conduit->left -= (size_t)n;
		return CARRIED;
	}
	if (n < 0 && errno == EINVAL) {
		conduit->no_splice = true;
		return CARRIED;
	}
	if (n == 0)
		return ENDED;
	if (errno != EAGAIN && errno != EINTR)
		return broken(conduit);
	return waiting(conduit) > 0 ? WAIT_OUT : WAIT_IN;
}

static enum outcome carry(struct conduit *conduit)
{
	if (conduit->kept_from < conduit->kept_to)
		return write_kept(conduit);
	if (conduit->left == 0)
		return ENDED;
	if (!conduit->no_splice && (conduit->inwards || waiting(conduit) >= SPLICE_LEAST))
		return move(conduit);
	return copy(conduit);
}

/* await() - watch for what we wait for, and that alone: a pipe at its end reports that for ever */
static void await(struct conduit *conduit, bool room)
{
	loop_change(&conduit->to, room ? EPOLLOUT : 0);
	if (room)
		loop_remove(&conduit->from);
	if (room || conduit->from.loop != NULL)
		return;
	conduit->error = loop_add(conduit->loop, &conduit->from, conduit->in, EPOLLIN);
	if (conduit->error < 0)
		conduit_close(conduit);
}

static void carry_some(struct conduit *conduit)
{
	enum outcome outcome = CARRIED;

	for (int i = 0; i < TURNS && outcome == CARRIED; i++)
		outcome = carry(conduit);
	if (outcome == ENDED)
		conduit_close(conduit);
	else
		await(conduit, outcome == WAIT_OUT);
}

static void turn(struct conduit *conduit)
{
	carry_some(conduit);
	conduit->changed(conduit->context);
}

static void from_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	turn(container_of(source, struct conduit, from));
}

static void to_ready(struct loop_source *source, uint32_t events)
{
	struct conduit *conduit = container_of(source, struct conduit, to);

	if ((events & EPOLLERR) != 0) { /* nobody reads it any more */
		conduit_close(conduit);
		conduit->changed(conduit->context);
		return;
	}
	turn(conduit);
}

/* grow() - make a pipe large; one that stays small, as the user has many, only costs turns */
static void grow(int fd)
{
	if (fcntl(fd, F_GETPIPE_SZ) < PIPE_OCTETS)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_OCTETS);
}

int conduit_open(struct conduit *conduit, int *ret, struct loop *loop, int fd, bool inwards)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	conduit->loop = loop;
	conduit->inwards = inwards;
	conduit->in = inwards ? fd : ends[0];
	conduit->out = inwards ? ends[1] : fd;
	conduit->left = SIZE_MAX;
	conduit->from.ready = from_ready;
	conduit->to.ready = to_ready;
	conduit->from.loop = conduit->to.loop = NULL;
	CLEANUP_FD int theirs = ends[inwards ? 0 : 1];
	grow(conduit->in);
	grow(conduit->out);
	int r = fcntl(our_end(conduit), F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (r == 0)
		r = loop_add(loop, &conduit->to, conduit->out, 0);
	if (r == 0)
		r = loop_add(loop, &conduit->from, conduit->in, EPOLLIN);
	if (r < 0) {
		conduit_close(conduit);
		return r;
	}
	*ret = fd_take(&theirs);
	return 0;
}

bool conduit_is_open(const struct conduit *conduit)
{
	return conduit->loop != NULL;
}

void conduit_finish(struct conduit *conduit)
{
	if (conduit->loop == NULL || conduit->ending)
		return;
	conduit->left = waiting(conduit);
	conduit->ending = true;
	carry_some(conduit);
}

void conduit_close(struct conduit *conduit)
{
	int ours = our_end(conduit);

	if (conduit->loop == NULL)
		return;
	loop_remove(&conduit->from);
	loop_remove(&conduit->to);
	fd_close(&ours);
	conduit->loop = NULL;
}
