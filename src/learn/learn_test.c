// SPDX-License-Identifier: Apache-2.0
#include "learn/learn.h"

#include "learn/learn_test_priv.h"

static void check_counts(void)
{
	struct learn model = { 0 };
	struct audit_entry asked = request_of(AUDIT_ASK, "b.test", "GET", "/");

	learn(&model, request_of(AUDIT_DENY, "a.test", "GET", "/users/1"));
	learn(&model, request_of(AUDIT_ALLOW, "A.test.", "GET", "/users/1"));
	learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", "/users/2"));
	learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", "/users/2"));
	learn(&model, request_of(AUDIT_ALLOW, "a.test", "POST", "/users/2"));
	learn(&model, asked);
	asked.mode = AUDIT_MODE_AUDIT;
	asked.resource.host = SPAN("c.test");
	learn(&model, asked);
	CHECK(model.calls_len == 5 && model.entries == 7 && model.odd == 0, "%zu", model.calls_len);
	CHECK(model.calls[0].allowed == 0 && model.calls[0].denied == 1, "denied");
	CHECK(model.calls[1].allowed == 3 && model.calls[1].denied == 0 &&
		  model.calls[1].varied == 4 && model.calls[1].examples_len == 2 &&
		  model.calls[1].refs_len == 3,
	      "the template");
	CHECK(model.calls[3].allowed == 0 && model.calls[3].denied == 1, "asked, enforced");
	CHECK(model.calls[4].allowed == 1 && model.calls[4].denied == 0, "asked, audit mode");
	learn_free(&model);
}

/* A denial is no example of what is allowed, and varies nothing; whichever of the two comes first. */
static void check_denials(void)
{
	static const enum audit_decision orders[][3] = { { AUDIT_ALLOW, AUDIT_DENY, AUDIT_DENY },
							 { AUDIT_DENY, AUDIT_ALLOW, AUDIT_DENY },
							 { AUDIT_DENY, AUDIT_DENY, AUDIT_ALLOW } };

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct learn model = { 0 };

		for (size_t k = 0; k < 3; k++)
			learn(&model, request_of(orders[i][k], "a.test", "GET",
						 orders[i][k] == AUDIT_ALLOW ? "/1"
						 : k == 0                    ? "/2"
									     : "/3"));
		CHECK(model.calls_len == 2, "%zu: %zu", i, model.calls_len);
		for (size_t k = 0; k < model.calls_len; k++)
			CHECK(model.calls[k].varied == 0 && model.calls[k].examples_len == 1 &&
				  span_is(model.calls[k].path, "/1") ==
				      (model.calls[k].allowed == 1) &&
				  (model.calls[k].allowed == 0) == (model.calls[k].denied == 2),
			      "%zu, call %zu", i, k);
		learn_free(&model);
	}
}

/* What the gateway never lets through has no place in a policy. */
static void check_odd(void)
{
	static char long_path[LEARN_PATH_OCTETS_MAX + 1];
	struct audit_entry entries[] = {
		request_of(AUDIT_ALLOW, "a.test", "GET", "/a b"),
		request_of(AUDIT_ALLOW, "a.test", "GET", "/a\nallowed"),
		request_of(AUDIT_ALLOW, "a.test", "GET", "/\xff"),
		request_of(AUDIT_ALLOW, "a.test", "GET", "/a?b"),
		request_of(AUDIT_ALLOW, "a.test", "GET", "a"),
		request_of(AUDIT_ALLOW, "a.test", "GET", ""),
		request_of(AUDIT_ALLOW, "a.test", "GET", long_path),
		request_of(AUDIT_ALLOW, "a.test", "G T", "/"),
		request_of(AUDIT_ALLOW, "a.test", "G\"T", "/"),
		request_of(AUDIT_ALLOW, "a.test", "", "/"),
		request_of(AUDIT_ALLOW, "a\".test", "GET", "/"),
		request_of(AUDIT_ALLOW, "", "GET", "/"),
		request_of(AUDIT_ALLOW, "*.test", "GET", "/"),
		entry_of(AUDIT_ALLOW, "net.connect", "a.test", 0),
		entry_of(AUDIT_ALLOW, "net.connect", "a.test", 65536),
		entry_of(AUDIT_ALLOW, "dns.query", "192.0.2.1", 0),
	};
	struct learn model = { 0 };

	memset(long_path, '/', sizeof(long_path) - 1);
	entries[6].resource.path = span_of(long_path);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		learn(&model, entries[i]);
		CHECK(model.odd == i + 1, "row %zu", i);
	}
	CHECK(model.calls_len == 0 && model.why_odd[0] != '\0', "%zu", model.calls_len);
	learn(&model, entry_of(AUDIT_ALLOW, "fs.write", "", 0));
	learn(&model, entry_of(AUDIT_DECISION_NONE, "net.connect", "a.test", 1));
	CHECK(model.other == 1 && model.entries == ARRAY_SIZE(entries) + 1, "others");
	learn_free(&model);
}

/* An entry without path and protocol: its URL tells. */
static void check_urls(void)
{
	static const struct {
		const char *url, *path;
		bool https, websocket;
	} rows[] = {
		{ "https://a.test/x/y?z=/", "/x/y", true, false },
		{ "http://a.test:443", "/", false, false },
		{ "wss://a.test/s", "/s", true, true },
		{ "ws://a.test/s", "/s", false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct audit_entry entry = entry_of(AUDIT_ALLOW, "http.request", "a.test", 443);
		struct learn model = { 0 };

		entry.resource.method = SPAN("GET");
		entry.resource.url = span_of(rows[i].url);
		learn(&model, entry);
		CHECK(model.calls_len == 1 && span_is(model.calls[0].path, rows[i].path) &&
			  model.calls[0].https == rows[i].https &&
			  model.calls[0].websocket == rows[i].websocket,
		      "%s", rows[i].url);
		learn_free(&model);
	}
}

/* As many different calls as there is room for, then more: these are counted, and those before stay. */
static void check_bounds(void)
{
	struct learn model = { 0 };
	char path[32];

	for (unsigned i = 0; i < LEARN_CALLS_MAX + 10; i++) {
		(void)snprintf(path, sizeof(path), "/a%u", i);
		learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", path));
	}
	CHECK(model.calls_len == LEARN_CALLS_MAX && model.lost == 10, "%zu, %llu", model.calls_len,
	      (unsigned long long)model.lost);
	learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", "/a5"));
	CHECK(model.lost == 10 && model.calls[5].allowed == 2, "one of before");
	learn_free(&model);
}

static void check_exact(void)
{
	struct learn model = { .exact = true };

	learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", "/1"));
	learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", "/2"));
	learn(&model, request_of(AUDIT_ALLOW, "a.test", "GET", "/2"));
	learn(&model, request_of(AUDIT_DENY, "a.test", "GET", "/2"));
	CHECK(model.calls_len == 2 && model.calls[1].allowed == 2 && model.calls[1].denied == 1,
	      "%zu", model.calls_len);
	learn_free(&model);
}

int main(void)
{
	check_counts();
	check_denials();
	check_odd();
	check_urls();
	check_bounds();
	check_exact();
	return test_failures > 0;
}
