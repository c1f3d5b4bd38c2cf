// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a place in the table is made when all others are taken, and used again and again; its
 * id counts how often. What it has to say, first the ask, then the end, waits in the outbox in this order.
 */
#include "gateway/streams.h"

#include <stdlib.h>

#include "gateway/ended.h"

struct stream {
	struct list_node node; /* of the spare ones, or its flow's */
	struct talk_item item; /* the ask, later the end */
	struct streams *streams;
	struct stream_flow *flow;
	struct exchange2_stream *of; /* borrowed; NULL: it is over */
	uint32_t id;
	uint32_t flow_id;
	bool waits; /* for an answer */
	uint16_t flags;
	struct buf asked;
	struct exchange1_end end;
};

static void release(struct stream *s)
{
	list_remove(&s->item.node);
	buf_free(&s->asked);
	s->of = NULL;
	s->waits = false;
	s->flow->count--;
	s->flow = NULL;
	list_append(&s->streams->spare, &s->node);
}

static struct stream *take_place(struct streams *streams)
{
	struct list_node *spare = list_first(&streams->spare);

	if (spare != NULL)
		return container_of(spare, struct stream, node);
	if (streams->made == STREAMS_MAX)
		return NULL;
	struct stream *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->streams = streams;
	s->id = ID_STREAMS + streams->made;
	streams->at[streams->made++] = s;
	list_append(&streams->spare, &s->node);
	return s;
}

static void fill_ask(struct talk_item *item, struct gate_message *message)
{
	const struct stream *s = container_of(item, struct stream, item);

	message->kind = GATE_ASK_REQUEST;
	message->id = s->id;
	message->flow = s->flow_id;
	message->flags = s->flags;
	message->data = buf_span(&s->asked);
}

static void ask_sent(struct talk_item *item)
{
	buf_free(&container_of(item, struct stream, item)->asked);
}

bool streams_ask(struct streams *streams, struct stream_flow *flow, struct exchange2_stream *of,
		 struct span what, unsigned flags)
{
	struct stream *s = flow->count < STREAMS_OF_FLOW_MAX ? take_place(streams) : NULL;

	if (s == NULL)
		return false;
	s->asked = BUF(GATE_DATA_OCTETS_MAX);
	if (buf_append(&s->asked, what) < 0)
		return false;
	s->id = id_next(s->id, id_owner(s->id));
	s->flow = flow;
	s->flow_id = flow->id;
	s->of = of;
	s->waits = true;
	s->flags = (uint16_t)flags;
	s->end = (struct exchange1_end){ 0 };
	s->item = (struct talk_item){ .fill = fill_ask, .sent = ask_sent };
	of->slot = s;
	of->ask_id = s->id;
	flow->count++;
	list_append(&flow->list, &s->node);
	talk_send(streams->talk, &s->item);
	return true;
}

static void fill_end(struct talk_item *item, struct gate_message *message)
{
	const struct stream *s = container_of(item, struct stream, item);

	ended_fill(message, s->id, &s->end);
}

static void end_sent(struct talk_item *item)
{
	release(container_of(item, struct stream, item));
}

static void send_end(struct stream *s)
{
	s->of = NULL;
	s->item = (struct talk_item){ .fill = fill_end, .sent = end_sent };
	talk_send(s->streams->talk, &s->item);
}

void streams_left(struct exchange2_stream *of)
{
	((struct stream *)of->slot)->of = NULL;
}

void streams_ended(struct exchange2_stream *of, const struct exchange1_end *end)
{
	struct stream *s = of->slot;

	s->end = *end;
	send_end(s);
}

struct exchange2_stream *streams_answer(struct streams *streams, const struct gate_message *answer)
{
	unsigned index = id_owner(answer->id) - ID_STREAMS;
	struct stream *s = index < streams->made ? streams->at[index] : NULL;

	if (s == NULL || s->id != answer->id || !s->waits || answer->kind != GATE_REQUEST)
		return NULL;
	struct exchange2_stream *of = s->of;
	s->waits = false;
	if (answer->verdict != GATE_ALLOW)
		release(s);
	else if (of == NULL)
		send_end(s);
	return of;
}

void streams_forget(struct stream_flow *flow)
{
	struct list_node *first = NULL;

	while (flow->count > 0 && (first = list_first(&flow->list)) != NULL)
		release(container_of(first, struct stream, node));
}

void streams_start(struct streams *streams, struct talk *talk)
{
	streams->talk = talk;
	list_init(&streams->spare);
}
