// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an allowed flow is sniffed, then relayed unseen or read (web.h). This file says to
 * the warden what web asks, and to web what the warden answers. The ask and the end of a request have
 * an item each: the next ask is queued behind the end of the one before, so no two ends wait.
 */
#include <errno.h>
#include <stdlib.h>

#include "gateway/ended.h"
#include "gateway/flow_priv.h"

static struct flow_web *of(struct web *web)
{
	return container_of(web, struct flow_web, web);
}

/* Asks and reports. */

static void fill_ask(struct talk_item *item, struct gate_message *message)
{
	const struct flow_web *w = container_of(item, struct flow_web, ask);

	message->kind = w->leaf ? GATE_ASK_LEAF : GATE_ASK_REQUEST;
	message->id = w->id;
	message->flow = w->flow->id;
	message->flags = w->asked_flags;
	message->data = buf_span(&w->asked);
}

static void ask_sent(struct talk_item *item)
{
	buf_free(&container_of(item, struct flow_web, ask)->asked);
}

static void ask(struct flow_web *w, bool leaf, struct span data, unsigned flags)
{
	struct flows *flows = w->flow->flows;

	list_remove(&w->ask.node); /* a leaf that is not wanted any more: another flow brought it */
	buf_free(&w->asked);
	/* on from the slot's last one: a late answer to another flow's ask is none to this one */
	w->id = id_next(w->flow->web_id, ID_WEB + (unsigned)(w->flow - flows->flows));
	w->flow->web_id = w->id;
	w->leaf = leaf;
	w->asked_flags = (uint16_t)flags;
	w->asked = BUF(GATE_DATA_OCTETS_MAX);
	w->web.exchange.id = w->id;
	w->ask = (struct talk_item){ .fill = fill_ask, .sent = ask_sent };
	if (buf_append(&w->asked, data) == 0)
		talk_send(flows->talk, &w->ask);
	/* else no answer will come, and the flow ends in its time */
}

static void on_ask_leaf(struct web *web)
{
	struct authority_key key;

	tls_context_key(&key, web->context);
	ask(of(web), true, (struct span){ (const char *)key.point, sizeof(key.point) }, 0);
}

static void on_ask(struct web *web, struct span what, unsigned flags)
{
	ask(of(web), false, what, flags);
}

static void fill_end(struct talk_item *item, struct gate_message *message)
{
	const struct flow_web *w = container_of(item, struct flow_web, end);

	ended_fill(message, w->ended_id, &w->ended);
}

static void on_ended(struct web *web, const struct exchange1_end *end)
{
	struct flow_web *w = of(web);

	w->ended = *end;
	w->ended_id = w->id;
	w->end = (struct talk_item){ .fill = fill_end };
	talk_send_later(w->flow->flows->talk, &w->end);
}

static void on_refused(struct web *web, unsigned status, const char *why)
{
	const struct flow *flow = of(web)->flow;
	const struct gate_message refused = { .kind = GATE_REFUSED,
					      .flow = flow->id,
					      .status = (uint16_t)status,
					      .data = span_of(why) };

	if (!flow->refused)
		talk_tell(flow->flows->talk, &refused);
}

static bool on_ask_stream(struct web *web, struct exchange2_stream *stream, struct span what,
			  unsigned flags)
{
	struct flow_web *w = of(web);

	return streams_ask(&w->flow->flows->streams, &w->streams, stream, what, flags);
}

static void on_stream_left(struct web *web, struct exchange2_stream *stream)
{
	(void)web;
	streams_left(stream);
}

static void on_stream_ended(struct web *web, struct exchange2_stream *stream,
			    const struct exchange1_end *end)
{
	(void)web;
	streams_ended(stream, end);
}

/* on_moved() - the short time goes on from when it began */
static void on_moved(struct web *web, bool brisk)
{
	struct flow_web *w = of(web);

	if (!brisk)
		flow_active(w->flow);
	else if (!w->brisk)
		flow_hurry(w->flow);
	w->brisk = brisk;
}

static void on_over(struct web *web, bool clean)
{
	struct flow *flow = of(web)->flow;

	flow->relay.way[RELAY_INSIDE].octets = web->ends.octets[TLS_INSIDE];
	flow->relay.way[RELAY_OUTSIDE].octets = web->ends.octets[TLS_UPSTREAM];
	if (flow->refused)
		flow_free(flow);
	else
		flow_end(flow, clean);
}

static const struct web_owner owner = {
	.ask_leaf = on_ask_leaf,
	.ask = on_ask,
	.ended = on_ended,
	.ask_stream = on_ask_stream,
	.stream_left = on_stream_left,
	.stream_ended = on_stream_ended,
	.refused = on_refused,
	.moved = on_moved,
	.over = on_over,
};

static unsigned status_of(const struct gate_message *answer)
{
	if (answer->verdict == GATE_ALLOW)
		return 0;
	if (answer->status != 0)
		return answer->status;
	return answer->verdict == GATE_DENY ? 403 : 503;
}

static struct exchange1_caps caps_of(const struct gate_message *answer)
{
	if (answer->verdict != GATE_ALLOW)
		return (struct exchange1_caps){ .retry_after_s = (unsigned)answer->up };
	return (struct exchange1_caps){
		.octets = { [TLS_INSIDE] = answer->up, [TLS_UPSTREAM] = answer->down },
		.message_octets = answer->message,
		.messages_per_minute = answer->rate,
		.rule = answer->rule,
	};
}

void flow_web_answer(struct flow *flow, const struct gate_message *answer)
{
	struct flow_web *w = flow->web;

	if (flow->state != FLOW_WEB || w == NULL || w->id != answer->id ||
	    w->leaf != (answer->kind == GATE_LEAF))
		return;
	if (w->leaf) {
		web_leaf(&w->web, answer->data);
		return;
	}
	w->web.exchange.caps = caps_of(answer);
	web_verdict(&w->web, status_of(answer), answer->data);
}

void flow_web_stream_answer(struct flows *flows, const struct gate_message *answer)
{
	struct exchange2_stream *stream = streams_answer(&flows->streams, answer);

	if (stream == NULL)
		return;
	stream->caps = caps_of(answer);
	web_stream_verdict(stream, status_of(answer), answer->data);
}

void flow_web_stop(struct flow *flow)
{
	flow->relay.way[RELAY_INSIDE].octets = flow->web->web.ends.octets[TLS_INSIDE];
	flow->relay.way[RELAY_OUTSIDE].octets = flow->web->web.ends.octets[TLS_UPSTREAM];
	web_stop(&flow->web->web);
}

void flow_web_free(struct flow *flow)
{
	if (flow->web == NULL)
		return;
	list_remove(&flow->web->ask.node);
	list_remove(&flow->web->end.node);
	buf_free(&flow->web->asked);
	streams_forget(&flow->web->streams);
	free(flow->web);
	flow->web = NULL;
}

/* The choice. */

/* host_of() - Return: false: no name, which cannot be */
static bool host_of(struct net_name *ret, const struct flow *flow)
{
	if (flow->name != NULL)
		return net_name_parse(ret, span_of(flow->name->name)) == NULL;
	*ret = net_name_of_address(&flow->address);
	return ret->kind == NET_NAME_ADDRESS;
}

/* make_web() - Return: 0 or -errno */
static int make_web(struct flow *flow)
{
	struct flow_web *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	flow->web = w;
	w->flow = flow;
	w->streams.id = w->web.exchange.id = flow->id; /* until something is asked about */
	list_init(&w->streams.list);
	w->web.owner = &owner;
	w->web.context = flow->flows->context;
	w->web.port = flow->port;
	w->web.raw = (flow->flags & GATE_RAW) != 0;
	w->web.secrets = (flow->flags & GATE_SECRETS) != 0;
	w->web.pins = (struct span){ flow->pins, flow->pins_len };
	return host_of(&w->web.host, flow) ? 0 : -EINVAL;
}

/* open_web() - after make_web(). Return: 0 or -errno: it is closed */
static int open_web(struct flow *flow, enum sniff_kind kind)
{
	struct flow_web *w = flow->web;

	int r = web_start(&w->web, flow->flows->loop, flow->fd, flow->server, kind);
	flow->fd = flow->server = -1;
	if (r < 0)
		return r;
	flow->state = FLOW_WEB;
	w->brisk = true;
	flow_hurry(flow);
	return 0;
}

static int read_flow(struct flow *flow, enum sniff_kind kind)
{
	int r = make_web(flow);

	return r < 0 ? r : open_web(flow, kind);
}

static void refuse(struct flow *flow, const char *why)
{
	const struct gate_message refused = { .kind = GATE_REFUSED,
					      .flow = flow->id,
					      .data = span_of(why) };

	talk_tell(flow->flows->talk, &refused);
	relay_reset(&flow->fd);
	relay_reset(&flow->server);
	flow_end(flow, false);
}

/* pass() - TLS unopened, if it is for the host of its flow */
static void pass(struct flow *flow)
{
	struct net_name host;
	const char *why =
	    host_of(&host, flow) ? web_hello_fault(&host, flow->fd) : "it has no name";

	if (why == NULL)
		flow_relay(flow);
	else
		refuse(flow, why);
}

/* refuse_silent() - nothing was sent: whether it could be read does not matter, but to nobody who left */
static void refuse_silent(struct flow *flow, bool left)
{
	if (!left) {
		refuse(flow, "nothing was sent, and the rule names no port");
		return;
	}
	relay_finish(&flow->fd);
	relay_finish(&flow->server);
	flow_end(flow, true);
}

static void sniffed(struct sniff *sniff, enum sniff_kind kind)
{
	struct flow *flow = container_of(sniff, struct flow, sniff);
	bool raw = (flow->flags & GATE_RAW) != 0;
	struct span sent = { 0 };
	bool tls = kind == SNIFF_TLS, web = tls || kind == SNIFF_HTTP1 || kind == SNIFF_HTTP2;

	if (tls && (flow->flags & GATE_PASSTHROUGH) != 0)
		pass(flow);
	else if (tls && flow->flows->context == NULL)
		refuse(flow, "TLS cannot be opened: this host has no root certificates");
	else if (web && read_flow(flow, kind) < 0)
		flow_end(flow, false);
	else if (!web && raw)
		flow_relay(flow);
	else if (!web && sniff_peek(&sent, flow->fd) <= 0)
		refuse_silent(flow, sent.ptr != NULL);
	else if (!web)
		refuse(flow, "what was sent is neither TLS nor HTTP, and the rule names no port");
}

void flow_sniffed_too_long(struct flow *flow)
{
	struct span octets = { 0 };

	sniff_stop(&flow->sniff);
	flow->sniff.told(&flow->sniff,
			 sniff_peek(&octets, flow->fd) > 0 ? sniff_whole(octets) : SNIFF_RAW);
}

/* door_of() - the status with which each request is answered */
static unsigned door_of(const struct gate_message *refusal)
{
	if (refusal->status != 0)
		return refusal->status;
	return refusal->verdict == GATE_DENY ? 403 : 502;
}

/* explain() - whoever speaks HTTP is told why. Not who speaks TLS: the warden certifies no refused flow */
static void explain(struct sniff *sniff, enum sniff_kind kind)
{
	struct flow *flow = container_of(sniff, struct flow, sniff);

	if ((kind != SNIFF_HTTP1 && kind != SNIFF_HTTP2) || open_web(flow, kind) < 0)
		flow_free(flow);
}

/* refuse_flow() - as @verdict says. A program that has just connected has often not spoken yet: it has a moment for
 * that, which those who wait for the server to speak lose */
static void refuse_flow(struct flow *flow, const struct gate_message *verdict)
{
	flow->refused = true;
	flow->state = FLOW_SNIFFING;
	flow->sniff.told = explain;
	if (make_web(flow) < 0) {
		flow_free(flow);
		return;
	}
	web_shut(&flow->web->web, door_of(verdict), verdict->data);
	flow->web->web.door_retry_s = (unsigned)verdict->up;
	if (sniff_start(&flow->sniff, flow->flows->loop, flow->fd, -1, true) < 0) {
		flow_free(flow);
		return;
	}
	sniff_hurry(&flow->sniff);
	flow_hurry(flow);
}

void flow_judged(struct flow *flow, const struct gate_message *verdict)
{
	if (verdict->verdict != GATE_ALLOW) {
		refuse_flow(flow, verdict);
		return;
	}
	flow->state = FLOW_SNIFFING;
	flow->sniff.told = sniffed;
	if (sniff_start(&flow->sniff, flow->flows->loop, flow->fd, flow->server,
			(flow->flags & GATE_RAW) != 0) < 0)
		flow_end(flow, false);
	else
		flow_hurry(flow);
}
