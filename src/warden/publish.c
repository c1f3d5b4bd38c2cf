// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the listeners are bound before anything is built, so that a port that is taken
 * ends the launch; who connects early waits in their backlog, as do those beyond the bounds.
 */
#include "warden/publish.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/fd_limit.h"
#include "warden/broker_priv.h"
#include "warden/publish_priv.h"

static const int64_t REST_NS = 100000000;
enum {
	ACCEPTS_A_TURN = 64,
	FILES_OWN = 512,      /* of the warden, beside connections: programs, flows, pipes */
	CONNECTION_FILES = 2, /* both sockets */
	CONNECTIONS_LEAST = 16,
	BACKLOG = 1024,
};

/* find_room() - how many connections our table of descriptors holds, enlarged if it may be */
static size_t find_room(void)
{
	const rlim_t wanted = FILES_OWN + CONNECTION_FILES * PUBLISH_CONNECTIONS_MAX;
	struct rlimit limit;

	fd_limit_raise();
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return CONNECTIONS_LEAST;
	if (limit.rlim_cur >= wanted)
		return PUBLISH_CONNECTIONS_MAX;
	if (limit.rlim_cur < FILES_OWN + CONNECTION_FILES * CONNECTIONS_LEAST)
		return CONNECTIONS_LEAST;
	return (size_t)(limit.rlim_cur - FILES_OWN) / CONNECTION_FILES;
}

/* watch() - listen at the ports that may have one more */
static void watch(struct publish *publish)
{
	bool room = !publish->resting && publish->len < publish->len_max;

	for (size_t i = 0; i < publish->doors_len; i++) {
		struct door *door = &publish->doors[i];

		if (door->fd >= 0)
			loop_change(&door->source,
				    room && door->len < PUBLISH_PORT_CONNECTIONS_MAX ? EPOLLIN : 0);
	}
}

static void rested(struct loop_timer *timer)
{
	struct publish *publish = container_of(timer, struct publish, rest);

	publish->resting = false;
	watch(publish);
}

static void rest(struct publish *publish)
{
	publish->resting = true;
	publish->rest.fired = rested;
	loop_arm(publish->loop, &publish->rest, REST_NS);
}

/* is_lack() - of descriptors or memory; any other error is that of one connection */
static bool is_lack(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static void door_ready(struct loop_source *source, uint32_t events)
{
	struct door *door = container_of(source, struct door, source);
	struct publish *publish = door->publish;

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN && door->len < PUBLISH_PORT_CONNECTIONS_MAX &&
			publish->len < publish->len_max && !publish->resting;
	     i++) {
		int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno == EAGAIN)
			break;
		if (fd >= 0 ? publish_flow(door, fd) < 0 : is_lack(errno))
			rest(publish);
	}
	watch(publish);
}

static void tell_drained(struct publish *publish)
{
	publish->draining = false;
	publish->hooks.drained(publish->hooks.context);
}

void publish_left(struct door *door)
{
	struct publish *publish = door->publish;

	door->len--;
	publish->len--;
	if (publish->draining && publish->len == 0)
		tell_drained(publish);
	else
		watch(publish);
}

int publish_bind(struct door *door)
{
	struct sockaddr_storage name;
	socklen_t len = broker_sockaddr(&name, &door->at.address, door->at.host_port);
	const int on = 1;
	/* inherited by connections: our own death fakes no clean end of them */
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	CLEANUP_FD int fd =
	    socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
	    (name.ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, (const struct sockaddr *)&name, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	len = sizeof(name);
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return -errno;
	/* the port stands at the same place in both */
	door->at.host_port = ntohs(((const struct sockaddr_in *)&name)->sin_port);
	door->fd = fd_take(&fd);
	return 0;
}

static int open_door(struct door *door, struct diag *diag)
{
	char address[NET_ADDRESS_TEXT_OCTETS];
	int r = publish_bind(door);

	if (r == 0)
		return 0;
	(void)net_address_format(address, &door->at.address);
	const char *remedy = r == -EADDRINUSE
				 ? ": another program has it; choose another port, or 0 for any"
			     : r == -EADDRNOTAVAIL ? ": this machine has no such address"
			     : r == -EACCES        ? ": only root may take ports below 1024"
						   : "";
	return diag_set(diag, r, "cannot publish port %u: %s port %u cannot be listened on: %s%s",
			door->at.port, address, door->at.host_port, strerror(-r), remedy);
}

int publish_open(struct publish **ret, struct loop *loop, const struct config_network *network,
		 struct diag *diag)
{
	size_t len = network->publish_len;
	size_t room = len + (network->publish_auto ? PUBLISH_AUTO_MAX : 0);
	int r = 0;

	*ret = NULL;
	if (room == 0)
		return 0;
	struct publish *publish = calloc(1, sizeof(*publish) + room * sizeof(publish->doors[0]));
	if (publish == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	publish->loop = loop;
	publish->dialler = DIALLER;
	publish->listeners = LISTENERS;
	publish->automatic = network->publish_auto;
	list_init(&publish->waiting);
	list_init(&publish->asked);
	list_init(&publish->others);
	publish->len_max = find_room();
	for (; r == 0 && publish->doors_len < len; publish->doors_len++) {
		struct door *door = &publish->doors[publish->doors_len];

		*door = (struct door){ .publish = publish,
				       .at = network->publish[publish->doors_len],
				       .fd = -1 };
		r = open_door(door, diag);
	}
	publish->given_len = publish->doors_len;
	for (; r == 0 && publish->doors_len < room; publish->doors_len++)
		publish->doors[publish->doors_len] =
		    (struct door){ .publish = publish, .fd = -1, .automatic = true };
	if (r == 0 && publish->automatic)
		publish_auto_spare(publish, network);
	if (r < 0)
		publish_close(publish);
	else
		*ret = publish;
	return r;
}

int publish_watch(struct door *door)
{
	door->source.ready = door_ready;
	return loop_add(door->publish->loop, &door->source, door->fd, EPOLLIN);
}

int publish_start(struct publish *publish, int inside, const struct egress_hooks *hooks,
		  void (*changed)(void *context), struct diag *diag)
{
	if (inside < 0)
		return diag_set(diag, -ENOTSUP,
				"no port can be published: the wall 'capture' is missing, so this "
				"sandbox has no network at all");
	publish->hooks = *hooks;
	publish->changed = changed;
	publish->inside = inside;
	(void)!pipes_open(&publish->pipes); /* without any, octets are copied */
	int r = publish_dialler(publish);
	for (size_t i = 0; r == 0 && i < publish->given_len; i++)
		r = publish_watch(&publish->doors[i]);
	if (r == 0 && publish->automatic)
		publish_auto_start(publish);
	return r < 0 ? diag_set(diag, r, "cannot publish ports: %s", strerror(-r)) : 0;
}

json_t *publish_json(const struct publish *publish)
{
	json_t *list = json_array();
	bool failed = false;

	for (size_t i = 0; i < publish->doors_len; i++) {
		const struct config_publish *at = &publish->doors[i].at;
		char address[NET_ADDRESS_TEXT_OCTETS];

		if (publish->doors[i].fd < 0)
			continue;
		(void)net_address_format(address, &at->address);
		failed |=
		    json_array_append_new(
			list, json_pack("{s:s, s:i, s:i, s:o*}", "address", address, "host_port",
					(int)at->host_port, "port", (int)at->port, "auto",
					publish->doors[i].automatic ? json_true() : NULL)) < 0;
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

static void close_doors(struct publish *publish)
{
	loop_disarm(&publish->rest);
	publish_auto_stop(publish);
	for (size_t i = 0; i < publish->doors_len; i++) {
		loop_remove(&publish->doors[i].source);
		fd_close(&publish->doors[i].fd);
	}
}

static void patience_over(struct loop_timer *timer)
{
	tell_drained(container_of(timer, struct publish, rest));
}

bool publish_drain(struct publish *publish)
{
	close_doors(publish);
	publish_flows_last(publish);
	publish->draining = publish->len > 0;
	if (!publish->draining)
		return false;
	publish->rest.fired = patience_over;
	loop_arm(publish->loop, &publish->rest, PUBLISH_DRAIN_MS * 1000000LL);
	return true;
}

void publish_close(struct publish *publish)
{
	if (publish == NULL)
		return;
	close_doors(publish);
	publish->draining = false;
	publish_flows_drop(publish);
	pipes_close(&publish->pipes);
	free(publish);
}
