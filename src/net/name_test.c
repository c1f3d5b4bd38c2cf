// SPDX-License-Identifier: Apache-2.0
#include "net/name.h"

#include "base/test.h"

#define L63 "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy"
#define L61 "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvw"

struct row {
	struct span text;
	const char *want; /* the canonical text; if refused, part of the reason */
	enum net_name_kind kind;
};

static void check(const struct row *row)
{
	struct net_name name = { .len = 99 };
	const char *fault = net_name_parse(&name, row->text);
	int len = (int)row->text.len;

	if (row->kind == NET_NAME_NONE) {
		CHECK(fault != NULL && strstr(fault, row->want) != NULL, "%.*s: %s", len,
		      row->text.ptr, fault != NULL ? fault : name.text);
		CHECK(name.len == 99, "%.*s: written", len, row->text.ptr);
		return;
	}
	CHECK(fault == NULL, "%.*s: %s", len, row->text.ptr, fault);
	CHECK(name.kind == row->kind && strcmp(name.text, row->want) == 0, "%.*s: %s", len,
	      row->text.ptr, name.text);
	CHECK(name.len == strlen(name.text), "%.*s: %u", len, row->text.ptr, name.len);
	CHECK((name.address.family != 0) == (row->kind == NET_NAME_ADDRESS), "%.*s: %u", len,
	      row->text.ptr, name.address.family);
}

static void test_names(void)
{
	const struct row rows[] = {
		{ SPAN("example.com"), "example.com", NET_NAME_DNS },
		{ SPAN("WWW.Example.COM"), "www.example.com", NET_NAME_DNS },
		{ SPAN("example.com."), "example.com", NET_NAME_DNS },
		{ SPAN("localhost"), "localhost", NET_NAME_DNS },
		{ SPAN("_srv._tcp.example.com"), "_srv._tcp.example.com", NET_NAME_DNS },
		{ SPAN("xn--bcher-kva.example"), "xn--bcher-kva.example", NET_NAME_DNS },
		{ SPAN("r3---sn-5go7yne6.c.example"), "r3---sn-5go7yne6.c.example", NET_NAME_DNS },
		{ SPAN("1.2.3.4.example"), "1.2.3.4.example", NET_NAME_DNS },
		{ SPAN("127.0.0.1.nip.io"), "127.0.0.1.nip.io", NET_NAME_DNS },
		{ SPAN("7zip"), "7zip", NET_NAME_DNS },
		{ SPAN("0xfg"), "0xfg", NET_NAME_DNS },
		{ SPAN("0bad"), "0bad", NET_NAME_DNS },
		{ SPAN("1e5"), "1e5", NET_NAME_DNS },
		{ SPAN("1_000"), "1_000", NET_NAME_DNS },

		{ SPAN(""), "empty", NET_NAME_NONE },
		{ SPAN("."), "empty", NET_NAME_NONE },
		{ SPAN(".."), "label is empty", NET_NAME_NONE },
		{ SPAN("a..b"), "label is empty", NET_NAME_NONE },
		{ SPAN(".a"), "label is empty", NET_NAME_NONE },
		{ SPAN("a.."), "label is empty", NET_NAME_NONE },
		{ SPAN("-a.b"), "starts or ends", NET_NAME_NONE },
		{ SPAN("a-.b"), "starts or ends", NET_NAME_NONE },
		{ SPAN("evil.com\0.example.com"), "NUL", NET_NAME_NONE },
		{ SPAN("\0"), "NUL", NET_NAME_NONE },
		{ SPAN("example.com\0"), "NUL", NET_NAME_NONE },
		{ SPAN("evil.com/.example.com"), "without scheme or path", NET_NAME_NONE },
		{ SPAN("https://example.com"), "it holds a \":\"", NET_NAME_NONE },
		{ SPAN("example.com/"), "without scheme or path", NET_NAME_NONE },
		{ SPAN("evil.com%00.example.com"), "\"%\"", NET_NAME_NONE },
		{ SPAN("evil.com%2f.example.com"), "\"%\"", NET_NAME_NONE },
		{ SPAN("evil.com:443"), "the port is given apart", NET_NAME_NONE },
		{ SPAN("evil.com:80.example.com"), "the port is given apart", NET_NAME_NONE },
		{ SPAN("user@example.com"), "without a user", NET_NAME_NONE },
		{ SPAN("a b"), "blank", NET_NAME_NONE },
		{ SPAN(" a"), "blank", NET_NAME_NONE },
		{ SPAN("a\n"), "control", NET_NAME_NONE },
		{ SPAN("a\tb"), "control", NET_NAME_NONE },
		{ SPAN("a\x7f"), "control", NET_NAME_NONE },
		{ SPAN("a\\b"), "only letters", NET_NAME_NONE },
		{ SPAN("a#b"), "only letters", NET_NAME_NONE },
		{ SPAN("a?b"), "only letters", NET_NAME_NONE },
		{ SPAN("a,b"), "only letters", NET_NAME_NONE },
		{ SPAN("a]"), "only letters", NET_NAME_NONE },
		{ SPAN("*.a"), "\"*\"", NET_NAME_NONE },
		{ SPAN("b\xc3\xbc"
		       "cher.example"),
		  "xn--", NET_NAME_NONE },
		{ SPAN("example\xe3\x80\x82"
		       "com"),
		  "xn--", NET_NAME_NONE }, /* U+3002, a dot to IDNA */
		{ SPAN("a\xff"), "xn--", NET_NAME_NONE },
		{ SPAN(L63 "z.a"), "63", NET_NAME_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
}

static void test_addresses(void)
{
	const struct row rows[] = {
		{ SPAN("127.0.0.1"), "127.0.0.1", NET_NAME_ADDRESS },
		{ SPAN("127.0.0.1."), "127.0.0.1", NET_NAME_ADDRESS },
		{ SPAN("[::1]"), "::1", NET_NAME_ADDRESS },
		{ SPAN("::1"), "::1", NET_NAME_ADDRESS },
		{ SPAN("[2001:DB8:0:0::1]"), "2001:db8::1", NET_NAME_ADDRESS },
		{ SPAN("::ffff:127.0.0.1"), "127.0.0.1", NET_NAME_ADDRESS },
		{ SPAN("[::FFFF:7f00:1]"), "127.0.0.1", NET_NAME_ADDRESS },

		/* what inet_aton() takes for 127.0.0.1 and others */
		{ SPAN("127.1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("1.2.3"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0"), "ends in a number", NET_NAME_NONE },
		{ SPAN("1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("2130706433"), "ends in a number", NET_NAME_NONE },
		{ SPAN("017700000001"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0x7f000001"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0X7F000001"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0x7f.1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.0x1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0177.0.0.1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.01"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.256"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.1.5"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.0b1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0x"), "ends in a number", NET_NAME_NONE },
		{ SPAN("0b"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.0x1."), "ends in a number", NET_NAME_NONE },
		{ SPAN("example.1"), "ends in a number", NET_NAME_NONE },
		{ SPAN("127.0.0.1.."), "label is empty", NET_NAME_NONE },

		{ SPAN("[127.0.0.1]"), "not an IPv6", NET_NAME_NONE },
		{ SPAN("[example.com]"), "not an IPv6", NET_NAME_NONE },
		{ SPAN("[]"), "not an IPv6", NET_NAME_NONE },
		{ SPAN("["), "without \"]\"", NET_NAME_NONE },
		{ SPAN("[::1"), "without \"]\"", NET_NAME_NONE },
		{ SPAN("::1]"), "not an IPv6", NET_NAME_NONE },
		{ SPAN("[::1]."), "without \"]\"", NET_NAME_NONE },
		{ SPAN("[::1]:80"), "without \"]\"", NET_NAME_NONE },
		{ SPAN("[[::1]]"), "not an IPv6", NET_NAME_NONE },
		{ SPAN("[fe80::1%25eth0]"), "zone", NET_NAME_NONE },
		{ SPAN("fe80::1%1"), "zone", NET_NAME_NONE },
		{ SPAN("::127.1"), "not an IPv6", NET_NAME_NONE },
		{ SPAN("::1\0"), "not an IPv6", NET_NAME_NONE },
		{ SPAN(":"), "the port is given apart", NET_NAME_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
}

static void test_limits(void)
{
	const struct row rows[] = {
		{ SPAN(L63 "." L63 "." L63 "." L61), L63 "." L63 "." L63 "." L61, NET_NAME_DNS },
		{ SPAN(L63 "." L63 "." L63 "." L61 "."), L63 "." L63 "." L63 "." L61,
		  NET_NAME_DNS },
		{ SPAN(L63 "." L63 "." L63 "." L61 "x"), "253", NET_NAME_NONE },
		{ SPAN(L63 "." L63 "." L63 "." L61 ".."), "253", NET_NAME_NONE },
		{ SPAN(L63 "." L63 "." L63 "." L61 "." L63), "253", NET_NAME_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
}

static void test_details(void)
{
	struct net_name name, again;

	CHECK(net_name_parse(&name, SPAN("intranet.")) == NULL && name.kind == NET_NAME_DNS,
	      "one label");
	CHECK(net_name_parse(&name, SPAN("::ffff:9.8.7.6")) == NULL && name.address.family == 4 &&
		  name.address.octets[0] == 9,
	      "unmapped");
	CHECK(net_name_parse(&name, SPAN("[2001:db8::7]")) == NULL, "address");
	again = net_name_of_address(&name.address);
	CHECK(again.kind == name.kind && again.len == name.len &&
		  strcmp(again.text, name.text) == 0 &&
		  net_address_equal(&again.address, &name.address),
	      "%s", again.text);
}

int main(void)
{
	test_names();
	test_addresses();
	test_limits();
	test_details();
	return test_failures > 0;
}
