// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: octets are peeked at, so whoever takes the flow over reads it from its first
 * octet. SO_RCVLOWAT makes epoll silent until there are more than we have seen.
 */
#include "gateway/sniff.h"

#include <errno.h>
#include <sys/socket.h>

#include "wire/tls_hello.h"

enum {
	METHOD_OCTETS_MAX = 32,
	TLS_HANDSHAKE = 22, /* content type, RFC 8446 section 5.1 */
};

static char peeked[TLS_HELLO_FLOW_OCTETS_MAX]; /* one thread, see sniff_peek() */

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* begins() - does @text begin with @prefix, as far as it goes? Return: SNIFF_MORE: too short to tell. */
static enum sniff_kind begins(struct span text, const char *prefix, enum sniff_kind kind)
{
	size_t len = strlen(prefix);
	size_t some = text.len < len ? text.len : len;

	if (some > 0 && memcmp(text.ptr, prefix, some) != 0)
		return SNIFF_RAW;
	return text.len < len ? SNIFF_MORE : kind;
}

/* target_begins() - what follows "METHOD " in HTTP; a mail client's "EHLO host" is none */
static enum sniff_kind target_begins(struct span method, struct span target)
{
	if (target.len == 0)
		return SNIFF_MORE;
	if (target.ptr[0] == '/' || target.ptr[0] == '*' ||
	    (method.len == 7 && memcmp(method.ptr, "CONNECT", 7) == 0))
		return SNIFF_HTTP1;
	return begins(target, "http", SNIFF_HTTP1);
}

static enum sniff_kind http_octets(struct span octets)
{
	size_t len = 0;

	enum sniff_kind kind = begins(octets, "PRI * HTTP/2.0\r\n", SNIFF_HTTP2);
	if (kind != SNIFF_RAW)
		return kind;
	while (len < octets.len && len < METHOD_OCTETS_MAX && is_token(octets.ptr[len]))
		len++;
	if (len == octets.len)
		return len < METHOD_OCTETS_MAX ? SNIFF_MORE : SNIFF_RAW;
	if (len == 0 || octets.ptr[len] != ' ')
		return SNIFF_RAW;
	return target_begins((struct span){ octets.ptr, len }, span_drop(octets, len + 1));
}

static enum sniff_kind tls_octets(struct span octets)
{
	static char room[TLS_HELLO_OCTETS_MAX];
	struct tls_hello hello;

	switch (tls_hello_parse(&hello, octets, room, sizeof(room))) {
	case TLS_HELLO_MORE:
		return SNIFF_MORE;
	case TLS_HELLO_WHOLE:
	case TLS_HELLO_MALFORMED: /* whoever opens it says why it is refused */
		return SNIFF_TLS;
	case TLS_HELLO_SSL2:
	case TLS_HELLO_NOT_TLS:
		break;
	}
	return SNIFF_RAW;
}

enum sniff_kind sniff_octets(struct span octets)
{
	if (octets.len == 0)
		return SNIFF_MORE;
	return octets.ptr[0] == TLS_HANDSHAKE ? tls_octets(octets) : http_octets(octets);
}

enum sniff_kind sniff_whole(struct span octets)
{
	enum sniff_kind kind = sniff_octets(octets);

	if (kind != SNIFF_MORE)
		return kind;
	return octets.len > 0 && octets.ptr[0] == TLS_HANDSHAKE ? SNIFF_TLS : SNIFF_RAW;
}

int sniff_peek(struct span *ret, int fd)
{
	struct iovec part = { peeked, sizeof(peeked) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = 0;

	do
		n = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*ret = (struct span){ peeked, (size_t)n };
	return (int)n;
}

/* wake_above() - have epoll report the socket when it holds more than @octets */
static void wake_above(int fd, int octets)
{
	const int least = octets + 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
}

void sniff_stop(struct sniff *sniff)
{
	if (sniff->inside.loop != NULL)
		wake_above(sniff->inside.fd, 0);
	loop_remove(&sniff->inside);
	loop_remove(&sniff->outside);
	loop_disarm(&sniff->patience);
}

void sniff_hurry(struct sniff *sniff)
{
	loop_arm(sniff->inside.loop, &sniff->patience, SNIFF_PATIENCE_MS * INT64_C(1000000));
}

static void settle(struct sniff *sniff, enum sniff_kind kind)
{
	sniff_stop(sniff);
	sniff->told(sniff, kind);
}

static void wait_for_more(struct sniff *sniff, struct span octets)
{
	bool tls = octets.len > 0 && octets.ptr[0] == TLS_HANDSHAKE;

	wake_above(sniff->inside.fd, (int)octets.len);
	if (sniff->raw && sniff->patience.loop == NULL && !tls)
		sniff_hurry(sniff);
}

static void inside_ready(struct loop_source *source, uint32_t events)
{
	struct sniff *sniff = container_of(source, struct sniff, inside);
	struct span octets = { 0 };
	bool over = (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0;

	if (sniff_peek(&octets, source->fd) == -EAGAIN && !over)
		return;
	enum sniff_kind kind = sniff_octets(octets);
	if (kind != SNIFF_MORE || over || octets.len == sizeof(peeked))
		settle(sniff, sniff_whole(octets));
	else
		wait_for_more(sniff, octets);
}

static void patience_over(struct loop_timer *timer)
{
	settle(container_of(timer, struct sniff, patience), SNIFF_RAW);
}

/* is_greeting() - does a server of HTTP/2 begin so: with SETTINGS (RFC 9113 sections 3.4, 4.1, 6.5)? */
static bool is_greeting(struct span octets)
{
	static const uint8_t rest[] = { 4, 0, 0, 0, 0, 0 }; /* type, flags, stream */
	const uint8_t *at = (const uint8_t *)octets.ptr;

	return octets.len >= 3 + sizeof(rest) && at[0] == 0 && at[1] < 64 &&
	       (at[1] * 256 + at[2]) % 6 == 0 && memcmp(at + 3, rest, sizeof(rest)) == 0;
}

static void outside_ready(struct loop_source *source, uint32_t events)
{
	struct sniff *sniff = container_of(source, struct sniff, outside);
	struct span octets = { 0 };

	(void)events;
	if (sniff_peek(&octets, source->fd) > 0 && is_greeting(octets))
		loop_remove(source); /* gRPC's do so at once; the program speaks as well */
	else
		settle(sniff,
		       sniff_peek(&octets, sniff->inside.fd) > 0 ? sniff_whole(octets) : SNIFF_RAW);
}

int sniff_start(struct sniff *sniff, struct loop *loop, int inside, int outside, bool raw)
{
	sniff->raw = raw;
	sniff->inside.ready = inside_ready;
	sniff->outside.ready = outside_ready;
	sniff->patience.fired = patience_over;
	int r = loop_add(loop, &sniff->inside, inside, EPOLLIN | EPOLLRDHUP);
	if (r == 0 && outside >= 0)
		r = loop_add(loop, &sniff->outside, outside, EPOLLIN | EPOLLRDHUP);
	if (r < 0)
		sniff_stop(sniff);
	return r;
}
