// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a way moves octets from its sender to a pipe and on to its receiver, both by
 * splice(2), in which no octet is copied to us. The pipe is borrowed for that moment and kept only
 * while the receiver does not take all of it. With no pipe to borrow the way copies instead: peek,
 * send, and only then take from the sender what the receiver took, so nothing is ever in our hands.
 *
 * Sources are level-triggered while we want to read. A way that is blocked or over does not read,
 * and then EPOLLHUP, which epoll reports unasked once both directions of a socket are shut, would
 * wake us for ever; so a source that is not read from is edge-triggered. That is safe as writing goes
 * on until EAGAIN.
 */
#include "relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fd.h"

enum {
	ROUNDS = 16,         /* of a way at one wake-up; then others have their turn */
	FILL = 256 * 1024,   /* octets at most a round: a stalled flow pins as much of memory */
	COPY = 16 * 1024,    /* octets a round without a pipe */
	PROBABLY_DRY = 4096, /* fewer octets: the sender has likely no more; epoll knows better */
};

static void set_linger(int fd, bool reset)
{
	const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void relay_reset(int *fd)
{
	if (*fd >= 0)
		set_linger(*fd, true);
	fd_close(fd);
}

void relay_finish(int *fd)
{
	if (*fd >= 0)
		set_linger(*fd, false);
	fd_close(fd);
}

static void give_pipe_back(struct relay *relay, struct relay_way *way)
{
	if (way->pipe >= 0)
		pipes_give_back(relay->pipes, way->pipe, way->held);
	way->pipe = -1;
	way->held = 0;
}

static void close_both(struct relay *relay, bool clean)
{
	for (int i = 0; i < 2; i++) {
		loop_remove(&relay->source[i]);
		give_pipe_back(relay, &relay->way[i]);
		if (clean)
			relay_finish(&relay->fd[i]);
		else
			relay_reset(&relay->fd[i]);
	}
}

void relay_stop(struct relay *relay)
{
	close_both(relay, false);
}

/* drain() - from the pipe to the receiver. Return: 0, even if that is blocked now; -errno. */
static int drain(struct relay_way *way, const int pipe[2], int to)
{
	while (way->held > 0) {
		ssize_t n =
		    splice(pipe[0], NULL, to, NULL, way->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EAGAIN) {
			way->blocked = true;
			return 0;
		}
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EPIPE;
		if (n > 0) {
			way->held -= (size_t)n;
			way->octets += (uint64_t)n;
		}
	}
	return 0;
}

/* copy() - one round without a pipe. Return: octets; 0: the end, or blocked; -errno, -EAGAIN. */
static ssize_t copy(struct relay_way *way, int from, int to)
{
	char octets[COPY];
	struct iovec part = { octets, sizeof(octets) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	ssize_t n = recvmsg(from, &message, MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0) {
		way->eof = n == 0;
		return n < 0 ? -errno : 0;
	}
	part.iov_len = (size_t)n;
	n = sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN) {
		way->blocked = true;
		return 0;
	}
	if (n < 0)
		return -errno;
	part.iov_len = (size_t)n;
	way->octets += (uint64_t)n;
	return recvmsg(from, &message, MSG_DONTWAIT) == n ? n : -EIO; /* they were there already */
}

/* round_of() - move some octets. Return: as copy() */
static ssize_t round_of(struct relay *relay, struct relay_way *way, int from, int to)
{
	if (way->pipe < 0)
		way->pipe = pipes_take(relay->pipes);
	if (way->pipe < 0)
		return copy(way, from, to);

	const int *pipe = relay->pipes->ends[way->pipe];
	ssize_t n = splice(from, NULL, pipe[1], NULL, FILL, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	/* nothing there; or an urgent mark, before which splice() stops for ever, and says that this
	 * is the end if the end follows it: only recvmsg() knows, and gets past it */
	if (n == 0 || (n < 0 && errno == EAGAIN))
		return copy(way, from, to);
	if (n < 0)
		return -errno;
	way->held = (size_t)n;
	int r = drain(way, pipe, to);
	return r < 0 ? r : n;
}

/* fill_and_drain() - as many rounds as are this way's turn. Return: 0 or -errno. */
static int fill_and_drain(struct relay *relay, struct relay_way *way, int from, int to)
{
	if (way->held > 0) {
		int r = drain(way, relay->pipes->ends[way->pipe], to);

		if (r < 0)
			return r;
	}
	for (int i = 0; i < ROUNDS && !way->eof && !way->blocked; i++) {
		ssize_t n = round_of(relay, way, from, to);

		if (n == -EINTR)
			continue;
		if (n < 0 && n != -EAGAIN)
			return (int)n;
		if (n < PROBABLY_DRY)
			break;
	}
	return 0;
}

/* move() - the way that comes from @side. Return: 0; -errno: the flow is broken. */
static int move(struct relay *relay, enum relay_side side)
{
	struct relay_way *way = &relay->way[side];
	int to = relay->fd[1 - side];
	uint64_t before = way->octets;

	way->blocked = false;
	int r = fill_and_drain(relay, way, relay->fd[side], to);
	if (way->held == 0)
		give_pipe_back(relay, way);
	if (r == 0 && way->eof && way->held == 0 && !way->done) {
		way->done = true;
		r = shutdown(to, SHUT_WR) < 0 ? -errno : 0;
	}
	if (way->octets != before)
		relay->active(relay);
	return r;
}

static void watch(struct relay *relay, enum relay_side side)
{
	const struct relay_way *in = &relay->way[side], *out = &relay->way[1 - side];
	uint32_t events = !in->eof && !in->blocked ? EPOLLIN : EPOLLET;

	loop_change(&relay->source[side], events | (out->blocked ? EPOLLOUT : 0));
}

static bool is_over(const struct relay *relay)
{
	return relay->way[RELAY_INSIDE].done && (relay->way[RELAY_OUTSIDE].done || relay->last);
}

static void side_ready(struct relay *relay, enum relay_side side, uint32_t events)
{
	bool both = (events & EPOLLERR) != 0; /* hand on what still can be, then end */
	int r = 0;

	if (both || ((events & (EPOLLIN | EPOLLHUP)) != 0 && !relay->way[side].blocked))
		r = move(relay, side);
	if (r == 0 && (both || (events & EPOLLOUT) != 0))
		r = move(relay, 1 - side);
	bool clean = is_over(relay) && r == 0;
	if (clean || r < 0 || both) {
		close_both(relay, clean);
		relay->ended(relay, clean);
		return;
	}
	watch(relay, RELAY_INSIDE);
	watch(relay, RELAY_OUTSIDE);
}

void relay_last(struct relay *relay)
{
	relay->last = true;
	if (!is_over(relay))
		return;
	close_both(relay, true);
	relay->ended(relay, true);
}

static void inside_ready(struct loop_source *source, uint32_t events)
{
	side_ready(container_of(source, struct relay, source[RELAY_INSIDE]), RELAY_INSIDE, events);
}

static void outside_ready(struct loop_source *source, uint32_t events)
{
	side_ready(container_of(source, struct relay, source[RELAY_OUTSIDE]), RELAY_OUTSIDE,
		   events);
}

int relay_start(struct relay *relay, struct loop *loop, int inside, int outside)
{
	const int at_once = 1;

	relay->source[RELAY_INSIDE].ready = inside_ready;
	relay->source[RELAY_OUTSIDE].ready = outside_ready;
	relay->fd[RELAY_INSIDE] = inside;
	relay->fd[RELAY_OUTSIDE] = outside;
	for (int i = 0; i < 2; i++) {
		relay->way[i].pipe = -1;
		set_linger(relay->fd[i],
			   true); /* so that our own death fakes no clean end either */
		(void)setsockopt(relay->fd[i], IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
		int r = loop_add(loop, &relay->source[i], relay->fd[i], EPOLLIN);

		if (r < 0) {
			loop_remove(&relay->source[RELAY_INSIDE]);
			return r;
		}
	}
	return 0;
}
