// SPDX-License-Identifier: Apache-2.0
#include "random_rules.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const patterns[] = {
	"a.test",
	"b.a.test",
	"x.test",
	"10.0.0.1",
	"2001:db8::1",
	"a.test",
	"a.test",
	"a.test:1",
	"a.test:443",
	"b.a.test",
	"*.test",
	"*.a.test",
	"*.a.test:443",
	"*.b.a.test",
	"*.c.b.a.test:1",
	"*",
	"*:1",
	"*:443",
	"test",
	"10.0.0.1",
	"10.0.0.1:1",
	"10.0.0.0/8",
	"10.0.0.0/8:443",
	"10.0.0.0/9",
	"10.0.0.0/16",
	"10.0.0.0/31",
	"0.0.0.0/0:443",
	"10.128.0.0/9",
	"10.1.0.0/17",
	"[2001:db8::1]:1",
	"2001:db8::/32",
	"2001:db8::/33",
	"[2001::/16]:443",
	"::/0",
	"::1",
	"::/96",
	"1::/32",
	"2001:db8::/127",
	"64:ff9b::/96",
	"8.0.0.0/5",
};

static const char *const hosts[] = {
	"a.test",       "a.test",           "a.test",      "b.a.test", "c.b.a.test",
	"d.c.b.a.test", "x.test",           "test",        "xa.test",  "10.0.0.1",
	"10.0.0.2",     "10.1.0.1",         "10.200.1.1",  "11.0.0.1", "100.1.1.1",
	"2001:db8::1",  "2001:db8:8000::1", "2001:db9::1", "2001::1",  "::1",
	"1::5:6",       "1:0:2:3:4:5:6:7",  "fe80::1",
};

static const char *const methods[] = { "GET", "HEAD", "POST", "WEBSOCKET", "get", "M" };

static const char *const globs[] = {
	"/",     "/v1/x", "/v1/*", "/v1/**", "/v*",    "/**",        "/*",          "/v1/*/y",
	"/**/y", "/a.b",  "/a.*b", "/v**x",  "/(a)|$", "/*/**/[x]^", "/\\d{2}*+/z",
};

#define LONG "0123456789abcdefghij"

static const char *const targets[] = {
	"/v1/" LONG LONG LONG LONG LONG LONG LONG LONG LONG,
	"/",
	"/v1/x",
	"/v1/",
	"/v1",
	"/v1/x/y",
	"/v1/x?y=/v1",
	"/v2?",
	"*",
	"/a.b",
	"/axb",
	"/a.xxb",
	"/v/x",
	"/(a)|$",
	"/q/w/[x]^",
	"/\\d{2}++/z",
	"",
	"/d/y?/y",
	"/%2e%2e/",
	"?",
	"?x",
};

enum { NARROW = 5 }; /* the first patterns, of a host each */

#define PICK(list, seed) ((list)[random_below((seed), ARRAY_SIZE(list))])

unsigned random_below(uint64_t *seed, unsigned most)
{
	*seed = *seed * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407); /* Knuth's MMIX */
	return (unsigned)(*seed >> 33) % most;
}

static const uint8_t (*pins(void))[POLICY_PIN_OCTETS]
{
	static uint8_t all[RANDOM_PINS][POLICY_PIN_OCTETS];

	for (unsigned i = 0; i < RANDOM_PINS; i++)
		for (unsigned k = 0; k < POLICY_PIN_OCTETS; k++)
			all[i][k] = (uint8_t)(i * 7 + k * 5);
	return (const uint8_t(*)[POLICY_PIN_OCTETS])all;
}

/* rarely() - 0, or a number of a few that differ */
static unsigned rarely(uint64_t *seed)
{
	return random_below(seed, 4) > 0 ? 0 : 1 + random_below(seed, 3);
}

static size_t some(const char **ret, const char *const *of, unsigned of_len, uint64_t *seed)
{
	size_t len = random_below(seed, 2) > 0 ? 0 : random_below(seed, RANDOM_LIST_MAX);

	for (size_t i = 0; i < len; i++)
		ret[i] = of[random_below(seed, of_len)];
	return len;
}

static void random_rule(struct random_rules *ret, size_t i, uint64_t *seed)
{
	struct policy_rule *rule = &ret->rule[i];

	*rule = (struct policy_rule){ .host = patterns[random_below(seed, ret->kinds)],
				      .methods = ret->methods[i],
				      .paths = ret->paths[i],
				      .raw = (enum policy_raw)random_below(seed, 3),
				      .passthrough = random_below(seed, 3) == 0 };
	rule->methods_len = some(ret->methods[i], methods, ARRAY_SIZE(methods), seed);
	rule->paths_len = some(ret->paths[i], globs, ARRAY_SIZE(globs), seed);
	rule->caps = (struct policy_caps){ rarely(seed), rarely(seed), rarely(seed), rarely(seed),
					   rarely(seed) };
	if (random_below(seed, 6) == 0) {
		rule->pins_len = 1 + random_below(seed, 16);
		rule->pins = pins() + random_below(seed, RANDOM_PINS - 16);
	}
}

void random_rules(struct random_rules *ret, uint64_t *seed)
{
	size_t rules = random_below(seed, RANDOM_RULES_MAX + 1);
	size_t allowed = random_below(seed, RANDOM_HOSTS_MAX + 1);

	/* in half of them all say one host each, which is found at once */
	ret->kinds = random_below(seed, 2) > 0 ? NARROW : ARRAY_SIZE(patterns);
	if (random_below(seed, 16) == 0)
		rules = allowed = 0;
	for (size_t i = 0; i < rules; i++)
		random_rule(ret, i, seed);
	for (size_t i = 0; i < allowed; i++)
		ret->hosts[i] = patterns[random_below(seed, ret->kinds)];
	ret->rules = (struct policy_rules){ ret->hosts, allowed, ret->rule, rules };
}

void random_request(struct policy_request *ret, struct net_name *name, uint64_t *seed)
{
	static const uint16_t ports[] = { 0, 1, 1, 443, 443, 443, 2 };
	static const char *const sent[] = { "GET",    "GET",
					    "HEAD",   "POST",
					    "get",    "",
					    "DELETE", "ANUNUSUALLYLONGMETHODTHATISCUTATSOMEPOINT" };

	if (net_name_parse(name, span_of(PICK(hosts, seed))) != NULL)
		abort(); /* they are ours */
	*ret = (struct policy_request){ .kind = (enum policy_kind)(1 + random_below(seed, 3)),
					.host = name,
					.port = PICK(ports, seed),
					.https = random_below(seed, 2) > 0,
					.websocket = random_below(seed, 6) == 0,
					.method = span_of(PICK(sent, seed)),
					.target = span_of(PICK(targets, seed)) };
}
