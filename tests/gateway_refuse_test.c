// SPDX-License-Identifier: Apache-2.0
/* What is refused, how it looks to the program, and what the warden hears of it. */
#include <arpa/inet.h>

#include "gateway_rig.h"

enum { FLOOD = 3000 /* reports; far more than a socket buffer holds */ };

static void check_address(const struct gate_message *message, const char *to, uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(message->family == 4 ? AF_INET : AF_INET6, message->address, text, sizeof(text));
	CHECK(strcmp(text, to) == 0 && message->port == port, "%s: %s %u", to, text, message->port);
}

static void check_flow(const struct rig *rig, const char *to, enum gate_verdict verdict)
{
	CLEANUP_FD int fd = rig_dial(to, 4711);
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

	check_address(&ask, to, 4711);
	rig_say(rig, GATE_FLOW, ask.id, verdict, -1);
	rig_check_gets(fd, NULL);
}

static void test_flows(const struct rig *rig)
{
	check_flow(rig, "198.51.100.7", GATE_DENY);
	check_flow(rig, "2001:db8::1", GATE_DENY);
	check_flow(rig, "203.0.113.9", GATE_UNREACHABLE);
}

#define NAME "\3ApI\7example\0\0\x1c\0\1" /* AAAA IN */

static void test_queries(const struct rig *rig)
{
	const struct {
		const char *server;
		enum gate_verdict verdict; /* GATE_NONE: it is none */
		struct span query, want;
	} rows[] = {
		{ "8.8.8.8", GATE_DENY, SPAN("ab\1\0" RIG_ONE NAME),
		  SPAN("ab\x81\x83" RIG_ONE NAME) },
		{ "8.8.4.4", GATE_NONE, SPAN("ef\1\0" RIG_ONE "\4cut"),
		  SPAN("ef\x81\x81\0\0\0\0\0\0\0\0") },
		{ "2001:4860:4860::8888", GATE_NONE, SPAN("short"), SPAN("") },
		{ "8.8.4.4", GATE_NONE, SPAN("gh\x81\0" RIG_ONE NAME), SPAN("") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int fd = rig_query(rows[i].server, rows[i].query);
		struct gate_message said = rig_hear(rig);

		if (rows[i].verdict == GATE_NONE) {
			CHECK(said.kind == GATE_MALFORMED, "row %zu: %d", i, (int)said.kind);
			check_address(&said, rows[i].server, 53);
		} else {
			CHECK(said.kind == GATE_ASK_NAME && said.qtype == 28 &&
				  strcmp(said.name, "api.example") == 0,
			      "row %zu: %d %u %s", i, (int)said.kind, said.qtype, said.name);
			rig_say(rig, GATE_NAME, said.id, rows[i].verdict, -1);
		}
		rig_check_reply(fd, rows[i].want, rows[i].server);
	}
}

/* A warden that does not read costs it reports, and no program waits; later it learns how many. */
static void test_flood(const struct rig *rig)
{
	uint64_t told = 0, lost = 0;

	for (int i = 0; i < FLOOD; i++) {
		CLEANUP_FD int fd = rig_query("8.8.8.8", SPAN("ab\1\0" RIG_ONE "\4cut"));

		if (!test_ready(fd, POLLIN)) {
			CHECK(false, "query %d hangs", i);
			return;
		}
	}
	while (told + lost < FLOOD) {
		struct gate_message said = rig_hear(rig);

		if (said.kind == 0)
			break;
		lost += said.up; /* 0 but for GATE_DROPPED */
		told += said.kind != GATE_DROPPED;
	}
	CHECK(told > 0 && lost > 0 && told + lost == FLOOD, "%llu and %llu",
	      (unsigned long long)told, (unsigned long long)lost);
	CLEANUP_FD int fd = rig_query("8.8.4.4", SPAN("short"));
	struct gate_message said = rig_hear_kind(rig, GATE_MALFORMED);
	CHECK(fd >= 0, "%d", errno);
	check_address(&said, "8.8.4.4", 53); /* as before */
}

/* Flows are not lost: each is asked about, however long the warden does not read. */
static void test_flood_of_flows(const struct rig *rig)
{
	enum { FLOWS = 900 };
	static int fds[FLOWS];

	for (int i = 0; i < FLOWS; i++)
		fds[i] = rig_dial("192.0.2.1", 80);
	for (int i = 0; i < FLOWS; i++) {
		struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

		rig_say(rig, GATE_FLOW, ask.id, GATE_DENY, -1);
	}
	for (int i = 0; i < FLOWS; i++) {
		rig_check_gets(fds[i], NULL);
		fd_close(&fds[i]);
	}
}

/* What no warden says ends the gateway, and it does not hide that. */
static void test_nonsense(struct rig *rig)
{
	const struct {
		enum gate_kind kind;
		enum gate_verdict verdict;
		bool fd;
	} rows[] = {
		{ GATE_FLOW, GATE_ALLOW, false },
		{ GATE_FLOW, GATE_DENY, true },
		{ GATE_NAME, GATE_ALLOW, true },
		{ GATE_END, GATE_CLOSED, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_start(rig);
		rig_say(rig, rows[i].kind, 1, rows[i].verdict, rows[i].fd ? rig->server : -1);
		CHECK(test_ready(rig->warden, POLLIN), "row %zu: goes on", i);
		CHECK(rig_end(rig) == 1, "row %zu: hides its fault", i);
	}
	rig_start(rig);
	CHECK(send(rig->warden, "?", 1, 0) == 1, "%d", errno);
	CHECK(test_ready(rig->warden, POLLIN), "goes on after a message that is none");
	CHECK(rig_end(rig) == 1, "hides its fault");
}

static void test_limits(const struct rig *rig)
{
	struct rlimit files = { 0 };

	if (prlimit(rig->pid, RLIMIT_NOFILE, NULL, &files) < 0)
		return; /* not as an ordinary user: it is not dumpable */
	CHECK(files.rlim_max <= 20160 && files.rlim_cur == files.rlim_max, "%llu",
	      (unsigned long long)files.rlim_max);
}

int main(void)
{
	struct rig rig;
	int r = rig_open(&rig);

	if (r != 0)
		return r;
	rig_start(&rig);
	test_flows(&rig);
	test_queries(&rig);
	test_flood(&rig);
	test_flood_of_flows(&rig);
	test_limits(&rig);
	CHECK(rig_end(&rig) == 0, "an orderly end is none of its faults");
	test_nonsense(&rig);
	return test_failures > 0;
}
