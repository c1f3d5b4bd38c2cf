// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: events that come while we look away wake nobody (the kernel tells of one only if
 * all before it were taken), so after the first we wait some milliseconds before we take: a busy
 * sandbox costs few wakings, a quiet one none. If the warden does not read, we wait for it, the ring
 * fills and the kernel counts what is lost.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/fd.h"
#include "observe/observe_priv.h"

enum { GATHER_NS = 5 * 1000 * 1000 };

struct server {
	struct observer observer;
	struct compose_texts texts;
	char packet[OBSERVE_PACKET_OCTETS_MAX];
	size_t len;    /* of the packet, its head included */
	uint64_t told; /* of observer.lost */
};

static int flush(struct server *server)
{
	struct pollfd channel = { .fd = OBSERVE_FD_CHANNEL, .events = POLLOUT };
	uint64_t lost = __atomic_load_n(server->observer.lost, __ATOMIC_RELAXED);
	int r = 0;

	observe_lost_encode(server->packet, lost);
	while ((r = fd_send(OBSERVE_FD_CHANNEL, (struct span){ server->packet, server->len }, NULL,
			    0)) == -EAGAIN)
		if (poll(&channel, 1, -1) < 0 && errno != EINTR)
			return -errno;
	server->len = OBSERVE_LOST_OCTETS;
	server->told = lost;
	return r;
}

/* take_event() - as libbpf wants it. Return: 0; -errno ends the taking. */
static int take_event(void *context, void *data, size_t octets)
{
	struct server *server = context;
	struct observe_record record;
	size_t len = 0;

	int r = compose_record(&record, &server->texts, (struct span){ data, octets });
	if (r == 0 && server->len + OBSERVE_RECORD_OCTETS_MIN + record.path.len + record.more.len >
			  sizeof(server->packet))
		r = flush(server);
	if (r == 0)
		r = observe_encode(&len, server->packet + server->len, &record);
	server->len += len;
	return r;
}

static int pass_on(struct server *server)
{
	int r = ring_buffer__consume(server->observer.ring);

	if (r < 0)
		return r;
	if (server->len > OBSERVE_LOST_OCTETS ||
	    server->told != __atomic_load_n(server->observer.lost, __ATOMIC_RELAXED))
		return flush(server);
	return 0;
}

static int loop(struct server *server)
{
	struct pollfd fds[] = {
		{ .fd = ring_buffer__epoll_fd(server->observer.ring), .events = POLLIN },
		{ .fd = OBSERVE_FD_CHANNEL, .events = POLLIN | POLLRDHUP },
	};
	const struct timespec gather = { .tv_nsec = GATHER_NS };

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return -errno;
		bool ends = fds[1].revents != 0;
		if (!ends)
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &gather, NULL);
		int r = pass_on(server);
		if (r < 0 || ends)
			return r;
	}
}

int observer_serve(int namespace, struct diag *diag)
{
	static struct server server = { .len = OBSERVE_LOST_OCTETS };
	const char *step = NULL;

	int r = observer_load(&server.observer, namespace, take_event, &server, diag);
	if (r < 0)
		return r;
	r = observer_confine(&step, server.observer.keep, ARRAY_SIZE(server.observer.keep));
	if (r < 0)
		return diag_set(diag, r, "cannot confine itself: %s: %s", step,
				strerrordesc_np(-r));
	r = flush(&server);
	if (r == 0)
		r = loop(&server);
	return r < 0 ? diag_set(diag, r, "cannot pass on what it sees: %s", strerrordesc_np(-r))
		     : 0;
}
