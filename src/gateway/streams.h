/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams - the requests of HTTP/2 that are under way, and the talk with the warden about each: its
 * ask, its answer, its end.
 *
 * A request whose stream ended while it was asked about keeps its place until the answer came, or its flow
 * ends.
 */
#ifndef GATEWAY_STREAMS_H
#define GATEWAY_STREAMS_H

#include "gateway/exchange2.h"
#include "gateway/talk.h"

enum {
	STREAMS_MAX = 32767,       /* ids from ID_STREAMS on */
	STREAMS_OF_FLOW_MAX = 256, /* those that wait for an answer nobody needs included */
};

struct stream;

/* The requests of one flow. */
struct stream_flow {
	struct list list;
	unsigned count;
	uint32_t id; /* of the flow */
};

struct streams {
	struct talk *talk; /* borrowed */
	struct list spare;
	unsigned made;
	struct stream *at[STREAMS_MAX]; /* owned; once made they stay */
};

void streams_start(struct streams *streams, struct talk *talk);

/* streams_ask() - may @what go out? @of: its slot and ask_id are set. Return: false: there is no room */
MUST_USE bool streams_ask(struct streams *streams, struct stream_flow *flow,
			  struct exchange2_stream *of, struct span what, unsigned flags);

/* streams_left() - nobody waits for the answer; streams_ended() - an allowed one is over */
void streams_left(struct exchange2_stream *of);
void streams_ended(struct exchange2_stream *of, const struct exchange1_end *end);

/* streams_answer() - take the warden's. Return: whose it is; NULL: nobody's */
struct exchange2_stream *streams_answer(struct streams *streams, const struct gate_message *answer);

/* streams_forget() - all of a flow: its end was told, or none is owed */
void streams_forget(struct stream_flow *flow);

#endif
