/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk - the gateway's end of its talk with the warden (wire/gate.h): an outbox that loses no ask
 * and no END, and the dispatch of answers.
 *
 * What must be said is an item, embedded in its owner, that writes its message when there is room;
 * so the outbox needs no memory of its own. What may get lost is counted, and the number follows.
 */
#ifndef GATEWAY_TALK_H
#define GATEWAY_TALK_H

#include "base/list.h"
#include "loop/loop.h"
#include "wire/gate.h"

/*
 * An id of an ask: in the lower bits whose it is, above them how often that one has asked. So an
 * answer that comes too late for its ask does not pass for that of the next one.
 */
enum {
	ID_BITS = 16,
	ID_FLOWS = 1,       /* + index of the flow */
	ID_NAMES = 12000,   /* + index of the ask */
	ID_WEB = 16384,     /* + index of the flow: its leaf, its requests of HTTP/1 */
	ID_STREAMS = 32768, /* + index of the request of HTTP/2 */
};

static inline unsigned id_owner(uint32_t id)
{
	return id & ((1U << ID_BITS) - 1);
}

/* id_next() - @last: the id that @owner had before, or 0 */
static inline uint32_t id_next(uint32_t last, unsigned owner)
{
	return ((last >> ID_BITS) + 1) << ID_BITS | owner;
}

enum { TALK_LATER_MS = 5 };

struct talk_item {
	struct list_node node; /* in the outbox, until it was sent */
	void (*fill)(struct talk_item *item, struct gate_message *message); /* @message is 0 */
	void (*sent)(struct talk_item *item); /* may send or free it again; NULL: no matter */
	bool final;                           /* sent() may withdraw what waits behind it */
};

struct talk {
	struct loop_source source;
	struct list outbox;
	bool full;               /* nothing goes out before there is room */
	bool soon;               /* later is for the end of this turn of the loop */
	struct loop_timer later; /* what can wait has waited */
	uint64_t lost;           /* what the warden has not heard of and only will as a number */
	/* An answer, or LAST; @fd: the socket of a FLOW that allows, else -1; the receiver owns it. */
	void (*answer)(void *context, const struct gate_message *message, int fd);
	void *context;
};

/* talk_start() - @fd: borrowed; its end ends the loop. Return: 0 or -errno. */
MUST_USE int talk_start(struct talk *talk, struct loop *loop, int fd);

/* talk_send() - with this turn of the loop, or when there is room and all that waits was sent */
void talk_send(struct talk *talk, struct talk_item *item);

/* talk_send_later() - with the next item, or within TALK_LATER_MS: what nobody waits for wakes nobody.
 * @item: sent is NULL */
void talk_send_later(struct talk *talk, struct talk_item *item);

/* talk_tell() - what is lost, and counted, if there is no room now */
void talk_tell(struct talk *talk, const struct gate_message *message);

/* talk_lose() - something ended unreported */
void talk_lose(struct talk *talk);

#endif
