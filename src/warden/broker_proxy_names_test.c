// SPDX-License-Identifier: Apache-2.0
/* Which proxy there is, for whom, and what is judged without asking anybody. */
#include <errno.h>
#include <stdlib.h>

#include "base/test.h"
#include "warden/broker_priv.h"

static const char *const variables[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
					 "http_proxy",  "HTTP_PROXY",  "no_proxy",  "NO_PROXY" };

static void clear_environment(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		CHECK(unsetenv(variables[i]) == 0, "%s", variables[i]);
}

static void test_read(void)
{
	static const struct {
		const char *setting, *name, *value, *other, *other_value;
		int want;
		const char *host; /* NULL: none */
	} rows[] = {
		{ NULL, NULL, NULL, NULL, NULL, 0, NULL },
		{ "p:1", NULL, NULL, NULL, NULL, 0, "p" },
		{ "p:1", "HTTPS_PROXY", "http://q:1", NULL, NULL, 0, "p" },
		{ "none", "HTTPS_PROXY", "http://q:1", NULL, NULL, 0, NULL },
		{ NULL, "HTTPS_PROXY", "http://q:1", NULL, NULL, 0, "q" },
		{ NULL, "HTTPS_PROXY", "http://q:1", "https_proxy", "r:1", 0, "r" },
		{ NULL, "ALL_PROXY", "q:1", "HTTPS_PROXY", "r:1", 0, "r" },
		{ NULL, "ALL_PROXY", "q:1", "HTTPS_PROXY", "", 0, "q" },
		{ NULL, "all_proxy", "q:1", "ALL_PROXY", "r:1", 0, "q" },
		{ NULL, "HTTP_PROXY", "q:1", "http_proxy", "r:1", 0, NULL },
		{ NULL, "ALL_PROXY", "socks5://ann:s3cret@q:1", NULL, NULL, -EINVAL, NULL },
		{ NULL, "HTTPS_PROXY", "http://ann:s3cret@q", NULL, NULL, -EINVAL, NULL },
		{ "p:1:s3cret", NULL, NULL, NULL, NULL, -EINVAL, NULL },
	};
	const char *hosts[] = { "a.example" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_network network = { .proxy = (char *)(uintptr_t)rows[i].setting };
		struct broker_proxy none = { 0 }, proxy = { 0 };
		struct diag diag = { 0 };

		clear_environment();
		if (rows[i].name != NULL)
			CHECK(setenv(rows[i].name, rows[i].value, 1) == 0, "%zu", i);
		if (rows[i].other != NULL)
			CHECK(setenv(rows[i].other, rows[i].other_value, 1) == 0, "%zu", i);
		CHECK(broker_proxy_read(&none, &network, &diag) == 0 && !none.given,
		      "row %zu: nothing is allowed, and it is read", i);
		network.allowed_hosts = (struct config_texts){ hosts, 1 };
		int r = broker_proxy_read(&proxy, &network, &diag);
		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		CHECK(proxy.given == (rows[i].host != NULL), "row %zu", i);
		CHECK(rows[i].host == NULL || strcmp(proxy.proxy.host.text, rows[i].host) == 0,
		      "row %zu: %s", i, proxy.proxy.host.text);
		CHECK((r < 0) == (diag.why[0] != '\0') && strstr(diag.why, "s3cret") == NULL,
		      "row %zu: %s", i, diag.why);
		broker_proxy_free(&proxy);
	}
	clear_environment();
}

static void test_serves(void)
{
	static const struct {
		const char *exempt, *host, *fixed;
		bool want;
	} rows[] = {
		{ "", "a.example", NULL, true },
		{ "b.example", "a.example", NULL, true },
		{ "a.example", "a.example", NULL, false },
		{ "*", "a.example", "192.0.2.1", false },
		{ "", "a.example", "192.0.2.1", true },
		{ "192.0.2.0/24", "a.example", "192.0.2.1", false },
		{ "", "a.example", "127.0.0.1", false },
		{ "", "127.1.2.3", "127.1.2.3", false },
		{ "", "::1", "::1", false },
		{ "", "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.0/8", "10.0.0.1", "10.0.0.1", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker_proxy proxy = { .given = true,
					      .exempt = (char *)(uintptr_t)rows[i].exempt };
		struct net_address fixed = { 0 };
		struct net_name host = { 0 };

		CHECK(net_name_parse(&host, span_of(rows[i].host)) == NULL, "%zu", i);
		if (rows[i].fixed != NULL)
			CHECK(net_address_parse(&fixed, span_of(rows[i].fixed)) == 0, "%zu", i);
		const struct net_address *at = rows[i].fixed != NULL ? &fixed : NULL;
		CHECK(broker_proxy_serves(&proxy, &host, at) == rows[i].want, "row %zu", i);
		proxy.given = false;
		CHECK(!broker_proxy_serves(&proxy, &host, at), "row %zu", i);
	}
}

static void test_names_judged(void)
{
	static const struct {
		const char *host;
		enum net_class class;
	} rows[] = {
		{ "a.example", NET_PUBLIC },
		{ "localhost.example", NET_PUBLIC },
		{ "xlocal.com", NET_PUBLIC },
		{ "corp.com", NET_PUBLIC },
		{ "x.notlocal", NET_PUBLIC },
		{ "metadata.example", NET_PUBLIC },
		{ "metadata.xinternal", NET_PUBLIC },
		{ "metadata.internal", NET_METADATA },
		{ "metadata.a.b.internal", NET_METADATA },
		{ "a.metadata.google.internal", NET_METADATA },
		{ "instance-data.eu-west-1.compute.internal", NET_METADATA },
		{ "a.metadata.internal", NET_PRIVATE },
		{ "xmetadata.internal", NET_PRIVATE },
		{ "metadata.corp", NET_PRIVATE },
		{ "localhost", NET_LOOPBACK },
		{ "a.localhost", NET_LOOPBACK },
		{ "ip6-loopback", NET_LOOPBACK },
		{ "localhost.localdomain", NET_LOOPBACK },
		{ "metadata", NET_METADATA },
		{ "metadata.google.internal", NET_METADATA },
		{ "instance-data", NET_METADATA },
		{ "instance-data.ec2.internal", NET_METADATA },
		{ "lab", NET_PRIVATE },
		{ "a.local", NET_PRIVATE },
		{ "a.b.internal", NET_PRIVATE },
		{ "a.home.arpa", NET_PRIVATE },
		{ "wpad", NET_PRIVATE },
		{ "a.corp", NET_PRIVATE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker_guard guard = { .block_private = true };
		bool inside = rows[i].class == NET_PRIVATE;
		struct pattern pattern;
		struct net_name host = { 0 };

		CHECK(net_name_parse(&host, span_of(rows[i].host)) == NULL, "%s", rows[i].host);
		struct broker_judgement strict = broker_judge_name(&guard, &host);
		CHECK(strict.class == rows[i].class, "%s: %s", rows[i].host,
		      net_class_name(strict.class));
		CHECK(strict.allowed == (rows[i].class == NET_PUBLIC), "%s", rows[i].host);
		CHECK(strict.allowed == (strict.why[0] == '\0'), "%s: %s", rows[i].host,
		      strict.why);
		guard.block_private = false;
		CHECK(broker_judge_name(&guard, &host).allowed == (strict.allowed || inside), "%s",
		      rows[i].host);
		guard.block_private = true;
		CHECK(pattern_parse(&pattern, span_of(rows[i].host)) == NULL, "%s", rows[i].host);
		CHECK(pattern_set_add(&guard.exceptions, &pattern) == 0, "%s", rows[i].host);
		CHECK(broker_judge_name(&guard, &host).allowed == (strict.allowed || inside), "%s",
		      rows[i].host);
		broker_guard_free(&guard);
	}
}

static void test_hearing(void)
{
	static const struct {
		int64_t heard, begun, now;
		enum broker_finding finding;
		bool want, deaf; /* of deaf: just before a minute has passed */
	} rows[] = {
		{ 0, 100, 105, BROKER_ABSENT, true, false },
		{ 0, 100, 105, BROKER_FAULTY, false, false },
		{ 0, 100, 105, BROKER_SILENT, true, true },
		{ 0, 1, 5, BROKER_SILENT, true, true },
		{ 101, 100, 105, BROKER_SILENT, false, false },
		{ 46, 100, 105, BROKER_SILENT, false, false },
		{ 45, 100, 105, BROKER_SILENT, true, true },
		{ 100, 100, 300, BROKER_SILENT, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker_hearing hearing = { .heard_ns = rows[i].heard };

		CHECK(broker_may_go_unjudged(&hearing, rows[i].finding, rows[i].begun, rows[i].now,
					     60) == rows[i].want,
		      "row %zu", i);
		CHECK(broker_is_deaf(&hearing, rows[i].now + 59) == rows[i].deaf, "row %zu", i);
		CHECK(!broker_is_deaf(&hearing, rows[i].now + 60), "row %zu", i);
		/* what began in deafness prolongs nothing, and a word ends it */
		(void)!broker_may_go_unjudged(&hearing, BROKER_SILENT, rows[i].now + 1,
					      rows[i].now + 2, 60);
		CHECK(!rows[i].deaf || !broker_is_deaf(&hearing, rows[i].now + 60), "row %zu", i);
		broker_hear(&hearing, rows[i].now + 2);
		CHECK(!broker_is_deaf(&hearing, rows[i].now + 2), "row %zu", i);
	}
}

int main(void)
{
	test_read();
	test_serves();
	test_names_judged();
	test_hearing();
	return test_failures > 0;
}
