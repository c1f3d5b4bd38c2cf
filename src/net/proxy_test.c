// SPDX-License-Identifier: Apache-2.0
#include "net/proxy.h"

#include "base/test.h"

static void test_accepted(void)
{
	static const struct {
		const char *text, *host, *user;
		uint16_t port;
	} rows[] = {
		{ "http://proxy.example:3128", "proxy.example", NULL, 3128 },
		{ "HTTP://Proxy.Example.:3128/", "proxy.example", NULL, 3128 },
		{ "proxy:8080", "proxy", NULL, 8080 },
		{ "10.0.0.1:1", "10.0.0.1", NULL, 1 },
		{ "http://[::1]:65535/", "::1", NULL, 65535 },
		{ "http://[::ffff:127.0.0.1]:80", "127.0.0.1", NULL, 80 },
		{ "http://ann@p:1", "p", "ann:", 1 },
		{ "http://ann:@p:1", "p", "ann:", 1 },
		{ "ann:s:e@c@p:1", "p", "ann:s:e@c", 1 },
		{ "http://a%6en:%40%3a%25%C3%bc@[fe80::1]:1", "fe80::1", "ann:@:%\xc3\xbc", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proxy proxy = { 0 };
		const char *fault = proxy_parse(&proxy, span_of(rows[i].text));
		const char *user = rows[i].user != NULL ? rows[i].user : "";

		CHECK(fault == NULL, "%s: %s", rows[i].text, fault);
		CHECK(strcmp(proxy.host.text, rows[i].host) == 0, "%s: %s", rows[i].text,
		      proxy.host.text);
		CHECK(proxy.port == rows[i].port, "%s: %u", rows[i].text, proxy.port);
		CHECK(strcmp(proxy.user, user) == 0, "%s: %s", rows[i].text, proxy.user);
		CHECK(proxy.authenticates == (rows[i].user != NULL), "%s", rows[i].text);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "it names no host" },
		{ "http://", "it names no host" },
		{ "http:///", "it names no host" },
		{ "/", "it names no host" },
		{ "ann:s@", "it names no host" },
		{ "proxy.example", "it needs a port" },
		{ "http://proxy.example/", "it needs a port" },
		{ "http://proxy.example:", "" },
		{ "http://proxy.example:0", "" },
		{ "http://proxy.example:65536", "" },
		{ "http://proxy.example:80/x", "" },
		{ "http://proxy.example:80//", "" },
		{ "http://proxy.example:80 ", "" },
		{ "http://pro xy:80", "" },
		{ "http://pro\nxy:80", "" },
		{ "http://127.1:80", "" },
		{ "http://*:80", "it is more than one host" },
		{ "http://*.example.com:80", "it is more than one host" },
		{ "http://[10::/16]:80", "it is more than one host" },
		{ "10.0.0.0/8:80", "it is more than one host" },
		{ "10.0.0.0/32:80", "it is more than one host" },
		{ "https://proxy.example:443", "only proxies of http://" },
		{ "socks5h://proxy.example:1080", "only proxies of http://" },
		{ "http://a://b:80", "" },
		{ "http://@p:1", "its user is empty or holds a colon" },
		{ "http://:secret@p:1", "its user is empty or holds a colon" },
		{ "http://a%3ab:secret@p:1", "its user is empty or holds a colon" },
		{ "http://a%0d%0aX:b@p:1", "user or password hold a control" },
		{ "http://a:b%00@p:1", "user or password hold a control" },
		{ "http://a:b\r@p:1", "user or password hold a control" },
		{ "http://a:b\x7f@p:1", "user or password hold a control" },
		{ "http://a:%@p:1", "a \"%\" in user or password" },
		{ "http://a:%4@p:1", "a \"%\" in user or password" },
		{ "http://a:%4g@p:1", "a \"%\" in user or password" },
		{ "http://a:%-1@p:1", "a \"%\" in user or password" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proxy proxy = { .port = 7 };
		const char *fault = proxy_parse(&proxy, span_of(rows[i].text));

		CHECK(fault != NULL && proxy.port == 7, "%s is accepted", rows[i].text);
		CHECK(fault == NULL || strncmp(fault, rows[i].why, strlen(rows[i].why)) == 0,
		      "%s: %s", rows[i].text, fault);
	}
}

/* As many octets of user and password as there is room for, and one more. */
static void test_long_user(void)
{
	char text[PROXY_USER_OCTETS + 16] = "a:";
	struct proxy proxy;

	memset(text + 2, 'b', PROXY_USER_OCTETS - 3);
	memcpy(text + PROXY_USER_OCTETS - 1, "@p:1", sizeof("@p:1"));
	CHECK(proxy_parse(&proxy, span_of(text)) == NULL, "511 octets");
	CHECK(strlen(proxy.user) == PROXY_USER_OCTETS - 1, "%zu", strlen(proxy.user));
	memcpy(text + PROXY_USER_OCTETS - 1, "b@p:1", sizeof("b@p:1"));
	CHECK(proxy_parse(&proxy, span_of(text)) != NULL, "512 octets");
}

static void test_exempt(void)
{
	static const struct {
		const char *list, *host;
		bool want;
	} rows[] = {
		{ "", "a.example", false },
		{ "*", "a.example", true },
		{ "*", "192.0.2.1", true },
		{ "x,*", "::1", true },
		{ "example", "a.example", true },
		{ "A.Example.", "a.example", true },
		{ "a.example", "b.a.example", true },
		{ ".a.example", "b.a.example", true },
		{ "*.a.example", "b.a.example", true },
		{ ".a.example", "a.example", true },
		{ "a.example", "xa.example", false },
		{ "b.a.example", "a.example", false },
		{ "a.example:80", "a.example", false },
		{ "x, a.example", "a.example", true },
		{ "x a.example y", "a.example", true },
		{ "x\ta.example", "a.example", true },
		{ ",,  ,", "a.example", false },
		{ ".", "a.example", false },
		{ "*.", "a.example", false },
		{ "*x.example", "x.example", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.10", false },
		{ "192.0.2.1", "1.a.192.0.2.1.example", false },
		{ "192.0.2.0/24", "192.0.2.10", true },
		{ "192.0.2.0/24", "192.0.3.10", false },
		{ "192.0.2.0/33", "192.0.2.0", false },
		{ "0.0.0.0/0", "192.0.2.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "0.0.0.0/0", "a.example", false },
		{ "2001:db8::/32", "2001:db8::1", true },
		{ "[2001:DB8::1]", "2001:db8::1", true },
		{ "[2001:db8::1]:80", "2001:db8::1", false },
		{ "::ffff:192.0.2.0/120", "192.0.2.1", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_name host = { 0 };

		CHECK(net_name_parse(&host, span_of(rows[i].host)) == NULL, "%s", rows[i].host);
		CHECK(proxy_exempts(span_of(rows[i].list), &host) == rows[i].want, "%s of %s",
		      rows[i].host, rows[i].list);
	}
}

int main(void)
{
	test_accepted();
	test_refused();
	test_long_user();
	test_exempt();
	return test_failures > 0;
}
