// SPDX-License-Identifier: Apache-2.0
/*
 * The capture and the gateway together, in a user and network namespace of their own: this process
 * is the warden and the programs inside, its child is the gateway.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "base/test_net.h"
#include "gateway/gateway.h"
#include "jail/capture.h"
#include "wire/gate.h"

enum {
	SKIPPED = 77,
	FLOOD = 3000, /* reports; far more than a socket buffer holds */
};

struct gateway {
	pid_t pid;
	int warden; /* our end of its channel */
};

/* become_gateway() - move the descriptors to where gateway_main() wants them; does not return */
static void become_gateway(const int from[3])
{
	int high[3];

	for (int i = 0; i < 3; i++) /* out of the way first: a source may be a target */
		high[i] = fcntl(from[i], F_DUPFD, 100);
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], GATEWAY_FD_WARDEN + i) < 0)
			_exit(120);
	(void)syscall(SYS_exit_group,
		      gateway_main()); /* _exit() with ASan checks leaks: forbidden */
}

static struct gateway start(int tcp, int dns)
{
	int pair[2] = { -1, -1 };

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "%d", errno);
	struct gateway g = { fork(), pair[0] };
	if (g.pid == 0)
		become_gateway((const int[]){ pair[1], tcp, dns });
	CHECK(g.pid > 0, "%d", errno);
	fd_close(&pair[1]);
	return g;
}

/* end() - close the channel, unless that was done. Return: the exit code, or -1: a signal. */
static int end(struct gateway *g)
{
	int status = 0;

	fd_close(&g->warden);
	CHECK(waitpid(g->pid, &status, 0) == g->pid, "%d", errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct gate_report next_report(const struct gateway *g)
{
	struct gate_report report = { 0 };
	char packet[GATE_OCTETS + 1];

	CHECK(test_ready(g->warden, POLLIN), "no report");
	ssize_t n = recv(g->warden, packet, sizeof(packet), MSG_DONTWAIT);
	CHECK(n >= 0 && gate_report_decode(&report, (struct span){ packet, (size_t)n }) == 0,
	      "%zd octets", n);
	return report;
}

static void check_report(const struct gateway *g, enum gate_kind kind, const char *to,
			 uint16_t port)
{
	struct gate_report report = next_report(g);
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(report.family == 4 ? AF_INET : AF_INET6, report.address, text, sizeof(text));
	CHECK(report.kind == kind, "%s: kind %d", to, (int)report.kind);
	CHECK(strcmp(text, to) == 0 && report.port == port, "%s: %s %u", to, text, report.port);
}

static void check_flow(const struct gateway *g, const char *to, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, to, port);
	CLEANUP_FD int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char octet = 0;

	/* the reset may already be there when connect() returns, which reports it then */
	int r = connect(fd, (struct sockaddr *)&a, len);
	if (r == 0) {
		CHECK(test_ready(fd, POLLIN), "%s: hangs", to);
		r = (int)recv(fd, &octet, 1, MSG_DONTWAIT);
	}
	CHECK(r == -1 && errno == ECONNRESET, "%s: no reset: %d", to, errno);
	check_report(g, GATE_FLOW, to, port);
}

static void test_flows(const struct gateway *g)
{
	check_flow(g, "198.51.100.7", 443);
	check_flow(g, "203.0.113.9", 22);
	check_flow(g, "2001:db8::1", 5432);
	check_flow(g, "8.8.8.8", 53);
}

#define QUERY(id, flags, body) id flags "\0\1\0\0\0\0\0\0" body
#define NAME                   "\3ApI\7example\0\0\x1c\0\1" /* AAAA IN */

/* ask() - send @query and await the answer. Return: its octets; 0: there was none. */
static size_t ask(char *ret, size_t capacity, const char *server, struct span query)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, server, 53);
	CLEANUP_FD int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0, "%d", errno);
	CHECK(send(fd, query.ptr, query.len, 0) == (ssize_t)query.len, "%d", errno);
	if (poll(&p, 1, 200) != 1)
		return 0;
	ssize_t n = recv(fd, ret, capacity, MSG_DONTWAIT);
	CHECK(n > 0, "%s: %d", server, errno);
	return n > 0 ? (size_t)n : 0;
}

static void test_queries(const struct gateway *g)
{
	const struct {
		const char *server;
		struct span query, want;
		enum gate_kind kind;
	} rows[] = {
		{ "8.8.8.8", SPAN(QUERY("ab", "\1\0", NAME)), SPAN(QUERY("ab", "\x81\5", NAME)),
		  GATE_DNS },
		{ "2001:4860:4860::8888", SPAN(QUERY("cd", "\1\0", NAME)),
		  SPAN(QUERY("cd", "\x81\5", NAME)), GATE_DNS },
		{ "8.8.4.4", SPAN(QUERY("ef", "\1\0", "\4cut")), SPAN("ef\x81\1\0\0\0\0\0\0\0\0"),
		  GATE_DNS_MALFORMED },
		{ "8.8.4.4", SPAN("short"), SPAN(""), GATE_DNS_MALFORMED },
		{ "8.8.4.4", SPAN(QUERY("gh", "\x81\0", NAME)), SPAN(""), GATE_DNS_MALFORMED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char reply[512];
		size_t len = ask(reply, sizeof(reply), rows[i].server, rows[i].query);

		CHECK(len == rows[i].want.len && memcmp(reply, rows[i].want.ptr, len) == 0,
		      "row %zu: %zu octets", i, len);
		if (rows[i].kind != GATE_DNS) {
			check_report(g, rows[i].kind, rows[i].server, 53);
			continue;
		}
		struct gate_report report = next_report(g);
		CHECK(report.kind == GATE_DNS && report.qtype == 28 && report.port == 53 &&
			  strcmp(report.name, "api.example") == 0,
		      "row %zu: %d %u %s", i, (int)report.kind, report.qtype, report.name);
	}
}

/* A warden that does not read costs it reports, and no program waits; later it learns how many. */
static void test_flood(const struct gateway *g)
{
	uint64_t told = 0, lost = 0;
	char reply[512];

	for (int i = 0; i < FLOOD; i++)
		if (ask(reply, sizeof(reply), "8.8.8.8", SPAN(QUERY("ab", "\1\0", NAME))) == 0) {
			CHECK(false, "query %d hangs", i);
			return;
		}
	while (told + lost < FLOOD) {
		struct gate_report report = next_report(g);

		if (report.kind == 0)
			break;
		lost += report.count; /* 0 but for GATE_DROPPED */
		told += report.kind != GATE_DROPPED;
	}
	CHECK(told > 0 && lost > 0 && told + lost == FLOOD, "%llu and %llu",
	      (unsigned long long)told, (unsigned long long)lost);
	CHECK(ask(reply, sizeof(reply), "8.8.4.4", SPAN("short")) == 0, "answered");
	check_report(g, GATE_DNS_MALFORMED, "8.8.4.4", 53); /* as before */
}

int main(void)
{
	const char *stage = "none";
	int tcp = -1, dns = -1;

	if (!test_enter(CLONE_NEWUSER | CLONE_NEWNET)) {
		fprintf(stderr, "no namespaces here: %s\n", strerrordesc_np(errno));
		return SKIPPED;
	}
	int r = capture_open(&tcp, &dns, &stage);
	CHECK(r == 0, "%s: %s", stage, strerrordesc_np(-r));
	if (r < 0)
		return 1;

	struct gateway g = start(tcp, dns);
	test_flows(&g);
	test_queries(&g);
	test_flood(&g);
	CHECK(end(&g) == 0, "an orderly end is none of its faults");

	g = start(tcp, dns);
	CHECK(send(g.warden, "?", 1, 0) == 1, "%d", errno);
	CHECK(test_ready(g.warden, POLLIN), "goes on after a message that is none");
	CHECK(end(&g) == 1, "hides its fault");
	return test_failures > 0;
}
