// SPDX-License-Identifier: Apache-2.0
#include "learn/grants.h"

#include <stdlib.h>

#include "learn/learn_test_priv.h"
#include "learn/suggest.h"

enum { CALLS_MAX = 6 };

/* What was allowed, or with "!" denied, as "GET host path" or "host:port" or "host", and the table that is made of it. */
static const struct {
	const char *name;
	const char *calls[CALLS_MAX];
	const char *grants; /* a line each, without its rule and entries */
} rows[] = {
	{ "a name", { "a.x.com" }, "look up a.x.com\n" },
	{ "a flow takes its name",
	  { "a.x.com:22" },
	  "look up a.x.com\nconnect (no request read) to a.x.com:22\n" },
	{ "an address has none", { "192.0.2.1:443" }, "connect to 192.0.2.1:443\n" },
	{ "a request takes a flow",
	  { "GET a.x.com /" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/\n" },
	{ "two hosts", { "a.x.com", "b.x.com" }, "look up a.x.com\nlook up b.x.com\n" },
	{ "three hosts", { "a.x.com", "b.x.com", "c.x.com" }, "look up *.x.com\n" },
	{ "three hosts and their owner's",
	  { "a.x.com", "b.x.com", "c.x.com", "x.com" },
	  "look up x.com\nlook up *.x.com\n" },
	{ "two hosts and their owner's",
	  { "a.x.com", "b.x.com", "x.com" },
	  "look up a.x.com\nlook up b.x.com\nlook up x.com\n" },
	{ "the labels in common",
	  { "a.k.x.com", "b.k.x.com", "c.k.x.com" },
	  "look up *.k.x.com\n" },
	{ "the labels in common are a host",
	  { "k.x.com", "b.k.x.com", "c.k.x.com" },
	  "look up b.k.x.com\nlook up c.k.x.com\nlook up k.x.com\n" },
	{ "a public suffix",
	  { "a.co.uk", "b.co.uk", "c.co.uk" },
	  "look up a.co.uk\nlook up b.co.uk\nlook up c.co.uk\n" },
	{ "a private suffix",
	  { "a.github.io", "b.github.io", "c.github.io" },
	  "look up a.github.io\nlook up b.github.io\nlook up c.github.io\n" },
	{ "everybody's",
	  { "a.slack.com", "b.slack.com", "c.slack.com" },
	  "look up a.slack.com\nlook up b.slack.com\nlook up c.slack.com\n" },
	{ "three ports of three hosts",
	  { "a.x.com:1", "b.x.com:2", "c.x.com:3" },
	  "look up *.x.com\nconnect (no request read) to a.x.com:1\n"
	  "connect (no request read) to b.x.com:2\nconnect (no request read) to c.x.com:3\n" },
	{ "a path of one host stays its own",
	  { "GET a.x.com /", "GET b.x.com /", "GET c.x.com /", "GET c.x.com /own" },
	  "look up *.x.com\nconnect to *.x.com:443\nGET https://c.x.com:443/own\n"
	  "GET https://*.x.com:443/\n" },
	{ "methods stay apart",
	  { "GET a.x.com /", "GET b.x.com /", "PUT c.x.com /" },
	  "look up *.x.com\nconnect to *.x.com:443\nGET https://a.x.com:443/\n"
	  "GET https://b.x.com:443/\nPUT https://c.x.com:443/\n" },
	{ "a number once",
	  { "GET a.x.com /users/1" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/users/1\n" },
	{ "a number twice",
	  { "GET a.x.com /users/1", "GET a.x.com /users/2" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/users/{number}\n" },
	{ "the same number twice",
	  { "GET a.x.com /users/1", "GET a.x.com /users/1" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/users/1\n" },
	{ "a number a host",
	  { "GET a.x.com /1", "GET b.x.com /2", "GET c.x.com /3" },
	  "look up *.x.com\nconnect to *.x.com:443\nGET https://*.x.com:443/{number}\n" },
	{ "another number was denied",
	  { "GET a.x.com /users/1", "!GET a.x.com /users/2" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/users/1\n" },
	{ "a number was denied of those that vary",
	  { "!GET a.x.com /users/3", "GET a.x.com /users/1", "GET a.x.com /users/2" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/users/1\n"
	  "GET https://a.x.com:443/users/2\n" },
	{ "the number itself was denied once",
	  { "!GET a.x.com /users/1", "GET a.x.com /users/1", "GET a.x.com /users/2" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/users/1\n"
	  "GET https://a.x.com:443/users/2\n" },
	{ "another UUID was denied",
	  { "GET a.x.com /123e4567-e89b-12d3-a456-426614174000",
	    "!GET a.x.com /223e4567-e89b-12d3-a456-426614174000" },
	  "look up a.x.com\nconnect to a.x.com:443\n"
	  "GET https://a.x.com:443/123e4567-e89b-12d3-a456-426614174000\n" },
	{ "another method was denied, or another host",
	  { "GET a.x.com /1", "GET a.x.com /2", "!PUT a.x.com /3", "!GET b.x.com /3" },
	  "look up a.x.com\nconnect to a.x.com:443\nGET https://a.x.com:443/{number}\n" },
	{ "a name below was denied",
	  { "a.x.com", "b.x.com", "c.x.com", "!d.x.com" },
	  "look up a.x.com\nlook up b.x.com\nlook up c.x.com\n" },
	{ "one of the names was denied once",
	  { "a.x.com", "b.x.com", "c.x.com", "!c.x.com" },
	  "look up a.x.com\nlook up b.x.com\nlook up c.x.com\n" },
	{ "a name beside was denied",
	  { "a.k.x.com", "b.k.x.com", "c.k.x.com", "!d.x.com", "!k.x.com" },
	  "look up *.k.x.com\n" },
	{ "a path below was denied",
	  { "GET a.x.com /1", "GET b.x.com /2", "GET c.x.com /3", "!GET d.x.com /4" },
	  "look up *.x.com\nconnect to *.x.com:443\nGET https://a.x.com:443/1\n"
	  "GET https://b.x.com:443/2\nGET https://c.x.com:443/3\n" },
	{ "another path below was denied",
	  { "GET a.x.com /1", "GET b.x.com /2", "GET c.x.com /3", "!GET d.x.com /x" },
	  "look up *.x.com\nconnect to *.x.com:443\nGET https://*.x.com:443/{number}\n" },
};

static void add(struct learn *model, const char *call)
{
	char method[8], host[64], path[96], port[8];
	const enum audit_decision decision = call[0] == '!' ? AUDIT_DENY : AUDIT_ALLOW;

	call += decision == AUDIT_DENY;

	if (sscanf(call, "%7s %63s %95s", method, host, path) == 3)
		learn(model, request_of(decision, host, method, path));
	else if (sscanf(call, "%63[^:]:%7s", host, port) == 2)
		learn(model,
		      entry_of(decision, "net.connect", host, (unsigned)strtoul(port, NULL, 10)));
	else
		learn(model, entry_of(decision, "dns.query", call, 0));
}

/* shorten() - of each line what stands between the count and two blanks */
static void shorten(struct buf *ret, struct span table)
{
	enum { HEAD = 16 + 1 + 8 + 2 };

	while (table.ptr != NULL && table.len > 0) {
		struct span line = span_drop(span_cut(&table, '\n'), HEAD);
		const char *end = memmem(line.ptr, line.len, "  ", 2);

		line.len = (size_t)(end - line.ptr);
		CHECK(buf_append(ret, line) == 0 && buf_append(ret, SPAN("\n")) == 0, "memory");
	}
}

static void check_row(size_t i)
{
	struct learn model = { 0 };
	struct grants grants = { 0 };
	struct text policy = TEXT, table = TEXT;
	CLEANUP_BUF struct buf got = BUF(4096);

	for (size_t k = 0; k < CALLS_MAX && rows[i].calls[k] != NULL; k++)
		add(&model, rows[i].calls[k]);
	learn(&model, request_of(AUDIT_DENY, "denied.y.com", "GET", "/"));
	CHECK(grants_make(&grants, &model, true) == 0, "%s", rows[i].name);
	CHECK(suggest_policy(&policy, &grants, "x") == 0, "%s", rows[i].name);
	CHECK(suggest_table(&table, &grants) == 0, "%s", rows[i].name);
	shorten(&got, buf_span(&table.buf));
	CHECK(span_is(buf_span(&got), rows[i].grants), "%s:\n%.*s", rows[i].name,
	      (int)buf_len(&got), got.ptr);
	grants_free(&grants);
	text_free(&policy);
	text_free(&table);
	learn_free(&model);
}

/* More paths than are kept, and one that was denied: those that are kept, and a word about the others. */
static void check_more(void)
{
	static const char *const calls[] = { "GET a.x.com /1", "GET a.x.com /2",  "GET a.x.com /3",
					     "GET a.x.com /4", "!GET a.x.com /5", "a.x.com:9" };
	struct learn model = { 0 };
	struct grants grants = { 0 };
	struct text policy = TEXT;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		add(&model, calls[i]);
	CHECK(grants_make(&grants, &model, true) == 0, "grants");
	CHECK(suggest_policy(&policy, &grants, "x") == 0, "policy");
	CHECK(buf_append(&policy.buf, (struct span){ "", 1 }) == 0, "memory");
	CHECK(strstr(policy.buf.ptr, "others were allowed, and are not granted") != NULL, "%s",
	      policy.buf.ptr);
	CHECK(strstr(policy.buf.ptr, "\t\t\"/3\",") != NULL &&
		  strstr(policy.buf.ptr, "\t\t\"/4\",") == NULL &&
		  strstr(policy.buf.ptr, "[0-9]") == NULL,
	      "%s", policy.buf.ptr);
	CHECK(strstr(policy.buf.ptr, "\n\t# \"unread flows 2\": {\"raw\": true},\n") != NULL, "%s",
	      policy.buf.ptr);
	grants_free(&grants);
	text_free(&policy);
	learn_free(&model);
}

/* A request that was read and refused: so it is HTTP. */
static void check_refused(void)
{
	struct learn model = { 0 };
	struct grants grants = { 0 };
	struct audit_entry refused = request_of(AUDIT_DENY, "a.x.com", "GET", "/");

	refused.resource.port = AUDIT_NUMBER(8443);
	add(&model, "a.x.com:8443");
	add(&model, "b.x.com:8443");
	learn(&model, refused);
	CHECK(grants_make(&grants, &model, true) == 0 && grants.len == 4, "%zu", grants.len);
	for (size_t i = 0; i < grants.len; i++)
		CHECK(grants.all[i].unread == (grants.all[i].call.port == 8443 &&
					       span_is(grants.all[i].call.host, "b.x.com")),
		      "%zu", i);
	grants_free(&grants);
	learn_free(&model);
}

/* What the tests take for never seen is that, whatever was in paths; and found at once. */
static void check_stranger(void)
{
	enum { PATHS = 20000 };
	struct learn model = { 0 };
	struct grants grants = { 0 };
	struct text tests = TEXT;
	char path[64];

	for (unsigned i = 0; i < PATHS; i++) {
		(void)snprintf(path, sizeof(path), "/never-seen%u-never-seen%u", i, i + PATHS);
		learn(&model, request_of(AUDIT_DENY, "a.x.com", "GET", path));
	}
	learn(&model, request_of(AUDIT_ALLOW, "a.x.com", "GET", "/never-seen400000"));
	learn(&model,
	      request_of(AUDIT_ALLOW, "a.x.com", "GET", "/never-seen99999999999999999999999"));
	CHECK(grants_make(&grants, &model, false) == 0, "grants");
	CHECK(suggest_tests(&tests, &grants) == 0, "tests");
	CHECK(buf_append(&tests.buf, (struct span){ "", 1 }) == 0, "memory");
	CHECK(strstr(tests.buf.ptr, "\"never-seen40001.test\"") != NULL, "%s", tests.buf.ptr);
	grants_free(&grants);
	text_free(&tests);
	learn_free(&model);
}

/* There was no room for a denial, of whatever: nothing is widened. */
static void check_lost(void)
{
	static const char *const calls[] = { "a.x.com", "b.x.com", "c.x.com", "GET a.x.com /1",
					     "GET a.x.com /2" };
	struct learn model = { 0 };
	struct grants grants = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		add(&model, calls[i]);
	model.lost = model.lost_denied = 1;
	CHECK(grants_make(&grants, &model, true) == 0 && grants.len == 6, "%zu", grants.len);
	for (size_t i = 0; i < grants.len; i++)
		CHECK(!grants.all[i].open && !grants.all[i].below, "%zu", i);
	grants_free(&grants);
	learn_free(&model);
}

/* Unless they are wanted there are no wildcards; the hosts say that there could be. */
static void check_listed(void)
{
	static const char *const calls[] = { "a.x.com", "b.x.com", "c.x.com", "x.com" };
	struct learn model = { 0 };
	struct grants grants = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		add(&model, calls[i]);
	CHECK(grants_make(&grants, &model, false) == 0 && grants.len == 4, "%zu", grants.len);
	for (size_t i = 0; i < grants.len; i++)
		CHECK(!grants.all[i].below && (i == 3 ? grants.all[i].could.ptr == NULL
						      : span_is(grants.all[i].could, "x.com")),
		      "%zu", i);
	grants_free(&grants);
	learn_free(&model);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(i);
	check_more();
	check_refused();
	check_stranger();
	check_lost();
	check_listed();
	return test_failures > 0;
}
