// SPDX-License-Identifier: Apache-2.0
/*
 * What needs short times, full tables or a look at the asks; the answers themselves are in
 * tests/gateway_dns_test.c.
 */
#include "gateway/resolve.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"
#include "wire/test_gate.h"

#define MS INT64_C(1000000)

struct rig {
	struct loop *loop;
	struct loop_timer turn;
	struct talk talk;
	struct names names;
	struct resolve resolve;
	int warden;
	unsigned replies;
	unsigned rcode;   /* of the last reply */
	unsigned answers; /* in it */
	int connection;   /* to which it went */
};

static void answer(void *context, const struct gate_message *message, int fd)
{
	struct rig *rig = context;

	CHECK(fd == -1, "%d", fd);
	resolve_verdict(&rig->resolve, message->id, message->verdict);
}

static void reply(void *context, const struct resolve_origin *origin, struct span packet)
{
	struct rig *rig = context;

	rig->replies++;
	rig->rcode = (uint8_t)packet.ptr[3] & 15U;
	rig->answers = (uint8_t)packet.ptr[7];
	rig->connection = origin->connection;
}

static void turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, turn)->loop, 0);
}

static void spin(struct rig *rig, int ms)
{
	rig->turn.fired = turn_over;
	loop_arm(rig->loop, &rig->turn, ms * MS);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

static struct rig *begin(int64_t wait_ns, int64_t known_ns)
{
	static struct rig rig;
	int pair[2] = { -1, -1 };

	memset(&rig, 0, sizeof(rig));
	gate_test_rest = (struct span){ 0 };
	CHECK(loop_new(&rig.loop) == 0 &&
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
	      "set-up");
	rig.warden = pair[0];
	rig.talk.answer = answer;
	rig.talk.context = &rig;
	names_init(&rig.names);
	rig.resolve.talk = &rig.talk;
	rig.resolve.names = &rig.names;
	rig.resolve.loop = rig.loop;
	rig.resolve.reply = reply;
	rig.resolve.context = &rig;
	rig.resolve.wait_ns = wait_ns;
	rig.resolve.known_ns = known_ns;
	resolve_start(&rig.resolve);
	CHECK(talk_start(&rig.talk, rig.loop, pair[1]) == 0, "start");
	return &rig;
}

static void finish(struct rig *rig)
{
	fd_close(&rig->warden);
	close(rig->talk.source.fd);
	loop_free(rig->loop);
}

/* query() - of "n<number>.example", one label of 10 octets; from connection @number */
static void query(struct rig *rig, unsigned number, char type)
{
	char packet[64] = "ab\1\0\0\1\0\0\0\0\0\0";
	const struct resolve_origin origin = { .connection = (int)number };
	int n = snprintf(packet + 12, 32, "\012n%09u\7example", number);

	packet[12 + n + 2] = type;
	packet[12 + n + 4] = 1;
	CHECK(resolve_query(&rig->resolve, (struct span){ packet, 12 + (size_t)n + 5 }, &origin) ==
		  0,
	      "%u", number);
}

/* next() - what the warden hears. Return: the id; 0: nothing */
static uint32_t next(struct rig *rig, enum gate_kind kind, uint64_t up)
{
	struct gate_message message = { 0 };

	spin(rig, 0); /* it goes out with the turn */
	if (!gate_test_hear(&message, rig->warden) && kind == 0)
		return 0;
	CHECK(message.kind == kind && message.up == up, "%d: %llu", (int)message.kind,
	      (unsigned long long)message.up);
	return message.id;
}

static void say(struct rig *rig, uint32_t id, enum gate_verdict verdict)
{
	const struct gate_message message = { .kind = GATE_NAME, .id = id, .verdict = verdict };

	CHECK(gate_test_say(rig->warden, &message, -1) == 0, "send");
	spin(rig, 1);
}

static void test_shared(void)
{
	struct rig *rig = begin(1000 * MS, 40 * MS);

	query(rig, 1, 1);
	query(rig, 1, 28);
	query(rig, 1, 16);
	uint32_t id = next(rig, GATE_ASK_NAME, 0);
	(void)next(rig, 0, 0);
	CHECK(rig->replies == 0, "%u", rig->replies);
	say(rig, id, GATE_ALLOW);
	CHECK(rig->replies == 3 && rig->answers == 0, "%u", rig->replies); /* the last is TXT */
	query(rig, 1, 1);
	CHECK(rig->replies == 4 && rig->rcode == 0 && rig->answers == 1, "known");
	(void)next(rig, 0, 0);
	say(rig, id, GATE_DENY); /* it said so once */
	query(rig, 1, 1);
	CHECK(rig->replies == 5 && rig->answers == 1, "changed its mind");

	spin(rig, 50); /* the verdict is old: asked anew, by another id */
	query(rig, 1, 1);
	uint32_t again = next(rig, GATE_ASK_NAME, 0);
	CHECK(rig->replies == 5 && again != id, "%x %x", id, again);
	say(rig, id, GATE_ALLOW); /* too late for the old one */
	CHECK(rig->replies == 5, "an old answer");
	say(rig, again, GATE_DENY);
	CHECK(rig->replies == 6 && rig->rcode == DNS_NXDOMAIN, "%u", rig->rcode);
	finish(rig);
}

static void test_no_answer(void)
{
	struct rig *rig = begin(40 * MS, 1000 * MS);

	query(rig, 1, 1);
	uint32_t id = next(rig, GATE_ASK_NAME, 0);
	spin(rig, 20);
	query(rig, 2, 1);
	CHECK(rig->replies == 0, "too soon");
	spin(rig, 25);
	CHECK(rig->replies == 1 && rig->rcode == DNS_SERVFAIL && rig->connection == 1, "%u",
	      rig->replies);
	spin(rig, 25);
	CHECK(rig->replies == 2 && rig->connection == 2, "%u", rig->replies);
	query(rig, 1, 1);
	CHECK(rig->replies == 3 && rig->rcode == DNS_SERVFAIL, "asks at once again");
	say(rig, id, GATE_ALLOW); /* consent took its time */
	query(rig, 1, 1);
	CHECK(rig->replies == 4 && rig->rcode == 0 && rig->answers == 1, "%u", rig->rcode);
	finish(rig);
}

/* All asks are under way: the next name fails at once, and counts; one answer makes room. */
static void test_full_asks(void)
{
	struct rig *rig = begin(60000 * MS, 60000 * MS);
	uint32_t first = 0;

	for (unsigned i = 0; i < RESOLVE_ASKS_MAX; i++) {
		query(rig, i, 16);
		spin(rig, 0);
		uint32_t id = next(rig, GATE_ASK_NAME, 0);
		if (i == 0)
			first = id;
	}
	CHECK(rig->replies == 0, "%u", rig->replies);
	query(rig, 5000, 16);
	CHECK(rig->replies == 1 && rig->rcode == DNS_SERVFAIL && rig->connection == 5000, "%u",
	      rig->rcode);
	spin(rig, 1);
	(void)next(rig, GATE_DROPPED, 1);
	query(rig, 7, 1); /* shares an ask, but there is no place to wait */
	CHECK(rig->replies == 2 && rig->rcode == DNS_SERVFAIL, "%u", rig->rcode);
	spin(rig, 1);
	(void)next(rig, GATE_DROPPED, 1);
	say(rig, first, GATE_DENY);
	CHECK(rig->replies == 3 && rig->rcode == DNS_NXDOMAIN && rig->connection == 0, "%u",
	      rig->rcode);
	query(rig, 5000, 16);
	say(rig, next(rig, GATE_ASK_NAME, 0), GATE_DENY);
	CHECK(rig->replies == 4 && rig->rcode == DNS_NXDOMAIN, "%u", rig->rcode);
	query(rig, 0, 16); /* its verdict gave way */
	CHECK(next(rig, GATE_ASK_NAME, 0) != first, "the same id");
	finish(rig);
}

/* No address is left: that fails, and is no verdict on the name. */
static void test_full_names(void)
{
	struct rig *rig = begin(60000 * MS, 60000 * MS);

	rig->names.made = NAMES_MAX; /* all held */
	query(rig, 1, 1);
	say(rig, next(rig, GATE_ASK_NAME, 0), GATE_ALLOW);
	CHECK(rig->replies == 1 && rig->rcode == DNS_SERVFAIL, "%u", rig->rcode);
	query(rig, 1, 16);
	CHECK(rig->replies == 2 && rig->rcode == DNS_NOERROR, "%u", rig->rcode);
	finish(rig);
}

static void test_no_query(void)
{
	struct rig *rig = begin(60000 * MS, 60000 * MS);
	const struct resolve_origin origin = { 0 };

	CHECK(resolve_query(&rig->resolve, SPAN("short"), &origin) == -EBADMSG && rig->replies == 0,
	      "answered");
	CHECK(resolve_query(&rig->resolve, SPAN("ab\1\0\0\1\0\0\0\0\0\0\4cut"), &origin) ==
		      -EBADMSG &&
		  rig->rcode == DNS_FORMERR,
	      "%u", rig->rcode);
	finish(rig);
}

int main(void)
{
	test_shared();
	test_no_answer();
	test_full_asks();
	test_full_names();
	test_no_query();
	return test_failures > 0;
}
