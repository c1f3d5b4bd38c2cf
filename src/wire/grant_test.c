// SPDX-License-Identifier: Apache-2.0
#include "wire/grant.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

static const struct grant full = {
	.id = 7,
	.app = { "codex", 5 },
	.action = GRANT_HTTP_REQUEST,
	.flags = GRANT_DENY | GRANT_HTTPS | GRANT_WEBSOCKET,
	.host = { "a.test", 6 },
	.port = 443,
	.method = { "POST", 4 },
	.target = { "/x?y=1", 6 },
	.created = 1700000000,
	.expires = INT64_MAX,
	.by = { "rpc", 3 },
	.uid = UINT32_MAX,
};

static const struct grant simple = {
	.app = { "codex", 5 },
	.action = GRANT_NET_CONNECT,
	.host = { "2001:db8::1", 11 },
	.port = 1,
	.by = { "cli", 3 },
};

static bool same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void check_one(const struct grant *grant)
{
	static char octets[GRANT_PACKET_OCTETS_MAX];
	const struct grant_packet packet = { .kind = GRANT_ONE, .grant = *grant };
	struct grant_packet got = { 0 };
	size_t len = 0;

	CHECK(grant_encode(&len, octets, &packet) == 0 &&
		  grant_decode(&got, (struct span){ octets, len }) == 0 && got.kind == GRANT_ONE,
	      "%zu octets", len);
	const struct grant *one = &got.grant;
	CHECK(one->id == grant->id && one->action == grant->action && one->flags == grant->flags &&
		  one->port == grant->port && one->created == grant->created &&
		  one->expires == grant->expires && one->uid == grant->uid,
	      "numbers");
	CHECK(same(one->app, grant->app) && same(one->host, grant->host) &&
		  same(one->method, grant->method) && same(one->target, grant->target) &&
		  same(one->by, grant->by),
	      "texts");
}

static void test_round_trip(void)
{
	static char target[GRANT_TARGET_OCTETS_MAX];
	struct grant longest = full;

	check_one(&full);
	check_one(&simple);
	memset(target, '/', sizeof(target));
	longest.target = (struct span){ target, sizeof(target) };
	check_one(&longest);
}

static void test_texts(void)
{
	static const struct grant_packet rows[] = {
		{ .kind = GRANT_END },
		{ .kind = GRANT_FAILED, .text = { "it is damaged", 13 } },
		{ .kind = GRANT_LIST, .text = { "codex", 5 } },
	};
	char octets[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct grant_packet got = { 0 };
		size_t len = 0;

		CHECK(grant_encode(&len, octets, &rows[i]) == 0 &&
			  grant_decode(&got, (struct span){ octets, len }) == 0 &&
			  got.kind == rows[i].kind && same(got.text, rows[i].text),
		      "row %zu", i);
	}
}

/* No other length is right; each is tried in memory of just that size. */
static void test_cut(void)
{
	static char octets[GRANT_PACKET_OCTETS_MAX];
	const struct grant_packet packet = { .kind = GRANT_ONE, .grant = full };
	struct grant_packet got = { 0 };
	size_t len = 0;

	CHECK(grant_encode(&len, octets, &packet) == 0, "encode");
	for (size_t cut = 0; cut <= len + 1; cut++) {
		char *part = malloc(cut > 0 ? cut : 1);

		if (part == NULL || cut == len) {
			free(part);
			continue;
		}
		memcpy(part, octets, cut);
		CHECK(grant_decode(&got, (struct span){ part, cut }) == -EPROTO, "%zu of %zu", cut,
		      len);
		free(part);
	}
}

/* What no packet may say; octets count from its begin. */
static void test_malformed(void)
{
	static const struct {
		size_t at;
		char octet;
	} rows[] = {
		{ 0, 2 },    { 1, 1 },     { 2, 0 },     { 2, 5 },    { 3, 1 },     { 4, 3 },
		{ 4, 0 },    { 4, 1 },     { 6, 8 },     { 10, 0 },   { 12, -1 },   { 18, 1 },
		{ 31, -1 },  { 39, -128 }, { 47, -128 }, { 48, ' ' }, { 53, '\n' }, { 59, '\x1b' },
		{ 63, 'x' }, { 65, 127 },  { 69, -1 },
	};
	const struct grant_packet packet = { .kind = GRANT_ONE, .grant = full };
	static char octets[GRANT_PACKET_OCTETS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct grant_packet got = { 0 };
		size_t len = 0;

		CHECK(grant_encode(&len, octets, &packet) == 0, "encode");
		octets[rows[i].at] = rows[i].octet;
		CHECK(grant_decode(&got, (struct span){ octets, len }) == -EPROTO, "row %zu", i);
	}
}

static void test_refused(void)
{
	static char text[GRANT_TARGET_OCTETS_MAX + 1];
	static char octets[GRANT_PACKET_OCTETS_MAX];
	struct grant rows[] = { full, full, full, full, full, full, full, simple, simple, simple };
	size_t len = 0;

	memset(text, '/', sizeof(text));
	rows[0].app.len = 0;
	rows[1].app = (struct span){ text, GRANT_APP_OCTETS_MAX + 1 };
	rows[2].host = (struct span){ text, GRANT_HOST_OCTETS_MAX + 1 };
	rows[3].method = (struct span){ text, GRANT_METHOD_OCTETS_MAX + 1 };
	rows[4].target = (struct span){ text, sizeof(text) };
	rows[5].target = (struct span){ 0 };
	rows[6].by = (struct span){ text, GRANT_BY_OCTETS_MAX + 1 };
	rows[7].method = full.method;
	rows[8].flags = GRANT_HTTPS;
	rows[9].port = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct grant_packet packet = { .kind = GRANT_ONE, .grant = rows[i] };

		CHECK(grant_encode(&len, octets, &packet) == -EINVAL, "row %zu", i);
	}
}

int main(void)
{
	test_round_trip();
	test_texts();
	test_cut();
	test_malformed();
	test_refused();
	return test_failures > 0;
}
