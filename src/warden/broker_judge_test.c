// SPDX-License-Identifier: Apache-2.0
/* The table of broker.h: each kind of place against each kind of exception. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test_net.h"
#include "warden/broker_priv.h"

#define OWN_PUBLIC  "8.8.4.4" /* as of a host with a public address */
#define OWN_PRIVATE "192.168.7.7"
#define OWN_V6      "2606:4700::7"

/* Settings, and what they make of an address. */
struct row {
	const char *host; /* NULL: the address itself */
	const char *address;
	const char *private; /* allow_private, blanks between; NULL: none */
	bool open;           /* block_private_ips: false */
	bool want;
	enum net_class class;
};

static const struct row rows[] = {
	/* public */
	{ "a.example", "8.8.8.8", NULL, false, true, NET_PUBLIC },
	{ "a.example", "2606:4700::1", NULL, false, true, NET_PUBLIC },
	{ NULL, "8.8.8.8", NULL, false, true, NET_PUBLIC },

	/* private, shared, link-local, reserved, tunnels */
	{ "a.example", "10.0.0.5", NULL, false, false, NET_PRIVATE },
	{ NULL, "10.0.0.5", NULL, false, false, NET_PRIVATE },
	{ "a.example", "10.0.0.5", NULL, true, true, NET_PRIVATE },
	{ NULL, "10.0.0.5", NULL, true, true, NET_PRIVATE },
	{ "a.example", "10.0.0.5", "a.example", false, true, NET_PRIVATE },
	{ "b.a.example", "10.0.0.5", "a.example", false, false, NET_PRIVATE },
	{ "b.a.example", "10.0.0.5", "*.a.example", false, true, NET_PRIVATE },
	{ "b.example", "10.0.0.5", "a.example", false, false, NET_PRIVATE },
	{ "a.example", "10.0.0.5", "10.0.0.0/8", false, true, NET_PRIVATE },
	{ "a.example", "10.0.0.5", "10.0.0.5", false, true, NET_PRIVATE },
	{ "a.example", "10.0.0.5", "10.0.0.6 192.168.0.0/16", false, false, NET_PRIVATE },
	{ NULL, "10.0.0.5", "10.0.0.0/8", false, true, NET_PRIVATE },
	{ "a.example", "fd00::1", NULL, false, false, NET_PRIVATE },
	{ "a.example", "fd00::1", "fd00::/8", false, true, NET_PRIVATE },
	{ "a.example", "100.64.0.1", NULL, false, false, NET_SHARED },
	{ "a.example", "100.64.0.1", "a.example", false, true, NET_SHARED },
	{ "a.example", "169.254.1.1", NULL, false, false, NET_LINK_LOCAL },
	{ "a.example", "224.0.0.1", NULL, false, false, NET_MULTICAST },
	{ "a.example", "240.0.0.1", NULL, false, false, NET_RESERVED },
	{ "a.example", "64:ff9b::a00:5", NULL, false, false, NET_PRIVATE },
	{ "a.example", "2002:a00:5::1", NULL, false, false, NET_PRIVATE },
	{ "a.example", "64:ff9b::a00:5", "10.0.0.0/8", false, false, NET_PRIVATE },
	{ "a.example", "64:ff9b::a00:5", "64:ff9b::/96", false, true, NET_PRIVATE },
	{ "a.example", "192.0.2.1", NULL, false, false, NET_DOCUMENTATION },

	/* loopback and what leads there: neither a name nor block_private_ips opens it */
	{ "a.example", "127.0.0.1", NULL, false, false, NET_LOOPBACK },
	{ "a.example", "127.0.0.1", NULL, true, false, NET_LOOPBACK },
	{ "a.example", "127.0.0.1", "a.example", true, false, NET_LOOPBACK },
	{ "a.example", "127.0.0.1", "127.0.0.1", false, true, NET_LOOPBACK },
	{ "a.example", "127.0.0.2", "127.0.0.1", false, false, NET_LOOPBACK },
	{ "a.example", "127.9.9.9", "127.0.0.0/8", false, true, NET_LOOPBACK },
	{ "a.example", "::1", NULL, true, false, NET_LOOPBACK },
	{ "a.example", "::1", "::1", false, true, NET_LOOPBACK },
	{ "a.example", "0.0.0.0", "a.example", true, false, NET_UNSPECIFIED },
	{ "a.example", "0.0.0.0", "0.0.0.0", false, true, NET_UNSPECIFIED },
	{ "a.example", "::", NULL, true, false, NET_UNSPECIFIED },
	{ "a.example", "64:ff9b::7f00:1", NULL, true, false, NET_LOOPBACK },

	/* this machine's other addresses: the same */
	{ "a.example", OWN_PUBLIC, NULL, false, false, NET_PUBLIC },
	{ "a.example", OWN_PUBLIC, "a.example", true, false, NET_PUBLIC },
	{ "a.example", OWN_PUBLIC, OWN_PUBLIC, false, true, NET_PUBLIC },
	{ "a.example", OWN_PUBLIC, "8.8.0.0/16", false, true, NET_PUBLIC },
	{ "a.example", OWN_PRIVATE, NULL, true, false, NET_PRIVATE },
	{ "a.example", OWN_PRIVATE, "a.example", false, false, NET_PRIVATE },
	{ "a.example", OWN_PRIVATE, "192.168.0.0/16", false, true, NET_PRIVATE },
	{ NULL, OWN_V6, NULL, true, false, NET_PUBLIC },
	{ NULL, OWN_V6, OWN_V6, false, true, NET_PUBLIC },

	/* metadata: exactly that address, whatever else */
	{ "a.example", "169.254.169.254", NULL, true, false, NET_METADATA },
	{ "a.example", "169.254.169.254", "a.example", true, false, NET_METADATA },
	{ "a.example", "169.254.169.254", "169.254.0.0/16", true, false, NET_METADATA },
	{ "a.example", "169.254.169.254", "0.0.0.0/0", true, false, NET_METADATA },
	{ "a.example", "169.254.169.254", "169.254.0.0/16 169.254.169.254", false, true,
	  NET_METADATA },
	{ "a.example", "169.254.169.254", "169.254.169.254/32", false, true, NET_METADATA },
	{ NULL, "168.63.129.16", NULL, true, false, NET_METADATA },
	{ NULL, "100.100.100.200", "100.64.0.0/10", false, false, NET_METADATA },
	{ NULL, "fd00:ec2::254", "fd00::/8", true, false, NET_METADATA },
	{ NULL, "fd00:ec2::254", "fd00:ec2::254", false, true, NET_METADATA },
	{ "a.example", "64:ff9b::a9fe:a9fe", "64:ff9b::/96", true, false, NET_METADATA },
	{ "a.example", "64:ff9b::a9fe:a9fe", "169.254.169.254", true, false, NET_METADATA },
	{ "a.example", "::ffff:169.254.169.254", NULL, true, false, NET_METADATA },
};

static struct net_address address_of(const char *text)
{
	struct net_address address = { 0 };

	CHECK(net_address_parse(&address, span_of(text)) == 0, "%s", text);
	return net_address_unmap(&address);
}

static void fill(struct broker_guard *guard, const char *private)
{
	struct span rest = span_of(private != NULL ? private : "");

	while (rest.len > 0) {
		struct pattern pattern;
		const char *fault = pattern_parse(&pattern, span_cut(&rest, ' '));

		CHECK(fault == NULL, "%s", fault);
		CHECK(pattern_set_add(&guard->exceptions, &pattern) == 0, "add");
	}
}

static void test_rows(void)
{
	struct net_address own[] = { address_of(OWN_PUBLIC), address_of(OWN_PRIVATE),
				     address_of(OWN_V6) };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct broker_guard guard = { .block_private = !row->open,
					      .own = own,
					      .own_len = ARRAY_SIZE(own) };
		struct net_address address = address_of(row->address);
		struct net_name host = { 0 };

		fill(&guard, row->private);
		CHECK(net_name_parse(&host,
				     span_of(row->host != NULL ? row->host : row->address)) == NULL,
		      "row %zu", i);
		struct broker_judgement got = broker_judge(&guard, &host, &address);
		CHECK(got.allowed == row->want, "row %zu: %s", i, got.why);
		CHECK(got.class == row->class, "row %zu: %s", i, net_class_name(got.class));
		pattern_set_free(&guard.exceptions);
	}
}

static void test_own_words(void)
{
	struct net_address own = address_of(OWN_PUBLIC), none = { 0 };
	struct broker_guard guard = { .own = &own, .own_len = 1 };
	struct net_name host = { 0 };

	CHECK(net_name_parse(&host, SPAN("a.example")) == NULL, "name");
	struct broker_judgement got = broker_judge(&guard, &host, &own);
	CHECK(strcmp(got.why, "an address of this machine") == 0, "%s", got.why);
	got = broker_judge(&guard, &host, &none);
	CHECK(!got.allowed, "no address");
}

/* What the kernel lists is there, and is asked for again only when it is old. */
static void test_refresh(void)
{
	struct broker_guard guard = { .block_private = true, .own_max_age_ns = INT64_MAX };
	struct net_address loopback = address_of("127.0.0.1");
	bool found = false;

	CHECK(broker_guard_refresh(&guard) == 0, "refresh");
	for (size_t i = 0; i < guard.own_len; i++)
		found = found || net_address_equal(&guard.own[i], &loopback);
	CHECK(found, "127.0.0.1 is not among %zu", guard.own_len);
	const struct net_address *before = guard.own;
	size_t len = guard.own_len;
	guard.own_len = 0;
	CHECK(broker_guard_refresh(&guard) == 0 && guard.own == before && guard.own_len == 0,
	      "young");
	guard.own_max_age_ns = 0;
	CHECK(broker_guard_refresh(&guard) == 0 && guard.own_len == len, "old");
	broker_guard_free(&guard);
}

/* A connection whose ends are the same is to this machine, whatever the list of addresses says. */
static void test_peer(void)
{
	struct broker_guard guard = { 0 };
	struct sockaddr_storage here;
	socklen_t len = test_address(&here, "127.0.0.1", 0);
	struct net_address address = address_of("127.0.0.1"), other = address_of("8.8.8.8");
	struct net_name host = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(net_name_parse(&host, SPAN("a.example")) == NULL, "name");
	CHECK(bind(fd, (const struct sockaddr *)&here, len) == 0, "bind");
	CHECK(!broker_judge_peer(&guard, &host, &address, fd).allowed, "the same");
	CHECK(broker_judge_peer(&guard, &host, &other, fd).allowed, "another");
	close(fd);
	CHECK(!broker_judge_peer(&guard, &host, &other, fd).allowed, "not known");
}

int main(void)
{
	test_rows();
	test_own_words();
	test_refresh();
	test_peer();
	return test_failures > 0;
}
