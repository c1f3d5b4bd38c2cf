// SPDX-License-Identifier: Apache-2.0
/*
 * What needs short times or a small table: the flows in this process, a listener on loopback, and
 * the warden at the other end of the channel. The rest is in tests/gateway_flow_test.c.
 */
#include "gateway/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"
#include "base/test_net.h"
#include "wire/test_gate.h"

#define MS INT64_C(1000000)

struct rig {
	struct loop *loop;
	struct loop_timer turn;
	struct talk talk;
	struct resolve resolve;
	struct dns_tcp dns;
	struct pipes pipes;
	struct names names;
	struct flows flows;
	int listener, warden;
	struct sockaddr_in6 at;
};

static void answer(void *context, const struct gate_message *message, int fd)
{
	struct rig *rig = context;

	flows_answer(&rig->flows, message, fd);
}

static void turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, turn)->loop, 0);
}

/* spin() - let the gateway work for @ms */
static void spin(struct rig *rig, int ms)
{
	rig->turn.fired = turn_over;
	loop_arm(rig->loop, &rig->turn, ms * MS);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

static struct rig *begin(unsigned max, int64_t wait_ns, int64_t idle_ns)
{
	static struct rig rig;
	const struct linger reset = { 1, 0 };
	socklen_t len = sizeof(rig.at);
	int pair[2] = { -1, -1 };

	memset(&rig, 0, sizeof(rig));
	gate_test_rest = (struct span){ 0 };
	CHECK(loop_new(&rig.loop) == 0 && pipes_open(&rig.pipes) == 0 &&
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
	      "set-up");
	rig.warden = pair[0];
	rig.listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rig.at = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	CHECK(bind(rig.listener, (struct sockaddr *)&rig.at, len) == 0 &&
		  setsockopt(rig.listener, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0 &&
		  listen(rig.listener, 16) == 0 &&
		  getsockname(rig.listener, (struct sockaddr *)&rig.at, &len) == 0,
	      "%d", errno);
	rig.talk.answer = answer;
	rig.talk.context = &rig;
	rig.resolve.talk = &rig.talk;
	names_init(&rig.names);
	dns_tcp_start(&rig.dns, rig.loop, &rig.resolve);
	rig.flows.loop = rig.loop;
	rig.flows.talk = &rig.talk;
	rig.flows.names = &rig.names;
	rig.flows.dns = &rig.dns;
	rig.flows.pipes = &rig.pipes;
	rig.flows.max = max;
	rig.flows.verdict_ns = rig.flows.wait_ns = wait_ns;
	rig.flows.idle_ns = idle_ns;
	CHECK(talk_start(&rig.talk, rig.loop, pair[1]) == 0 &&
		  flows_start(&rig.flows, rig.listener) == 0,
	      "start");
	return &rig;
}

static void finish(struct rig *rig)
{
	CHECK(list_first(&rig->flows.waiting) == NULL && list_first(&rig->flows.relaying) == NULL &&
		  list_first(&rig->flows.patient) == NULL,
	      "flows left");
	CHECK(rig->pipes.free_count == PIPES_MAX, "pipes left");
	pipes_close(&rig->pipes);
	fd_close(&rig->warden);
	close(rig->talk.source.fd);
	fd_close(&rig->listener);
	loop_free(rig->loop);
}

static int dial(struct rig *rig)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&rig->at, sizeof(rig->at)) == 0, "%d", errno);
	spin(rig, 1);
	return fd;
}

static struct gate_message hear(struct rig *rig, enum gate_kind kind)
{
	struct gate_message message = { 0 };

	spin(rig, 1);
	CHECK(gate_test_hear(&message, rig->warden) && message.kind == kind, "kind %d, not %d",
	      (int)message.kind, (int)kind);
	return message;
}

static void check_silent(struct rig *rig)
{
	struct gate_message message = { 0 };

	spin(rig, 1);
	CHECK(!gate_test_hear(&message, rig->warden), "it says something: %d", (int)message.kind);
}

static void check_reset(int fd)
{
	char octet = 0;

	CHECK(recv(fd, &octet, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET, "%d", errno);
}

static void check_open(int fd)
{
	char octet = 0;

	CHECK(recv(fd, &octet, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "%d", errno);
}

/* allow() - Return: the server's end. */
static int allow_idle(struct rig *rig, uint32_t id, uint64_t idle_ms)
{
	const struct gate_message flow = {
		.kind = GATE_FLOW, .id = id, .verdict = GATE_ALLOW, .flags = GATE_RAW, .up = idle_ms
	};
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	socklen_t len = sizeof(at);
	CLEANUP_FD int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP_FD int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
		  getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
		  connect(fd, (struct sockaddr *)&at, len) == 0 &&
		  fcntl(fd, F_SETFL, O_NONBLOCK) == 0,
	      "%d", errno);
	CHECK(gate_test_say(rig->warden, &flow, fd) == 0, "send");
	spin(rig, 1);
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static int allow(struct rig *rig, uint32_t id)
{
	return allow_idle(rig, id, 0);
}

/* A warden that does not answer is one that refuses; what it says later changes nothing. */
static void test_no_answer(void)
{
	struct rig *rig = begin(4, 50 * MS, 1000 * MS);
	CLEANUP_FD int program = dial(rig);
	uint32_t id = hear(rig, GATE_ASK_FLOW).id;

	check_open(program);
	spin(rig, 60);
	check_reset(program);
	CLEANUP_FD int other = dial(rig); /* in the same slot */
	struct gate_message ask = hear(rig, GATE_ASK_FLOW);
	CHECK(ask.id != id && id_owner(ask.id) == id_owner(id), "%x %x", ask.id, id);
	CLEANUP_FD int server = allow(rig, id);
	struct gate_message end = hear(rig, GATE_END);
	CHECK(end.id == id && end.verdict == GATE_RESET, "%x", end.id);
	check_reset(server);
	check_open(other);
	spin(rig, 60);
	check_reset(other);
	check_silent(rig);
	finish(rig);
}

/* The next flow is refused and counted; when one has ended, there is room. */
static void test_full(void)
{
	struct rig *rig = begin(2, 5000 * MS, 5000 * MS);
	CLEANUP_FD int one = dial(rig);
	uint32_t first = hear(rig, GATE_ASK_FLOW).id;
	CLEANUP_FD int two = dial(rig);
	uint32_t second = hear(rig, GATE_ASK_FLOW).id;
	CLEANUP_FD int three = dial(rig);

	check_reset(three);
	CHECK(hear(rig, GATE_DROPPED).up == 1, "not counted");
	CLEANUP_FD int server = allow(rig, first);
	check_open(one);
	fd_close(&two); /* in order; it waits on for its verdict */
	CLEANUP_FD int four = dial(rig);
	check_reset(four);
	CHECK(hear(rig, GATE_DROPPED).up == 1, "not counted");
	CLEANUP_FD int late = allow(rig, second);
	fd_close(&late);
	CHECK(hear(rig, GATE_END).id == second, "not the second");
	CLEANUP_FD int five = dial(rig);
	check_open(five);
	CLEANUP_FD int last = allow(rig, hear(rig, GATE_ASK_FLOW).id);
	fd_close(&one);
	fd_close(&five);
	spin(rig, 1);
	fd_close(&server);
	fd_close(&last);
	(void)hear(rig, GATE_END);
	(void)hear(rig, GATE_END);
	finish(rig);
}

static void test_idle(void)
{
	struct rig *rig = begin(4, 5000 * MS, 60 * MS);
	CLEANUP_FD int busy = dial(rig);
	CLEANUP_FD int busy_server = allow(rig, hear(rig, GATE_ASK_FLOW).id);
	CLEANUP_FD int quiet = dial(rig);
	uint32_t id = hear(rig, GATE_ASK_FLOW).id;
	CLEANUP_FD int quiet_server = allow(rig, id);

	CHECK(send(quiet_server, "x", 1, 0) == 1, "%d", errno); /* or the other time counts */
	for (int i = 0; i < 5; i++) {
		CHECK(send(busy_server, "x", 1, 0) == 1, "%d", errno);
		spin(rig, 20);
	}
	struct gate_message end = hear(rig, GATE_END);
	CHECK(end.id == id && end.verdict == GATE_RESET, "%x", end.id);
	char octets[8];
	CHECK(recv(quiet, octets, sizeof(octets), MSG_DONTWAIT) == 1, "%d", errno);
	check_reset(quiet);
	check_reset(quiet_server);
	CHECK(recv(busy, octets, sizeof(octets), MSG_DONTWAIT) == 5, "%d", errno);
	spin(rig, 80);
	check_reset(busy);
	(void)hear(rig, GATE_END);
	finish(rig);
}

/* A flow with an idle time of its own has that, be it shorter or longer than that of the others. */
static void test_own_idle(void)
{
	struct rig *rig = begin(4, 5000 * MS, 250 * MS);
	CLEANUP_FD int longer = dial(rig);
	CLEANUP_FD int longer_server = allow_idle(rig, hear(rig, GATE_ASK_FLOW).id, 600);
	CLEANUP_FD int shorter = dial(rig);
	uint32_t id = hear(rig, GATE_ASK_FLOW).id;
	CLEANUP_FD int shorter_server = allow_idle(rig, id, 40);
	CLEANUP_FD int usual = dial(rig);
	uint32_t usual_id = hear(rig, GATE_ASK_FLOW).id;
	CLEANUP_FD int usual_server = allow(rig, usual_id);
	const int servers[] = { longer_server, shorter_server, usual_server };
	char octet = 0;

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		CHECK(send(servers[i], "x", 1, 0) == 1, "%d", errno);
	spin(rig, 170); /* some are not looked at for 100 ms */
	CHECK(hear(rig, GATE_END).id == id, "not the shorter");
	CHECK(recv(shorter, &octet, 1, MSG_DONTWAIT) == 1, "%d", errno);
	check_reset(shorter);
	check_reset(shorter_server);
	spin(rig, 130);
	CHECK(hear(rig, GATE_END).id == usual_id, "not the usual");
	CHECK(recv(usual, &octet, 1, MSG_DONTWAIT) == 1, "%d", errno);
	check_reset(usual);
	CHECK(recv(longer, &octet, 1, MSG_DONTWAIT) == 1, "%d", errno);
	spin(rig, 200);
	check_open(longer);
	CHECK(send(longer_server, "x", 1, 0) == 1, "%d", errno);
	spin(rig, 400);
	CHECK(recv(longer, &octet, 1, MSG_DONTWAIT) == 1, "%d", errno);
	check_open(longer);
	spin(rig, 350);
	check_reset(longer);
	(void)hear(rig, GATE_END);
	finish(rig);
}

static void say(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "%d", errno);
}

/* A head has its time, however many octets of it come (A28). */
static void test_slow_head(void)
{
	struct rig *rig = begin(4, 60 * MS, 5000 * MS);
	CLEANUP_FD int program = dial(rig);
	uint32_t id = hear(rig, GATE_ASK_FLOW).id;
	CLEANUP_FD int server = allow(rig, id);
	char octet = 0;

	say(program, "GET / HTTP/1.1\r\nHost: ");
	for (int i = 0; i < 5; i++) {
		spin(rig, 20);
		(void)send(program, "x", 1, MSG_NOSIGNAL);
	}
	struct gate_message end = hear(rig, GATE_END);
	CHECK(end.id == id && end.verdict == GATE_RESET, "%x", end.id);
	ssize_t n = recv(program, &octet, 1, MSG_DONTWAIT);
	CHECK(n == 0 || (n < 0 && errno != EAGAIN), "not cut off"); /* send() may have heard why */
	check_reset(server);
	finish(rig);
}

static void deny(struct rig *rig, uint32_t id)
{
	const struct gate_message flow = {
		.kind = GATE_FLOW, .id = id, .verdict = GATE_DENY, .data = SPAN("no rule allows it")
	};

	CHECK(gate_test_say(rig->warden, &flow, -1) == 0, "send");
	spin(rig, 1);
}

/* A refused program that has not spoken yet has a moment for it: HTTP is told why, others are reset. */
static void test_refused_early(void)
{
	static const struct {
		const char *first, *then; /* what it says at once, and a little later */
		bool told;
	} rows[] = {
		{ "", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", true },
		{ "GE", "T / HTTP/1.1\r\nHost: [::1]\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "", true },
		{ "", "", false },
		{ "", "\x16\x03\x01", false },
		{ "", "SSH-2.0-x\r\n", false },
	};
	struct rig *rig = begin(4, 5000 * MS, 5000 * MS);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int program = dial(rig);
		char text[512] = "";

		if (*rows[i].first != '\0')
			say(program, rows[i].first);
		deny(rig, hear(rig, GATE_ASK_FLOW).id);
		if (!rows[i].told && *rows[i].then == '\0')
			check_open(program);
		if (*rows[i].then != '\0')
			say(program, rows[i].then);
		spin(rig, rows[i].told ? 20 : SNIFF_PATIENCE_MS + 20);
		ssize_t n = recv(program, text, sizeof(text) - 1, MSG_DONTWAIT);
		CHECK((n > 0 && strncmp(text, "HTTP/1.1 ", 9) == 0) == rows[i].told,
		      "row %zu: %zd %s", i, n, text);
		CHECK(rows[i].told || (n < 0 && errno == ECONNRESET), "row %zu: %zd", i, n);
	}
	check_silent(rig);
	finish(rig);
}

int main(void)
{
	test_refused_early();
	test_slow_head();
	test_no_answer();
	test_full();
	test_idle();
	test_own_idle();
	return test_failures > 0;
}
