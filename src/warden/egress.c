// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an ask of the gateway is decided at once; the answers to names and requests go
 * back at once, a flow's when the broker has connected. An answer that finds no room in the channel
 * waits in a queue, and no further packet of asks is heard before that is empty: so it is as long as the
 * number of connections that came about meanwhile, which the broker bounds, and the asks of a packet.
 *
 * The gateway is on the hostile side: an id that is known already, an END of what never began, a request
 * on a flow that was not allowed, and its death all end it, and with it every flow and request, each of
 * them reported.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/egress_priv.h"
#include "warden/upstream.h"

void egress_tell(const struct egress *egress, const struct egress_report *report)
{
	if (egress->hooks.report != NULL)
		egress->hooks.report(egress->hooks.context, report);
}

bool egress_begin(const struct egress *egress, const struct egress_report *report,
		  char why[EGRESS_WHY_OCTETS])
{
	return egress->hooks.begin == NULL ||
	       egress->hooks.begin(egress->hooks.context, report, why);
}

bool egress_is_known(struct egress *egress, uint32_t id)
{
	return flow_find(egress, id) != NULL || request_is_known(egress, id);
}

/* send_answer() - Return: 0: it is sent; -EAGAIN: there is no room; -ETOOMANYREFS: it is not sent, and
 * its descriptor gone; -errno: the gateway is gone. */
static int send_answer(struct egress *egress, struct answer *answer, struct span data)
{
	const struct gate_message message = { .kind = answer->kind,
					      .id = answer->id,
					      .verdict = answer->verdict,
					      .status = answer->status,
					      .flags = answer->flags,
					      .up = answer->up,
					      .down = answer->down,
					      .message = answer->message,
					      .rate = answer->rate,
					      .rule = answer->rule,
					      .data = data };
	int r = gate_send(&egress->gate, &message, answer->fd);

	if (r != -EAGAIN)
		fd_close(&answer->fd);
	return r;
}

void egress_answer_drop(struct answer *answer)
{
	list_remove(&answer->node);
	fd_close(&answer->fd);
	if (answer->kind == GATE_REQUEST && answer->data.len > 0) /* it may hold secrets */
		explicit_bzero((char *)(uintptr_t)answer->data.ptr, answer->data.len);
	free((char *)(uintptr_t)answer->data.ptr);
	answer->data = (struct span){ 0 };
}

/* keep() - for want of memory an answer goes without its reason, and a leaf, or secrets, not at all */
static void keep(struct answer *answer, struct span data)
{
	if (data.ptr == answer->data.ptr)
		return;
	char *copy = data.len > 0 ? malloc(data.len) : NULL;

	if (copy == NULL) {
		if (answer->kind == GATE_LEAF ||
		    (data.len > 0 && answer->kind == GATE_REQUEST && answer->verdict == GATE_ALLOW))
			*answer = (struct answer){ .kind = answer->kind,
						   .id = answer->id,
						   .verdict = GATE_UNREACHABLE,
						   .fd = answer->fd,
						   .given = answer->given };
		return;
	}
	memcpy(copy, data.ptr, data.len);
	answer->data = (struct span){ copy, data.len };
}

/* stuck_fired() - what waits may hold descriptors, and a gateway of ours always reads */
static void stuck_fired(struct loop_timer *timer)
{
	gate_break(&container_of(timer, struct egress, stuck)->gate);
}

static void expect_room(struct egress *egress)
{
	egress->stuck.fired = stuck_fired;
	loop_arm(egress->loop, &egress->stuck, (int64_t)EGRESS_STUCK_MS * 1000000);
}

void egress_answer(struct egress *egress, struct answer *answer, struct span data)
{
	int r = list_first(&egress->queue) != NULL ? -EAGAIN : send_answer(egress, answer, data);

	if (r == -EAGAIN) {
		keep(answer, data);
		list_append(&egress->queue, &answer->node);
		gate_hold(&egress->gate, true);
		if (egress->stuck.loop == NULL)
			expect_room(egress);
	} else if (r == 0) {
		answer->given(answer);
	} else if (r == -ETOOMANYREFS) {
		flow_fail_answer(answer);
	} /* else the gateway is gone, which is told by its channel */
}

/* say_last() - Return: false: there is nobody to drain */
static bool say_last(struct egress *egress)
{
	int r = list_first(&egress->queue) != NULL ? -EAGAIN : gate_last(&egress->gate);

	egress->owes_last = r == -EAGAIN;
	if (egress->owes_last)
		gate_hold(&egress->gate, true);
	return r == 0 || egress->owes_last;
}

static void on_room(void *context)
{
	struct egress *egress = context;

	struct list_node *node = list_first(&egress->queue);

	if (node != NULL)
		expect_room(egress); /* it has taken something */
	for (; node != NULL; node = list_first(&egress->queue)) {
		struct answer *answer = container_of(node, struct answer, node);

		int r = send_answer(egress, answer, answer->data);
		if (r == -EAGAIN)
			return;
		if (r == -ETOOMANYREFS) {
			flow_fail_answer(answer);
			continue;
		}
		egress_answer_drop(answer);
		answer->given(answer);
	}
	loop_disarm(&egress->stuck);
	if (!egress->owes_last || (say_last(egress) && !egress->owes_last))
		gate_hold(&egress->gate, false);
}

static void tell_plain(struct egress *egress, const struct gate_message *message)
{
	struct net_name host = { 0 };
	struct egress_report report = { .kind = EGRESS_DROPPED, .rule = "", .count = message->up };

	if (message->kind == GATE_MALFORMED && flow_read_host(&host, message) == 0)
		report = (struct egress_report){
			.kind = EGRESS_MALFORMED,
			.host = host.text,
			.is_address = true,
			.port = message->port,
			.blocked = true,
			.rule = "",
			.why = "what came was no DNS query",
		};
	egress_tell(egress, &report);
}

static int on_message(void *context, const struct gate_message *message)
{
	struct egress *egress = context;

	switch (message->kind) {
	case GATE_ASK_NAME:
	case GATE_ASK_FLOW:
		return flow_ask(egress, message);
	case GATE_END:
		return flow_end(egress, message);
	case GATE_MALFORMED:
	case GATE_DROPPED:
		tell_plain(egress, message);
		return 0;
	case GATE_ASK_REQUEST:
		return request_ask(egress, message);
	case GATE_END_REQUEST:
		return request_end(egress, message);
	case GATE_REFUSED:
		return flow_refused(egress, message);
	case GATE_ASK_LEAF:
		return leaf_ask(egress, message);
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
	loop_disarm(&egress->stuck);
	egress->owes_last = false;
	flows_drop(egress, why);
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
	owners_close(&egress->owners); /* init may be waited for from now on */
	egress->draining = say_last(egress);
	egress->patience.fired = patience_over;
	if (egress->draining)
		loop_arm(egress->loop, &egress->patience, (int64_t)EGRESS_DRAIN_MS * 1000000);
	return egress->draining;
}

int egress_count(struct egress *egress, struct egress_quota **ret_counted, unsigned *ret_retry_s,
		 const struct policy_quota *quota, bool flow, char why[POLICY_WHY_OCTETS])
{
	const char *what = flow ? "flows" : "requests";

	if (quota->per_minute == 0 && quota->at_once == 0)
		return 0;
	struct egress_rule *rule = &egress->rules[quota->rule];
	struct egress_quota *counted = flow ? &rule->flows : &rule->requests;
	int r = egress_quota_take(counted, ret_retry_s, quota->per_minute, quota->at_once,
				  clock_mono_ns());
	if (r == 0)
		*ret_counted = counted;
	else if (r == -EBUSY)
		snprintf(why, POLICY_WHY_OCTETS, "%u %s of this rule are under way at once",
			 quota->at_once, what);
	else
		snprintf(why, POLICY_WHY_OCTETS, "more than %u %s of this rule in a minute",
			 quota->per_minute, what);
	return r;
}

/* make_parts() - what decides, counts and connects */
static int make_parts(struct egress *egress, const struct egress_config *config, struct diag *diag)
{
	const struct decider_config deciding = { .settings = config->settings,
						 .sandbox = config->sandbox,
						 .home = config->home,
						 .hooks = &config->consent };
	int r = decider_new(&egress->decider, egress->loop, &deciding, diag);

	if (r < 0)
		return r;
	egress->rules = calloc(decider_rules_max(egress->decider), sizeof(*egress->rules));
	if (egress->rules == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	return broker_new(&egress->broker, egress->loop, &config->settings->network, NULL, diag);
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
	egress->secrets = config->secrets;
	egress->roots = -1;
	egress->owners = OWNERS;
	egress->owners.diag = config->diag;
	egress->owners.init = config->init;
	list_init(&egress->queue);
	egress->gate = (struct gate){
		.fd = -1, .message = on_message, .room = on_room, .gone = on_gone, .context = egress
	};
	const struct config_network *network = &config->settings->network;
	int r = make_parts(egress, config, diag);
	if (r == 0) {
		r = minter_new(&egress->minter, loop, config->home);
		if (r < 0)
			diag_set(diag, r, "out of memory");
	}
	if (r == 0 && network->ca_file != NULL) {
		r = egress->roots = upstream_open(network->ca_file, diag);
		if (r >= 0)
			gate_roots(&egress->gate, r);
	}
	if (r >= 0) {
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

int egress_reply(struct egress *egress, uint32_t id, enum consent_answer answer, const char *by)
{
	return decider_reply(egress->decider, id, answer, by);
}

void egress_set_mode(struct egress *egress, enum policy_mode mode)
{
	decider_set_mode(egress->decider, mode);
}

enum policy_mode egress_mode(const struct egress *egress)
{
	return decider_mode(egress->decider);
}

void egress_close(struct egress *egress)
{
	if (egress == NULL)
		return;
	loop_disarm(&egress->patience);
	loop_disarm(&egress->stuck);
	gate_close(&egress->gate);
	fd_close(&egress->roots);
	owners_close(&egress->owners);
	drop_all(egress, NULL);
	broker_free(egress->broker);
	minter_free(egress->minter);
	decider_free(egress->decider);
	free(egress->rules);
	free(egress);
}
