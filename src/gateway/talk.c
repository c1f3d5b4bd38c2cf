// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a packet goes out at once, behind what was to be sent later; when the
 * socket is full, it waits for EPOLLOUT, and the loop never for the warden. Answers are read in
 * small batches, so that a flood of them does not stop the flows.
 */
#include "gateway/talk.h"

#include <errno.h>

#include "base/fd.h"

enum { ANSWERS_PER_WAKE = 64 };

static void failed(struct talk *talk, int error)
{
	bool gone = error == -EPIPE || error == -ECONNRESET;

	loop_stop(talk->source.loop, gone ? 0 : error);
}

/* post() - Return: 0; -EAGAIN: no room; else the loop was told to stop. */
static int post(struct talk *talk, const struct gate_message *message)
{
	static char packet[GATE_OCTETS_MAX]; /* one thread; never in use across another call */
	size_t len = 0;

	int r = gate_message_encode(&len, packet, message);
	if (r == 0)
		r = fd_send(talk->source.fd, (struct span){ packet, len }, NULL, 0);
	if (r < 0 && r != -EAGAIN)
		failed(talk, r);
	return r;
}

/* post_item() - the first of the outbox. Return: false: no room, or the channel failed */
static bool post_item(struct talk *talk, struct talk_item *item)
{
	struct gate_message message = { 0 };

	item->fill(item, &message);
	if (post(talk, &message) < 0)
		return false;
	list_remove(&item->node);
	if (item->sent != NULL)
		item->sent(item);
	return true;
}

static void wait_for_room(struct talk *talk)
{
	talk->full = true;
	loop_change(&talk->source, EPOLLIN | EPOLLOUT);
}

/* post_lost() - Return: false: there is no room */
static bool post_lost(struct talk *talk)
{
	const struct gate_message message = { .kind = GATE_DROPPED, .up = talk->lost };

	if (talk->lost > 0 && post(talk, &message) < 0)
		return false;
	talk->lost = 0;
	return true;
}

static void flush(struct talk *talk)
{
	struct list_node *first = NULL;

	while ((first = list_first(&talk->outbox)) != NULL)
		if (!post_item(talk, container_of(first, struct talk_item, node))) {
			wait_for_room(talk);
			return;
		}
	if (!post_lost(talk)) {
		wait_for_room(talk);
		return;
	}
	talk->full = false;
	loop_change(&talk->source, EPOLLIN);
}

void talk_send(struct talk *talk, struct talk_item *item)
{
	list_append(&talk->outbox, &item->node);
	/* what is before it then can only have been sent later, and calls nobody */
	if (!talk->full)
		flush(talk);
}

static void later_fired(struct loop_timer *timer)
{
	struct talk *talk = container_of(timer, struct talk, later);

	if (!talk->full)
		flush(talk);
}

void talk_send_later(struct talk *talk, struct talk_item *item)
{
	list_append(&talk->outbox, &item->node);
	if (talk->later.loop == NULL)
		loop_arm(talk->source.loop, &talk->later, TALK_LATER_MS * INT64_C(1000000));
}

void talk_lose(struct talk *talk)
{
	talk->lost++;
	wait_for_room(talk); /* the number goes out at the next wake-up, for many at once */
}

void talk_tell(struct talk *talk, const struct gate_message *message)
{
	if (!talk->full)
		flush(talk);
	if (talk->full || post(talk, message) == -EAGAIN)
		talk_lose(talk);
}

/* take() - one answer. Return: 0; -EAGAIN: none is there; -EPIPE: the end; another: a fault. */
static int take(struct talk *talk)
{
	static char packet[GATE_OCTETS_MAX + 1]; /* the answer is handled before the next is read */
	struct gate_message message;
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;

	int r = fd_recv(&len, talk->source.fd, packet, sizeof(packet), fds, &count);
	if (r == 0 && len == 0)
		return -EPIPE;
	if (r < 0)
		return r;
	r = gate_message_decode(&message, (struct span){ packet, len });
	bool flow = r == 0 && message.kind == GATE_FLOW;
	size_t want = flow && message.verdict == GATE_ALLOW;
	bool ours = flow || message.kind >= GATE_NAME;
	if (r < 0 || !ours || count != want) {
		while (count > 0)
			fd_close(&fds[--count]);
		return -EPROTO;
	}
	talk->answer(talk->context, &message, count > 0 ? fds[0] : -1);
	if (message.kind == GATE_REQUEST) /* it may hold secrets */
		explicit_bzero(packet, len);
	return 0;
}

static void talk_ready(struct loop_source *source, uint32_t events)
{
	struct talk *talk = container_of(source, struct talk, source);

	if ((events & EPOLLOUT) != 0)
		flush(talk);
	if ((events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	for (int i = 0; i < ANSWERS_PER_WAKE; i++) {
		int r = take(talk);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			failed(talk, r);
			return;
		}
	}
}

int talk_start(struct talk *talk, struct loop *loop, int fd)
{
	list_init(&talk->outbox);
	talk->source.ready = talk_ready;
	talk->later.fired = later_fired;
	return loop_add(loop, &talk->source, fd, EPOLLIN);
}
