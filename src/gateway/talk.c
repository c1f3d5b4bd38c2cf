// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what the flows of one turn of the loop have to say goes out in one packet at its end,
 * behind what was to be sent later, as each packet costs two calls and perhaps a wake-up. When the socket
 * is full, it waits for EPOLLOUT, and the loop never for the warden. A packet of answers is read each
 * turn, so that a flood of them does not stop the flows.
 */
#include "gateway/talk.h"

#include <errno.h>

#include "base/fd.h"

static void failed(struct talk *talk, int error)
{
	bool gone = error == -EPIPE || error == -ECONNRESET;

	loop_stop(talk->source.loop, gone ? 0 : error);
}

static char packet[GATE_PACKET_OCTETS_MAX]; /* one thread; never in use across a call of somebody */

/* post() - the first @len octets of packet. Return: 0; -EAGAIN: no room; else the loop was told to stop. */
static int post(struct talk *talk, size_t len)
{
	int r = fd_send(talk->source.fd, (struct span){ packet, len }, NULL, 0);

	if (r < 0 && r != -EAGAIN)
		failed(talk, r);
	return r;
}

static int post_message(struct talk *talk, const struct gate_message *message)
{
	size_t len = 0;

	int r = gate_message_encode(&len, packet, message);
	if (r < 0)
		failed(talk, r);
	return r < 0 ? r : post(talk, len);
}

/* pack() - as much of the outbox as there is room for. Return: octets; 0: one is no message */
static size_t pack(struct talk *talk, size_t *ret_count)
{
	size_t used = 0;

	bool final = false;

	*ret_count = 0;
	for (struct list_node *node = list_first(&talk->outbox);
	     node != NULL && !final && used + GATE_OCTETS_MAX <= sizeof(packet);
	     node = list_next(&talk->outbox, node)) {
		struct talk_item *item = container_of(node, struct talk_item, node);
		struct gate_message message = { 0 };
		size_t len = 0;

		item->fill(item, &message);
		int r = gate_message_encode(&len, packet + used, &message);
		if (r < 0) {
			failed(talk, r);
			return 0;
		}
		used += len;
		final = item->final;
		(*ret_count)++;
	}
	return used;
}

/* post_items() - the first of the outbox. Return: false: no room, or the channel failed */
static bool post_items(struct talk *talk)
{
	size_t count = 0, len = pack(talk, &count);

	if (len == 0 || post(talk, len) < 0)
		return false;
	struct list sent; /* one that is told may free others of them */
	list_init(&sent);
	while (count-- > 0)
		list_append(&sent, list_first(&talk->outbox));
	struct list_node *node = NULL;
	while ((node = list_first(&sent)) != NULL) {
		struct talk_item *item = container_of(node, struct talk_item, node);

		list_remove(node);
		if (item->sent != NULL)
			item->sent(item);
	}
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

	if (talk->lost > 0 && post_message(talk, &message) < 0)
		return false;
	talk->lost = 0;
	return true;
}

static void flush(struct talk *talk)
{
	while (list_first(&talk->outbox) != NULL)
		if (!post_items(talk)) {
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

static void later_fired(struct loop_timer *timer)
{
	struct talk *talk = container_of(timer, struct talk, later);

	talk->soon = false;
	if (!talk->full)
		flush(talk);
}

void talk_send(struct talk *talk, struct talk_item *item)
{
	list_append(&talk->outbox, &item->node);
	if (talk->soon || talk->full)
		return;
	talk->soon = true;
	loop_arm(talk->source.loop, &talk->later, 0);
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
	if (talk->full || post_message(talk, message) == -EAGAIN)
		talk_lose(talk);
}

/* hear() - the first of what is left of a packet, which came with @count descriptors; it takes the one it is
 * about. Return: 0; -EPROTO: the warden does not say so */
static int hear(struct talk *talk, struct span *rest, int *fds, size_t *count)
{
	struct gate_message message;

	if (gate_message_decode(&message, rest) < 0 || message.kind < GATE_NAME)
		return -EPROTO;
	const bool socket = message.kind == GATE_FLOW && message.verdict == GATE_ALLOW;
	if (*count != socket || (socket && rest->len > 0))
		return -EPROTO;
	*count = 0;
	talk->answer(talk->context, &message, socket ? fds[0] : -1);
	return 0;
}

/* take() - one packet. Return: 0; -EAGAIN: none is there; -EPIPE: the end; another: a fault. */
static int take(struct talk *talk)
{
	static char answers[GATE_PACKET_OCTETS_MAX + 1]; /* heard before the next are read */
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;

	int r = fd_recv(&len, talk->source.fd, answers, sizeof(answers), fds, &count);
	if (r < 0)
		return r;
	struct span rest = { answers, len };
	r = len == 0 ? -EPIPE : 0;
	while (r == 0 && rest.len > 0)
		r = hear(talk, &rest, fds, &count);
	while (count > 0)
		fd_close(&fds[--count]);
	explicit_bzero(answers, len); /* there may have been secrets in it */
	return r;
}

static void talk_ready(struct loop_source *source, uint32_t events)
{
	struct talk *talk = container_of(source, struct talk, source);

	if ((events & EPOLLOUT) != 0)
		flush(talk);
	if ((events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	int r = take(talk);
	if (r < 0 && r != -EAGAIN)
		failed(talk, r);
}

int talk_start(struct talk *talk, struct loop *loop, int fd)
{
	list_init(&talk->outbox);
	talk->source.ready = talk_ready;
	talk->later.fired = later_fired;
	return loop_add(loop, &talk->source, fd, EPOLLIN);
}
