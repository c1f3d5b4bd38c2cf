// SPDX-License-Identifier: Apache-2.0
#include "learn/hosts.h"

#include "base/test.h"

static void check_domains(void)
{
	static const struct {
		const char *host, *want; /* "": nobody's */
	} rows[] = {
		{ "example.com", "example.com" },
		{ "a.b.example.com", "example.com" },
		{ "a.example.co.uk", "example.co.uk" },
		{ "co.uk", "" },
		{ "com", "" },
		{ "localhost", "" },
		{ "a.b.internal", "b.internal" },
		{ "a.dyndns.org", "a.dyndns.org" }, /* the private part of the list */
		{ "x.a.dyndns.org", "a.dyndns.org" },
		{ "dyndns.org", "" },
		{ "github.io", "" },
		{ "x.a.github.io", "" },
		{ "a.azurewebsites.net", "" },
		{ "a.cloudfront.net", "" },
		{ "a.blogspot.com", "" },
		{ "x.vercel.app", "" },
		{ "bucket.s3.amazonaws.com", "" },
		{ "sqs.amazonaws.com", "" }, /* ours: no suffix there, but everybody's */
		{ "storage.googleapis.com", "" },
		{ "a.substack.com", "" },
		{ "a.slack.com", "" },
		{ "10-0-0-1.nip.io", "" },
		{ "a.openai.azure.com", "" },
		{ "o1.ingest.sentry.io", "" },
		{ "a.github.dev", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct span domain = hosts_domain(span_of(rows[i].host));

		CHECK(span_is(domain, rows[i].want), "%s: %.*s", rows[i].host, (int)domain.len,
		      domain.len > 0 ? domain.ptr : "");
	}
}

static void check_common(void)
{
	static const struct {
		const char *one, *other, *want;
	} rows[] = {
		{ "a.x.com", "b.x.com", "x.com" },       { "aa.x.com", "ba.x.com", "x.com" },
		{ "x.com", "x.com", "x.com" },           { "x.com", "a.x.com", "x.com" },
		{ "a.x.com", "x.com", "x.com" },         { "ax.com", "x.com", "com" },
		{ "a.k.x.com", "b.k.x.com", "k.x.com" }, { "a.org", "a.com", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct span common =
		    hosts_common(span_of(rows[i].one), span_of(rows[i].other));

		CHECK(span_is(common, rows[i].want), "%s %s: %.*s", rows[i].one, rows[i].other,
		      (int)common.len, common.ptr);
	}
}

int main(void)
{
	check_domains();
	check_common();
	CHECK(hosts_is_below(SPAN("a.x.com"), SPAN("x.com")), "below");
	CHECK(!hosts_is_below(SPAN("x.com"), SPAN("x.com")), "itself");
	CHECK(!hosts_is_below(SPAN("ax.com"), SPAN("x.com")), "another");
	CHECK(!hosts_is_below(SPAN("a.x.com"), SPAN("")), "nothing");
	return test_failures > 0;
}
