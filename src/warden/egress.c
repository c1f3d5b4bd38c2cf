// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an ask of the gateway is decided at once; a name's answer goes back at once,
 * a flow's when the broker has connected. An answer that finds no room in the channel waits in a
 * queue of those asks, and no further ask is heard before it is gone: so the queue is as long as the
 * number of connections that came about meanwhile, which the broker bounds.
 *
 * A flow is known from its ask to its END, by the id that the gateway gave it. The gateway is on the
 * hostile side: an id that is known already, an END of what never began, and its death all end it,
 * and with it every flow, each of them reported.
 */
#include "warden/egress.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "policy/policy.h"
#include "warden/broker.h"
#include "warden/gate.h"

enum { BUCKETS = 1024, FLOWS_MAX = 16 * 1024 };

enum flow_state {
	FLOW_CONNECTING, /* the broker is at work */
	FLOW_ANSWERED,   /* allowed: the answer waits for room, or was given */
	FLOW_REFUSED,    /* the answer waits for room */
};

struct flow {
	struct egress *egress;
	uint32_t id;
	enum gate_kind answer; /* GATE_NAME or GATE_FLOW */
	enum flow_state state;
	enum gate_verdict verdict;
	int fd; /* owned; -1: none */
	struct net_name host;
	uint16_t port;
	int64_t since_ns;
	char rule[POLICY_RULE_OCTETS];
	struct broker_request *request;
	bool queued;
	struct flow *next, *next_queued;
};

struct egress {
	struct loop *loop;
	struct egress_hooks hooks;
	const char *sandbox;
	struct gate gate;
	struct policy *policy;
	struct broker *broker;
	struct flow *flows[BUCKETS];
	size_t flows_len;
	struct flow *queue, **queue_end;
	bool draining;
	struct loop_timer patience; /* while it drains */
};

static struct flow **find(struct egress *egress, uint32_t id)
{
	struct flow **at = &egress->flows[id % BUCKETS];

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

/* release() - @flow, which is in no list any more */
static void release(struct flow *flow)
{
	flow->egress->flows_len--;
	broker_cancel(flow->request);
	fd_close(&flow->fd);
	free(flow);
}

static void forget(struct egress *egress, struct flow *flow)
{
	*find(egress, flow->id) = flow->next;
	release(flow);
}

static void tell(const struct egress *egress, const struct egress_report *report)
{
	if (egress->hooks.report != NULL)
		egress->hooks.report(egress->hooks.context, report);
}

static void tell_flow(const struct flow *flow, bool blocked, const char *why, uint64_t up,
		      uint64_t down)
{
	const struct egress_report report = {
		.kind = flow->answer == GATE_NAME ? EGRESS_NAME : EGRESS_FLOW,
		.host = flow->host.text,
		.is_address = flow->host.kind == NET_NAME_ADDRESS,
		.port = flow->port,
		.blocked = blocked,
		.rule = flow->rule,
		.why = why,
		.up = up,
		.down = down,
		.duration_ns = clock_mono_ns() - flow->since_ns,
	};

	tell(flow->egress, &report);
}

/* send_answer() - Return: 0: it is sent; -EAGAIN: there is no room; -errno: the gateway is gone. */
static int send_answer(struct flow *flow)
{
	const struct gate_message message = {
		.kind = flow->answer,
		.id = flow->id,
		.verdict = flow->verdict,
		.flags = flow->answer == GATE_FLOW && flow->verdict == GATE_ALLOW ? GATE_RAW : 0
	};
	int r = gate_send(&flow->egress->gate, &message, flow->fd);

	if (r != -EAGAIN)
		fd_close(&flow->fd);
	return r;
}

/* settled() - its answer is given; only an allowed flow has an END to come */
static void settled(struct flow *flow)
{
	if (flow->answer == GATE_NAME || flow->state == FLOW_REFUSED)
		forget(flow->egress, flow);
}

static void answer(struct flow *flow, enum gate_verdict verdict)
{
	struct egress *egress = flow->egress;

	flow->verdict = verdict;
	flow->state = verdict == GATE_ALLOW ? FLOW_ANSWERED : FLOW_REFUSED;
	int r = egress->queue != NULL ? -EAGAIN : send_answer(flow);
	if (r == -EAGAIN) {
		flow->queued = true;
		flow->next_queued = NULL;
		*egress->queue_end = flow;
		egress->queue_end = &flow->next_queued;
		gate_hold(&egress->gate, true);
	} else if (r == 0) {
		settled(flow);
	} /* else the gateway is gone, which is told by its channel */
}

static void on_room(void *context)
{
	struct egress *egress = context;

	while (egress->queue != NULL) {
		struct flow *flow = egress->queue;

		if (send_answer(flow) == -EAGAIN)
			return;
		egress->queue = flow->next_queued;
		flow->queued = false;
		settled(flow);
	}
	egress->queue_end = &egress->queue;
	gate_hold(&egress->gate, false);
}

static void on_connected(void *context, struct broker_result *result)
{
	struct flow *flow = context;
	bool connected = result->outcome == BROKER_CONNECTED;

	flow->request = NULL;
	if (connected)
		flow->fd = fd_take(&result->fd);
	else
		tell_flow(flow, result->outcome == BROKER_REFUSED, result->why, 0, 0);
	answer(flow, connected                           ? GATE_ALLOW
		     : result->outcome == BROKER_REFUSED ? GATE_DENY
							 : GATE_UNREACHABLE);
}

/* connect_flow() - Return: NULL: the broker is at work; else why it is not */
static const char *connect_flow(struct flow *flow)
{
	int r = broker_connect(&flow->request, flow->egress->broker, &flow->host, flow->port,
			       on_connected, flow);

	if (r == 0)
		return NULL;
	return r == -EBUSY ? "too many connections are being made at once" : "out of memory";
}

static void decide(struct flow *flow)
{
	const struct policy_request request = {
		.kind = flow->answer == GATE_NAME ? POLICY_DNS_QUERY : POLICY_NET_CONNECT,
		.sandbox = flow->egress->sandbox,
		.host = &flow->host,
		.port = flow->port,
	};
	struct policy_verdict verdict;

	policy_decide(&verdict, flow->egress->policy, &request);
	memcpy(flow->rule, verdict.rule, sizeof(flow->rule));
	if (verdict.answer != POLICY_ALLOW) {
		tell_flow(flow, true, verdict.why, 0, 0);
		answer(flow, GATE_DENY);
	} else if (flow->answer == GATE_NAME) {
		tell_flow(flow, false, "", 0, 0);
		answer(flow, GATE_ALLOW);
	} else {
		const char *fault = connect_flow(flow);

		if (fault == NULL)
			return;
		tell_flow(flow, false, fault, 0, 0);
		answer(flow, GATE_UNREACHABLE);
	}
}

/* read_host() - of an ask: a name, or an address. Return: 0 or -EPROTO. */
static int read_host(struct net_name *ret, const struct gate_message *message)
{
	struct net_address address = { .family = message->family };

	if (message->name[0] != '\0')
		return net_name_parse(ret, span_of(message->name)) == NULL ? 0 : -EPROTO;
	memcpy(address.octets, message->address, sizeof(address.octets));
	*ret = net_name_of_address(&address);
	return ret->kind == NET_NAME_ADDRESS ? 0 : -EPROTO;
}

/* ask() - Return: 0; -EPROTO: no gateway of ours asks so; -ENOMEM */
static int ask(struct egress *egress, const struct gate_message *message)
{
	struct flow **at = find(egress, message->id);

	if (*at != NULL || egress->flows_len >= FLOWS_MAX)
		return -EPROTO; /* its own table is smaller */
	struct flow *flow = calloc(1, sizeof(*flow));
	if (flow == NULL)
		return -ENOMEM;
	*flow = (struct flow){
		.egress = egress,
		.id = message->id,
		.answer = message->kind == GATE_ASK_NAME ? GATE_NAME : GATE_FLOW,
		.fd = -1,
		.port = message->port,
		.since_ns = clock_mono_ns(),
	};
	int r = read_host(&flow->host, message);
	if (r < 0) {
		free(flow);
		return r;
	}
	*at = flow;
	egress->flows_len++;
	decide(flow);
	return 0;
}

/* end() - Return: 0 or -EPROTO: there is no such flow */
static int end(struct egress *egress, const struct gate_message *message)
{
	struct flow *flow = *find(egress, message->id);

	if (flow == NULL || flow->answer != GATE_FLOW || flow->state != FLOW_ANSWERED ||
	    flow->queued)
		return -EPROTO;
	tell_flow(flow, false, message->verdict == GATE_RESET ? "it was reset or timed out" : "",
		  message->up, message->down);
	forget(egress, flow);
	return 0;
}

static void tell_plain(struct egress *egress, const struct gate_message *message)
{
	struct net_name host = { 0 };
	struct egress_report report = { .kind = EGRESS_DROPPED, .rule = "", .count = message->up };

	if (message->kind == GATE_MALFORMED && read_host(&host, message) == 0)
		report = (struct egress_report){
			.kind = EGRESS_MALFORMED,
			.host = host.text,
			.is_address = true,
			.port = message->port,
			.blocked = true,
			.rule = "",
			.why = "what came was no DNS query",
		};
	tell(egress, &report);
}

static int on_message(void *context, const struct gate_message *message)
{
	struct egress *egress = context;

	switch (message->kind) {
	case GATE_ASK_NAME:
	case GATE_ASK_FLOW:
		return ask(egress, message);
	case GATE_END:
		return end(egress, message);
	case GATE_MALFORMED:
	case GATE_DROPPED:
		tell_plain(egress, message);
		return 0;
	case GATE_ASK_LEAF:
	case GATE_ASK_REQUEST:
	case GATE_END_REQUEST:
	case GATE_REFUSED:
	case GATE_NAME: /* what only we say */
	case GATE_FLOW:
	case GATE_LEAF:
	case GATE_REQUEST:
	case GATE_LAST:
		break;
	}
	return -EPROTO;
}

/* drop_all() - @why: for the reports; NULL: without any */
static void drop_all(struct egress *egress, const char *why)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (egress->flows[i] != NULL) {
			struct flow *flow = egress->flows[i];

			if (why != NULL && flow->answer == GATE_FLOW && flow->state != FLOW_REFUSED)
				tell_flow(flow, false, why, 0, 0);
			egress->flows[i] = flow->next;
			release(flow);
		}
	egress->queue = NULL;
	egress->queue_end = &egress->queue;
}

static void on_gone(void *context)
{
	struct egress *egress = context;

	drop_all(egress, "the gateway died, and the flow with it");
	loop_disarm(&egress->patience);
	if (egress->draining)
		egress->hooks.drained(egress->hooks.context);
}

static void patience_over(struct loop_timer *timer)
{
	struct egress *egress = container_of(timer, struct egress, patience);

	gate_close(&egress->gate);
	drop_all(egress, "the sandbox ended before all was sent");
	egress->hooks.drained(egress->hooks.context);
}

bool egress_drain(struct egress *egress)
{
	egress->draining = gate_last(&egress->gate);
	egress->patience.fired = patience_over;
	if (egress->draining)
		loop_arm(egress->loop, &egress->patience, (int64_t)EGRESS_DRAIN_MS * 1000000);
	return egress->draining;
}

static int make_rules(struct egress *egress, const struct config_network *network,
		      struct diag *diag)
{
	const struct policy_rules rules = {
		.allowed_hosts = network->allowed_hosts.items,
		.allowed_hosts_len = network->allowed_hosts.len,
	};
	int r = policy_new(&egress->policy, &rules, diag);

	return r < 0 ? r : broker_new(&egress->broker, egress->loop, network, NULL, diag);
}

int egress_open(struct egress **ret, struct loop *loop, const struct egress_config *config,
		struct diag *diag)
{
	struct egress *egress = calloc(1, sizeof(*egress));

	if (egress == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	egress->loop = loop;
	egress->hooks = config->hooks;
	egress->sandbox = config->sandbox;
	egress->queue_end = &egress->queue;
	egress->gate = (struct gate){
		.fd = -1, .message = on_message, .room = on_room, .gone = on_gone, .context = egress
	};
	int r = make_rules(egress, config->network, diag);
	if (r == 0) {
		r = gate_open(&egress->gate, loop, config->tcp, config->dns);
		if (r < 0)
			diag_set(diag, r, "cannot watch its network: %s", strerror(-r));
	}
	if (r < 0) {
		egress_close(egress);
		return r;
	}
	*ret = egress;
	return 0;
}

void egress_close(struct egress *egress)
{
	if (egress == NULL)
		return;
	loop_disarm(&egress->patience);
	gate_close(&egress->gate);
	drop_all(egress, NULL);
	broker_free(egress->broker);
	policy_free(egress->policy);
	free(egress);
}
