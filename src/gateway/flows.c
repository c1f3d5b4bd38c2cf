// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a flow's slot is taken at accept() and given back when the warden owes us
 * nothing about it and we owe it nothing, so the table bounds asks and ENDs as well as sockets. The
 * lists of those waiting and relaying are in order of time; one timer looks at their heads. Flows with an
 * idle time of their own are in no order: they are all looked at when the first may be due.
 */
#include "gateway/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "gateway/dns_udp.h"
#include "gateway/flow_priv.h"

enum {
	FLOWS_PER_WAKE = 64, /* then the other sources have their turn */
	PAUSE_NS =
	    100 * 1000 * 1000, /* without memory or descriptors, for others to give some back */
	DNS_PORT = 53,
};

#define MS               INT64_C(1000000)
#define PATIENCE_TICK_NS (100 * MS)          /* they are not looked at more often */
#define IDLE_MS_MAX      (UINT64_C(1) << 32) /* 49 days; a longer time is that */

/* end_if_last() - the loop, if nothing is under way and nothing more will be */
static void end_if_last(struct flows *flows)
{
	if (flows->last && list_first(&flows->waiting) == NULL &&
	    list_first(&flows->brisk) == NULL && list_first(&flows->relaying) == NULL &&
	    list_first(&flows->patient) == NULL && list_first(&flows->ending) == NULL)
		loop_stop(flows->loop, 0);
}

void flow_free(struct flow *flow)
{
	struct flows *flows = flow->flows;

	loop_remove(&flow->program);
	sniff_stop(&flow->sniff);
	flow_web_free(flow);
	relay_reset(&flow->server);
	relay_reset(&flow->fd);
	free(flow->pins);
	flow->pins = NULL;
	if (flow->name != NULL)
		names_release(flows->names, flow->name, clock_mono_ns());
	flow->name = NULL;
	flow->state = FLOW_FREE;
	list_append(&flows->spare, &flow->node);
	end_if_last(flows);
}

/* new_flow() - Return: NULL: there are as many as may be. */
static struct flow *new_flow(struct flows *flows)
{
	struct list_node *spare = list_first(&flows->spare);

	if (spare != NULL)
		return container_of(spare, struct flow, node);
	return flows->made < flows->max ? &flows->flows[flows->made++] : NULL;
}

/* due() - when the first flow of @list has had its time; INT64_MAX: there is none */
static int64_t due(const struct list *list, int64_t limit_ns)
{
	struct list_node *first = list_first(list);

	return first == NULL ? INT64_MAX
			     : container_of(first, struct flow, node)->since_ns + limit_ns;
}

/* schedule() - have the timer fire when the first flow may be due */
static void schedule(struct flows *flows)
{
	int64_t waiting_ns = due(&flows->waiting, flows->verdict_ns);
	int64_t relaying_ns = due(&flows->relaying, flows->idle_ns);
	int64_t brisk_ns = due(&flows->brisk, flows->wait_ns);
	int64_t first_ns = waiting_ns < relaying_ns ? waiting_ns : relaying_ns;

	first_ns = brisk_ns < first_ns ? brisk_ns : first_ns;

	if (first_ns == INT64_MAX ||
	    (flows->timer.loop != NULL && flows->timer.deadline_ns <= first_ns))
		return;
	loop_arm(flows->loop, &flows->timer, first_ns - clock_mono_ns());
}

static void fill_ask(struct talk_item *item, struct gate_message *message)
{
	const struct flow *flow = container_of(item, struct flow, item);
	static char ends[GATE_ENDS_OCTETS]; /* it is encoded before the next one is filled in */

	gate_ends_put(ends, &flow->ends);
	message->kind = GATE_ASK_FLOW;
	message->id = flow->id;
	message->port = flow->port;
	message->data = (struct span){ ends, sizeof(ends) };
	if (flow->name != NULL) {
		memcpy(message->name, flow->name->name, strlen(flow->name->name));
		return;
	}
	message->family = flow->address.family;
	memcpy(message->address, flow->address.octets, sizeof(message->address));
}

static void fill_end(struct talk_item *item, struct gate_message *message)
{
	const struct flow *flow = container_of(item, struct flow, item);

	message->kind = GATE_END;
	message->id = flow->id;
	message->verdict = flow->end;
	message->up = flow->relay.way[RELAY_INSIDE].octets;
	message->down = flow->relay.way[RELAY_OUTSIDE].octets;
}

static void end_sent(struct talk_item *item)
{
	flow_free(container_of(item, struct flow, item));
}

void flow_end(struct flow *flow, bool clean)
{
	list_append(&flow->flows->ending, &flow->node);
	flow->state = FLOW_ENDING;
	flow->end = clean ? GATE_CLOSED : GATE_RESET;
	flow->item = (struct talk_item){ .fill = fill_end, .sent = end_sent, .final = true };
	talk_send(flow->flows->talk, &flow->item);
}

/* await_idle() - put it where its idle time is looked at */
static void await_idle(struct flow *flow)
{
	struct flows *flows = flow->flows;

	flow->since_ns = clock_mono_ns();
	list_append(flow->idle_ns != 0 ? &flows->patient : &flows->relaying, &flow->node);
	if (flow->idle_ns != 0 && (flows->patience.loop == NULL ||
				   flows->patience.deadline_ns > flow->since_ns + flow->idle_ns))
		loop_arm(flows->loop, &flows->patience, flow->idle_ns);
}

void flow_active(struct flow *flow)
{
	await_idle(flow);
	schedule(flow->flows);
}

void flow_hurry(struct flow *flow)
{
	flow->since_ns = clock_mono_ns();
	list_append(&flow->flows->brisk, &flow->node);
	schedule(flow->flows);
}

static void relay_active(struct relay *relay)
{
	await_idle(container_of(relay, struct flow, relay));
}

static void relay_ended(struct relay *relay, bool clean)
{
	flow_end(container_of(relay, struct flow, relay), clean);
}

/* give_up() - a flow whose verdict did not come in time */
static void give_up(struct flow *flow)
{
	if (flow->item.node.next != NULL) { /* the warden has not even heard of it */
		list_remove(&flow->item.node);
		talk_lose(flow->flows->talk);
	}
	flow_free(flow);
}

/* cut_off() - its time is over */
static void cut_off(struct flow *flow)
{
	if (flow->state == FLOW_SNIFFING) {
		flow_sniffed_too_long(flow);
		return;
	}
	if (flow->state == FLOW_WEB)
		flow_web_stop(flow);
	else
		relay_stop(&flow->relay);
	if (flow->refused)
		flow_free(flow);
	else
		flow_end(flow, false);
}

static void fired(struct loop_timer *timer)
{
	struct flows *flows = container_of(timer, struct flows, timer);
	int64_t now_ns = clock_mono_ns();

	while (due(&flows->waiting, flows->verdict_ns) <= now_ns)
		give_up(container_of(list_first(&flows->waiting), struct flow, node));
	while (due(&flows->brisk, flows->wait_ns) <= now_ns)
		cut_off(container_of(list_first(&flows->brisk), struct flow, node));
	while (due(&flows->relaying, flows->idle_ns) <= now_ns)
		cut_off(container_of(list_first(&flows->relaying), struct flow, node));
	schedule(flows);
}

/* patience_over() - of some; most have moved since */
static void patience_over(struct loop_timer *timer)
{
	struct flows *flows = container_of(timer, struct flows, patience);
	int64_t now_ns = clock_mono_ns(), first_ns = INT64_MAX;
	struct list_node *next = NULL;

	for (struct list_node *node = flows->patient.head.next; node != &flows->patient.head;
	     node = next) {
		struct flow *flow = container_of(node, struct flow, node);
		int64_t due_ns = flow->since_ns + flow->idle_ns;

		next = node->next;
		if (due_ns <= now_ns)
			cut_off(flow);
		else if (due_ns < first_ns)
			first_ns = due_ns;
	}
	if (first_ns == INT64_MAX)
		return;
	first_ns -= now_ns;
	loop_arm(flows->loop, timer, first_ns > PATIENCE_TICK_NS ? first_ns : PATIENCE_TICK_NS);
}

/* program_gone() - it reset the flow while that waits; the slot stays, for the answer to come */
static void program_gone(struct loop_source *source, uint32_t events)
{
	struct flow *flow = container_of(source, struct flow, program);

	if ((events & (EPOLLERR | EPOLLHUP)) == 0)
		return;
	loop_remove(source);
	relay_reset(&flow->fd);
}

static void begin_ask(struct flow *flow, int fd)
{
	struct flows *flows = flow->flows;

	flow->state = FLOW_WAITING;
	flow->fd = fd;
	flow->since_ns = clock_mono_ns();
	flow->id = id_next(flow->id, ID_FLOWS + (unsigned)(flow - flows->flows));
	flow->item = (struct talk_item){ .fill = fill_ask };
	list_append(&flows->waiting, &flow->node);
	schedule(flows);
	talk_send(flows->talk, &flow->item);
}

static struct gate_ends ends_of(const struct sockaddr_in6 *from, const struct sockaddr_in6 *to)
{
	struct gate_ends ret = { .from_port = ntohs(from->sin6_port) };

	memcpy(ret.from, &from->sin6_addr, sizeof(ret.from));
	memcpy(ret.to, &to->sin6_addr, sizeof(ret.to));
	return ret;
}

/* take_flow() - @fd: consumed; the program's, @from there, which @asked for that address */
static void take_flow(struct flows *flows, int fd, const struct sockaddr_in6 *from,
		      const struct sockaddr_in6 *asked)
{
	struct net_address address = dns_address(&asked->sin6_addr);
	struct names_entry *name = names_find(flows->names, &address);
	uint16_t port = ntohs(asked->sin6_port);

	if (name == NULL && port == DNS_PORT) {
		dns_tcp_accept(flows->dns, fd, &asked->sin6_addr);
		return;
	}
	struct flow *flow = new_flow(flows);
	if (flow == NULL) {
		talk_lose(flows->talk);
		relay_reset(&fd);
		return;
	}
	uint32_t last = flow->id, last_web = flow->web_id;
	list_remove(&flow->node);
	*flow = (struct flow){
		.flows = flows,
		.id = last,
		.web_id = last_web,
		.port = port,
		.address = address,
		.ends = ends_of(from, asked),
		.name = name,
		.fd = -1,
		.server = -1,
		.stale = name == NULL && names_is_synthetic(&address),
		.program.ready = program_gone,
		.relay = { .fd = { -1, -1 },
			   .pipes = flows->pipes,
			   .active = relay_active,
			   .ended = relay_ended },
	};
	if (name != NULL)
		names_hold(name);
	if (loop_add(flows->loop, &flow->program, fd, 0) < 0) {
		talk_lose(flows->talk);
		relay_reset(&fd);
		flow_free(flow);
		return;
	}
	begin_ask(flow, fd);
}

static void pause_over(struct loop_timer *timer)
{
	loop_change(&container_of(timer, struct flows, pause)->listener, EPOLLIN);
}

/* accept_some() - Return: may there be more? */
static bool accept_some(struct flows *flows)
{
	for (int i = 0; i < FLOWS_PER_WAKE; i++) {
		struct sockaddr_in6 from = { 0 }, asked = { 0 };
		socklen_t from_len = sizeof(from), len = sizeof(asked);
		CLEANUP_FD int fd = accept4(flows->listener.fd, (struct sockaddr *)&from, &from_len,
					    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			if (getsockname(fd, (struct sockaddr *)&asked, &len) == 0 &&
			    asked.sin6_family == AF_INET6)
				take_flow(flows, fd_take(&fd), &from, &asked);
		} else if (errno == EAGAIN) {
			return false;
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			loop_change(&flows->listener, 0);
			loop_arm(flows->loop, &flows->pause, PAUSE_NS);
			return false;
		} /* else that one flow failed before we saw it: accept(2) */
	}
	return true;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	(void)accept_some(container_of(source, struct flows, listener));
}

/* refuse_late() - an allowed flow that is none any more; @id: as the warden knows it */
static void refuse_late(struct flows *flows, uint32_t id, int fd)
{
	const struct gate_message end = { .kind = GATE_END, .id = id, .verdict = GATE_RESET };

	relay_reset(&fd);
	talk_tell(flows->talk, &end);
}

void flow_relay(struct flow *flow)
{
	struct flows *flows = flow->flows;

	if (relay_start(&flow->relay, flows->loop, flow->fd, flow->server) < 0) {
		relay_reset(&flow->fd);
		relay_reset(&flow->server);
		flow_end(flow, false);
		return;
	}
	flow->fd = flow->server = -1;
	flow->state = FLOW_RELAYING;
	flow_active(flow);
	if (flows->last)
		relay_last(&flow->relay);
}

/* keep_terms() - of a verdict that allows. Return: false: no memory */
static bool keep_terms(struct flow *flow, const struct gate_message *message)
{
	uint64_t idle_ms = message->up < IDLE_MS_MAX ? message->up : IDLE_MS_MAX;

	flow->flags = message->flags;
	flow->idle_ns = (int64_t)idle_ms * MS;
	if (message->data.len == 0)
		return true;
	flow->pins = malloc(message->data.len);
	if (flow->pins == NULL)
		return false;
	memcpy(flow->pins, message->data.ptr, message->data.len);
	flow->pins_len = message->data.len;
	return true;
}

/* take_verdict() - @fd: consumed */
static void take_verdict(struct flows *flows, const struct gate_message *message, int fd)
{
	unsigned index = id_owner(message->id) - ID_FLOWS;
	struct flow *flow = index < flows->made ? &flows->flows[index] : NULL;
	bool allowed = message->verdict == GATE_ALLOW;

	if (flow == NULL || flow->id != message->id || flow->state != FLOW_WAITING) {
		if (allowed)
			refuse_late(flows, message->id, fd);
		return;
	}
	loop_remove(&flow->program);
	flow->server = fd;
	bool kept = !allowed || keep_terms(flow, message);
	if (kept && flow->fd >= 0 && !flow->stale)
		flow_judged(flow, message);
	else if (allowed)
		flow_end(flow, false); /* closes what is left when the END is sent */
	else
		flow_free(flow);
}

void flows_answer(struct flows *flows, const struct gate_message *message, int fd)
{
	unsigned index = id_owner(message->id) - ID_WEB;

	if (message->kind == GATE_FLOW)
		take_verdict(flows, message, fd);
	else if (id_owner(message->id) >= ID_STREAMS)
		flow_web_stream_answer(flows, message);
	else if (index < flows->made)
		flow_web_answer(&flows->flows[index], message);
}

/* moved() - octets of all flows so far */
static uint64_t moved(const struct flows *flows)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < flows->made; i++) {
		const struct flow *flow = &flows->flows[i];

		for (int k = 0; k < 2; k++)
			sum += flow->relay.way[k].octets +
			       (flow->web != NULL ? flow->web->web.ends.octets[k] : 0);
	}
	return sum;
}

/* drained() - who takes nothing is not waited for any longer */
static void drained(struct loop_timer *timer)
{
	struct flows *flows = container_of(timer, struct flows, drain);
	uint64_t now = moved(flows);

	if (now == flows->moved)
		loop_stop(flows->loop, 0);
	else
		loop_arm(flows->loop, timer, FLOWS_DRAIN_MS * INT64_C(1000000));
	flows->moved = now;
}

/* tell_last() - the flows of @list. Each goes to another list when it ends: begin anew then */
static void tell_last(struct list *list)
{
	struct list_node *node = NULL;

	while ((node = list_first(list)) != NULL &&
	       !container_of(node, struct flow, node)->relay.last) {
		struct flow *flow = container_of(node, struct flow, node);

		list_append(list, &flow->node);
		if (flow->state == FLOW_RELAYING)
			relay_last(&flow->relay);
		else /* it sees the program's end by itself */
			flow->relay.last = true;
	}
}

void flows_last(struct flows *flows)
{
	while (accept_some(flows)) /* at most the backlog: nobody adds to it */
		;
	flows->last = true;
	tell_last(&flows->relaying);
	tell_last(&flows->patient);
	flows->drain.fired = drained;
	flows->moved = moved(flows);
	loop_arm(flows->loop, &flows->drain, FLOWS_DRAIN_MS * INT64_C(1000000));
	end_if_last(flows);
}

int flows_start(struct flows *flows, int fd)
{
	list_init(&flows->waiting);
	list_init(&flows->brisk);
	list_init(&flows->relaying);
	list_init(&flows->patient);
	list_init(&flows->ending);
	list_init(&flows->spare);
	streams_start(&flows->streams, flows->talk);
	flows->pause.fired = pause_over;
	flows->timer.fired = fired;
	flows->patience.fired = patience_over;
	flows->listener.ready = listener_ready;
	return loop_add(flows->loop, &flows->listener, fd, EPOLLIN);
}
