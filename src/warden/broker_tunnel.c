// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one request, CONNECT, is sent on a fresh connection to the proxy (RFC 9110
 * section 9.3.6), and the head of its response read by wire/http1, which refuses what is not exactly
 * the grammar. What follows that head belongs to the gateway: octets are peeked at first, and only
 * those of the head are taken. Whoever wants the tunnel bounds its time.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fd.h"
#include "warden/broker_priv.h"
#include "wire/base64.h"
#include "wire/http1.h"

enum {
	REQUEST_OCTETS_MAX = 2048,     /* twice a name, and user and password in base64 */
	ANSWER_OCTETS_MAX = 16384,     /* of all heads, interim ones included */
	STATUS_MULTIPLE_CHOICES = 300, /* from here on a status is none of success */
};

struct broker_tunnel {
	struct loop_source source;
	int fd; /* owned */
	struct http1_scan scan;
	size_t len, before; /* octets of the head that are taken; of interim ones before it */
	void (*done)(void *context, const struct broker_tunnel_end *end);
	void *context;
	char answer[ANSWER_OCTETS_MAX];
};

/* put_user() - Return: 0; -ENOBUFS; -ENOMEM */
static int put_user(struct buf *request, const struct proxy *proxy)
{
	if (!proxy->authenticates)
		return 0;
	int r = buf_append(request, SPAN("Proxy-Authorization: Basic "));
	if (r == 0)
		r = base64_encode(request, span_of(proxy->user));
	return r < 0 ? r : buf_append(request, SPAN("\r\n"));
}

static int put_request(struct buf *request, const struct broker_tunnel_plan *plan)
{
	bool bracketed = strchr(plan->host, ':') != NULL;
	char place[NET_NAME_OCTETS + sizeof("[]:65535")];

	(void)snprintf(place, sizeof(place), bracketed ? "[%s]:%u" : "%s:%u", plan->host,
		       plan->port);
	int r = buf_printf(request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", place, place);
	if (r == 0)
		r = put_user(request, plan->proxy);
	return r < 0 ? r : buf_append(request, SPAN("\r\n"));
}

/* send_request() - a fresh socket has room for it. Return: 0; -errno. */
static int send_request(int fd, const struct broker_tunnel_plan *plan)
{
	struct buf request = BUF(REQUEST_OCTETS_MAX);
	int r = put_request(&request, plan);

	if (r == 0) {
		struct span text = buf_span(&request);
		ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);

		r = n < 0 ? -errno : (size_t)n < text.len ? -ENOBUFS : 0;
	}
	if (request.ptr != NULL)
		explicit_bzero(request.ptr, request.capacity);
	buf_free(&request);
	return r;
}

/* finish() - the tunnel may be gone afterwards */
static void finish(struct broker_tunnel *tunnel, struct broker_tunnel_end end)
{
	loop_remove(&tunnel->source);
	if (end.error == 0)
		end.fd = fd_take(&tunnel->fd);
	tunnel->done(tunnel->context, &end);
}

static void fail(struct broker_tunnel *tunnel, int error, const char *why)
{
	finish(tunnel, (struct broker_tunnel_end){ .fd = -1, .error = error, .why = why });
}

static void judge_status(struct broker_tunnel *tunnel, unsigned status)
{
	static const struct {
		unsigned status;
		const char *why;
	} rows[] = {
		{ 403, "it lets nobody go there" },
		{ 407, "it wants a user and password, or others" },
		{ 502, "it did not get there" },
		{ 503, "it did not get there" },
		{ 504, "it did not get there in time" },
	};
	struct broker_tunnel_end end = { .fd = -1, .error = ECONNREFUSED, .status = status };

	if (status < STATUS_MULTIPLE_CHOICES)
		end.error = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			end.why = rows[i].why;
	finish(tunnel, end);
}

/* take() - of what was peeked at, take @len octets. Return: false: they are gone. */
static bool take(struct broker_tunnel *tunnel, size_t len)
{
	ssize_t n = recv(tunnel->fd, tunnel->answer + tunnel->len, len, 0);

	tunnel->len += len;
	return n >= 0 && (size_t)n == len;
}

/* read_head() - the answer's first @len octets are there, some of them only peeked at */
static void read_head(struct broker_tunnel *tunnel, size_t len)
{
	struct http1_limits limits = http1_limits_default;
	struct http1_response response;

	limits.head_octets_max = ANSWER_OCTETS_MAX - tunnel->before;
	enum http1_step step =
	    http1_response_read(&response, &tunnel->scan, (struct span){ tunnel->answer, len },
				(struct http1_asked){ HTTP1_CONNECT, false }, &limits);
	if (step == HTTP1_REFUSED) {
		fail(tunnel, EPROTO, http1_fault_text(response.fault));
		return;
	}
	size_t head = step == HTTP1_DONE ? response.head_octets : len;
	if (!take(tunnel, head - tunnel->len)) {
		fail(tunnel, EPROTO, "what it said is gone");
	} else if (step == HTTP1_DONE && response.interim) {
		tunnel->before += head;
		tunnel->len = 0;
		tunnel->scan = (struct http1_scan){ 0 };
	} else if (step == HTTP1_DONE) {
		judge_status(tunnel, response.status);
	}
}

static void tunnel_ready(struct loop_source *source, uint32_t events)
{
	struct broker_tunnel *tunnel = container_of(source, struct broker_tunnel, source);
	size_t room = ANSWER_OCTETS_MAX - tunnel->before - tunnel->len;

	(void)events;
	if (room == 0) {
		fail(tunnel, EPROTO, http1_fault_text(HTTP1_HEAD_LONG));
		return;
	}
	ssize_t n = recv(tunnel->fd, tunnel->answer + tunnel->len, room, MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		fail(tunnel, errno, NULL);
	else if (n == 0)
		fail(tunnel, ECONNRESET, "it closed the connection without an answer");
	else
		read_head(tunnel, tunnel->len + (size_t)n);
}

int broker_tunnel_start(struct broker_tunnel **ret, struct loop *loop, int fd,
			const struct broker_tunnel_plan *plan,
			void (*done)(void *context, const struct broker_tunnel_end *end),
			void *context)
{
	struct broker_tunnel *tunnel = malloc(sizeof(*tunnel));
	int r = tunnel == NULL ? -ENOMEM : send_request(fd, plan);

	if (r == 0) {
		memset(tunnel, 0, offsetof(struct broker_tunnel, answer));
		tunnel->source.ready = tunnel_ready;
		tunnel->done = done;
		tunnel->context = context;
		tunnel->fd = fd;
		r = loop_add(loop, &tunnel->source, fd, EPOLLIN);
	}
	if (r < 0) {
		fd_close(&fd);
		free(tunnel);
		return r;
	}
	*ret = tunnel;
	return 0;
}

void broker_tunnel_free(struct broker_tunnel *tunnel)
{
	if (tunnel == NULL)
		return;
	loop_remove(&tunnel->source);
	fd_close(&tunnel->fd);
	free(tunnel);
}
