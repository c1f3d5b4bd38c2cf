// SPDX-License-Identifier: Apache-2.0
/* Lookups against a DNS server in the same loop, one row for each way it may answer. */
#include <errno.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "base/test_net.h"
#include "warden/broker_priv.h"
#include "warden/broker_test_priv.h"

#define TEN                                                                                \
	"192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8 " \
	"192.0.2.9 192.0.2.10"

static struct fake_name names[] = {
	{ "v4.example", .v4 = "192.0.2.1 192.0.2.2" },
	{ "v6.example", .v6 = "2001:db8::1" },
	{ "both.example", .v4 = "192.0.2.1 192.0.2.2 192.0.2.3", .v6 = "2001:db8::1" },
	{ "ten.example", .v4 = TEN, .v6 = "2001:db8::1 2001:db8::2" },
	{ "none.example", .v4 = "" },
	{ "gone.example", .rcode = 3 },
	{ "fails.example", .rcode = 2 },
	{ "refuses.example", .rcode = 5 },
	{ "alias.example", .v4 = "192.0.2.9", .alias = "end.example" },
	{ "tcp.example", .v4 = "192.0.2.7", .manner = FAKE_TRUNCATED },
	{ "lies.example", .v4 = "192.0.2.8", .manner = FAKE_WRONG_ID },
	{ "empty.example", .v4 = "192.0.2.6", .manner = FAKE_EMPTY },
	{ "garbage.example", .v4 = "192.0.2.6", .manner = FAKE_GARBAGE },
	{ "many.example", .manner = FAKE_TRUNCATED, .many = 100 },
	{ "full.example", .many = BROKER_ADDRESSES_MAX },
	{ "over.example", .v6 = "2001:db8::1", .many = BROKER_ADDRESSES_MAX },
	{ "twice.example", .v4 = "192.0.2.1 192.0.2.1 192.0.2.1" },
	{ "mapped.example", .v4 = "192.0.2.1", .v6 = "::ffff:192.0.2.1 ::ffff:10.0.0.1" },
	{ "single", .v4 = "192.0.2.5" },
	{ "silent.example", .manner = FAKE_SILENT },
	{ "half4.example", .v4 = "192.0.2.1", .rcode6 = 2 },
	{ "half6.example", .v6 = "2001:db8::1", .rcode4 = 5 },
	{ "mute4.example", .v6 = "2001:db8::1", .lost4 = 99 },
	{ "failed4.example", .rcode4 = 2 },
	{ "failed6.example", .rcode6 = 2, .lost4 = 1 },
	{ "gone4.example", .rcode4 = 3 },
	{ NULL },
};

static struct loop *loop;
static struct fake_dns dns;

/* What a lookup came to. */
struct outcome {
	struct broker_lookup *lookup;
	unsigned calls;
	char text[512]; /* the addresses, blanks between, or the fault */
	enum broker_finding finding;
	bool truncated, lacks;
};

static void done(void *context, const struct broker_answer *answer)
{
	const struct broker_addresses *addresses = &answer->addresses;
	const char *fault = answer->fault;
	struct outcome *outcome = context;
	size_t len = 0;

	outcome->calls++;
	outcome->finding = answer->finding;
	outcome->truncated = addresses->truncated;
	outcome->lacks = answer->lacks != NULL;
	if (fault != NULL)
		snprintf(outcome->text, sizeof(outcome->text), "%s", fault);
	for (size_t i = 0; fault == NULL && i < addresses->len; i++) {
		outcome->text[len] = ' ';
		len += i > 0;
		len += net_address_format(outcome->text + len, &addresses->items[i]);
	}
	broker_lookup_free(outcome->lookup);
	outcome->lookup = NULL;
	loop_stop(loop, 0);
}

static struct broker_resolver resolver_of(uint16_t port)
{
	struct broker_resolver resolver = {
		.loop = loop, .servers_len = 1, .try_ms = 50, .rounds = 2
	};

	resolver.servers[0].port = port;
	CHECK(net_address_parse(&resolver.servers[0].address, SPAN("127.0.0.1")) == 0, "address");
	return resolver;
}

static struct outcome look_up(const struct broker_resolver *resolver, const char *name)
{
	struct outcome outcome = { 0 };

	CHECK(broker_lookup_start(&outcome.lookup, resolver, name, done, &outcome) == 0, "%s",
	      name);
	CHECK(outcome.calls == 0, "%s: called back from within", name);
	CHECK(fake_run(loop, 3000), "%s: nothing came", name);
	CHECK(outcome.calls == 1, "%s: %u calls", name, outcome.calls);
	return outcome;
}

static void test_rows(void)
{
	static const struct {
		const char *name, *want;
		enum broker_finding finding;
		bool lacks;
	} rows[] = {
		{ "v4.example", "192.0.2.1 192.0.2.2" },
		{ "v6.example", "2001:db8::1" },
		{ "both.example", "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3" },
		{ "ten.example",
		  "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 "
		  "192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.9 192.0.2.10" },
		{ "none.example", "the name has no address", BROKER_ABSENT },
		{ "gone.example", "no such name", BROKER_ABSENT },
		{ "nowhere.example", "no such name", BROKER_ABSENT },
		{ "fails.example", "no resolver gave an answer", BROKER_FAULTY },
		{ "refuses.example", "no resolver gave an answer", BROKER_FAULTY },
		{ "alias.example", "192.0.2.9" },
		{ "tcp.example", "192.0.2.7" },
		{ "lies.example", "192.0.2.8" },
		{ "empty.example", "192.0.2.6" },
		{ "garbage.example", "no resolver answered in time", BROKER_FAULTY },
		{ "twice.example", "192.0.2.1" },
		{ "mapped.example", "192.0.2.1 10.0.0.1" },
		{ "single", "192.0.2.5" },
		{ "silent.example", "no resolver answered in time", BROKER_SILENT },
		/* who dials by himself takes what there is */
		{ "half4.example", "192.0.2.1", BROKER_FOUND, true },
		{ "half6.example", "2001:db8::1", BROKER_FOUND, true },
		{ "mute4.example", "2001:db8::1", BROKER_FOUND, true },
		{ "failed4.example", "no resolver gave an answer", BROKER_FAULTY },
		{ "failed6.example", "no resolver gave an answer", BROKER_FAULTY },
		{ "gone4.example", "no such name", BROKER_ABSENT },
		/* RFC 6761 section 6.3: not even asked for; /etc/hosts may know it */
		{ "localhost", "no resolver gave an answer", BROKER_FAULTY },
	};
	struct broker_resolver resolver = resolver_of(dns.port);
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome = look_up(&resolver, rows[i].name);

		CHECK(strcmp(outcome.text, rows[i].want) == 0, "%s: %s", rows[i].name,
		      outcome.text);
		CHECK(outcome.finding == rows[i].finding, "%s: %d", rows[i].name, outcome.finding);
		CHECK(!outcome.truncated, "%s", rows[i].name);
		CHECK(outcome.lacks == rows[i].lacks, "%s", rows[i].name);
	}
	(void)!fake_run(loop, 10); /* the server hears that its streams ended */
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
}

static void test_many(void)
{
	struct broker_resolver resolver = resolver_of(dns.port);
	unsigned before = dns.tcp_queries;
	struct outcome outcome = look_up(&resolver, "many.example");
	size_t blanks = 0;

	for (const char *c = outcome.text; *c != '\0'; c++)
		blanks += *c == ' ';
	CHECK(blanks == BROKER_ADDRESSES_MAX - 1 && outcome.truncated, "%s", outcome.text);
	CHECK(strncmp(outcome.text, "198.51.100.0 198.51.100.1 ", 26) == 0, "%s", outcome.text);
	CHECK(dns.tcp_queries > before, "over UDP");
	outcome = look_up(&resolver, "full.example");
	CHECK(outcome.finding == BROKER_FOUND && !outcome.truncated, "%s", outcome.text);
	outcome = look_up(&resolver, "over.example");
	CHECK(outcome.finding == BROKER_FOUND && outcome.truncated, "%s", outcome.text);
}

/* A resolver that is not there is said at once; the second of two is asked. */
static void test_servers(void)
{
	struct broker_resolver resolver = resolver_of(1);
	int64_t start = clock_mono_ns();
	struct outcome outcome = look_up(&resolver, "v4.example");

	CHECK(strcmp(outcome.text, "no resolver gave an answer") == 0, "%s", outcome.text);
	CHECK(clock_mono_ns() - start < 1000000000, "slow");
	CHECK(outcome.finding == BROKER_SILENT, "%d", outcome.finding);
	resolver.servers[resolver.servers_len++] = resolver_of(dns.port).servers[0];
	outcome = look_up(&resolver, "v4.example");
	CHECK(strcmp(outcome.text, "192.0.2.1 192.0.2.2") == 0, "%s", outcome.text);
}

/* Given up at any moment, nothing is called back and nothing stays. */
static void test_given_up(void)
{
	static const char *const given_up[] = { "silent.example", "v4.example", "tcp.example" };
	struct broker_resolver resolver = resolver_of(dns.port);
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(given_up); i++) {
		for (int wait_ms = 0; wait_ms < 4; wait_ms++) {
			struct outcome outcome = { 0 };

			CHECK(broker_lookup_start(&outcome.lookup, &resolver, given_up[i], done,
						  &outcome) == 0,
			      "start");
			if (wait_ms > 0)
				(void)!fake_run(loop, wait_ms);
			unsigned calls = outcome.calls;
			broker_lookup_free(outcome.lookup);
			(void)!fake_run(loop, 5);
			CHECK(outcome.calls == calls, "%s after %d ms", given_up[i], wait_ms);
		}
	}
	(void)!fake_run(loop, 10);
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
}

static void write_file(const char *path, const char *text)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && fd_write_all(fd, span_of(text)) == 0, "%s: %s", path, strerror(errno));
}

/* replace() - @text in the place of the file @path, which nobody else sees */
static void replace(const char *path, const char *text)
{
	char other[] = "/tmp/broker_resolve.XXXXXX";
	int fd = mkstemp(other);

	CHECK(fd >= 0 && close(fd) == 0, "%s", strerror(errno));
	write_file(other, text);
	CHECK(mount(other, path, NULL, MS_BIND, NULL) == 0, "%s: %s", path, strerror(errno));
	(void)unlink(other);
}

/* What a lookup that is given up has found: a silence counts only if we could have heard more. */
static void test_late(struct broker_resolver *resolver, int ms, enum broker_finding want)
{
	struct outcome outcome = { 0 };

	CHECK(broker_lookup_late(NULL) == BROKER_FAULTY, "there is none");
	CHECK(broker_lookup_start(&outcome.lookup, resolver, "silent.example", done, &outcome) == 0,
	      "start");
	CHECK(!fake_run(loop, ms), "it ended");
	CHECK(broker_lookup_late(outcome.lookup) == want, "%d", broker_lookup_late(outcome.lookup));
	broker_lookup_free(outcome.lookup);
}

/* test_deafness() - with more resolvers than there is room for sockets */
static void test_deafness(void)
{
	struct broker_resolver resolver = { .loop = loop, .try_ms = 20, .rounds = 2 };
	char text[1024] = "";
	size_t len = 0;

	for (int i = 0; i < 2 * CONFIG_DNS_SERVERS_MAX + 2; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "nameserver 127.0.0.1\n");
	CHECK(umount2("/etc/resolv.conf", MNT_DETACH) == 0, "%s", strerror(errno));
	replace("/etc/resolv.conf", text);
	test_late(&resolver, 50, BROKER_SILENT);
	test_late(&resolver, 500, BROKER_FAULTY);
}

/* The host's own files, in namespaces where port 53 is ours. No search domain is tried. */
static void test_files(void)
{
	struct broker_resolver resolver = { .loop = loop, .try_ms = 50, .rounds = 2 };
	struct fake_dns own;

	if (!fake_network(CLONE_NEWNS, "192.0.2.50"))
		return;
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "%s", strerror(errno));
	replace("/etc/resolv.conf", "search example\noptions ndots:3\nnameserver 127.0.0.1\n");
	replace("/etc/hosts", "192.0.2.77 listed.example\n2001:db8::77 listed.example\n"
			      "192.0.2.78 half.example\n");
	fake_dns_open(&own, loop, names, "127.0.0.1", 53);
	CHECK(strcmp(look_up(&resolver, "listed.example").text, "2001:db8::77 192.0.2.77") == 0,
	      "/etc/hosts: %s", look_up(&resolver, "listed.example").text);
	CHECK(strcmp(look_up(&resolver, "half.example").text, "192.0.2.78") == 0, "/etc/hosts");
	CHECK(own.udp_queries == 0, "%u queries", own.udp_queries);
	CHECK(strcmp(look_up(&resolver, "v6.example").text, "2001:db8::1") == 0, "resolv.conf");
	CHECK(strcmp(look_up(&resolver, "v6").text, "no such name") == 0, "a search domain");
	CHECK(own.unknown == 2, "%u queries for what was not asked", own.unknown);

	test_deafness();

	/* with resolvers given, these files do not count */
	resolver = resolver_of(53);
	CHECK(strcmp(look_up(&resolver, "listed.example").text, "no such name") == 0, "hosts");
	fake_dns_close(&own);
}

int main(void)
{
	CHECK(loop_new(&loop) == 0, "loop");
	fake_dns_open(&dns, loop, names, "127.0.0.1", 0);
	test_rows();
	test_many();
	test_servers();
	test_given_up();
	fake_dns_close(&dns);
	test_files();
	loop_free(loop);
	return test_failures > 0;
}
