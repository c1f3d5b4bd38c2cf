// SPDX-License-Identifier: Apache-2.0
#include "gateway/local.h"

#include "base/test.h"

enum { ASK = -1, A = DNS_TYPE_A, AAAA = DNS_TYPE_AAAA, PTR = DNS_TYPE_PTR, TXT = 16, ANY = 255 };

#define REVERSE6 "1.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.7.5.7.d.6.d.6.9.6.d.f.ip6.arpa"

static struct names names;

static void test_answers(void)
{
	const struct {
		const char *name;
		int want; /* rcode; ASK */
		uint16_t type;
		uint16_t record;
	} rows[] = {
		{ "localhost", DNS_NOERROR, A, A },
		{ "localhost", DNS_NOERROR, AAAA, AAAA },
		{ "localhost", DNS_NOERROR, TXT, 0 },
		{ "a.b.localhost", DNS_NOERROR, A, A },
		{ "xlocalhost", ASK, A, 0 },
		{ "localhost.example", ASK, A, 0 },
		{ "localhost.localdomain", ASK, A, 0 },
		{ "bridge.immure", DNS_NOERROR, A, A },
		{ "bridge.immure", DNS_NOERROR, AAAA, 0 },
		{ "x.bridge.immure", ASK, A, 0 },
		{ "xbridge.immure", ASK, A, 0 },
		{ "", DNS_NXDOMAIN, A, 0 },
		{ "", DNS_NXDOMAIN, ANY, 0 },
		{ "db", ASK, A, 0 },
		{ "wpad", ASK, AAAA, 0 },
		{ "local", ASK, A, 0 },
		{ "12", DNS_NXDOMAIN, A, 0 }, /* an address to inet_aton() */
		{ "-", DNS_NXDOMAIN, A, 0 },
		{ "arpa", ASK, A, 0 },
		{ "api.example", ASK, A, 0 },
		{ "api.example", ASK, TXT, 0 },
		{ "api.example", ASK, ANY, 0 },
		{ "a_b.example", ASK, A, 0 },
		{ "-a.example", DNS_NXDOMAIN, A, 0 }, /* no host name: net/name.h */
		{ "192.0.2.1", DNS_NXDOMAIN, A, 0 },
		{ "127.1", DNS_NXDOMAIN, A, 0 },
		{ "a.0x7f", DNS_NXDOMAIN, A, 0 },
		{ "1.1.18.198.in-addr.arpa", DNS_NOERROR, PTR, PTR },
		{ "1.1.18.198.in-addr.arpa", DNS_NOERROR, A, 0 },
		{ "2.1.18.198.in-addr.arpa", DNS_NXDOMAIN, PTR, 0 },
		{ "1.0.0.127.in-addr.arpa", DNS_NXDOMAIN, PTR, 0 },
		{ "01.1.18.198.in-addr.arpa", DNS_NXDOMAIN, PTR, 0 },
		{ REVERSE6, DNS_NOERROR, PTR, PTR },
		{ "secret.data.in-addr.arpa", DNS_NXDOMAIN, TXT, 0 },
		{ "secret.data.arpa", DNS_NXDOMAIN, TXT, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dns_query query = { .class = DNS_CLASS_IN, .type = rows[i].type };
		struct dns_answer answer = { 0 };

		memcpy(query.name, rows[i].name, strlen(rows[i].name));
		bool local = local_answer(&answer, &query, &names);
		CHECK(local == (rows[i].want != ASK), "%s", rows[i].name);
		if (!local)
			continue;
		CHECK((int)answer.rcode == rows[i].want && answer.type == rows[i].record,
		      "%s: %d %u", rows[i].name, (int)answer.rcode, answer.type);
		CHECK(answer.type != PTR || strcmp(answer.name, "a.example") == 0, "%s",
		      rows[i].name);
	}
}

static void test_addresses(void)
{
	const struct {
		const char *name;
		uint16_t type;
		uint8_t want[16];
	} rows[] = {
		{ "localhost", A, { 127, 0, 0, 1 } },
		{ "localhost", AAAA, { [15] = 1 } },
		{ "bridge.immure", A, { 10, 0, 2, 2 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dns_query query = { .class = DNS_CLASS_IN, .type = rows[i].type };
		struct dns_answer answer = { 0 };

		memcpy(query.name, rows[i].name, strlen(rows[i].name));
		CHECK(local_answer(&answer, &query, &names) &&
			  memcmp(answer.address, rows[i].want, 16) == 0,
		      "row %zu", i);
	}
}

/* Other classes and transfers of zones are none of our business, whatever the name. */
static void test_not_implemented(void)
{
	const struct {
		uint16_t class, type;
	} rows[] = { { 3, TXT }, { 255, A }, { 1, 251 }, { 1, 252 }, { 1, 254 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dns_query query = { .class = rows[i].class, .type = rows[i].type };
		struct dns_answer answer = { 0 };

		memcpy(query.name, "localhost", 9);
		CHECK(local_answer(&answer, &query, &names) && answer.rcode == DNS_NOTIMP &&
			  answer.type == 0,
		      "row %zu", i);
	}
}

static void test_reverse(void)
{
	const struct {
		const char *name;
		uint8_t family;
		uint8_t first, last;
	} rows[] = {
		{ "4.3.2.1.in-addr.arpa", 4, 1, 4 },
		{ "255.255.255.255.in-addr.arpa", 4, 255, 255 },
		{ "0.0.0.0.in-addr.arpa", 4, 0, 0 },
		{ "256.3.2.1.in-addr.arpa", 0, 0, 0 },
		{ "3.2.1.in-addr.arpa", 0, 0, 0 },
		{ "5.4.3.2.1.in-addr.arpa", 0, 0, 0 },
		{ ".4.3.2.1.in-addr.arpa", 0, 0, 0 },
		{ "a.3.2.1.in-addr.arpa", 0, 0, 0 },
		{ "in-addr.arpa", 0, 0, 0 },
		{ ".in-addr.arpa", 0, 0, 0 },
		{ REVERSE6, 6, 0xfd, 1 },
		{ "0." REVERSE6, 0, 0, 0 },
		{ "g" REVERSE6, 0, 0, 0 },
		{ "1.ip6.arpa", 0, 0, 0 },
		{ REVERSE6 ".in-addr.arpa", 0, 0, 0 },
		{ "4.3.2.1.in-addr.arpa.ip6.arpa", 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_address a = { 0 };
		bool is = local_reverse(&a, rows[i].name);

		CHECK(is == (rows[i].family != 0) && a.family == rows[i].family, "%s",
		      rows[i].name);
		CHECK(!is || (a.octets[0] == rows[i].first &&
			      a.octets[a.family == 4 ? 3 : 15] == rows[i].last),
		      "%s", rows[i].name);
	}
}

int main(void)
{
	names_init(&names);
	CHECK(names_get(&names, "a.example", 1) != NULL, "room");
	test_answers();
	test_addresses();
	test_not_implemented();
	test_reverse();
	return test_failures > 0;
}
