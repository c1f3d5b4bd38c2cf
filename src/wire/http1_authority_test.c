// SPDX-License-Identifier: Apache-2.0
#include "wire/http1.h"

#include "base/test.h"

static void test_authority(void)
{
	const struct {
		struct span text;
		const char *host; /* NULL: refused */
		unsigned port;
	} rows[] = {
		{ SPAN("a"), "a", 0 },
		{ SPAN("A-b_c.1x.D:1"), "a-b_c.1x.d", 1 },
		{ SPAN("a.test:65535"), "a.test", 65535 },
		{ SPAN("10.0.0.1"), "10.0.0.1", 0 },
		{ SPAN("1.2.3.4.example"), "1.2.3.4.example", 0 },
		{ SPAN("[1:2:3:4:5:6:7:8]:9"), "1:2:3:4:5:6:7:8", 9 },
		{ SPAN("[::FFFF:1.2.3.4]"), "::ffff:1.2.3.4", 0 },
		{ SPAN(""), NULL, 0 },
		{ SPAN("."), NULL, 0 },
		{ SPAN("a."), NULL, 0 },
		{ SPAN(".a"), NULL, 0 },
		{ SPAN("a..b"), NULL, 0 },
		{ SPAN("a%2eb"), NULL, 0 },
		{ SPAN("a\0b"), NULL, 0 },
		{ SPAN("a/b"), NULL, 0 },
		{ SPAN("a\\b"), NULL, 0 },
		{ SPAN("a b"), NULL, 0 },
		{ SPAN("u@a"), NULL, 0 },
		{ SPAN("a?b"), NULL, 0 },
		{ SPAN("\xc3\xa4"), NULL, 0 },
		{ SPAN("a:"), NULL, 0 },
		{ SPAN(":80"), NULL, 0 },
		{ SPAN("a:0"), NULL, 0 },
		{ SPAN("a:080"), NULL, 0 },
		{ SPAN("a:+80"), NULL, 0 },
		{ SPAN("a:8 0"), NULL, 0 },
		{ SPAN("a:65536"), NULL, 0 },
		{ SPAN("a:80:80"), NULL, 0 },
		{ SPAN("127.1"), NULL, 0 },
		{ SPAN("2130706433"), NULL, 0 },
		{ SPAN("0x7f000001"), NULL, 0 },
		{ SPAN("0x"), NULL, 0 },
		{ SPAN("127.0.0.0x1"), NULL, 0 },
		{ SPAN("127.0.0.01"), NULL, 0 },
		{ SPAN("256.0.0.1"), NULL, 0 },
		{ SPAN("1.2.3.4.5"), NULL, 0 },
		{ SPAN("::1"), NULL, 0 },
		{ SPAN("["), NULL, 0 },
		{ SPAN("[]"), NULL, 0 },
		{ SPAN("[::1"), NULL, 0 },
		{ SPAN("[::1]x"), NULL, 0 },
		{ SPAN("[::1]:"), NULL, 0 },
		{ SPAN("[::1%25lo]"), NULL, 0 },
		{ SPAN("[::1\0]"), NULL, 0 },
		{ SPAN("[v1.a]"), NULL, 0 },
		{ SPAN("[1.2.3.4]"), NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http1_authority authority = { 0 };
		bool sound = http1_authority_read(&authority, rows[i].text);

		CHECK(sound == (rows[i].host != NULL), "row %zu: %d", i, sound);
		if (!sound || rows[i].host == NULL)
			continue;
		CHECK(strcmp(authority.host, rows[i].host) == 0, "row %zu: %s", i, authority.host);
		CHECK(authority.port == rows[i].port, "row %zu: %u", i, authority.port);
	}
}

static void test_long_names(void)
{
	char name[260];
	struct http1_authority authority;

	memset(name, 'a', sizeof(name));
	CHECK(http1_authority_read(&authority, (struct span){ name, 63 }), "label of 63");
	CHECK(!http1_authority_read(&authority, (struct span){ name, 64 }), "label of 64");
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	CHECK(http1_authority_read(&authority, (struct span){ name, 253 }), "name of 253");
	CHECK(!http1_authority_read(&authority, (struct span){ name, 254 }), "name of 254");
}

int main(void)
{
	test_authority();
	test_long_names();
	return test_failures > 0;
}
