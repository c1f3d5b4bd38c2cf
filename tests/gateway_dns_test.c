// SPDX-License-Identifier: Apache-2.0
/* Names: what each kind of query is answered, over UDP and TCP, and flows to synthetic addresses. */
#include "gateway_rig.h"

#define A    "\0\1\0\1"
#define AAAA "\0\x1c\0\1"
#define REC  "\xc0\x0c"
#define TTL  "\0\0\0\x3c"
#define OPT  "\0\0\x29\x04\xd0\0\0\0\0\0\0"
#define V6_1 "\xfd\x69\x6d\x6d\x75\x72\0\0\0\0\0\0\0\0\1\1"

/* of fd69:6d6d:7572::101: each label is one digit */
#define REVERSE6                                           \
	"\1\x31\1\x30\1\x31\1\x30\1\x30\1\x30\1\x30\1\x30" \
	"\1\x30\1\x30\1\x30\1\x30\1\x30\1\x30\1\x30\1\x30" \
	"\1\x30\1\x30\1\x30\1\x30\1\x32\1\x37\1\x35\1\x37" \
	"\1\x64\1\x36\1\x64\1\x36\1\x39\1\x36\1\x64\1\x66" \
	"\3ip6\4arpa\0\0\x0c\0\1"

#define OCTETS(literal)                        \
	{                                      \
		(literal), sizeof(literal) - 1 \
	} /* SPAN() is no constant */

/* In order: what is known from one row on stays so for the next ones. */
static const struct row {
	const char *what, *asks; /* the name that the warden is asked for; NULL: none */
	struct span query, want;
	enum gate_verdict verdict;
} rows[] = {
	{ "A", "api.example", OCTETS("ab\1\0" RIG_ONE "\3ApI\7example\0" A),
	  OCTETS("ab\x81\x80" RIG_ONE_ONE "\3ApI\7example\0" A REC A TTL "\0\4\xc6\x12\1\1"),
	  GATE_ALLOW },
	{ "AAAA of the same", NULL, OCTETS("cd\1\0" RIG_ONE "\3api\7EXAMPLE\0" AAAA),
	  OCTETS("cd\x81\x80" RIG_ONE_ONE "\3api\7EXAMPLE\0" AAAA REC AAAA TTL "\0\x10" V6_1),
	  GATE_NONE },
	{ "HTTPS", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\x41\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\x41\0\1"), GATE_NONE },
	{ "SVCB", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\x40\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\x40\0\1"), GATE_NONE },
	{ "TXT", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\x10\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\x10\0\1"), GATE_NONE },
	{ "MX", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\x0f\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\x0f\0\1"), GATE_NONE },
	{ "SRV", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\x21\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\x21\0\1"), GATE_NONE },
	{ "PTR", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\x0c\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\x0c\0\1"), GATE_NONE },
	{ "ANY", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\xff\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE "\3api\7example\0\0\xff\0\1"), GATE_NONE },
	{ "AXFR", NULL, OCTETS("ab\1\0" RIG_ONE "\3api\7example\0\0\xfc\0\1"),
	  OCTETS("ab\x81\x84" RIG_ONE "\3api\7example\0\0\xfc\0\1"), GATE_NONE },
	{ "CHAOS", NULL, OCTETS("ab\1\0" RIG_ONE "\7version\4bind\0\0\x10\0\3"),
	  OCTETS("ab\x81\x84" RIG_ONE "\7version\4bind\0\0\x10\0\3"), GATE_NONE },
	{ "EDNS, other name first as HTTPS", "b.example",
	  OCTETS("ab\1\0\0\1\0\0\0\0\0\1\1b\7example\0\0\x41\0\1" OPT),
	  OCTETS("ab\x81\x80\0\1\0\0\0\0\0\1\1b\7example\0\0\x41\0\1" OPT), GATE_ALLOW },
	{ "its A", NULL, OCTETS("ab\1\0\0\1\0\0\0\0\0\1\1b\7example\0" A OPT),
	  OCTETS("ab\x81\x80\0\1\0\1\0\0\0\1\1b\7example\0" A REC A TTL "\0\4\xc6\x12\1\2" OPT),
	  GATE_NONE },
	{ "denied", "no.example", OCTETS("ab\1\0" RIG_ONE "\2no\7example\0" A),
	  OCTETS("ab\x81\x83" RIG_ONE "\2no\7example\0" A), GATE_DENY },
	{ "denied for all types", NULL, OCTETS("ab\1\0" RIG_ONE "\2no\7example\0\0\x10\0\1"),
	  OCTETS("ab\x81\x83" RIG_ONE "\2no\7example\0\0\x10\0\1"), GATE_NONE },
	{ "unreachable", "un.example", OCTETS("ab\1\0" RIG_ONE "\2un\7example\0" A),
	  OCTETS("ab\x81\x82" RIG_ONE "\2un\7example\0" A), GATE_UNREACHABLE },
	{ "localhost", NULL, OCTETS("ab\1\0" RIG_ONE "\1x\11localhost\0" A),
	  OCTETS("ab\x81\x80" RIG_ONE_ONE "\1x\11localhost\0" A REC A TTL "\0\4\x7f\0\0\1"),
	  GATE_NONE },
	{ "bridge", NULL, OCTETS("ab\1\0" RIG_ONE "\6bridge\6immure\0" A),
	  OCTETS("ab\x81\x80" RIG_ONE_ONE "\6bridge\6immure\0" A REC A TTL "\0\4\x0a\0\2\2"),
	  GATE_NONE },
	{ "single label", "db", OCTETS("ab\1\0" RIG_ONE "\2db\0" A),
	  OCTETS("ab\x81\x83" RIG_ONE "\2db\0" A), GATE_DENY },
	{ "root", NULL, OCTETS("ab\1\0" RIG_ONE "\0\0\2\0\1"),
	  OCTETS("ab\x81\x83" RIG_ONE "\0\0\2\0\1"), GATE_NONE },
	{ "reverse", NULL,
	  OCTETS("ab\1\0" RIG_ONE "\0011\0011\00218\003198\7in-addr\4arpa\0\0\x0c\0\1"),
	  OCTETS("ab\x81\x80" RIG_ONE_ONE "\0011\0011\00218\003198\7in-addr\4arpa\0\0\x0c\0\1" REC
		 "\0\x0c\0\1" TTL "\0\x0d\3api\7example\0"),
	  GATE_NONE },
	{ "reverse, IPv6", NULL, OCTETS("ab\1\0" RIG_ONE REVERSE6),
	  OCTETS("ab\x81\x80" RIG_ONE_ONE REVERSE6 REC "\0\x0c\0\1" TTL "\0\x0d\3api\7example\0"),
	  GATE_NONE },
	{ "reverse of a stranger", NULL,
	  OCTETS("ab\1\0" RIG_ONE "\0019\0011\00218\003198\7in-addr\4arpa\0\0\x0c\0\1"),
	  OCTETS("ab\x81\x83" RIG_ONE "\0019\0011\00218\003198\7in-addr\4arpa\0\0\x0c\0\1"),
	  GATE_NONE },
	{ "UPDATE", NULL, OCTETS("ab\x28\0" RIG_ONE "\3api\7example\0" A),
	  OCTETS("ab\xa8\x84\0\0\0\0\0\0\0\0"), GATE_NONE },
};

static void answer_ask(const struct rig *rig, const struct row *row)
{
	if (row->asks == NULL)
		return;
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_NAME);
	CHECK(strcmp(ask.name, row->asks) == 0, "%s: %s", row->what, ask.name);
	rig_say(rig, GATE_NAME, ask.id, row->verdict, -1);
}

static void test_udp(const struct rig *rig)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int fd = rig_query(i % 2 == 0 ? "8.8.8.8" : "fd00::53", rows[i].query);

		answer_ask(rig, &rows[i]);
		rig_check_reply(fd, rows[i].want, rows[i].what);
		if (strcmp(rows[i].what, "UPDATE") == 0)
			(void)rig_hear_kind(rig, GATE_MALFORMED);
	}
}

/* say_framed() - in two parts, cut at @cut, as TCP may */
static void say_framed(int fd, struct span query, size_t cut)
{
	char frame[600] = { (char)(query.len >> 8), (char)query.len };
	const int at_once = 1;

	memcpy(frame + 2, query.ptr, query.len);
	CHECK(setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &at_once, sizeof(at_once)) == 0,
	      "%d", errno);
	CHECK(send(fd, frame, cut, 0) == (ssize_t)cut, "%d", errno);
	if (cut > 0)
		(void)usleep(1000);
	CHECK(send(fd, frame + cut, query.len + 2 - cut, 0) > 0, "%d", errno);
}

static void check_framed(int fd, struct span want, const char *what)
{
	char reply[600];

	CHECK(test_ready(fd, POLLIN), "%s: no answer", what);
	ssize_t n = recv(fd, reply, 2, MSG_WAITALL);
	size_t len = (size_t)((uint8_t)reply[0] << 8 | (uint8_t)reply[1]);
	CHECK(n == 2 && len == want.len, "%s: %zu octets", what, len);
	n = n == 2 && len <= sizeof(reply) ? recv(fd, reply, len, MSG_WAITALL) : -1;
	CHECK(n == (ssize_t)want.len && memcmp(reply, want.ptr, want.len) == 0, "%s: %zd octets",
	      what, n);
}

/* All rows but the last on one connection, the verdicts being known; then its end. */
static void test_tcp(const struct rig *rig)
{
	CLEANUP_FD int fd = rig_dial("8.8.4.4", 53);

	for (size_t i = 0; i + 1 < ARRAY_SIZE(rows); i++) {
		say_framed(fd, rows[i].query, i % (rows[i].query.len + 2));
		check_framed(fd, rows[i].want, rows[i].what);
	}
	CHECK(shutdown(fd, SHUT_WR) == 0, "%d", errno);
	rig_check_gets(fd, "");
	CLEANUP_FD int bad = rig_dial("2001:db8::53", 53);
	say_framed(bad, SPAN("ab\1\0" RIG_ONE "\4cut"), 0);
	check_framed(bad, SPAN("ab\x81\x81\0\0\0\0\0\0\0\0"), "malformed");
	struct gate_message said = rig_hear_kind(rig, GATE_MALFORMED);
	CHECK(said.family == 6 && said.port == 53, "%d %u", said.family, said.port);
	rig_check_gets(bad, NULL);
	CLEANUP_FD int cut = rig_dial("8.8.4.4", 53);
	CHECK(send(cut, "\0\5hello", 7, 0) == 7, "%d", errno);
	rig_check_gets(cut, NULL);
	(void)rig_hear_kind(rig, GATE_MALFORMED);
}

/* Queries before answers, which then come as the verdicts do; the peer's end waits for them. */
static void test_tcp_pipelined(const struct rig *rig)
{
	CLEANUP_FD int fd = rig_dial("8.8.4.4", 53);
	uint32_t ids[2] = { 0 };

	say_framed(fd, SPAN("p1\1\0" RIG_ONE "\2p1\7example\0" A), 0);
	say_framed(fd, SPAN("p2\1\0" RIG_ONE "\2p2\7example\0" A), 0);
	say_framed(fd, SPAN("p3\1\0" RIG_ONE "\2p1\7example\0" A), 0); /* shares the first ask */
	CHECK(shutdown(fd, SHUT_WR) == 0, "%d", errno);
	for (int i = 0; i < 2; i++)
		ids[i] = rig_hear_kind(rig, GATE_ASK_NAME).id;
	rig_say(rig, GATE_NAME, ids[1], GATE_DENY, -1);
	check_framed(fd, SPAN("p2\x81\x83" RIG_ONE "\2p2\7example\0" A), "p2");
	rig_say(rig, GATE_NAME, ids[0], GATE_DENY, -1);
	check_framed(fd, SPAN("p1\x81\x83" RIG_ONE "\2p1\7example\0" A), "p1");
	check_framed(fd, SPAN("p3\x81\x83" RIG_ONE "\2p1\7example\0" A), "p3");
	rig_check_gets(fd, "");
}

/* The verdict comes when another connection has the place of the one that asked: not for that. */
static void test_tcp_gone(const struct rig *rig)
{
	const struct linger reset = { 1, 0 };
	CLEANUP_FD int gone = rig_dial("8.8.4.4", 53);

	say_framed(gone, SPAN("p4\1\0" RIG_ONE "\2p4\7example\0" A), 0);
	uint32_t id = rig_hear_kind(rig, GATE_ASK_NAME).id;
	CHECK(setsockopt(gone, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "%d", errno);
	fd_close(&gone);
	(void)usleep(20 * 1000);
	CLEANUP_FD int next = rig_dial("8.8.4.4", 53);
	(void)usleep(20 * 1000);
	rig_say(rig, GATE_NAME, id, GATE_DENY, -1);
	rig_check_reply(next, SPAN(""), "another's");
	say_framed(next, SPAN("p5\1\0" RIG_ONE "\2p4\7example\0" A), 0);
	check_framed(next, SPAN("p5\x81\x83" RIG_ONE "\2p4\7example\0" A), "its own");
}

/* A hundred queries a connection, sixty-four connections; then those that wait are let in. */
static void test_tcp_bounds(const struct rig *rig)
{
	const struct span query = SPAN("ab\1\0" RIG_ONE "\2db\0" A),
			  want = SPAN("ab\x81\x83" RIG_ONE "\2db\0" A);
	int fds[64];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = rig_dial("8.8.4.4", 53);
		say_framed(fds[i], query, 0);
		check_framed(fds[i], want, "many");
	}
	CLEANUP_FD int more = rig_dial("8.8.4.4", 53);
	rig_check_gets(more, NULL);
	CHECK(rig_hear_kind(rig, GATE_DROPPED).up == 1, "not counted");
	for (int i = 1; i < 100; i++) {
		say_framed(fds[0], query, 0);
		check_framed(fds[0], want, "hundred");
	}
	rig_check_gets(fds[0], "");
	CLEANUP_FD int another = rig_dial("8.8.4.4", 53);
	say_framed(another, query, 0);
	check_framed(another, want, "another");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(&fds[i]);
}

/* A flow to a synthetic address is asked about by name; to one that is nobody's, never passes. */
static void test_flows(const struct rig *rig)
{
	static const char *const known[] = { "198.18.1.1", "fd69:6d6d:7572::101" },
				 *const unknown[] = { "198.18.200.1", "fd69:6d6d:7572::9" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		CLEANUP_FD int program = rig_dial(known[i], 22);
		struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

		CHECK(strcmp(ask.name, "api.example") == 0 && ask.family == 0 && ask.port == 22,
		      "%s: %s", known[i], ask.name);
		CLEANUP_FD int server = rig_allow(rig, ask.id);
		rig_send(server, "SSH-2.0");
		rig_check_gets(program, "SSH-2.0");
		fd_close(&program);
		rig_check_gets(server, "");
		fd_close(&server);
		(void)rig_hear_kind(rig, GATE_END);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		CLEANUP_FD int program = rig_dial(unknown[i], 22);
		struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

		CHECK(ask.name[0] == '\0' && ask.family == (i == 0 ? 4 : 6), "%s", unknown[i]);
		CLEANUP_FD int server = rig_allow(rig, ask.id);
		rig_check_gets(program, NULL);
		rig_check_gets(server, NULL);
		struct gate_message end = rig_hear_kind(rig, GATE_END);
		CHECK(end.id == ask.id && end.verdict == GATE_RESET, "%d", (int)end.verdict);
	}
}

/* Port 53 of a name is that name's; DNS is what leads to no name. */
static void test_port_53(const struct rig *rig)
{
	CLEANUP_FD int program = rig_dial("198.18.1.1", 53);
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_FLOW);

	CHECK(strcmp(ask.name, "api.example") == 0 && ask.port == 53, "%s", ask.name);
	rig_say(rig, GATE_FLOW, ask.id, GATE_DENY, -1);
	rig_check_gets(program, NULL);
}

int main(void)
{
	struct rig rig;
	int r = rig_open(&rig);

	if (r != 0)
		return r;
	rig_start(&rig);
	test_udp(&rig);
	test_tcp(&rig);
	test_tcp_pipelined(&rig);
	test_tcp_gone(&rig);
	test_tcp_bounds(&rig);
	test_flows(&rig);
	test_port_53(&rig);
	CHECK(rig_end(&rig) == 0, "exit code");
	return test_failures > 0;
}
