/* SPDX-License-Identifier: Apache-2.0 */
/* flow_priv - what flows.c (the table, the asks) and flow_web.c (from the verdict on) share. */
#ifndef GATEWAY_FLOW_PRIV_H
#define GATEWAY_FLOW_PRIV_H

#include "gateway/flows.h"
#include "gateway/web.h"

/* A flow that is read, and what it says to the warden. */
struct flow_web {
	struct web web;
	struct flow *flow;
	uint32_t id; /* of the leaf or request asked about last */
	struct talk_item ask, end;
	struct buf asked; /* the data of an ask that was not sent yet */
	uint16_t asked_flags;
	bool leaf; /* the ask is for a leaf */
	bool brisk;
	struct exchange1_end ended; /* of the last request that ended */
	uint32_t ended_id;
	struct stream_flow streams; /* its requests of HTTP/2 */
};

/* flow_free() - give the slot back; closes what it holds */
void flow_free(struct flow *flow);

/* flow_end() - an allowed flow is over: tell the warden, then free it */
void flow_end(struct flow *flow, bool clean);

/* flow_relay() - carry the octets of flow->fd and flow->server unseen */
void flow_relay(struct flow *flow);

/* flow_active(), flow_hurry() - it has the idle time from now on; it has the short one */
void flow_active(struct flow *flow); /* its own time, if it has one */
void flow_hurry(struct flow *flow);

/* flow_judged() - the warden's @verdict is here, and the program still is */
void flow_judged(struct flow *flow, const struct gate_message *verdict);

/* flow_sniffed_too_long() - the program has not said what it wants */
void flow_sniffed_too_long(struct flow *flow);

/* flow_web_answer() - LEAF or REQUEST; one for what was asked no more is ignored */
void flow_web_answer(struct flow *flow, const struct gate_message *answer);

/* flow_web_stream_answer() - REQUEST, for one of HTTP/2 */
void flow_web_stream_answer(struct flows *flows, const struct gate_message *answer);

/* flow_web_stop() - reset both sides; flow_web_free() - free the memory; fine if there is none */
void flow_web_stop(struct flow *flow);
void flow_web_free(struct flow *flow);

#endif
