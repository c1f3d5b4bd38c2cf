// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: octets are collected until the two of the length and the query they announce
 * are there; the rest moves to the front. Each query yields exactly one answer or a reset, so a
 * connection whose peer has ended, or had its share, is over when the counts are equal.
 */
#include "gateway/dns_tcp.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "gateway/dns_udp.h"
#include "relay/relay.h"

#define NS_PER_S INT64_C(1000000000)

static void drop(struct dns_tcp_connection *c, bool clean)
{
	loop_remove(&c->source);
	list_remove(&c->node);
	if (clean)
		relay_finish(&c->fd);
	else
		relay_reset(&c->fd);
}

static void schedule(struct dns_tcp *tcp)
{
	struct list_node *first = list_first(&tcp->open);

	if (first == NULL || tcp->timer.loop != NULL)
		return;
	int64_t since_ns = container_of(first, struct dns_tcp_connection, node)->since_ns;
	loop_arm(tcp->loop, &tcp->timer, since_ns + DNS_TCP_IDLE_S * NS_PER_S - clock_mono_ns());
}

static void fired(struct loop_timer *timer)
{
	struct dns_tcp *tcp = container_of(timer, struct dns_tcp, timer);
	int64_t before_ns = clock_mono_ns() - DNS_TCP_IDLE_S * NS_PER_S;
	struct list_node *first = NULL;

	while ((first = list_first(&tcp->open)) != NULL) {
		struct dns_tcp_connection *c = container_of(first, struct dns_tcp_connection, node);

		if (c->since_ns > before_ns)
			break;
		drop(c, c->len == 0 && c->queries == c->answers);
	}
	schedule(tcp);
}

/* next_query() - Return: its octets with the length; 0: not all are there; -EBADMSG: none. */
static ssize_t next_query(const struct dns_tcp_connection *c, size_t at)
{
	if (c->len - at < 2)
		return 0;
	size_t len = (size_t)((uint8_t)c->octets[at] << 8 | (uint8_t)c->octets[at + 1]);
	if (len < DNS_HEADER_OCTETS || len > DNS_QUERY_OCTETS_MAX)
		return -EBADMSG;
	return c->len - at < 2 + len ? 0 : (ssize_t)(2 + len);
}

/* serve() - all whole queries. Return: false: the connection was reset. */
static bool serve(struct dns_tcp_connection *c)
{
	struct resolve *resolve = c->tcp->resolve;
	const struct resolve_origin origin = {
		.connection = (int)(c - c->tcp->connections),
		.turn = c->turn,
	};
	size_t at = 0;
	ssize_t n = 0;

	while (c->queries < DNS_TCP_QUERIES && (n = next_query(c, at)) > 0) {
		const struct span query = { c->octets + at + 2, (size_t)n - 2 };

		c->queries++;
		if (resolve_query(resolve, query, &origin) < 0) {
			n = -EBADMSG;
			break;
		}
		if (c->fd < 0)
			return false;
		at += (size_t)n;
	}
	if (n < 0) {
		dns_malformed(resolve->talk, &c->asked);
		drop(c, false);
		return false;
	}
	c->len -= at;
	memmove(c->octets, c->octets + at, c->len);
	if (at > 0) {
		c->since_ns = clock_mono_ns();
		list_append(&c->tcp->open, &c->node);
	}
	return true;
}

/* judge() - go on reading, or not, or end it; after each change of the counts */
static void judge(struct dns_tcp_connection *c)
{
	bool last = c->ended || c->queries == DNS_TCP_QUERIES;

	if (last && c->queries == c->answers)
		drop(c, true);
	else
		loop_change(&c->source, last ? EPOLLET : EPOLLIN); /* EPOLLET: see relay.c */
}

static void tcp_ready(struct loop_source *source, uint32_t events)
{
	struct dns_tcp_connection *c = container_of(source, struct dns_tcp_connection, source);
	struct iovec part = { c->octets + c->len, sizeof(c->octets) - c->len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if ((events & EPOLLERR) != 0) {
		drop(c, false);
		return;
	}
	if ((source->events & EPOLLIN) == 0)
		return;
	ssize_t n = recvmsg(c->fd, &message, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && c->len > 0)) {
		drop(c, false);
		return;
	}
	c->ended = n == 0;
	c->len += (size_t)n;
	if (serve(c))
		judge(c);
}

void dns_tcp_reply(struct dns_tcp *tcp, const struct resolve_origin *origin, struct span reply)
{
	struct dns_tcp_connection *c = &tcp->connections[origin->connection];
	char len[2] = { (char)(reply.len >> 8), (char)(reply.len & 0xff) };
	struct iovec parts[] = { { len, sizeof(len) },
				 { (void *)(uintptr_t)reply.ptr, reply.len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };

	if (c->fd < 0 || c->turn != origin->turn)
		return;
	ssize_t n = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n != (ssize_t)(sizeof(len) + reply.len)) {
		drop(c, false);
		return;
	}
	c->answers++;
	if (c->ended || c->queries == DNS_TCP_QUERIES)
		judge(c);
}

void dns_tcp_accept(struct dns_tcp *tcp, int fd, const struct in6_addr *asked)
{
	for (size_t i = 0; i < DNS_TCP_MAX; i++) {
		struct dns_tcp_connection *c = &tcp->connections[i];

		if (c->fd >= 0)
			continue;
		*c = (struct dns_tcp_connection){
			.source.ready = tcp_ready,
			.tcp = tcp,
			.fd = fd,
			.turn = c->turn + 1,
			.asked = *asked,
			.since_ns = clock_mono_ns(),
		};
		if (loop_add(tcp->loop, &c->source, fd, EPOLLIN) < 0) {
			c->fd = -1;
			break;
		}
		list_append(&tcp->open, &c->node);
		schedule(tcp);
		return;
	}
	talk_lose(tcp->resolve->talk);
	relay_reset(&fd);
}

void dns_tcp_start(struct dns_tcp *tcp, struct loop *loop, struct resolve *resolve)
{
	tcp->loop = loop;
	tcp->resolve = resolve;
	tcp->timer.fired = fired;
	list_init(&tcp->open);
	for (size_t i = 0; i < DNS_TCP_MAX; i++)
		tcp->connections[i].fd = -1;
}
