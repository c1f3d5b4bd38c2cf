// SPDX-License-Identifier: Apache-2.0
/* Whole requests by a proxy. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test_net.h"
#include "warden/broker_priv.h"
#include "warden/broker_test_priv.h"

static const char *const variables[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
					 "http_proxy",  "HTTP_PROXY",  "no_proxy",  "NO_PROXY" };

/* A proxy in the test's own loop: one connection at a time, and one answer. */
static struct {
	struct loop_source listener, connection;
	const char *answer; /* NULL: none */
	char asked[1024];
	size_t len;
	unsigned accepted, inside; /* inside: asked for private.example */
	uint16_t port;
} fake;

static struct loop *loop;
static struct fake_dns dns;
static char server[32], proxy_text[64];

static struct fake_name names[] = {
	{ "public.example", .v4 = "192.0.2.1" },
	{ "good.example", .v4 = "8.8.8.8" },
	{ "private.example", .v4 = "10.0.0.5" },
	{ "mixed.example", .v4 = "8.8.8.8 10.0.0.5" },
	{ "cloud.example", .v4 = "169.254.169.254" },
	{ "here.example", .v4 = "127.0.0.1" },
	{ "lab", .v4 = "8.8.8.8" },
	{ "fails.example", .rcode = 2 },
	{ "refuses.example", .rcode = 5 },
	{ "empty.example", .v4 = "" },
	{ "refused4.example", .rcode4 = 5 },
	{ "refused4-late6.example", .rcode4 = 5, .lost6 = 1 },
	{ "failed4-late6.example", .rcode4 = 2, .lost6 = 1 },
	{ "failed4-public6.example", .rcode4 = 2, .v6 = "2606:4700::1" },
	{ "failed6-public4.example", .rcode6 = 2, .v4 = "8.8.8.8", .lost4 = 1 },
	{ "refused6-late4.example", .rcode6 = 5, .lost4 = 1 },
	{ "silent4-public6.example", .v6 = "2606:4700::1", .lost4 = 99 },
	{ "silent4-private6.example", .v6 = "fd00::5", .lost4 = 99 },
	{ "gone4-empty6.example", .rcode4 = 3 },
	{ "empty4-public6.example", .v6 = "2606:4700::1" },
	{ "garbage.example", .v4 = "8.8.8.8", .manner = FAKE_GARBAGE },
	{ "full.example", .many = BROKER_ADDRESSES_MAX },
	{ "over.example", .many = BROKER_ADDRESSES_MAX + 1 },
	{ "hidden.example", .v4 = "10.0.0.5", .many = BROKER_ADDRESSES_MAX },
	{ "silent.example", .manner = FAKE_SILENT },
	{ "proxy.corp", .v4 = "127.0.0.1" },
	{ NULL },
};

static void hang_up(void)
{
	int fd = fake.connection.fd;

	loop_remove(&fake.connection);
	fd_close(&fd);
	fake.connection.fd = -1;
}

static void proxy_reads(struct loop_source *source, uint32_t events)
{
	ssize_t n = recv(source->fd, fake.asked + fake.len, sizeof(fake.asked) - 1 - fake.len, 0);

	(void)events;
	if (n <= 0) {
		hang_up();
		return;
	}
	fake.len += (size_t)n;
	fake.asked[fake.len] = '\0';
	fake.inside += strstr(fake.asked, "private.example") != NULL;
	if (strstr(fake.asked, "\r\n\r\n") != NULL && fake.answer != NULL)
		(void)!send(source->fd, fake.answer, strlen(fake.answer), MSG_NOSIGNAL);
}

static void proxy_accepts(struct loop_source *source, uint32_t events)
{
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	hang_up();
	fake.accepted++;
	fake.len = 0;
	fake.asked[0] = '\0';
	fake.connection.ready = proxy_reads;
	CHECK(loop_add(loop, &fake.connection, fd, EPOLLIN) == 0, "%d", fd);
}

static struct broker_result result;
static unsigned calls;

static void done(void *context, struct broker_result *end)
{
	(void)context;
	result = *end;
	result.fd = fd_take(&end->fd);
	calls++;
	loop_stop(loop, 0);
}

static const struct broker_limits usual = {
	.requests_max = 8,
	.lookups_max = 4,
	.attempts_max = 2,
	.resolve_ms = 300,
	.try_ms = 60,
	.rounds = 2,
	.connect_ms = 150,
	.stagger_ms = 20,
	.own_max_age_ms = 1000,
	.judge_ms = 120,
	.deaf_ms = 1000,
	.proxy_ms = 200,
	.proxied_ms = 2000,
};
static struct broker_limits limits;

static struct broker *make(const char *proxy, const char *private)
{
	const char *allowed[] = { "*" }, *servers[] = { server };
	struct config_host hosts[] = { { "fixed.example", "198.51.100.7" },
				       { "inside.example", "10.0.0.9" },
				       { "local.example", "127.0.0.1" } };
	struct config_network network = {
		.allowed_hosts = { allowed, 1 },
		.allow_private = { &private, private != NULL },
		.dns_servers = { servers, 1 },
		.hosts = hosts,
		.hosts_len = ARRAY_SIZE(hosts),
		.block_private_ips = true,
		.proxy = (char *)(uintptr_t)proxy,
	};
	struct broker *broker = NULL;
	struct diag diag = { 0 };

	CHECK(broker_new(&broker, loop, &network, &limits, &diag) == 0, "%s", diag.why);
	return broker;
}

static struct broker_result ask(struct broker *broker, const char *host, uint16_t port)
{
	struct broker_request *request = NULL;
	struct net_name name = { 0 };

	fd_close(&result.fd);
	CHECK(net_name_parse(&name, span_of(host)) == NULL, "%s", host);
	fake.asked[0] = '\0';
	fake.accepted = calls = 0;
	CHECK(broker_connect(&request, broker, &name, port, done, NULL) == 0, "%s", host);
	CHECK(fake_run(loop, 3000) && calls == 1, "%s: %u calls", host, calls);
	return result;
}

#define OK "HTTP/1.1 200 OK\r\n\r\n"

static void test_requests(uint16_t port)
{
	static const struct {
		const char *host, *private, *answer;
		enum broker_outcome want;
		const char *target; /* how the proxy was asked; NULL: it was not */
		const char *why;
	} rows[] = {
		{ "good.example", NULL, OK, BROKER_CONNECTED, "good.example", "" },
		{ "nowhere.example", NULL, OK, BROKER_CONNECTED, "nowhere.example", "" },
		{ "empty.example", NULL, OK, BROKER_CONNECTED, "empty.example", "" },
		{ "fails.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "fails.example: no resolver gave an answer; its addresses cannot be judged" },
		{ "refuses.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "refuses.example: no resolver gave an answer; its addresses cannot be judged" },
		{ "refused4.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "refused4.example: no resolver gave an answer; its addresses cannot be judged" },
		{ "refused4-late6.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "refused4-late6.example: no resolver gave an answer; its addresses cannot" },
		{ "failed4-late6.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "failed4-late6.example: no resolver gave an answer; its addresses cannot" },
		{ "refused6-late4.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "refused6-late4.example: no resolver gave an answer; its addresses cannot" },
		{ "failed4-public6.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "failed4-public6.example: no resolver gave an answer; its addresses cannot" },
		{ "failed6-public4.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "failed6-public4.example: no resolver gave an answer; its addresses cannot" },
		{ "silent4-public6.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "silent4-public6.example: no resolver answered in time; its addresses cannot" },
		{ "silent4-private6.example", "silent4-private6.example", OK, BROKER_UNREACHABLE,
		  NULL, "silent4-private6.example: no resolver answered in time; its addresses" },
		{ "gone4-empty6.example", NULL, OK, BROKER_CONNECTED, "gone4-empty6.example", "" },
		{ "empty4-public6.example", NULL, OK, BROKER_CONNECTED, "empty4-public6.example",
		  "" },
		{ "garbage.example", NULL, OK, BROKER_UNREACHABLE, NULL,
		  "garbage.example: no resolver answered in time; its addresses" },
		{ "full.example", "198.51.100.0/24", OK, BROKER_CONNECTED, "full.example", "" },
		{ "over.example", "198.51.100.0/24", OK, BROKER_REFUSED, NULL,
		  "over.example: it has more addresses than are judged" },
		{ "hidden.example", "198.51.100.0/24", OK, BROKER_REFUSED, NULL,
		  "hidden.example resolves to 10.0.0.5: private" },
		{ "8.8.8.8", NULL, OK, BROKER_CONNECTED, "8.8.8.8", "" },
		{ "2606:4700::1", NULL, OK, BROKER_CONNECTED, "[2606:4700::1]", "" },
		{ "private.example", NULL, OK, BROKER_REFUSED, NULL,
		  "private.example resolves to 10.0.0.5: private" },
		{ "mixed.example", NULL, OK, BROKER_REFUSED, NULL,
		  "mixed.example resolves to 10.0.0.5: private" },
		{ "cloud.example", NULL, OK, BROKER_REFUSED, NULL,
		  "cloud.example resolves to 169.254.169.254: metadata" },
		{ "10.0.0.5", NULL, OK, BROKER_REFUSED, NULL, "10.0.0.5: private" },
		{ "169.254.169.254", "169.254.0.0/16", OK, BROKER_REFUSED, NULL,
		  "169.254.169.254: metadata" },
		{ "inside.example", NULL, OK, BROKER_REFUSED, NULL,
		  "inside.example resolves to 10.0.0.9: private" },
		{ "localhost", "127.0.0.1", OK, BROKER_REFUSED, NULL, "localhost: a name of the" },
		{ "lab", NULL, OK, BROKER_REFUSED, NULL, "lab: a name of private networks" },
		{ "metadata.google.internal", "metadata.google.internal", OK, BROKER_REFUSED, NULL,
		  "metadata.google.internal: metadata service" },
		{ "lab", "lab", OK, BROKER_CONNECTED, "lab", "" },
		{ "private.example", "private.example", OK, BROKER_CONNECTED, "private.example",
		  "" },
		{ "mixed.example", "10.0.0.0/8", OK, BROKER_CONNECTED, "mixed.example", "" },
		{ "inside.example", "10.0.0.9", OK, BROKER_CONNECTED, "10.0.0.9", "" },
		{ "good.example", NULL, "HTTP/1.1 407 x\r\n\r\n", BROKER_UNREACHABLE,
		  "good.example", "good.example: proxy 127.0.0.1:# answered 407: it wants" },
		{ "good.example", NULL, "HTTP/1.1 302 x\r\n\r\n", BROKER_UNREACHABLE,
		  "good.example", "good.example: proxy 127.0.0.1:# answered 302" },
		{ "good.example", NULL, "nonsense\r\n\r\n", BROKER_UNREACHABLE, "good.example",
		  "good.example: proxy 127.0.0.1:#: " },
		{ "good.example", NULL, NULL, BROKER_UNREACHABLE, "good.example",
		  "good.example: proxy 127.0.0.1:#: Connection timed out" },
	};
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker *broker = make(proxy_text, rows[i].private);
		char want[256] = "", why[256] = "";
		const char *hash = strchr(rows[i].why, '#');

		fake.answer = rows[i].answer;
		struct broker_result got = ask(broker, rows[i].host, port);
		if (rows[i].target != NULL)
			(void)snprintf(want, sizeof(want),
				       "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n"
				       "Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n\r\n",
				       rows[i].target, port, rows[i].target, port);
		(void)snprintf(
		    why, sizeof(why), "%.*s",
		    (int)(hash != NULL ? (size_t)(hash - rows[i].why) : strlen(rows[i].why)),
		    rows[i].why);
		if (hash != NULL)
			(void)snprintf(why + strlen(why), sizeof(why) - strlen(why), "%u%s",
				       fake.port, hash + 1);
		CHECK(got.outcome == rows[i].want, "row %zu: %d %s", i, got.outcome, got.why);
		CHECK(strcmp(fake.asked, want) == 0, "row %zu: '%s'", i, fake.asked);
		CHECK(strncmp(got.why, why, strlen(why)) == 0, "row %zu: %s", i, got.why);
		CHECK((got.error != 0) == (got.outcome == BROKER_UNREACHABLE), "row %zu", i);
		CHECK((got.fd >= 0) == (got.outcome == BROKER_CONNECTED), "row %zu", i);
		CHECK(strstr(got.why, "s3cret") == NULL, "row %zu", i);
		broker_free(broker);
		fd_close(&result.fd);
		hang_up();
	}
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
}

/* What is on this machine is dialled from here; so is what is exempt. */
static void test_direct(uint16_t port)
{
	static const struct {
		const char *host, *private;
	} rows[] = { { "local.example", "127.0.0.1" },
		     { "here.example", "127.0.0.1" },
		     { "127.0.0.1", "127.0.0.1" } };

	fake.answer = OK;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker *broker = make(proxy_text, rows[i].private);
		struct broker_result got = ask(broker, rows[i].host, port);

		CHECK(got.outcome == BROKER_CONNECTED && fake.accepted == 0, "row %zu: %s", i,
		      got.why);
		broker_free(broker);
		broker = make(proxy_text, NULL);
		got = ask(broker, rows[i].host, port);
		CHECK(got.outcome == BROKER_REFUSED && fake.accepted == 0, "row %zu: %s", i,
		      got.why);
		broker_free(broker);
	}
	CHECK(setenv("NO_PROXY", "private.example", 1) == 0, "setenv");
	struct broker *broker = make(proxy_text, "private.example");
	struct broker_result got = ask(broker, "private.example", port);
	/* whether anybody is there is not ours to say */
	CHECK(got.outcome != BROKER_REFUSED && fake.accepted == 0, "%s", got.why);
	fd_close(&got.fd);
	broker_free(broker);
	CHECK(unsetenv("NO_PROXY") == 0, "unsetenv");
}

/* A silence counts when it is that of the resolvers, not of a name; and even then names are judged. */
static void test_silence(uint16_t port)
{
	struct broker *broker = make(proxy_text, NULL);
	int64_t start = clock_mono_ns();

	fake.answer = OK;
	fake.inside = 0;
	CHECK(ask(broker, "silent.example", port).outcome == BROKER_CONNECTED, "%s", result.why);
	CHECK(clock_mono_ns() - start >= 180000000, "not with all tries");
	start = clock_mono_ns();
	CHECK(ask(broker, "silent.example", port).outcome == BROKER_CONNECTED, "%s", result.why);
	CHECK(clock_mono_ns() - start < 180000000, "deaf, and yet with all tries");
	CHECK(ask(broker, "private.example", port).outcome == BROKER_REFUSED, "%s", result.why);

	CHECK(ask(broker, "silent.example", port).outcome == BROKER_UNREACHABLE, "%s", result.why);
	CHECK(result.error == EHOSTUNREACH && fake.accepted == 0, "%d", result.error);
	CHECK(strcmp(result.why,
		     "silent.example: no resolver answered in time; its addresses cannot "
		     "be judged, so the proxy is not asked for it") == 0,
	      "%s", result.why);
	CHECK(ask(broker, "fails.example", port).outcome == BROKER_UNREACHABLE, "%s", result.why);
	(void)!fake_run(loop, 1000);
	CHECK(ask(broker, "silent.example", port).outcome == BROKER_CONNECTED, "%s", result.why);
	CHECK(ask(broker, "fails.example", port).outcome == BROKER_UNREACHABLE, "%s", result.why);
	CHECK(ask(broker, "silent.example", port).outcome == BROKER_UNREACHABLE,
	      "an error is an answer: %s", result.why);
	CHECK(fake.inside == 0, "the proxy was asked");
	broker_free(broker);
}

/* One packet that is lost says nothing, be the resolvers known or not. */
static void test_loss(uint16_t port)
{
	struct broker *broker = make(proxy_text, NULL);
	struct fake_name *lossy = names;

	while (strcmp(lossy->name, "private.example") != 0)
		lossy++;
	fake.answer = OK;
	fake.inside = 0;
	lossy->lost = 2;
	CHECK(ask(broker, "private.example", port).outcome == BROKER_REFUSED, "%s", result.why);
	broker_free(broker);
	broker = make(proxy_text, NULL);
	CHECK(ask(broker, "silent.example", port).outcome == BROKER_CONNECTED, "%s", result.why);
	lossy->lost = 2;
	CHECK(ask(broker, "private.example", port).outcome == BROKER_REFUSED, "%s", result.why);
	CHECK(fake.inside == 0 && lossy->lost == 0, "the proxy was asked");
	broker_free(broker);
}

/* Where nobody is, that is known at once, each time. */
static void test_nobody(uint16_t port)
{
	char good[32];

	memcpy(good, server, sizeof(good));
	(void)snprintf(server, sizeof(server), "127.0.0.1:1");
	struct broker *broker = make(proxy_text, NULL);
	fake.answer = OK;
	for (int i = 0; i < 3; i++)
		CHECK(ask(broker, "good.example", port).outcome == BROKER_CONNECTED, "%s",
		      result.why);
	CHECK(ask(broker, "wpad", port).outcome == BROKER_REFUSED, "%s", result.why);
	broker_free(broker);
	memcpy(server, good, sizeof(good));
}

/* What each of several came to. */
struct several {
	struct broker_request *request;
	enum broker_outcome outcome;
	char why[BROKER_WHY_OCTETS];
	unsigned *left;
};

static void one_done(void *context, struct broker_result *end)
{
	struct several *one = context;

	one->outcome = end->outcome;
	(void)snprintf(one->why, sizeof(one->why), "%s", end->why);
	if (--*one->left == 0)
		loop_stop(loop, 0);
}

static void ask_several(struct several *several, struct broker *broker, const char *const *hosts,
			size_t len)
{
	static unsigned left;

	fake.answer = OK;
	fake.inside = 0;
	left = (unsigned)len;
	for (size_t i = 0; i < len; i++) {
		struct net_name name = { 0 };

		several[i] = (struct several){ .left = &left };
		CHECK(net_name_parse(&name, span_of(hosts[i])) == NULL, "%s", hosts[i]);
		CHECK(broker_connect(&several[i].request, broker, &name, 443, one_done,
				     &several[i]) == 0,
		      "%s", hosts[i]);
	}
	CHECK(fake_run(loop, 3000), "%u are left", left);
	CHECK(fake.inside == 0, "the proxy was asked");
}

/* Others that are answered meanwhile prove that resolvers live; who had to wait is judged as well. */
static void test_many_at_once(void)
{
	static const char *const two[] = { "silent.example", "private.example" };
	static const char *const eight[] = { "silent.example", "silent.example", "silent.example",
					     "silent.example", "silent.example", "silent.example",
					     "silent.example", "private.example" };
	struct several several[8];

	struct broker *broker = make(proxy_text, NULL);
	ask_several(several, broker, two, 2);
	CHECK(several[0].outcome == BROKER_UNREACHABLE, "%s", several[0].why);
	CHECK(several[1].outcome == BROKER_REFUSED, "%s", several[1].why);
	broker_free(broker);

	broker = make(proxy_text, NULL);
	ask_several(several, broker, eight, 8);
	CHECK(several[7].outcome == BROKER_REFUSED, "%s", several[7].why);
	broker_free(broker);

	limits.lookups_max = 1;
	broker = make(proxy_text, NULL);
	ask_several(several, broker, eight, 8);
	CHECK(several[7].outcome == BROKER_UNREACHABLE, "%s", several[7].why);
	CHECK(strncmp(several[7].why, "private.example: too many names are being resolved; ", 52) ==
		  0,
	      "%s", several[7].why);
	broker_free(broker);
	limits = usual;
}

/* However the time was spent, the flow still waits when the end comes. */
static void test_deadline(uint16_t port)
{
	limits.proxied_ms = 300;
	limits.proxy_ms = 2500;
	struct broker *broker = make(proxy_text, NULL);
	int64_t start = clock_mono_ns();

	fake.answer = NULL;
	CHECK(ask(broker, "silent.example", port).error == ETIMEDOUT, "%s", result.why);
	CHECK(clock_mono_ns() - start < 2000000000, "too long");
	broker_free(broker);
	limits = usual;
}

/* The proxy's own name is resolved, and not judged. */
static void test_names_of_proxies(uint16_t port)
{
	char text[64];

	fake.answer = OK;
	(void)snprintf(text, sizeof(text), "proxy.corp:%u", fake.port);
	struct broker *broker = make(text, NULL);
	CHECK(ask(broker, "good.example", port).outcome == BROKER_CONNECTED, "%s", result.why);
	CHECK(ask(broker, "private.example", port).outcome == BROKER_REFUSED, "%s", result.why);
	broker_free(broker);

	broker = make("nowhere.corp:1", NULL);
	struct broker_result got = ask(broker, "good.example", port);
	CHECK(got.outcome == BROKER_UNREACHABLE && got.error == EHOSTUNREACH, "%s", got.why);
	CHECK(strcmp(got.why, "good.example: proxy nowhere.corp:1: no such name") == 0, "%s",
	      got.why);
	broker_free(broker);
	broker = make("silent.example:1", NULL);
	got = ask(broker, "good.example", port);
	CHECK(strcmp(got.why,
		     "good.example: proxy silent.example:1: no resolver answered in time") == 0,
	      "%s", got.why);
	broker_free(broker);
}

/* Tunnels that hang are attempts: two are all there may be, and the third gets its turn. */
static void test_budget(uint16_t silent)
{
	struct broker_request *requests[3] = { 0 };
	struct net_name name = { 0 };
	char text[64];

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", silent);
	struct broker *broker = make(text, NULL);
	size_t fds = fake_count_fds();
	calls = 0;
	CHECK(net_name_parse(&name, SPAN("8.8.8.8")) == NULL, "name");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		CHECK(broker_connect(&requests[i], broker, &name, 443, done, NULL) == 0, "%zu", i);
	(void)!fake_run(loop, 60);
	CHECK(calls == 0 && fake_count_fds() == fds + 2, "%zu descriptors", fake_count_fds() - fds);
	broker_cancel(requests[0]);
	(void)!fake_run(loop, 60);
	CHECK(calls == 0 && fake_count_fds() == fds + 2, "%zu descriptors", fake_count_fds() - fds);
	(void)!fake_run(loop, 1000);
	(void)!fake_run(loop, 1000);
	CHECK(calls == 2 && result.error == ETIMEDOUT, "%u calls", calls);
	CHECK(fake_count_fds() == fds, "%zu descriptors", fake_count_fds() - fds);
	broker_free(broker);
}

static void test_cancel(uint16_t port)
{
	size_t fds = fake_count_fds();

	fake.answer = OK;
	for (int i = 0; i < 24; i++) {
		struct broker *broker = make(proxy_text, NULL);
		struct broker_request *request = NULL;
		struct net_name name = { 0 };

		if (i % 2 == 1)
			fake.answer = NULL;
		calls = 0;
		CHECK(net_name_parse(&name, SPAN("good.example")) == NULL, "name");
		CHECK(broker_connect(&request, broker, &name, port, done, NULL) == 0, "%d", i);
		if (i / 4 > 0)
			(void)!fake_run(loop, i / 4);
		if (calls == 0 && i % 4 < 2)
			broker_cancel(request);
		broker_free(broker);
		fd_close(&result.fd);
	}
	hang_up();
	(void)!fake_run(loop, 10);
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
}

int main(void)
{
	uint16_t port = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	result.fd = fake.connection.fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		CHECK(unsetenv(variables[i]) == 0, "%s", variables[i]);
	limits = usual;
	CHECK(loop_new(&loop) == 0, "loop");
	fake_dns_open(&dns, loop, names, "127.0.0.1", 0);
	(void)snprintf(server, sizeof(server), "127.0.0.1:%u", dns.port);
	int listener = fake_listen("127.0.0.1", &fake.port, 16);
	int other = fake_listen("127.0.0.1", &port, 16);
	fake.listener.ready = proxy_accepts;
	CHECK(loop_add(loop, &fake.listener, listener, EPOLLIN) == 0, "listener");
	(void)snprintf(proxy_text, sizeof(proxy_text), "http://ann:s3cret@127.0.0.1:%u", fake.port);
	test_requests(port);
	test_direct(port);
	test_silence(port);
	test_loss(port);
	test_nobody(port);
	test_many_at_once();
	test_deadline(port);
	test_names_of_proxies(port);
	test_budget(port);
	test_cancel(port);
	loop_remove(&fake.listener);
	hang_up();
	fd_close(&listener);
	fd_close(&other);
	fake_dns_close(&dns);
	loop_free(loop);
	return test_failures > 0;
}
