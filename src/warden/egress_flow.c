// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a name's answer goes back at once, a flow's when the broker has connected. A
 * flow is known from its ask to its END, by the id that the gateway gave it. What an allowed one may
 * carry beside TLS and HTTP, its answer says.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/egress_priv.h"

enum { STATUS_TOO_MANY = 429 };

_Static_assert((int)POLICY_PIN_OCTETS == (int)GATE_PIN_OCTETS &&
		   (int)POLICY_PINS_MAX == (int)GATE_PINS_MAX,
	       "a verdict's pins fit its answer");

static struct flow **find(struct egress *egress, uint32_t id)
{
	struct flow **at = &egress->flows[id % EGRESS_BUCKETS];

	while (*at != NULL && (*at)->answer.id != id)
		at = &(*at)->next;
	return at;
}

struct flow *flow_find(struct egress *egress, uint32_t id)
{
	return *find(egress, id);
}

struct flow *flow_carrying(struct egress *egress, uint32_t id)
{
	struct flow *flow = flow_find(egress, id);

	return flow != NULL && flow->answer.kind == GATE_FLOW && flow->state == FLOW_ANSWERED &&
		       flow->given
		   ? flow
		   : NULL;
}

/* release() - @flow, which is in no bucket any more */
static void release(struct flow *flow)
{
	flow->egress->flows_len--;
	for (size_t i = 0; i < ARRAY_SIZE(flow->counted); i++)
		if (flow->counted[i] != NULL)
			egress_quota_give(flow->counted[i]);
	decider_cancel(flow->deciding);
	broker_cancel(flow->connecting);
	leaf_drop(flow);
	egress_answer_drop(&flow->answer);
	free(flow);
}

static void forget(struct flow *flow)
{
	*find(flow->egress, flow->answer.id) = flow->next;
	release(flow);
}

/* on_given() - only an allowed flow has an END to come */
static void on_given(struct answer *answer)
{
	struct flow *flow = container_of(answer, struct flow, answer);

	flow->given = true;
	if (answer->kind == GATE_NAME || flow->state == FLOW_REFUSED)
		forget(flow);
}

/* about_flow() - @report, with what all reports of it say */
static struct egress_report about_flow(const struct flow *flow, struct egress_report report)
{
	if (report.kind != EGRESS_REFUSED)
		report.kind = flow->answer.kind == GATE_NAME ? EGRESS_NAME : EGRESS_FLOW;
	report.host = flow->host.text;
	report.is_address = flow->host.kind == NET_NAME_ADDRESS;
	report.port = flow->port;
	if (report.rule == NULL)
		report.rule = flow->rule;
	if (report.kind != EGRESS_NAME)
		report.id = flow->answer.id;
	if (flow->owner.pid != 0)
		report.owner = &flow->owner;
	report.unheld = flow->unheld && !report.blocked;
	report.by_policy = report.blocked && report.kind != EGRESS_REFUSED &&
			   report.address == NULL && decider_has_policy(flow->egress->decider);
	report.duration_ns = clock_mono_ns() - flow->since_ns;
	report.mode = decider_mode(flow->egress->decider);
	report.policy_hash = decider_policy_hash(flow->egress->decider);
	report.begun = flow->begun && report.kind != EGRESS_REFUSED;
	return report;
}

static void tell_flow(const struct flow *flow, struct egress_report report)
{
	report = about_flow(flow, report);
	egress_tell(flow->egress, &report);
}

static void allow(struct flow *flow)
{
	flow->state = FLOW_ANSWERED;
	flow->answer.verdict = GATE_ALLOW;
	flow->answer.flags = flow->flags;
	egress_answer(flow->egress, &flow->answer, flow->answer.data);
}

/* answer_refused() - as @verdict: the gateway may show @why to the program */
static void answer_refused(struct flow *flow, enum gate_verdict verdict, const char *why)
{
	flow->state = FLOW_REFUSED;
	flow->answer.verdict = verdict;
	if (flow->answer.status == 0)
		flow->answer.up = 0;
	egress_answer_drop(&flow->answer); /* it may have pins */
	egress_answer(flow->egress, &flow->answer,
		      span_of(flow->answer.kind == GATE_FLOW ? why : ""));
}

static void refuse(struct flow *flow, enum gate_verdict verdict, const char *why)
{
	tell_flow(flow, (struct egress_report){ .blocked = verdict == GATE_DENY, .why = why });
	answer_refused(flow, verdict, why);
}

void flow_fail_answer(struct answer *answer)
{
	answer->flags = 0; /* only what allows has any */
	refuse(container_of(answer, struct flow, answer), GATE_UNREACHABLE,
	       "programs of this user have too many file descriptors on their way between sockets "
	       "('ulimit -Hn')");
}

/* refuse_place() - it is allowed, but not where it leads to */
static void refuse_place(struct flow *flow, const struct broker_result *result)
{
	char address[NET_ADDRESS_TEXT_OCTETS];
	bool known = result->address.family != 0;

	if (known)
		net_address_format(address, &result->address);
	tell_flow(flow, (struct egress_report){ .blocked = true,
						.why = result->why,
						.address = known ? address : NULL,
						.only_by_address = result->only_by_address });
	answer_refused(flow, GATE_DENY, result->why);
}

static void on_connected(void *context, struct broker_result *result)
{
	struct flow *flow = context;

	flow->connecting = NULL;
	if (result->outcome == BROKER_CONNECTED) {
		flow->answer.fd = fd_take(&result->fd);
		allow(flow);
	} else if (result->outcome == BROKER_REFUSED) {
		refuse_place(flow, result);
	} else {
		refuse(flow, GATE_UNREACHABLE, result->why);
	}
}

static void connect_flow(struct flow *flow)
{
	int r = broker_connect(&flow->connecting, flow->egress->broker, &flow->host, flow->port,
			       on_connected, flow);

	if (r < 0)
		refuse(flow, GATE_UNREACHABLE,
		       r == -EBUSY ? "too many connections are being made at once"
				   : "out of memory");
}

/* flags_of() - of an answer that allows; a policy may say of a name what is said of flows */
static uint16_t flags_of(const struct flow *flow, const struct policy_verdict *verdict)
{
	if (flow->answer.kind != GATE_FLOW)
		return 0;
	return (uint16_t)((verdict->raw ? GATE_RAW : 0) |
			  (verdict->passthrough ? GATE_PASSTHROUGH : 0) |
			  (flow->egress->secrets != NULL ? GATE_SECRETS : 0));
}

/* oblige() - to pins and an idle time, for an answer that allows. Return: false: no memory */
static bool oblige(struct flow *flow, const struct policy_verdict *verdict)
{
	const size_t len = verdict->pins_len * POLICY_PIN_OCTETS;
	char *pins = len > 0 ? malloc(len) : NULL;

	flow->answer.up = verdict->idle_ms;
	if (len == 0)
		return true;
	if (pins == NULL)
		return false;
	memcpy(pins, verdict->pins, len);
	flow->answer.data = (struct span){ pins, len };
	return true;
}

/* count() - an allowed one with all that it counts with. Return: false: it is one too many */
static bool count(struct flow *flow, struct policy_verdict *verdict)
{
	unsigned retry_s = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flow->counted); i++)
		if (egress_count(flow->egress, &flow->counted[i], &retry_s, &verdict->quota[i],
				 true, verdict->why) < 0) {
			flow->answer.status = STATUS_TOO_MANY;
			flow->answer.up = retry_s;
			return false;
		}
	return true;
}

/* begin() - put on record that it takes place. Return: false: so it cannot, and is refused */
static bool begin(struct flow *flow, char why[EGRESS_WHY_OCTETS])
{
	const struct egress_report report =
	    about_flow(flow, (struct egress_report){ .why = flow->unheld ? why : "" });

	flow->begun = egress_begin(flow->egress, &report, why);
	if (flow->begun)
		return true;
	if (flow->answer.kind == GATE_FLOW)
		flow->answer.status = EGRESS_STATUS_UNAVAILABLE;
	tell_flow(flow, (struct egress_report){ .blocked = true, .why = why });
	answer_refused(flow, GATE_UNREACHABLE, why);
	return false;
}

static void obey(struct flow *flow, struct policy_verdict *verdict)
{
	memcpy(flow->rule, verdict->rule, sizeof(flow->rule));
	flow->unheld = verdict->unheld;
	flow->consented = verdict->consented;
	flow->flags = flags_of(flow, verdict);
	if (verdict->answer != POLICY_ALLOW ||
	    (flow->answer.kind == GATE_FLOW && !count(flow, verdict))) {
		refuse(flow, GATE_DENY, verdict->why);
		return;
	}
	if (!begin(flow, verdict->why))
		return;
	if (flow->answer.kind == GATE_NAME) {
		tell_flow(flow, (struct egress_report){ .why = "" });
		allow(flow);
	} else if (!oblige(flow, verdict)) {
		refuse(flow, GATE_UNREACHABLE, "out of memory");
	} else {
		connect_flow(flow);
	}
}

static void on_decided(void *context, struct policy_verdict *verdict)
{
	struct flow *flow = context;

	flow->deciding = NULL;
	obey(flow, verdict);
}

static void decide(struct flow *flow)
{
	const struct policy_request request = {
		.kind = flow->answer.kind == GATE_NAME ? POLICY_DNS_QUERY : POLICY_NET_CONNECT,
		.sandbox = flow->egress->sandbox,
		.host = &flow->host,
		.port = flow->port,
		.id = flow->answer.id,
		.pid = (uint32_t)flow->owner.pid,
		.program = flow->owner.pid != 0 ? span_of(flow->owner.program) : (struct span){ 0 },
	};
	struct policy_verdict verdict;

	if (decider_ask(&verdict, &flow->deciding, flow->egress->decider, &request, on_decided,
			flow))
		obey(flow, &verdict);
}

int flow_read_host(struct net_name *ret, const struct gate_message *message)
{
	struct net_address address = { .family = message->family };

	if (message->name[0] != '\0')
		return net_name_parse(ret, span_of(message->name)) == NULL ? 0 : -EPROTO;
	memcpy(address.octets, message->address, sizeof(address.octets));
	*ret = net_name_of_address(&address);
	return ret->kind == NET_NAME_ADDRESS ? 0 : -EPROTO;
}

/* find_owner() - if the gateway says what the flow's ends are */
static void find_owner(struct flow *flow, const struct gate_message *message)
{
	struct gate_ends ends;

	if (!gate_ends_take(&ends, message->data))
		return;
	struct diag_connection connection = { .from_port = ends.from_port,
					      .to_port = message->port };
	memcpy(connection.from, ends.from, sizeof(connection.from));
	memcpy(connection.to, ends.to, sizeof(connection.to));
	owners_find(&flow->owner, &flow->egress->owners, &connection);
}

int flow_ask(struct egress *egress, const struct gate_message *message)
{
	if (egress_is_known(egress, message->id) || egress->flows_len >= EGRESS_FLOWS_MAX)
		return -EPROTO; /* its own table is smaller */
	struct flow *flow = calloc(1, sizeof(*flow));
	if (flow == NULL)
		return -ENOMEM;
	*flow = (struct flow){
		.egress = egress,
		.answer = { .kind = message->kind == GATE_ASK_NAME ? GATE_NAME : GATE_FLOW,
			    .id = message->id,
			    .fd = -1,
			    .given = on_given },
		.port = message->port,
		.since_ns = clock_mono_ns(),
	};
	int r = flow_read_host(&flow->host, message);
	if (r < 0) {
		free(flow);
		return r;
	}
	*find(egress, message->id) = flow;
	egress->flows_len++;
	find_owner(flow, message);
	decide(flow);
	return 0;
}

int flow_end(struct egress *egress, const struct gate_message *message)
{
	struct flow *flow = flow_carrying(egress, message->id);

	if (flow == NULL)
		return -EPROTO;
	requests_drop(flow, "the flow ended before the request did");
	tell_flow(flow,
		  (struct egress_report){
		      .why = message->verdict == GATE_RESET ? "it was reset or timed out" : "",
		      .up = message->up,
		      .down = message->down,
		  });
	forget(flow);
	return 0;
}

int flow_refused(struct egress *egress, const struct gate_message *message)
{
	const struct flow *flow = flow_carrying(egress, message->flow);
	char why[EGRESS_TEXT_OCTETS];

	if (flow == NULL)
		return -EPROTO;
	egress_text(why, sizeof(why), message->data);
	tell_flow(flow, (struct egress_report){
			    .kind = EGRESS_REFUSED,
			    .blocked = true,
			    .status = message->status,
			    .rule = "", /* none of ours */
			    .why = why,
			});
	return 0;
}

void flows_drop(struct egress *egress, const char *why)
{
	for (size_t i = 0; i < EGRESS_BUCKETS; i++)
		while (egress->flows[i] != NULL) {
			struct flow *flow = egress->flows[i];

			requests_drop(flow, why);
			if (why != NULL && flow->answer.kind == GATE_FLOW &&
			    flow->state != FLOW_REFUSED)
				tell_flow(flow, (struct egress_report){ .why = why });
			egress->flows[i] = flow->next;
			release(flow);
		}
}
