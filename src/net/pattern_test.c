// SPDX-License-Identifier: Apache-2.0
#include "net/pattern.h"

#include <errno.h>

#include "base/test.h"

static void test_parse(void)
{
	static const struct {
		const char *text, *want;
		enum pattern_kind kind;
	} rows[] = {
		{ "example.com", "example.com", PATTERN_EXACT },
		{ "Example.COM.", "example.com", PATTERN_EXACT },
		{ "example.com:443", "example.com:443", PATTERN_EXACT },
		{ "example.com.:443", "example.com:443", PATTERN_EXACT },
		{ "localhost:65535", "localhost:65535", PATTERN_EXACT },
		{ "*.Example.com", "*.example.com", PATTERN_BELOW },
		{ "*.example.com:22", "*.example.com:22", PATTERN_BELOW },
		{ "*.com", "*.com", PATTERN_BELOW },
		{ "*.com.", "*.com", PATTERN_BELOW },
		{ "*", "*", PATTERN_ANY },
		{ "*:443", "*:443", PATTERN_ANY },
		{ "192.0.2.1", "192.0.2.1", PATTERN_PREFIX },
		{ "192.0.2.1:80", "192.0.2.1:80", PATTERN_PREFIX },
		{ "192.0.2.1/32", "192.0.2.1", PATTERN_PREFIX },
		{ "10.0.0.0/8", "10.0.0.0/8", PATTERN_PREFIX },
		{ "10.0.0.0/8:80", "10.0.0.0/8:80", PATTERN_PREFIX },
		{ "2001:DB8::1", "2001:db8::1", PATTERN_PREFIX },
		{ "[2001:db8::1]", "2001:db8::1", PATTERN_PREFIX },
		{ "[2001:db8::1]:80", "[2001:db8::1]:80", PATTERN_PREFIX },
		{ "2001:db8::/32", "2001:db8::/32", PATTERN_PREFIX },
		{ "[2001:db8::/32]:80", "[2001:db8::/32]:80", PATTERN_PREFIX },
		{ "::/0", "::/0", PATTERN_PREFIX },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", PATTERN_PREFIX },
		{ "[::ffff:10.0.0.1]:80", "10.0.0.1:80", PATTERN_PREFIX },

		{ "", "names no host", PATTERN_NONE },
		{ ":443", "names no host", PATTERN_NONE },
		{ "*foo.com", "whole labels", PATTERN_NONE },
		{ "**", "whole labels", PATTERN_NONE },
		{ "**.com", "whole labels", PATTERN_NONE },
		{ "a.*.com", "at the front", PATTERN_NONE },
		{ "foo*.com", "at the front", PATTERN_NONE },
		{ "www.*", "at the front", PATTERN_NONE },
		{ "*.*", "only stand once", PATTERN_NONE },
		{ "*.*.com", "only stand once", PATTERN_NONE },
		{ "*.a*.com", "only stand once", PATTERN_NONE },
		{ "*.", "follows \"*.\"", PATTERN_NONE },
		{ "*..", "empty", PATTERN_NONE },
		{ "*..com", "label is empty", PATTERN_NONE },
		{ "*.0.0.1", "ends in a number", PATTERN_NONE },
		{ "*.10.0.0.1", "below an address", PATTERN_NONE },
		{ "*.[::1]", "below an address", PATTERN_NONE },
		{ "[*]", "IPv6", PATTERN_NONE },
		{ "https://example.com", "scheme", PATTERN_NONE },
		{ "example.com/path", "scheme", PATTERN_NONE },
		{ "example.com:443/path", "no path", PATTERN_NONE },
		{ "*.example.com/8", "scheme", PATTERN_NONE },
		{ "10.0.0.1/8", "bits beyond", PATTERN_NONE },
		{ "10.0.0.0/33", "0 to 32", PATTERN_NONE },
		{ "2001:db8::/129", "0 to 32, for IPv6 0 to 128", PATTERN_NONE },
		{ "2001:db8::/32:80", "0 to 32", PATTERN_NONE },
		{ "127.1", "ends in a number", PATTERN_NONE },
		{ "a b", "blank", PATTERN_NONE },
		{ "a,b", "only letters", PATTERN_NONE },
		{ "!a", "only letters", PATTERN_NONE },
		{ "a?.com", "only letters", PATTERN_NONE },
		{ "b\xc3\xbc"
		  "cher.example",
		  "xn--", PATTERN_NONE },
		{ "example.com:", "port", PATTERN_NONE },
		{ "example.com:0", "port", PATTERN_NONE },
		{ "example.com:080", "port", PATTERN_NONE },
		{ "example.com:65536", "port", PATTERN_NONE },
		{ "example.com:100000", "port", PATTERN_NONE },
		{ "example.com:https", "port", PATTERN_NONE },
		{ "example.com:+1", "port", PATTERN_NONE },
		{ "example.com:*", "port", PATTERN_NONE },
		{ "example.com:1:2", "not an IPv6", PATTERN_NONE },
		{ "[example.com]:80", "only IPv6", PATTERN_NONE },
		{ "[10.0.0.1]:80", "only IPv6", PATTERN_NONE },
		{ "[10.0.0.0/8]", "only IPv6", PATTERN_NONE },
		{ "[a:1]", "port is given apart", PATTERN_NONE },
		{ "[::1", "without", PATTERN_NONE },
		{ "[::1]80", "only a port", PATTERN_NONE },
		{ "[::1]/128", "only a port", PATTERN_NONE },
		{ "[::1]:", "port", PATTERN_NONE },
		{ "[fe80::1%eth0]", "zone", PATTERN_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pattern pattern = { .len = 99 };
		char text[PATTERN_TEXT_OCTETS] = "";
		const char *fault = pattern_parse(&pattern, span_of(rows[i].text));

		if (rows[i].kind == PATTERN_NONE) {
			CHECK(fault != NULL && strstr(fault, rows[i].want) != NULL, "%s: %s",
			      rows[i].text, fault != NULL ? fault : "allowed");
			CHECK(pattern.len == 99, "%s: written", rows[i].text);
			continue;
		}
		CHECK(fault == NULL && pattern.kind == rows[i].kind, "%s: %s", rows[i].text,
		      fault != NULL ? fault : "kind");
		size_t len = pattern_format(text, &pattern);
		CHECK(strcmp(text, rows[i].want) == 0 && len == strlen(text), "%s: %s",
		      rows[i].text, text);
	}
	CHECK(pattern_parse(&(struct pattern){ 0 }, SPAN("a.com\0.b")) != NULL, "NUL");
	CHECK(pattern_parse(&(struct pattern){ 0 }, SPAN("*.com\0")) != NULL, "NUL");
}

static struct pattern parsed(const char *text)
{
	struct pattern pattern = { 0 };

	CHECK(pattern_parse(&pattern, span_of(text)) == NULL, "%s", text);
	return pattern;
}

static struct net_name named(const char *text)
{
	struct net_name name = { 0 };

	CHECK(net_name_parse(&name, span_of(text)) == NULL, "%s", text);
	return name;
}

static void test_match(void)
{
	static const struct {
		const char *pattern, *name;
		unsigned port;
		bool want;
	} rows[] = {
		{ "example.com", "example.com", 443, true },
		{ "example.com", "EXAMPLE.com.", 443, true },
		{ "example.com", "www.example.com", 443, false },
		{ "example.com", "example.co", 443, false },
		{ "example.com", "xample.com", 443, false },
		{ "example.com", "example.com.evil.org", 443, false },
		{ "example.com:443", "example.com", 443, true },
		{ "example.com:443", "example.com", 80, false },
		{ "example.com:443", "example.com", 0, false },
		{ "example.com:443", "example.com", PATTERN_PORT_UNKNOWN, true },
		{ "example.com:443", "example.org", PATTERN_PORT_UNKNOWN, false },
		{ "example.com", "example.com", 0, true },
		{ "*.example.com", "www.example.com", 443, true },
		{ "*.example.com", "a.b.c.example.com", 443, true },
		{ "*.example.com", "example.com", 443, false },
		{ "*.example.com", "notexample.com", 443, false },
		{ "*.example.com", "a.notexample.com", 443, false },
		{ "*.example.com", "example.com.evil.org", 443, false },
		{ "*.example.com", "com", 443, false },
		{ "*.example.com:22", "a.example.com", 443, false },
		{ "*.com", "a.com", 443, true },
		{ "*.com", "com", 443, false },
		{ "*", "anything", 1, true },
		{ "*", "192.0.2.1", 1, true },
		{ "*", "::1", 1, true },
		{ "*:443", "a.b", 443, true },
		{ "*:443", "a.b", 80, false },
		{ "192.0.2.1", "192.0.2.1", 1, true },
		{ "192.0.2.1", "::ffff:192.0.2.1", 1, true },
		{ "192.0.2.1", "192.0.2.2", 1, false },
		{ "192.0.2.1", "192.0.2.1.nip.io", 1, false },
		{ "10.0.0.0/8", "10.1.2.3", 1, true },
		{ "10.0.0.0/8", "11.1.2.3", 1, false },
		{ "10.0.0.0/8:80", "10.1.2.3", 81, false },
		{ "2001:db8::/32", "2001:db8::9", 1, true },
		{ "2001:db8::/32", "2001:db9::9", 1, false },
		{ "0.0.0.0/0", "9.9.9.9", 1, true },
		{ "0.0.0.0/0", "2001:db8::1", 1, false },
		{ "0.0.0.0/0", "example.com", 1, false },
		{ "::/0", "9.9.9.9", 1, false },
		{ "::/0", "::9", 1, true },
		{ "*.0x.com", "1.0x.com", 1, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pattern_set set = { 0 };
		struct pattern pattern = parsed(rows[i].pattern);
		struct net_name name = named(rows[i].name);

		CHECK(pattern_match(&pattern, &name, rows[i].port) == rows[i].want, "%s %s %u",
		      rows[i].pattern, rows[i].name, rows[i].port);
		CHECK(pattern_set_add(&set, &pattern) == 0, "add");
		CHECK(pattern_set_match(&set, &name, rows[i].port) == (rows[i].want ? 0 : -1),
		      "set: %s %s %u", rows[i].pattern, rows[i].name, rows[i].port);
		pattern_set_free(&set);
	}
}

static void test_nothing(void)
{
	struct pattern_set set = { 0 };
	struct net_name name = named("example.com"), none = { 0 };
	struct pattern nothing = { 0 }, any = parsed("*");
	char text[PATTERN_TEXT_OCTETS] = "x";

	CHECK(pattern_set_match(&set, &name, 443) == -1, "an empty set");
	CHECK(!pattern_match(&nothing, &name, 443), "no pattern");
	CHECK(!pattern_match(&any, &none, 443), "no name");
	CHECK(pattern_format(text, &nothing) == 0 && text[0] == '\0', "no text");
	CHECK(pattern_set_add(&set, &nothing) == 0, "add");
	CHECK(pattern_set_match(&set, &name, 443) == -1, "a set of nothing");
	CHECK(pattern_set_add(&set, &any) == 0, "add");
	CHECK(pattern_set_match(&set, &none, 443) == -1, "no name");
	pattern_set_free(&set);
	CHECK(set.count == 0 && pattern_set_match(&set, &name, 443) == -1, "freed");
}

/* The first that matches wins, whatever its kind. */
static void test_order(void)
{
	static const char *const patterns[] = {
		"*.b.example.com:22", "example.com", "*.example.com",
		"a.example.com",      "*.com",       "10.0.0.0/8",
		"10.1.0.0/16",        "*:9",         "*",
		"example.com",
	};
	static const struct {
		const char *name;
		unsigned port;
		int want;
	} rows[] = {
		{ "x.b.example.com", 22, 0 },
		{ "x.b.example.com", 23, 2 },
		{ "example.com", 22, 1 },
		{ "a.example.com", 22, 2 },
		{ "other.com", 22, 4 },
		{ "10.1.1.1", 22, 5 },
		{ "com", 9, 7 },
		{ "com", 10, 8 },
		{ "x.b.example.com", PATTERN_PORT_UNKNOWN, 0 },
	};
	struct pattern_set set = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct pattern pattern = parsed(patterns[i]);

		CHECK(pattern_set_add(&set, &pattern) == 0, "%s", patterns[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_name name = named(rows[i].name);
		int got = pattern_set_match(&set, &name, rows[i].port);

		CHECK(got == rows[i].want, "%s %u: %d", rows[i].name, rows[i].port, got);
	}
	pattern_set_free(&set);
}

/* write_nth() - number @i of a full set: its pattern, or a host that only it matches */
static void write_nth(char ret[64], size_t i, bool pattern)
{
	size_t n = i / 4;

	switch (i % 4) {
	case 0:
		snprintf(ret, 64, "h%zu.example", n);
		break;
	case 1:
		snprintf(ret, 64, "%s.h%zu.example", pattern ? "*" : "x.y", n);
		break;
	case 2:
		snprintf(ret, 64, "10.%zu.%zu.%s", n / 256, n % 256, pattern ? "0/24" : "77");
		break;
	default:
		snprintf(ret, 64, "2001:db8:%zx::%s", n, pattern ? "/48" : "77");
		break;
	}
}

/* A full set: every pattern is found under its number, and nothing fits any more. */
static void test_full(void)
{
	struct pattern_set set = { 0 };
	struct pattern pattern = { 0 };
	char text[64];

	for (size_t i = 0; i < PATTERN_SET_MAX; i++) {
		write_nth(text, i, true);
		pattern = parsed(text);
		CHECK(pattern_set_add(&set, &pattern) == 0, "%s", text);
	}
	CHECK(pattern_set_add(&set, &pattern) == -ENOSPC && set.count == PATTERN_SET_MAX, "full");
	for (size_t i = 0; i < PATTERN_SET_MAX; i++) {
		write_nth(text, i, false);
		struct net_name name = named(text);
		CHECK(pattern_set_match(&set, &name, 1) == (int)i, "%s", text);
	}
	pattern_set_free(&set);
}

int main(void)
{
	test_parse();
	test_match();
	test_nothing();
	test_order();
	test_full();
	return test_failures > 0;
}
