// SPDX-License-Identifier: Apache-2.0
#include "warden/remedy.h"

#include <stdlib.h>

#include "base/test.h"

#define FLOW(h, p, a)                                                                          \
	{                                                                                      \
		.kind = EGRESS_FLOW, .host = (h), .port = (p), .is_address = (a), .why = "no", \
		.blocked = true, .rule = "default"                                             \
	}
#define ASK(m, t, r)                                                                             \
	{                                                                                        \
		.kind = EGRESS_REQUEST, .host = "a.test", .port = 80,                            \
		.method = { m, sizeof(m) - 1 }, .target = { t, sizeof(t) - 1 }, .blocked = true, \
		.rule = (r), .why = "no"                                                         \
	}

static void test_remedies(void)
{
	struct {
		struct egress_report report;
		const char *want;
	} rows[] = {
		{ { .kind = EGRESS_NAME, .host = "a.test", .rule = "default" },
		  "{\"allow_host\":\"a.test\"}" },
		{ FLOW("a.test", 443, false), "{\"allow_host\":\"a.test\"}" },
		{ FLOW("a.test", 5432, false), "{\"allow_host\":\"a.test:5432\"}" },
		{ FLOW("8.8.8.8", 22, true), "{\"allow_host\":\"8.8.8.8:22\"}" },
		{ FLOW("2606:4700::1", 22, true), "{\"allow_host\":\"[2606:4700::1]:22\"}" },
		{ FLOW("10.0.0.1", 80, true),
		  "{\"allow_host\":\"10.0.0.1\",\"allow_private\":\"10.0.0.1\"}" },
		{ FLOW("lab.test", 80, false), "{\"allow_private\":\"lab.test\"}" },
		{ FLOW("lab.test", 80, false), "{\"allow_private\":\"127.0.0.1\"}" },
		{ FLOW("a.test", 80, false), NULL },
		{ ASK("PUT", "/x?y", "rules[3]"),
		  "{\"rule\":{\"host\":\"a.test\",\"method\":\"PUT\",\"path\":\"/x\"}}" },
		{ ASK("get", "*", "rules[3]"), "{\"rule\":{\"host\":\"a.test\"}}" },
		{ ASK("TRACE", "/", "rules[3]"),
		  "{\"rule\":{\"host\":\"a.test\",\"path\":\"/\"}}" },
		{ ASK("GET", "/ws", "rules[3]"),
		  "{\"rule\":{\"host\":\"a.test:80\",\"method\":\"WEBSOCKET\",\"path\":\"/ws\"}}" },
		{ ASK("GET", "/", ""), NULL },
		{ { .kind = EGRESS_REFUSED,
		    .host = "a.test",
		    .port = 443,
		    .rule = "",
		    .why = "what was sent is neither TLS nor HTTP, and the rule names no port" },
		  "{\"allow_host\":\"a.test:443\"}" },
		{ { .kind = EGRESS_REFUSED, .host = "a.test", .rule = "", .why = "no" }, NULL },
		{ { .kind = EGRESS_PACKETS, .host = "192.0.2.1", .rule = "", .why = "no" }, NULL },
	};

	rows[6].report.address = "10.0.0.1";
	rows[6].report.rule = "allowed_hosts[0]";
	rows[7].report.address = "127.0.0.1";
	rows[7].report.only_by_address = true;
	rows[8].report.rule = "";
	rows[12].report.websocket = rows[12].report.https = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *got = remedy_of(&rows[i].report);
		char *text = got != NULL ? json_dumps(got, JSON_COMPACT) : NULL;

		CHECK((text == NULL) == (rows[i].want == NULL) &&
			  (text == NULL || strcmp(text, rows[i].want) == 0),
		      "row %zu: %s", i, text);
		CHECK(got == NULL || remedy_is_sound(got), "row %zu", i);
		free(text);
	}
}

int main(void)
{
	test_remedies();
	return test_failures > 0;
}
