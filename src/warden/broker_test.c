// SPDX-License-Identifier: Apache-2.0
/* Whole requests: a name, its addresses, the judgement, a socket, or the reason why not. */
#include "warden/broker.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/test_net.h"
#include "warden/broker_priv.h"
#include "warden/broker_test_priv.h"

static struct fake_name names[] = {
	{ "good.example", .v4 = "127.0.0.1" },
	{ "private.example", .v4 = "10.0.0.5" },
	{ "mixed.example", .v4 = "10.0.0.5 127.0.0.1", .v6 = "fd00::5" },
	{ "tempts.example", .v4 = "127.0.0.2 127.0.0.1" },
	{ "rebinds.example", .v4 = "127.0.0.1", .later = "10.0.0.5" },
	{ "inside.example", .v6 = "64:ff9b::a00:5" },
	{ "cloud.example", .v4 = "169.254.169.254" },
	{ "machine.example", .v4 = "127.0.0.2" },
	{ "silent.example", .manner = FAKE_SILENT },
	{ "tcp.example", .v4 = "127.0.0.1", .manner = FAKE_TRUNCATED },
	{ "hole.example", .v4 = "127.0.0.3" },
	{ "own.example", .v4 = "8.8.4.4" },
	{ NULL },
};

static struct broker_limits limits = {
	.requests_max = 40,
	.lookups_max = 4,
	.attempts_max = 1024,
	.resolve_ms = 200,
	.try_ms = 60,
	.rounds = 2,
	.connect_ms = 150,
	.stagger_ms = 20,
	.own_max_age_ms = 1000,
};

static struct loop *loop;
static struct fake_dns dns;
static char server[32];

/* What a request came to. */
struct outcome {
	struct broker *free_broker; /* in the callback */
	struct broker_request *cancel, *request;
	unsigned calls;
	struct broker_result result;
};

static unsigned under_way;

static void done(void *context, struct broker_result *result)
{
	struct outcome *outcome = context;

	outcome->calls++;
	outcome->result = *result;
	outcome->request = NULL;
	if (outcome->cancel != NULL)
		under_way--;
	broker_cancel(outcome->cancel);
	broker_free(outcome->free_broker);
	if (--under_way == 0)
		loop_stop(loop, 0);
}

/* make() - @private: of allow_private, at most two */
static struct broker *make(const char *first, const char *second, bool block)
{
	const char *private[] = { first, second };
	const char *servers[] = { server };
	struct config_host hosts[] = { { "fixed.example", "127.0.0.1" },
				       { "good.lan", "10.0.0.5" } };
	struct config_network network = {
		.allow_private = { private, (size_t)(first != NULL) + (second != NULL) },
		.dns_servers = { servers, 1 },
		.hosts = hosts,
		.hosts_len = ARRAY_SIZE(hosts),
		.block_private_ips = block,
	};
	struct broker *broker = NULL;
	struct diag diag = { 0 };

	CHECK(broker_new(&broker, loop, &network, &limits, &diag) == 0, "%s", diag.why);
	return broker;
}

static void ask(struct outcome *outcome, struct broker *broker, const char *host, uint16_t port)
{
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, span_of(host)) == NULL, "%s", host);
	int r = broker_connect(&outcome->request, broker, &name, port, done, outcome);
	CHECK(r == 0, "%s: %d", host, r);
	CHECK(outcome->calls == 0, "%s: called back from within", host);
	under_way++;
}

static struct broker_result ask_one(struct broker *broker, const char *host, uint16_t port)
{
	struct outcome outcome = { 0 };

	ask(&outcome, broker, host, port);
	CHECK(fake_run(loop, 3000) && outcome.calls == 1, "%s: %u calls", host, outcome.calls);
	return outcome.result;
}

/* came() - has somebody connected to @listener? The connection is closed. */
static bool came(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	if (poll(&p, 1, 0) != 1)
		return false;
	int fd = accept(listener, NULL, NULL);
	fd_close(&fd);
	return true;
}

static void test_rows(uint16_t port, uint16_t deaf)
{
	const struct {
		const char *host;
		uint16_t port;
		enum broker_outcome want;
		const char *why;
	} rows[] = {
		{ "good.example", port, BROKER_CONNECTED, "" },
		{ "tcp.example", port, BROKER_CONNECTED, "" },
		{ "fixed.example", port, BROKER_CONNECTED, "" },
		{ "127.0.0.1", port, BROKER_CONNECTED, "" },
		{ "mixed.example", port, BROKER_CONNECTED, "" },
		{ "good.example", deaf, BROKER_UNREACHABLE, "good.example: Connection refused" },
		{ "127.0.0.1", deaf, BROKER_UNREACHABLE, "127.0.0.1: Connection refused" },
		{ "private.example", port, BROKER_REFUSED,
		  "private.example resolves to 10.0.0.5: private address (RFC 1918)" },
		{ "good.lan", port, BROKER_REFUSED,
		  "good.lan resolves to 10.0.0.5: private address (RFC 1918)" },
		{ "10.0.0.5", port, BROKER_REFUSED, "10.0.0.5: private address (RFC 1918)" },
		{ "inside.example", port, BROKER_REFUSED,
		  "inside.example resolves to 64:ff9b::a00:5: private address (RFC 1918), in an "
		  "address of NAT64 form" },
		{ "cloud.example", port, BROKER_REFUSED,
		  "cloud.example resolves to 169.254.169.254: metadata service of most clouds" },
		{ "machine.example", port, BROKER_REFUSED,
		  "machine.example resolves to 127.0.0.2: " },
		{ "nowhere.example", port, BROKER_UNRESOLVED, "nowhere.example: no such name" },
		{ "silent.example", port, BROKER_UNRESOLVED,
		  "silent.example: no resolver answered in time" },
	};
	struct broker *broker = make("127.0.0.1", NULL, true);
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker_result result = ask_one(broker, rows[i].host, rows[i].port);

		CHECK(result.outcome == rows[i].want, "%s: %d %s", rows[i].host, result.outcome,
		      result.why);
		CHECK(strncmp(result.why, rows[i].why, strlen(rows[i].why)) == 0, "%s: %s",
		      rows[i].host, result.why);
		CHECK((result.error != 0) == (result.outcome == BROKER_UNREACHABLE), "%s",
		      rows[i].host);
		CHECK(result.outcome != BROKER_REFUSED || result.address.family != 0, "%s",
		      rows[i].host);
	}
	(void)!fake_run(loop, 10);
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
	broker_free(broker);
}

/* A refused address is not dialled beside an allowed one, though it would answer first. */
static void test_mixed(int listener, uint16_t port)
{
	struct broker *broker = make("127.0.0.1", NULL, true);
	int other = fake_listen("127.0.0.2", &port, 4);

	while (came(listener))
		;
	struct broker_result result = ask_one(broker, "tempts.example", port);
	CHECK(result.outcome == BROKER_CONNECTED && came(listener), "%s", result.why);
	CHECK(!came(other), "the refused one was dialled");
	fd_close(&other);
	broker_free(broker);
}

/* Each request resolves and is judged anew, and dials what it judged (A17). */
static void test_rebinding(int listener, uint16_t port)
{
	struct broker *broker = make("127.0.0.1", NULL, true);

	while (came(listener))
		;
	struct broker_result result = ask_one(broker, "rebinds.example", port);
	CHECK(result.outcome == BROKER_CONNECTED && came(listener), "first: %s", result.why);
	result = ask_one(broker, "rebinds.example", port);
	CHECK(result.outcome == BROKER_REFUSED && !came(listener), "then: %s", result.why);
	CHECK(result.class == NET_PRIVATE, "%s", net_class_name(result.class));
	broker_free(broker);
}

/* The socket is handed over when it is taken. */
static int taken = -1;

static void take(void *context, struct broker_result *result)
{
	(void)context;
	taken = fd_take(&result->fd);
	loop_stop(loop, 0);
}

static void test_taken(int listener, uint16_t port)
{
	struct broker *broker = make("127.0.0.1", NULL, true);
	struct broker_request *request = NULL;
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, SPAN("127.0.0.1")) == NULL, "name");
	CHECK(broker_connect(&request, broker, &name, 0, take, NULL) == -EINVAL, "port 0");
	CHECK(broker_connect(&request, broker, &name, port, take, NULL) == 0, "connect");
	CHECK(fake_run(loop, 1000) && taken >= 0, "taken");
	broker_free(broker);
	CHECK(send(taken, "x", 1, 0) == 1, "%s", strerror(errno));
	fd_close(&taken);
	while (came(listener))
		;
	name.kind = NET_NAME_NONE;
	broker = make(NULL, NULL, true);
	CHECK(broker_connect(&request, broker, &name, port, take, NULL) == -EINVAL, "no host");
	broker_free(broker);
}

/* Cancelled or freed at any moment: no call back, no descriptor, no memory stays. */
static void test_cancel(uint16_t port, uint16_t hole)
{
	static const struct {
		const char *host;
		bool silent;
	} rows[] = { { "127.0.0.1", false },   { "good.example", false },
		     { "tcp.example", false }, { "silent.example", true },
		     { "hole.example", true }, { "10.0.0.5", false } };
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows) * 10; i++) {
		struct broker *broker = make("127.0.0.0/8", NULL, true);
		bool silent = rows[i / 10].silent, frees = i % 2 == 1;
		struct outcome outcome = { 0 };

		ask(&outcome, broker, rows[i / 10].host, silent ? hole : port);
		if (i % 10 / 2 > 0)
			(void)!fake_run(loop, (int)(i % 10 / 2));
		unsigned calls = outcome.calls;
		if (!frees)
			broker_cancel(outcome.request);
		broker_free(broker);
		(void)!fake_run(loop, 3);
		CHECK(outcome.calls == calls, "row %zu", i);
		under_way = 0;
	}
	(void)!fake_run(loop, 10);
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
}

static void test_timeout(uint16_t hole)
{
	struct broker *broker = make("127.0.0.0/8", NULL, true);
	int64_t start = clock_mono_ns();
	struct broker_result result = ask_one(broker, "hole.example", hole);
	int64_t took_ms = (clock_mono_ns() - start) / 1000000;

	CHECK(result.outcome == BROKER_UNREACHABLE && result.error == ETIMEDOUT, "%s", result.why);
	CHECK(took_ms >= limits.connect_ms && took_ms < 10L * limits.connect_ms, "%d ms",
	      (int)took_ms);
	broker_free(broker);
}

/* Eight want a lookup, four have one: each asks for A and AAAA. */
static void test_lookups(void)
{
	struct broker *broker = make(NULL, NULL, true);
	struct outcome outcomes[8] = { 0 };
	unsigned before = dns.udp_queries;

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		ask(&outcomes[i], broker, "silent.example", 443);
	(void)!fake_run(loop, (int)limits.try_ms / 2);
	CHECK(dns.udp_queries - before == 2 * limits.lookups_max, "%u queries",
	      dns.udp_queries - before);
	CHECK(fake_run(loop, 3000), "%u under way", under_way);
	broker_free(broker);
}

/* A lookup that is cancelled makes room for one that waits; when all are cancelled, none begins. */
static void test_cancelled_lookups(void)
{
	struct broker *broker = make(NULL, NULL, true);
	struct outcome outcomes[8] = { 0 };
	unsigned before = dns.udp_queries;

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		ask(&outcomes[i], broker, "silent.example", 443);
	(void)!fake_run(loop, (int)limits.try_ms / 4);
	CHECK(dns.udp_queries - before == 8, "%u queries", dns.udp_queries - before);
	broker_cancel(outcomes[0].request);
	(void)!fake_run(loop, (int)limits.try_ms / 4);
	CHECK(dns.udp_queries - before == 10, "%u queries", dns.udp_queries - before);
	for (size_t i = 1; i < ARRAY_SIZE(outcomes); i++)
		broker_cancel(outcomes[i].request);
	(void)!fake_run(loop, (int)limits.try_ms / 4);
	CHECK(dns.udp_queries - before == 10, "%u queries", dns.udp_queries - before);
	under_way = 0;
	broker_free(broker);
}

/* ask_holes() - for connections that hang. Return: how many descriptors they hold. */
static size_t ask_holes(struct outcome *outcomes, size_t len, struct broker *broker, uint16_t hole)
{
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < len; i++)
		ask(&outcomes[i], broker, "127.0.0.3", hole);
	(void)!fake_run(loop, 50);
	return fake_count_fds() - fds;
}

/* No more sockets than may; a connection that had to wait for one comes about when others gave up. */
static void test_attempts(uint16_t port, uint16_t hole)
{
	struct outcome outcomes[6] = { 0 }, late = { 0 };

	limits.attempts_max = 2;
	struct broker *broker = make("127.0.0.0/8", NULL, true);
	size_t held = ask_holes(outcomes, ARRAY_SIZE(outcomes), broker, hole);
	CHECK(held == 2, "%zu descriptors", held);
	(void)!fake_run(loop, 50);
	ask(&late, broker, "127.0.0.1", port);
	(void)!fake_run(loop, 20);
	CHECK(late.calls == 0, "did not wait");
	CHECK(fake_run(loop, 3000), "%u under way", under_way);
	CHECK(late.result.outcome == BROKER_CONNECTED, "%s", late.result.why);
	CHECK(outcomes[5].result.error == ETIMEDOUT, "%s", outcomes[5].result.why);
	broker_free(broker);
	limits.attempts_max = 1024;
}

/* However many hang, most of the descriptors stay for other work: an exec takes a dozen. */
static void test_few_descriptors(uint16_t port, uint16_t hole)
{
	struct outcome outcomes[40] = { 0 };
	struct rlimit files = { 0 };
	int spare[16];

	CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0, "%d", errno);
	const struct rlimit few = { .rlim_cur = 48, .rlim_max = files.rlim_max };
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0, "%d", errno);
	struct broker *broker = make("127.0.0.0/8", NULL, true);
	size_t held = ask_holes(outcomes, ARRAY_SIZE(outcomes), broker, hole);
	CHECK(held == 12, "%zu descriptors", held);
	for (size_t i = 0; i < ARRAY_SIZE(spare); i++) {
		spare[i] = dup(STDERR_FILENO);
		CHECK(spare[i] >= 0, "%zu: %d", i, errno);
	}
	for (size_t i = 0; i < ARRAY_SIZE(spare); i++)
		fd_close(&spare[i]);
	CHECK(fake_run(loop, 3000), "%u under way", under_way);
	CHECK(ask_one(broker, "127.0.0.1", port).outcome == BROKER_CONNECTED, "afterwards");
	broker_free(broker);
	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0, "%d", errno);
}

/* As many as may, some waiting for a lookup; the next is refused; silent ones end in time. */
static void test_bounds(uint16_t port)
{
	struct broker *broker = make("127.0.0.1", NULL, true);
	struct outcome outcomes[40] = { 0 }, one_more = { 0 };
	unsigned connected = 0, unresolved = 0;
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, SPAN("good.example")) == NULL, "name");
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		ask(&outcomes[i], broker, i < 3 ? "silent.example" : "good.example", port);
	CHECK(broker_connect(&one_more.request, broker, &name, port, done, &one_more) == -EBUSY,
	      "one more");
	CHECK(fake_run(loop, 3000), "%u under way", under_way);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		CHECK(outcomes[i].calls == 1, "%zu: %u calls", i, outcomes[i].calls);
		connected += outcomes[i].result.outcome == BROKER_CONNECTED;
		unresolved += outcomes[i].result.outcome == BROKER_UNRESOLVED;
	}
	CHECK(connected == 37 && unresolved == 3, "%u and %u", connected, unresolved);
	CHECK(ask_one(broker, "good.example", port).outcome == BROKER_CONNECTED, "afterwards");
	broker_free(broker);
}

/* A callback may cancel another request, and free the broker. */
static void test_reentrance(uint16_t port)
{
	struct broker *broker = make("127.0.0.1", NULL, true);
	struct outcome first = { 0 }, second = { 0 };

	ask(&first, broker, "good.example", port);
	ask(&second, broker, "silent.example", port);
	first.cancel = second.request;
	CHECK(fake_run(loop, 1000) && first.calls == 1 && second.calls == 0, "cancel");

	first = second = (struct outcome){ .free_broker = broker };
	ask(&first, broker, "nowhere.example", port);
	ask(&second, broker, "10.0.0.5", port);
	first.free_broker = NULL;
	(void)!fake_run(loop, 300);
	CHECK(first.calls == 0 && second.calls == 1, "free: %u %u", first.calls, second.calls);
	under_way = 0;
}

static void test_refused_settings(void)
{
	const char *const bad[] = { "10.0.0.0/8", "a*b" };
	struct config_host host = { "x.y", "nowhere" };
	struct config_network private = { .allow_private = { (const char **)(uintptr_t)bad, 2 } },
			      server_names = { .dns_servers = { (const char **)(uintptr_t)bad,
								1 } },
			      hosts = { .hosts = &host, .hosts_len = 1 };
	struct broker *broker = NULL;
	struct diag diag = { 0 };

	CHECK(broker_new(&broker, loop, &private, NULL, &diag) == -EINVAL, "private");
	CHECK(strncmp(diag.why, "allow_private[1]: ", 18) == 0, "%s", diag.why);
	CHECK(broker_new(&broker, loop, &server_names, NULL, &diag) == -EINVAL, "servers");
	CHECK(broker_new(&broker, loop, &hosts, NULL, &diag) == -EINVAL && broker == NULL, "hosts");
	CHECK(strcmp(diag.why, "hosts.x.y: no address") == 0, "%s", diag.why);
}

/* In a network where 8.8.4.4 is this machine. */
static void test_own(void)
{
	uint16_t port = 0;

	if (!fake_network(0, "8.8.4.4"))
		return;
	fake_dns_open(&dns, loop, names, "127.0.0.1", 0);
	snprintf(server, sizeof(server), "127.0.0.1:%u", dns.port);
	CLEANUP_FD int listener = fake_listen("8.8.4.4", &port, 8);
	struct broker *broker = make("own.example", "10.0.0.0/8", false);
	struct broker_result result = ask_one(broker, "own.example", port);
	CHECK(result.outcome == BROKER_REFUSED && !came(listener), "%s", result.why);
	CHECK(strcmp(result.why, "own.example resolves to 8.8.4.4: an address of this machine") ==
		  0,
	      "%s", result.why);
	broker_free(broker);
	broker = make("8.8.4.4", NULL, true);
	result = ask_one(broker, "own.example", port);
	CHECK(result.outcome == BROKER_CONNECTED && came(listener), "%s", result.why);
	broker_free(broker);
	fake_dns_close(&dns);
}

int main(void)
{
	uint16_t port = 0, deaf = 0, hole = 0;
	int filled[2];

	(void)signal(SIGPIPE, SIG_IGN); /* as those do who have a broker */
	CHECK(loop_new(&loop) == 0, "loop");
	fake_dns_open(&dns, loop, names, "127.0.0.1", 0);
	snprintf(server, sizeof(server), "127.0.0.1:%u", dns.port);
	int listener = fake_listen("127.0.0.1", &port, 64);
	int closed = fake_listen("127.0.0.1", &deaf, 1);
	int full = fake_blackhole(filled, "127.0.0.3", &hole);
	fd_close(&closed);
	test_rows(port, deaf);
	test_mixed(listener, port);
	test_rebinding(listener, port);
	test_taken(listener, port);
	test_cancel(port, hole);
	test_timeout(hole);
	test_lookups();
	test_cancelled_lookups();
	test_attempts(port, hole);
	test_few_descriptors(port, hole);
	test_bounds(port);
	test_reentrance(port);
	test_refused_settings();
	fake_dns_close(&dns);
	fd_close(&listener);
	fd_close(&full);
	fd_close(&filled[0]);
	fd_close(&filled[1]);
	test_own();
	loop_free(loop);
	return test_failures > 0;
}
