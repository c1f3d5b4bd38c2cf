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
		.rule = (r), .why = "no", .status = 403                                          \
	}

/* What the program may ask for so that a rule for it would mean more than that. */
static void test_no_wider(void)
{
	static char longest[256], longer[257];
	struct {
		struct span method, target;
		bool wanted;
	} rows[] = {
		{ SPAN("PUT"), SPAN("/x"), true },
		{ SPAN("PUT"), SPAN("/x?*"), true },
		{ SPAN("PUT"), SPAN("/*"), false },
		{ SPAN("PUT"), SPAN("/**"), false },
		{ SPAN("PUT"), SPAN("/***"), false },
		{ SPAN("PUT"), SPAN("/a*b"), false },
		{ SPAN("PUT"), SPAN("*"), false },
		{ SPAN("PUT"), { longest, 255 }, true },
		{ SPAN("PUT"), { longer, 256 }, false },
		{ SPAN("*"), SPAN("/x"), false },
		{ SPAN("put"), SPAN("/x"), false },
		{ SPAN("P_T"), SPAN("/x"), false },
		{ SPAN("WEBSOCKET"), SPAN("/x"), false },
		{ SPAN("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"), SPAN("/x"), false },
	};

	memset(longest, '/', 255);
	memset(longer, '/', 256);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct egress_report report = ASK("", "", "rules[0]");

		report.method = rows[i].method;
		report.target = rows[i].target;
		json_auto_t *got = remedy_of(&report);
		CHECK((got != NULL) == rows[i].wanted, "row %zu", i);
		CHECK(got == NULL || remedy_is_sound(got), "row %zu", i);
		report.status = 429;
		CHECK(remedy_of(&report) == NULL, "row %zu: a quota is no matter of rules", i);
	}
}

/* What lies in the file may have been changed. */
static void test_soundness(void)
{
	static const struct {
		const char *text;
		bool sound;
	} rows[] = {
		{ "{\"rule\":{\"host\":\"a.test:80\",\"method\":\"PUT\",\"path\":\"/x\"}}", true },
		{ "{\"rule\":{\"host\":\"a.test\",\"method\":\"PUT\"}}", false },
		{ "{\"rule\":{\"host\":\"a.test\",\"path\":\"/x\"}}", false },
		{ "{\"rule\":{\"host\":\"a.test\"}}", false },
		{ "{\"rule\":{\"host\":\"a.test\",\"method\":\"*\",\"path\":\"/x\"}}", false },
		{ "{\"rule\":{\"host\":\"a.test\",\"method\":\"PUT\",\"path\":\"/**\"}}", false },
		{ "{\"rule\":{\"host\":\"*\",\"method\":\"PUT\",\"path\":\"/x\"}}", false },
		{ "{\"allow_host\":\"*\"}", false },
		{ "{\"allow_host\":\"*.test\"}", false },
		{ "{\"allow_private\":\"10.0.0.0/8\"}", false },
		{ "{\"allow_private\":\"10.0.0.1\"}", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *value = json_loads(rows[i].text, 0, NULL);

		CHECK(value != NULL && remedy_is_sound(value) == rows[i].sound, "row %zu", i);
	}
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
		  "{\"rule\":{\"host\":\"a.test:80\",\"method\":\"PUT\",\"path\":\"/x\"}}" },
		{ ASK("get", "*", "rules[3]"), NULL },
		{ ASK("TRACE", "/", "rules[3]"), NULL },
		{ ASK("GET", "/ws", "rules[3]"),
		  "{\"rule\":{\"host\":\"a.test:80\",\"method\":\"WEBSOCKET\",\"path\":\"/ws\"}}" },
		{ ASK("GET", "/", ""), NULL },
		{ ASK("PUT", "/x", "rules[3]"),
		  "{\"rule\":{\"host\":\"a.test:443\",\"method\":\"PUT\",\"path\":\"/x\"}}" },
		{ ASK("PUT", "/x", "rules[3]"),
		  "{\"rule\":{\"host\":\"[2606:4700::1]:80\",\"method\":\"PUT\",\"path\":\"/"
		  "x\"}}" },
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
	rows[14].report.port = 443;
	rows[14].report.https = true;
	rows[15].report.host = "2606:4700::1";
	rows[15].report.is_address = true;
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
	test_no_wider();
	test_soundness();
	test_remedies();
	return test_failures > 0;
}
