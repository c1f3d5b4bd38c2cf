// SPDX-License-Identifier: Apache-2.0
/* What is allowed: both ways, ends and resets, many at once, and what the warden hears at the end. */
#include <netinet/tcp.h>
#include <signal.h>

#include "gateway_rig.h"

enum {
	BULK = 64 * 1024 * 1024,
	MANY = 1000,
};

static void check_end(const struct rig *rig, uint32_t id, enum gate_verdict how, uint64_t up,
		      uint64_t down)
{
	struct gate_message end = rig_hear_kind(rig, GATE_END);

	CHECK(end.id == id && end.verdict == how && end.up == up && end.down == down,
	      "id %x for %x: %d, %llu up, %llu down", end.id, id, (int)end.verdict,
	      (unsigned long long)end.up, (unsigned long long)end.down);
}

/* pass() - a flow to @to, allowed. Return: its id. */
static uint32_t pass(const struct rig *rig, int *ret_program, int *ret_server, const char *to)
{
	*ret_program = rig_dial(to, 443);
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

	*ret_server = rig_allow(rig, ask.id);
	return ask.id;
}

/* What the program says before the verdict waits, unread by anyone, and arrives. */
static void test_early(const struct rig *rig, const char *to, uint8_t family)
{
	CLEANUP_FD int program = rig_dial(to, 443);

	rig_send(program, "early");
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);
	CHECK(ask.family == family && ask.port == 443 && ask.name[0] == '\0', "%s: %d", to,
	      ask.family);
	CLEANUP_FD int server = rig_allow(rig, ask.id);
	rig_check_gets(server, "early");
	rig_send(server, "answer");
	rig_check_gets(program, "answer");
	CHECK(shutdown(program, SHUT_WR) == 0, "%d", errno);
	rig_check_gets(server, "");
	rig_send(server, "late");
	rig_check_gets(program, "late");
	CHECK(shutdown(server, SHUT_WR) == 0, "%d", errno);
	rig_check_gets(program, "");
	check_end(rig, ask.id, GATE_CLOSED, 5, 10);
}

/* A program that ends its way before the verdict, and one that says nothing at all. */
static void test_early_end(const struct rig *rig)
{
	CLEANUP_FD int program = rig_dial("192.0.2.1", 25);

	CHECK(shutdown(program, SHUT_WR) == 0, "%d", errno);
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);
	CLEANUP_FD int server = rig_allow(rig, ask.id);
	rig_check_gets(server, "");
	rig_send(server, "220 hello");
	fd_close(&server);
	rig_check_gets(program, "220 hello");
	rig_check_gets(program, "");
	check_end(rig, ask.id, GATE_CLOSED, 0, 9);
}

static void test_reset(const struct rig *rig, bool by_server)
{
	const struct linger reset = { 1, 0 };
	CLEANUP_FD int program = -1;
	CLEANUP_FD int server = -1;
	uint32_t id = pass(rig, &program, &server, "192.0.2.1");
	int *from = by_server ? &server : &program, *to = by_server ? &program : &server;

	rig_send(*from, "part");
	rig_check_gets(*to, "part");
	CHECK(setsockopt(*from, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "%d", errno);
	fd_close(from);
	rig_check_gets(*to, NULL);
	check_end(rig, id, GATE_RESET, by_server ? 0 : 4, by_server ? 4 : 0);
}

/* The program is gone when its flow is allowed. */
static void test_gone(const struct rig *rig)
{
	const struct linger reset = { 1, 0 };
	CLEANUP_FD int program = rig_dial("192.0.2.1", 443);
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

	CHECK(setsockopt(program, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "%d", errno);
	fd_close(&program);
	CLEANUP_FD int server = rig_allow(rig, ask.id);
	rig_check_gets(server, NULL);
	check_end(rig, ask.id, GATE_RESET, 0, 0);
}

struct half {
	int from, to;
	uint64_t sent, got;
	unsigned seed;
};

static void fill(struct half *half, bool *ret_moved)
{
	static uint64_t octets[8192];
	size_t len = BULK - half->sent < sizeof(octets) ? BULK - half->sent : sizeof(octets);

	for (size_t i = 0; i < ARRAY_SIZE(octets); i++)
		octets[i] = ((half->sent / 8 + i) * 0x9e3779b97f4a7c15U) ^ half->seed;
	/* whole words, so that the next begins with one: what is left of a short one is sent next */
	ssize_t n = send(half->from, (char *)octets + half->sent % 8, len - half->sent % 8,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		half->sent += (uint64_t)n;
		*ret_moved = true;
	}
}

static void drain(struct half *half, bool *ret_moved)
{
	static unsigned char octets[65536];
	ssize_t n = recv(half->to, octets, sizeof(octets), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++) {
		uint64_t at = half->got + (uint64_t)i;
		uint64_t word = ((at / 8) * 0x9e3779b97f4a7c15U) ^ half->seed;

		if (octets[i] != (unsigned char)(word >> (8 * (at % 8)))) {
			CHECK(false, "octet %llu differs", (unsigned long long)at);
			half->got = BULK;
			return;
		}
	}
	if (n > 0) {
		half->got += (uint64_t)n;
		*ret_moved = true;
	}
}

/* Much, both ways at once, octet by octet the same. */
static void test_bulk(const struct rig *rig)
{
	CLEANUP_FD int program = -1;
	CLEANUP_FD int server = -1;
	uint32_t id = pass(rig, &program, &server, "2001:db8::1");
	struct half halves[] = { { program, server, 0, 0, 1 }, { server, program, 0, 0, 2 } };
	struct pollfd any[] = { { program, POLLIN, 0 }, { server, POLLIN, 0 } };

	while (halves[0].got < BULK || halves[1].got < BULK) {
		bool moved = false;

		for (int i = 0; i < 2; i++) {
			if (halves[i].sent < BULK)
				fill(&halves[i], &moved);
			drain(&halves[i], &moved);
		}
		if (!moved && poll(any, 2, 5000) == 0) {
			CHECK(false, "stalls");
			return;
		}
	}
	CHECK(shutdown(program, SHUT_WR) == 0, "%d", errno);
	rig_check_gets(server, "");
	fd_close(&server);
	rig_check_gets(program, "");
	check_end(rig, id, GATE_CLOSED, BULK, BULK);
}

/* Many at once, answered in another order, each with its own server, all ended by the program. */
static void test_many(const struct rig *rig)
{
	static int program[MANY], server[MANY];
	static uint32_t ids[MANY];
	char text[32];

	for (int i = 0; i < MANY; i++)
		program[i] = rig_dial("192.0.2.1", (uint16_t)(1000 + i));
	for (int i = 0; i < MANY; i++) {
		struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

		ids[(ask.port - 1000) % MANY] = ask.id;
	}
	for (int i = MANY - 1; i >= 0; i--)
		server[i] = rig_allow(rig, ids[i]);
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "flow %d", i);
		rig_send(program[i], text);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "flow %d", i);
		rig_check_gets(server[i], text);
		rig_send(server[i], "x");
		rig_check_gets(program[i], "x");
	}
	for (int i = 0; i < MANY; i++) {
		fd_close(&server[i]);
		fd_close(&program[i]);
	}
	for (int i = 0; i < MANY; i++) {
		struct gate_message end = rig_hear_kind(rig, GATE_END);

		CHECK(end.verdict == GATE_CLOSED && end.down == 1, "%d %llu", (int)end.verdict,
		      (unsigned long long)end.down);
	}
}

/* A flow's number is used again, but never its id: what comes late for one is not for the next. */
static void test_ids(const struct rig *rig)
{
	uint32_t last = 0;

	for (int i = 0; i < 3; i++) {
		CLEANUP_FD int program = -1;
		CLEANUP_FD int server = -1;
		uint32_t id = pass(rig, &program, &server, "192.0.2.1");

		CHECK(id != last && id != 0, "%x twice", id);
		last = id;
		fd_close(&program);
		rig_check_gets(server, "");
		fd_close(&server);
		check_end(rig, id, GATE_CLOSED, 0, 0);
		CLEANUP_FD int late = rig_allow(rig, id);
		rig_check_gets(late, NULL);
		check_end(rig, id, GATE_RESET, 0, 0);
		rig_say(rig, GATE_FLOW, id, GATE_DENY, -1);
	}
}

/* The gateway dies, or its warden does: both ends see a reset, no end that could be taken for one. */
static void test_death(struct rig *rig, bool of_warden)
{
	CLEANUP_FD int program = -1;
	CLEANUP_FD int server = -1;

	rig_start(rig);
	(void)pass(rig, &program, &server, "192.0.2.1");
	CLEANUP_FD int waits = rig_dial("192.0.2.2", 443);
	(void)rig_hear_kind(rig, GATE_ASK_FLOW);
	rig_send(program, "hello");
	rig_check_gets(server, "hello");
	if (of_warden)
		fd_close(&rig->warden);
	else
		CHECK(kill(rig->pid, SIGKILL) == 0, "%d", errno);
	CHECK(rig_end(rig) == (of_warden ? 0 : -1), "exit code");
	rig_check_gets(server, NULL);
	rig_check_gets(program, NULL);
	rig_check_gets(waits, NULL);
}

/* With few descriptors it holds as many flows as they allow, and refuses the next; with too few it
 * does not start. Comes last: the limit cannot be raised again. */
static void test_few_descriptors(struct rig *rig)
{
	enum { OWN = 152, HELD = 10 }; /* FILES_OWN in gateway_main.c */
	const struct rlimit few = { OWN + 2 * HELD, OWN + 2 * HELD }, less = { OWN, OWN };
	int program[HELD], server[HELD];

	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0, "%d", errno);
	rig_start(rig);
	for (int i = 0; i < HELD; i++)
		(void)pass(rig, &program[i], &server[i], "192.0.2.1");
	CLEANUP_FD int more = rig_dial("192.0.2.1", 443);
	rig_check_gets(more, NULL);
	CHECK(rig_hear_kind(rig, GATE_DROPPED).up == 1, "not counted");
	for (int i = 0; i < HELD; i++) {
		rig_send(program[i], "x");
		rig_check_gets(server[i], "x");
		fd_close(&program[i]);
		fd_close(&server[i]);
	}
	CHECK(rig_end(rig) == 0, "exit code");
	CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0, "%d", errno);
	rig_start(rig);
	CHECK(rig_end(rig) == 1, "starts with too few");
}

int main(void)
{
	struct rig rig;
	int r = rig_open(&rig);

	if (r != 0)
		return r;
	rig_start(&rig);
	test_early(&rig, "198.51.100.7", 4);
	test_early(&rig, "2001:db8::1", 6);
	test_early_end(&rig);
	test_reset(&rig, false);
	test_reset(&rig, true);
	test_gone(&rig);
	test_ids(&rig);
	test_bulk(&rig);
	test_many(&rig);
	CHECK(rig_end(&rig) == 0, "exit code");
	test_death(&rig, false);
	test_death(&rig, true);
	test_few_descriptors(&rig);
	return test_failures > 0;
}
