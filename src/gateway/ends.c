// SPDX-License-Identifier: Apache-2.0
#include "gateway/ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "relay/relay.h"

/* has_octets() - what came before a reset can still be read: an answer to what was refused midway */
static bool has_octets(int fd)
{
	char octet = 0;
	struct iovec part = { &octet, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void ready(struct loop_source *source, enum tls_side side, uint32_t events)
{
	struct ends *ends = container_of(source - side, struct ends, source[0]);

	bool read_all = ends->bridge == NULL || ends->waiting[side] || side == TLS_INSIDE;

	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		ends->waiting[side] = false;
	if ((events & EPOLLERR) != 0 && !ends->opening && ends->ended[side] == 0 && read_all &&
	    !has_octets(ends->fd[side]))
		ends->ended[side] = TLS_TRUNCATED; /* reset, even if nobody reads from it now */
	ends->ready(ends);
}

static void inside_ready(struct loop_source *source, uint32_t events)
{
	ready(source, TLS_INSIDE, events);
}

static void upstream_ready(struct loop_source *source, uint32_t events)
{
	ready(source, TLS_UPSTREAM, events);
}

int ends_open(struct ends *ends, struct loop *loop, int inside, int upstream)
{
	const int fds[TLS_SIDES] = { inside, upstream };
	const int at_once = 1;
	int r = 0;

	ends->source[TLS_INSIDE].ready = inside_ready;
	ends->source[TLS_UPSTREAM].ready = upstream_ready;
	for (int i = 0; r == 0 && i < TLS_SIDES; i++) {
		ends->left[i] = BUF_SECRET(ENDS_WRITE_OCTETS_MAX);
		ends->fd[i] = fds[i];
		if (fds[i] < 0)
			continue;
		(void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
		r = loop_add(loop, &ends->source[i], fds[i], EPOLLIN);
	}
	if (r < 0) {
		loop_remove(&ends->source[TLS_INSIDE]);
		loop_remove(&ends->source[TLS_UPSTREAM]);
		ends->fd[TLS_INSIDE] = ends->fd[TLS_UPSTREAM] = -1;
	}
	return r;
}

static enum tls_result read_plain(size_t *ret_len, int fd, char *buffer, size_t capacity)
{
	struct iovec part = { buffer, capacity };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
	if (n > 0) {
		*ret_len = (size_t)n;
		return TLS_DONE;
	}
	if (n == 0)
		return TLS_CLOSED;
	return errno == EAGAIN || errno == EINTR ? TLS_WANT_READ : TLS_TRUNCATED;
}

/* took_all() - of what has come, by a read of @len octets into @capacity */
static bool took_all(const struct ends *ends, enum tls_side side, size_t len, size_t capacity)
{
	return ends->bridge != NULL ? bridge_is_dry(ends->bridge, side) : len < capacity;
}

enum tls_result ends_read(size_t *ret_len, struct ends *ends, enum tls_side side, char *buffer,
			  size_t capacity)
{
	enum tls_result r = (enum tls_result)ends->ended[side];

	if (r != 0)
		return r;
	if (ends->fd[side] < 0 || ends->waiting[side])
		return TLS_WANT_READ;
	r = ends->bridge != NULL ? bridge_read(ret_len, ends->bridge, side, buffer, capacity)
				 : read_plain(ret_len, ends->fd[side], buffer, capacity);
	/* another read would be in vain until an event says that there is more */
	ends->waiting[side] =
	    r == TLS_WANT_READ || (r == TLS_DONE && took_all(ends, side, *ret_len, capacity));
	if (r == TLS_DONE)
		ends->octets[side] += *ret_len;
	else if (r == TLS_FAILED)
		r = TLS_TRUNCATED; /* the peer broke the protocol: what came is not the whole */
	if (r != TLS_DONE && r != TLS_WANT_READ)
		ends->ended[side] = (uint8_t)r;
	return r;
}

/* send_plain() - Return: octets taken, 0 if there is no room; -errno */
static ssize_t send_plain(int fd, struct span data)
{
	struct iovec part = { (void *)(uintptr_t)data.ptr, data.len };
	const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	ssize_t n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n;
}

enum tls_result ends_write(struct ends *ends, enum tls_side side, struct span data)
{
	size_t taken = 0;

	if (data.len == 0)
		return TLS_DONE;
	if (ends->fd[side] < 0)
		return TLS_TRUNCATED;
	if (ends->bridge != NULL) {
		enum tls_result r = bridge_write(&taken, ends->bridge, side, data);

		return r == TLS_DONE && taken < data.len ? TLS_FAILED : r;
	}
	ssize_t n = send_plain(ends->fd[side], data);
	if (n < 0)
		return TLS_TRUNCATED;
	if ((size_t)n < data.len && buf_append(&ends->left[side], span_drop(data, (size_t)n)) < 0)
		return TLS_TRUNCATED;
	return TLS_DONE;
}

enum tls_result ends_flush(struct ends *ends, enum tls_side side)
{
	struct buf *left = &ends->left[side];

	if (ends->fd[side] < 0)
		return TLS_DONE;
	if (ends->bridge != NULL)
		return bridge_flush(ends->bridge, side);
	if (buf_len(left) == 0)
		return TLS_DONE;
	ssize_t n = send_plain(ends->fd[side], buf_span(left));
	if (n < 0) {
		buf_free(left); /* nobody will take it: no room is waited for */
		return TLS_TRUNCATED;
	}
	buf_drop(left, (size_t)n);
	if (buf_len(left) > 0)
		return TLS_WANT_WRITE;
	buf_free(left);
	return TLS_DONE;
}

enum tls_result ends_close(struct ends *ends, enum tls_side side)
{
	if (ends->closed[side] || ends->fd[side] < 0)
		return TLS_DONE;
	enum tls_result r =
	    ends->bridge != NULL ? bridge_close(ends->bridge, side) : ends_flush(ends, side);
	if (r == TLS_WANT_WRITE)
		return r;
	ends->closed[side] = true;
	if (r == TLS_DONE && shutdown(ends->fd[side], SHUT_WR) < 0)
		r = TLS_TRUNCATED;
	return r;
}

/* wants() - EPOLLIN and EPOLLOUT of @side */
static uint32_t wants(const struct ends *ends, enum tls_side side, bool read)
{
	if (ends->bridge != NULL) {
		uint32_t events = bridge_wants(ends->bridge, side);

		bool over = !ends->opening && (!read || ends->ended[side] != 0);

		return over ? events & ~(uint32_t)EPOLLIN : events;
	}
	return (read && ends->ended[side] == 0 ? EPOLLIN : 0) |
	       (buf_len(&ends->left[side]) > 0 ? EPOLLOUT : 0);
}

/* is_quiet() - nothing came since it was read to the end: not to be told of more can wait until then. Most
 * sides say nothing while it is not their turn, and are spared two calls each turn. */
static bool is_quiet(const struct ends *ends, enum tls_side side)
{
	return ends->waiting[side] && ends->ended[side] == 0 && !ends->opening &&
	       (ends->source[side].events & (uint32_t)EPOLLET) == 0;
}

void ends_watch(struct ends *ends, const bool read[TLS_SIDES])
{
	for (int i = 0; i < TLS_SIDES; i++) {
		enum tls_side side = (enum tls_side)i;
		uint32_t events = wants(ends, side, read[i] || is_quiet(ends, side));

		/* what is not read from is edge-triggered, as EPOLLHUP cannot be masked: relay.c */
		if (ends->fd[i] >= 0)
			loop_change(&ends->source[i],
				    (events & EPOLLIN) != 0 ? events : events | EPOLLET);
	}
}

static void close_all(struct ends *ends, void (*close_one)(int *fd))
{
	bridge_free(ends->bridge);
	ends->bridge = NULL;
	for (int i = 0; i < TLS_SIDES; i++) {
		loop_remove(&ends->source[i]);
		buf_free(&ends->left[i]);
		if (ends->source[i].ready != NULL) /* else it was never opened */
			close_one(&ends->fd[i]);
		ends->fd[i] = -1;
	}
}

void ends_drop(struct ends *ends, enum tls_side side)
{
	loop_remove(&ends->source[side]);
	relay_reset(&ends->fd[side]);
}

void ends_finish(struct ends *ends)
{
	close_all(ends, relay_finish);
}

void ends_reset(struct ends *ends)
{
	close_all(ends, relay_reset);
}
