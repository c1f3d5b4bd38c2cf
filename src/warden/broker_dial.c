// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: happy eyeballs (RFC 8305 section 5). An attempt begins when the one before it
 * failed, or has not answered for a while; then both are under way, and the first to connect ends
 * the others. All that ends the dial happens in callbacks of the loop: an attempt that fails at once
 * only lets the next begin at once. One that finds the budget used up by other dials asks again after
 * a while, until whoever wants the connection gives up.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/fd.h"
#include "warden/broker_priv.h"

socklen_t broker_sockaddr(struct sockaddr_storage *ret, const struct net_address *address,
			  uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(ret, 0, sizeof(*ret));
	if (address->family == 4) {
		memcpy(&v4.sin_addr, address->octets, sizeof(v4.sin_addr));
		memcpy(ret, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memcpy(&v6.sin6_addr, address->octets, sizeof(v6.sin6_addr));
	memcpy(ret, &v6, sizeof(v6));
	return sizeof(v6);
}

/* note() - an attempt failed; that this machine has no way to a family says least */
static void note(struct broker_dial *dial, int error)
{
	bool dull = dial->error == 0 || dial->error == ENETUNREACH || dial->error == EAFNOSUPPORT ||
		    dial->error == EADDRNOTAVAIL;

	if (dull)
		dial->error = error;
}

/* take_fd() - the attempt is over */
static int take_fd(struct broker_attempt *attempt)
{
	struct broker_budget *budget = attempt->dial->budget;

	loop_remove(&attempt->source);
	if (attempt->fd >= 0 && budget != NULL)
		budget->used--;
	return fd_take(&attempt->fd);
}

static void close_attempt(struct broker_attempt *attempt)
{
	CLEANUP_FD int fd = take_fd(attempt);

	(void)fd; /* closed with the scope */
}

void broker_dial_stop(struct broker_dial *dial)
{
	loop_disarm(&dial->stagger);
	for (size_t i = 0; i < dial->begun; i++)
		close_attempt(&dial->attempts[i]);
	dial->begun = 0;
	dial->pending = 0;
}

/* schedule() - the next attempt, or the end of all, comes @delay_ns from now */
static void schedule(struct broker_dial *dial, int64_t delay_ns)
{
	if (dial->begun < dial->addresses.len || dial->pending == 0)
		loop_arm(dial->loop, &dial->stagger, delay_ns);
	else
		loop_disarm(&dial->stagger);
}

/*
 * settle() - tell the kernel that we know it is connected. Else, once the peer has reset it, a
 * sendmsg() with MSG_FASTOPEN would connect it to whatever address (inet_stream_connect()), and the
 * gateway, who gets it, shall be able to connect nothing.
 */
static void settle(int fd, const struct net_address *address, uint16_t port)
{
	struct sockaddr_storage peer;
	socklen_t len = broker_sockaddr(&peer, address, port);

	(void)!connect(fd, (const struct sockaddr *)&peer, len);
}

static void attempt_ready(struct loop_source *source, uint32_t events)
{
	struct broker_attempt *attempt = container_of(source, struct broker_attempt, source);
	struct broker_dial *dial = attempt->dial;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error != 0) {
		note(dial, error);
		close_attempt(attempt);
		dial->pending--;
		schedule(dial, 0);
		return;
	}
	int fd = take_fd(attempt);
	struct net_address address = dial->addresses.items[attempt - dial->attempts];
	settle(fd, &address, dial->port);
	broker_dial_stop(dial);
	dial->done(dial, fd, &address);
}

/* begin() - Return: 0: under way; -errno */
static int begin(struct broker_attempt *attempt, const struct net_address *address, uint16_t port)
{
	struct sockaddr_storage peer;
	socklen_t len = broker_sockaddr(&peer, address, port);
	const int on = 1;
	/* closed before it is relayed, be it in flight to a gateway that died, it fakes no clean end */
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	attempt->source.ready = attempt_ready;
	attempt->fd = socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0)
		return -errno;
	if (attempt->dial->budget != NULL)
		attempt->dial->budget->used++;
	if (setsockopt(attempt->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(attempt->fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0 ||
	    setsockopt(attempt->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		return -errno;
	if (connect(attempt->fd, (const struct sockaddr *)&peer, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return loop_add(attempt->dial->loop, &attempt->source, attempt->fd, EPOLLOUT);
}

static void stagger_fired(struct loop_timer *timer)
{
	struct broker_dial *dial = container_of(timer, struct broker_dial, stagger);
	size_t i = dial->begun;

	if (i == dial->addresses.len) {
		dial->done(dial, -1, NULL);
		return;
	}
	if (dial->budget != NULL && dial->budget->used >= dial->budget->max) {
		schedule(dial, dial->stagger_ns);
		return;
	}
	struct broker_attempt *attempt = &dial->attempts[i];
	*attempt = (struct broker_attempt){ .dial = dial, .fd = -1 };
	dial->begun++;
	int r = begin(attempt, &dial->addresses.items[i], dial->port);
	if (r < 0) {
		note(dial, -r);
		close_attempt(attempt);
		schedule(dial, 0);
		return;
	}
	dial->pending++;
	schedule(dial, dial->stagger_ns);
}

void broker_dial_start(struct broker_dial *dial, struct loop *loop,
		       const struct broker_addresses *addresses, uint16_t port, int64_t stagger_ns,
		       void (*done)(struct broker_dial *dial, int fd,
				    const struct net_address *address))
{
	dial->loop = loop;
	dial->addresses = *addresses;
	dial->port = port;
	dial->stagger_ns = stagger_ns;
	dial->done = done;
	dial->stagger.fired = stagger_fired;
	schedule(dial, 0);
}
