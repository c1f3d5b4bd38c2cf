// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a connection that came in wants a socket inside (dialler.h). As answers come
 * in the order of questions, each is for the first of those that were asked for; some wait until they
 * may be. The socket is connected to 127.0.0.1, and if nothing listens there, another one to ::1; then
 * a relay carries octets, which nobody here looks at. Whatever fails resets the connection.
 *
 * A dialler that died takes along those that wait; the next connection starts another.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "policy/policy.h"
#include "warden/broker_priv.h"
#include "warden/publish_priv.h"

enum {
	SYN_TRIES = 3, /* beside the first: a program that does not accept has 15 s */
};

struct inflow {
	struct door *door;
	struct list_node node; /* in one of publish's lists */
	struct net_address to; /* inside */
	int outside, inside;   /* owned until the relay has them; -1: none */
	struct loop_source source;
	struct relay relay;
	bool carries; /* the relay does */
	uint32_t number;
	bool begun; /* see egress_hooks */
	int64_t since_ns;
};

/* tell() - that it begins, or how it ended. Return: false: it must not begin, for *@why */
static bool tell(const struct inflow *flow, const char *why, char ret_why[EGRESS_WHY_OCTETS])
{
	const struct publish *publish = flow->door->publish;
	char host[NET_ADDRESS_TEXT_OCTETS], rule[POLICY_RULE_OCTETS];
	struct egress_report report = {
		.kind = EGRESS_ACCEPTED,
		.host = host,
		.is_address = true,
		.port = flow->door->at.port,
		.rule = rule,
		.why = why,
		.number = flow->number,
		.begun = flow->begun,
		.blocked = ret_why == NULL && !flow->begun,
		.up = flow->relay.way[RELAY_OUTSIDE].octets,
		.down = flow->relay.way[RELAY_INSIDE].octets,
		.duration_ns = clock_mono_ns() - flow->since_ns,
	};

	(void)net_address_format(host, &flow->to);
	if (flow->door->automatic)
		(void)snprintf(rule, sizeof(rule), "publish auto");
	else
		(void)snprintf(rule, sizeof(rule), "publish[%zu]",
			       (size_t)(flow->door - publish->doors));
	if (ret_why != NULL)
		return publish->hooks.begin == NULL ||
		       publish->hooks.begin(publish->hooks.context, &report, ret_why);
	publish->hooks.report(publish->hooks.context, &report);
	return true;
}

static void report(const struct inflow *flow, const char *why)
{
	(void)!tell(flow, why, NULL);
}

/* begin() - put on record that it is accepted, or it must not be */
static bool begin(struct inflow *flow)
{
	char why[EGRESS_WHY_OCTETS];

	flow->number = ++flow->door->publish->number;
	flow->begun = tell(flow, "", why);
	if (!flow->begun)
		report(flow, why);
	return flow->begun;
}

static void drop(struct inflow *flow)
{
	loop_remove(&flow->source);
	if (flow->carries)
		relay_stop(&flow->relay);
	relay_reset(&flow->outside);
	relay_reset(&flow->inside);
	list_remove(&flow->node);
	free(flow);
}

/* end() - it is over; the last of a drain frees all */
static void end(struct inflow *flow, const char *why)
{
	struct door *door = flow->door;

	report(flow, why);
	drop(flow);
	publish_left(door);
}

/* end_all() - of a list of connections without a socket; never while it drains */
static void end_all(struct list *list)
{
	struct list_node *next = NULL;

	for (struct list_node *node = list->head.next; node != &list->head; node = next) {
		next = node->next;
		end(container_of(node, struct inflow, node), "no socket could be made inside");
	}
}

/* lose() - the dialler is gone, or of no use */
static void lose(struct publish *publish)
{
	loop_remove(&publish->channel);
	dialler_end(&publish->dialler);
	publish->asked_len = 0;
	end_all(&publish->asked);
	end_all(&publish->waiting);
}

/* ask() - for sockets, for as many as may be asked for */
static void ask(struct publish *publish)
{
	struct list_node *node = NULL;
	int r = publish->dialler.pid > 0 ? 0 : -ESRCH;

	while (r == 0 && publish->asked_len < DIALLER_ASKED_MAX &&
	       (node = list_first(&publish->waiting)) != NULL) {
		struct inflow *flow = container_of(node, struct inflow, node);

		r = dialler_ask(&publish->dialler, flow->to.family == 4 ? AF_INET : AF_INET6);
		if (r == 0) {
			list_append(&publish->asked, node);
			publish->asked_len++;
		}
	}
	if (r < 0)
		lose(publish);
}

static void on_active(struct relay *relay)
{
	(void)relay;
}

static void on_ended(struct relay *relay, bool clean)
{
	struct inflow *flow = container_of(relay, struct inflow, relay);

	flow->carries = false;
	end(flow, clean ? "" : "reset");
}

/* carry() - both sockets are connected */
static void carry(struct inflow *flow)
{
	struct publish *publish = flow->door->publish;

	flow->relay.pipes = &publish->pipes;
	flow->relay.active = on_active;
	flow->relay.ended = on_ended;
	int r = relay_start(&flow->relay, publish->loop, flow->inside, flow->outside);
	if (r < 0) {
		end(flow, strerror(-r));
		return;
	}
	flow->inside = flow->outside = -1;
	flow->carries = true;
}

/* try_next() - @error came of the address it was connected to */
static void try_next(struct inflow *flow, int error)
{
	struct publish *publish = flow->door->publish;

	loop_remove(&flow->source);
	fd_close(&flow->inside);
	if (error == ECONNREFUSED && flow->to.family == 4) {
		flow->to = (struct net_address){ .family = 6, .octets = { [15] = 1 } };
		list_append(&publish->waiting, &flow->node);
		ask(publish);
		return;
	}
	end(flow, error == ECONNREFUSED ? "no program listens on this port" : strerror(error));
}

/* is_itself() - where nobody listens a socket can meet itself, if the port is one of those it may get */
static bool is_itself(int fd)
{
	struct sockaddr_storage own = { 0 }, peer = { 0 };
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

	return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
	       getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 && own_len == peer_len &&
	       memcmp(&own, &peer, own_len) == 0;
}

static void inside_ready(struct loop_source *source, uint32_t events)
{
	struct inflow *flow = container_of(source, struct inflow, source);
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(flow->inside, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0 && is_itself(flow->inside))
		error = ECONNREFUSED;
	if (error != 0) {
		try_next(flow, error);
		return;
	}
	loop_remove(source);
	carry(flow);
}

/* connect_inside() - with a socket that the dialler made. Return: 0: under way; -errno */
static int connect_inside(struct inflow *flow)
{
	struct sockaddr_storage peer;
	socklen_t len = broker_sockaddr(&peer, &flow->to, flow->door->at.port);
	const int on = 1, tries = SYN_TRIES;

	if (setsockopt(flow->inside, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0 ||
	    setsockopt(flow->inside, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries)) < 0)
		return -errno;
	if (connect(flow->inside, (const struct sockaddr *)&peer, len) < 0 && errno != EINPROGRESS)
		return -errno;
	flow->source.ready = inside_ready;
	return loop_add(flow->door->publish->loop, &flow->source, flow->inside, EPOLLOUT);
}

/* take_socket() - Return: 0; -errno: there is no answer, or it makes no sense */
static int take_socket(struct publish *publish)
{
	int error = 0, fd = -1;
	int r = dialler_take(&error, &fd, &publish->dialler);
	struct list_node *node = list_first(&publish->asked);

	if (r < 0)
		return r;
	if (node == NULL || (fd < 0 && error == 0)) {
		fd_close(&fd);
		return -EPROTO;
	}
	struct inflow *flow = container_of(node, struct inflow, node);
	publish->asked_len--;
	list_append(&publish->others, node);
	flow->inside = fd;
	r = fd < 0 ? -error : connect_inside(flow);
	if (r < 0)
		try_next(flow, -r);
	return 0;
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct publish *publish = container_of(source, struct publish, channel);
	int r = 0;

	(void)events;
	for (int i = 0; r == 0 && i < DIALLER_ASKED_MAX && publish->dialler.fd >= 0; i++)
		r = take_socket(publish);
	if (r < 0 && r != -EAGAIN)
		lose(publish);
	else
		ask(publish);
}

int publish_dialler(struct publish *publish)
{
	int r = dialler_start(&publish->dialler, publish->inside);

	if (r < 0)
		return r;
	publish->channel.ready = channel_ready;
	r = loop_add(publish->loop, &publish->channel, publish->dialler.fd, EPOLLIN);
	if (r < 0)
		dialler_end(&publish->dialler);
	return r;
}

int publish_flow(struct door *door, int outside)
{
	struct publish *publish = door->publish;
	struct inflow *flow = calloc(1, sizeof(*flow));

	if (flow == NULL) {
		relay_reset(&outside);
		return -ENOMEM;
	}
	*flow = (struct inflow){
		.door = door,
		.to = { .family = 4, .octets = { 127, 0, 0, 1 } },
		.outside = outside,
		.inside = -1,
		.since_ns = clock_mono_ns(),
	};
	if (!begin(flow)) {
		relay_reset(&flow->outside);
		free(flow);
		return 0;
	}
	door->len++;
	publish->len++;
	list_append(&publish->waiting, &flow->node);
	if (publish->dialler.pid == 0)
		(void)!publish_dialler(publish); /* if it cannot be, ask() says so */
	ask(publish);
	return 0;
}

void publish_flows_last(struct publish *publish)
{
	struct list *list = &publish->others;
	struct list_node *next = NULL;

	lose(publish);
	for (struct list_node *node = list->head.next; node != &list->head; node = next) {
		struct inflow *flow = container_of(node, struct inflow, node);

		next = node->next;
		if (flow->carries)
			relay_last(&flow->relay); /* may end it */
		else
			end(flow, "no program listens on this port");
	}
}

static void drop_all(struct list *list)
{
	struct list_node *next = NULL;

	for (struct list_node *node = list->head.next; node != &list->head; node = next) {
		next = node->next;
		drop(container_of(node, struct inflow, node));
	}
}

void publish_flows_drop(struct publish *publish)
{
	loop_remove(&publish->channel);
	dialler_end(&publish->dialler);
	drop_all(&publish->asked);
	drop_all(&publish->waiting);
	drop_all(&publish->others);
}
