// SPDX-License-Identifier: Apache-2.0
#include "gateway/talk.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"
#include "wire/test_gate.h"

struct thing {
	struct talk_item item;
	uint32_t id;
	unsigned sent;
	struct thing *withdraws;
};

static struct loop *loop;
static struct talk talk;
static int warden;
static unsigned heard;

static void fill(struct talk_item *item, struct gate_message *message)
{
	message->kind = GATE_END;
	message->id = container_of(item, struct thing, item)->id;
	message->verdict = GATE_CLOSED;
}

static void sent(struct talk_item *item)
{
	struct thing *thing = container_of(item, struct thing, item);

	thing->sent++;
	if (thing->withdraws != NULL)
		list_remove(&thing->withdraws->item.node);
}

static void answer(void *context, const struct gate_message *message, int fd)
{
	(void)context, (void)message;
	heard++;
	fd_close(&fd);
}

static void turn_over(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, 0);
}

static void spin(void)
{
	struct loop_timer timer = { .fired = turn_over };

	loop_arm(loop, &timer, 10000000);
	CHECK(loop_run(loop) == 0, "loop");
}

static void say(struct thing *thing, uint32_t id)
{
	*thing = (struct thing){ .item = { .fill = fill, .sent = sent }, .id = id };
	talk_send(&talk, &thing->item);
}

/* expect() - that these are the ids of all messages that came, up to a 0 */
static void expect(const char *row, const uint32_t *ids)
{
	struct gate_message message = { 0 };

	while (gate_test_hear(&message, warden)) {
		CHECK(message.id == *ids, "%s: %u, not %u", row, message.id, *ids);
		ids += *ids != 0;
	}
	CHECK(*ids == 0, "%s: %u is missing", row, *ids);
}

static void begin(void)
{
	int pair[2] = { -1, -1 };

	CHECK(loop_new(&loop) == 0 &&
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
	      "set-up");
	warden = pair[0];
	talk = (struct talk){ .answer = answer };
	gate_test_rest = (struct span){ 0 };
	heard = 0;
	CHECK(talk_start(&talk, loop, pair[1]) == 0, "start");
}

static void end(void)
{
	loop_disarm(&talk.later);
	loop_remove(&talk.source);
	loop_free(loop);
	fd_close(&warden);
}

/* What is said in a turn is one packet, in its order. */
static void test_one_packet(void)
{
	struct thing a, b, c;

	begin();
	say(&a, 1);
	say(&b, 2);
	say(&c, 3);
	expect("at once", (const uint32_t[]){ 0 });
	spin();
	expect("order", (const uint32_t[]){ 1, 2, 3, 0 });
	CHECK(a.sent == 1 && b.sent == 1 && c.sent == 1, "told");
	end();
}

/* What a final one withdraws was not said, though it waited in the same turn. */
static void test_final(void)
{
	struct thing a, b, c;

	begin();
	say(&a, 1);
	a.item.final = true;
	a.withdraws = &b;
	say(&b, 2);
	say(&c, 3);
	spin();
	expect("withdrawn", (const uint32_t[]){ 1, 3, 0 });
	CHECK(a.sent == 1 && b.sent == 0 && c.sent == 1, "told");
	end();
}

/* One that frees others, which went out with it, does not have them told. */
static void test_gone(void)
{
	struct thing a, b;

	begin();
	say(&a, 1);
	a.withdraws = &b;
	say(&b, 2);
	spin();
	expect("gone", (const uint32_t[]){ 1, 2, 0 });
	CHECK(b.sent == 0, "%u", b.sent);
	end();
}

/* Answers of a packet are heard one after the other; one that no warden gives ends it. */
static void test_answers(void)
{
	const struct gate_message yes = { .kind = GATE_NAME, .id = 7, .verdict = GATE_ALLOW };
	const struct gate_message socket = { .kind = GATE_FLOW, .id = 7, .verdict = GATE_ALLOW };
	static char packet[GATE_PACKET_OCTETS_MAX];
	size_t len = 0, more = 0;

	begin();
	CHECK(gate_message_encode(&len, packet, &yes) == 0 &&
		  gate_message_encode(&more, packet + len, &yes) == 0,
	      "encode");
	CHECK(fd_send(warden, (struct span){ packet, len + more }, NULL, 0) == 0, "send");
	spin();
	CHECK(heard == 2, "%u", heard);
	CHECK(gate_message_encode(&more, packet + len, &socket) == 0, "encode");
	CHECK(fd_send(warden, (struct span){ packet, len + more }, &warden, 1) == 0, "send");
	CHECK(loop_run(loop) == -EPROTO && heard == 2, "a socket behind another: %u", heard);
	end();
}

int main(void)
{
	test_one_packet();
	test_final();
	test_gone();
	test_answers();
	return test_failures > 0;
}
