// SPDX-License-Identifier: Apache-2.0
/*
 * A pair of datagram sockets stands for the netlink socket of the firewall. Time is the clock's: a
 * case that waits for a second waits a second.
 */
#include "warden/refused.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"

enum { REPORTS_MAX = 200 };

struct rig {
	struct loop *loop;
	struct refused *refused;
	int log, kernel;
	struct loop_timer end;
	size_t len;
	char reports[REPORTS_MAX][64]; /* "UDP 192.0.2.7 443 x1", "dropped x1" */
	int64_t at_ns[REPORTS_MAX];
};

static void on_report(void *context, const struct egress_report *report)
{
	struct rig *rig = context;

	CHECK(rig->len < REPORTS_MAX, "too many reports");
	if (rig->len == REPORTS_MAX)
		return;
	rig->at_ns[rig->len] = clock_mono_ns();
	if (report->kind == EGRESS_DROPPED) {
		snprintf(rig->reports[rig->len++], 64, "dropped x%u", (unsigned)report->count);
		return;
	}
	CHECK(report->kind == EGRESS_PACKETS && report->blocked && report->is_address, "%d",
	      report->kind);
	CHECK(report->why[0] != '\0' && report->rule[0] == '\0', "%s", report->why);
	snprintf(rig->reports[rig->len++], 64, "%s %s %u x%u", report->protocol, report->host,
		 report->port, (unsigned)report->count);
}

static void open_rig(struct rig *rig)
{
	const struct egress_hooks hooks = { .report = on_report, .context = rig };
	int pair[2] = { -1, -1 };

	*rig = (struct rig){ .log = -1 };
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0, "%d", errno);
	rig->log = pair[0];
	rig->kernel = pair[1];
	CHECK(loop_new(&rig->loop) == 0, "loop");
	CHECK(refused_open(&rig->refused, rig->loop, rig->log, &hooks) == 0, "open");
}

static void close_rig(struct rig *rig)
{
	refused_close(rig->refused);
	loop_free(rig->loop);
	fd_close(&rig->log);
	fd_close(&rig->kernel);
}

/* say() - as the kernel tells of a packet: @protocol to 192.0.2.@last, @port */
static void say(struct rig *rig, uint8_t protocol, uint8_t last, uint8_t port)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
		struct nlattr payload;
		uint8_t packet[28];
	} message = {
		.header = { .nlmsg_len = sizeof(message), .nlmsg_type = NFNL_SUBSYS_ULOG << 8 },
		.payload = { .nla_len = 32, .nla_type = NFULA_PAYLOAD },
		.packet = { 0x45, [9] = protocol, [16] = 192, 0, 2, last, [23] = port },
	};

	if (protocol == IPPROTO_ICMP)
		message.packet[20] = port;
	CHECK(send(rig->kernel, &message, sizeof(message), 0) == sizeof(message), "%d", errno);
}

static void over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, end)->loop, 0);
}

static void run_ms(struct rig *rig, int ms)
{
	rig->end.fired = over;
	loop_arm(rig->loop, &rig->end, (int64_t)ms * 1000000);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

static void check_last(const struct rig *rig, size_t len, const char *last)
{
	CHECK(rig->len == len, "%zu reports, not %zu", rig->len, len);
	CHECK(rig->len > 0 && strcmp(rig->reports[rig->len - 1], last) == 0, "%s, not %s",
	      rig->len > 0 ? rig->reports[rig->len - 1] : "none", last);
}

/* The first at once; what follows within a second together, each second, until a quiet one. */
static void test_repeats(void)
{
	struct rig rig;

	open_rig(&rig);
	say(&rig, IPPROTO_UDP, 7, 53);
	run_ms(&rig, 20);
	check_last(&rig, 1, "UDP 192.0.2.7 53 x1");
	for (int i = 0; i < 5; i++)
		say(&rig, IPPROTO_UDP, 7, 53);
	run_ms(&rig, 600);
	check_last(&rig, 1, "UDP 192.0.2.7 53 x1");
	run_ms(&rig, 600);
	check_last(&rig, 2, "UDP 192.0.2.7 53 x5");
	CHECK(rig.at_ns[1] - rig.at_ns[0] >= 1000000000, "sooner than a second");
	say(&rig, IPPROTO_UDP, 7, 53);
	run_ms(&rig, 20);
	check_last(&rig, 2, "UDP 192.0.2.7 53 x5");
	run_ms(&rig, 1100);
	check_last(&rig, 3, "UDP 192.0.2.7 53 x1");
	CHECK(rig.at_ns[2] - rig.at_ns[1] >= 1000000000, "sooner than a second");
	run_ms(&rig, 1100);
	say(&rig, IPPROTO_UDP, 7, 53); /* after a quiet second at once again */
	run_ms(&rig, 20);
	check_last(&rig, 4, "UDP 192.0.2.7 53 x1");
	close_rig(&rig);
	check_last(&rig, 4, "UDP 192.0.2.7 53 x1");
}

/* Protocol, address and port tell places apart; an ICMP error is nobody's packet. */
static void test_places(void)
{
	static const struct {
		uint8_t protocol, last, port;
		const char *want; /* NULL: no report */
	} rows[] = {
		{ IPPROTO_UDP, 7, 53, "UDP 192.0.2.7 53 x1" },
		{ IPPROTO_UDP, 7, 54, "UDP 192.0.2.7 54 x1" },
		{ IPPROTO_UDP, 8, 54, "UDP 192.0.2.8 54 x1" },
		{ IPPROTO_UDPLITE, 8, 54, "UDPLITE 192.0.2.8 54 x1" },
		{ IPPROTO_SCTP, 8, 54, "SCTP 192.0.2.8 54 x1" },
		{ IPPROTO_DCCP, 8, 54, "DCCP 192.0.2.8 54 x1" },
		{ IPPROTO_GRE, 8, 54, "IP 192.0.2.8 0 x1" },
		{ IPPROTO_ICMP, 8, 8, "ICMP 192.0.2.8 0 x1" },
		{ IPPROTO_ICMP, 9, 3, NULL },
		{ IPPROTO_UDP, 7, 53, NULL },
	};
	struct rig rig;
	size_t want = 0;

	open_rig(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say(&rig, rows[i].protocol, rows[i].last, rows[i].port);
		run_ms(&rig, 5);
		if (rows[i].want != NULL)
			check_last(&rig, ++want, rows[i].want);
		CHECK(rig.len == want, "row %zu: %s", i, rig.reports[rig.len - 1]);
	}
	close_rig(&rig); /* what was counted is told at the end */
	check_last(&rig, want + 1, "UDP 192.0.2.7 53 x1");
}

/* More places than the table holds are counted; each within it is reported. */
static void test_full(void)
{
	struct rig rig;
	unsigned dropped = 0;

	open_rig(&rig);
	for (int i = 0; i < 140; i++) {
		say(&rig, IPPROTO_UDP, (uint8_t)i, 9);
		run_ms(&rig, 1);
	}
	for (size_t i = 0; i < rig.len; i++)
		dropped += strcmp(rig.reports[i], "dropped x1") == 0;
	CHECK(dropped == 12 && rig.len == 140, "%u of %zu", dropped, rig.len);
	close_rig(&rig);
}

/* What makes no sense is counted, and the last words are read when it ends. */
static void test_ends(void)
{
	struct rig rig;

	open_rig(&rig);
	CHECK(send(rig.kernel, "nonsense", 8, 0) == 8, "%d", errno);
	run_ms(&rig, 5);
	check_last(&rig, 1, "dropped x1");
	say(&rig, IPPROTO_UDP, 7, 53);
	say(&rig, IPPROTO_UDP, 7, 53);
	close_rig(&rig);
	CHECK(strcmp(rig.reports[1], "UDP 192.0.2.7 53 x1") == 0, "%s", rig.reports[1]);
	check_last(&rig, 3, "UDP 192.0.2.7 53 x1");
}

static void test_none(void)
{
	struct refused *refused = (struct refused *)&refused;

	CHECK(refused_open(&refused, NULL, -1, NULL) == 0 && refused == NULL, "without a log");
	refused_close(refused);
}

int main(void)
{
	test_repeats();
	test_places();
	test_full();
	test_ends();
	test_none();
	return test_failures > 0;
}
