// SPDX-License-Identifier: Apache-2.0
#include "audit/redact.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

static void test_urls(void)
{
	static const struct {
		const char *url, *want;
		size_t used;
	} rows[] = {
		{ "https://a.test/x?y=1", "https://a.test/x?y=1", 0 },
		{ "https://a.test/x?token=1", "https://a.test/x?token=[redacted]", 1 },
		{ "https://a.test/x?y=1&TOKEN=a=b&z", "https://a.test/x?y=1&TOKEN=[redacted]&z",
		  1 },
		{ "https://a.test/x?%74oken=1;key=2",
		  "https://a.test/x?%74oken=[redacted];key=[redacted]", 2 },
		{ "https://a.test/x#access_token=1&b=2",
		  "https://a.test/x#access_token=[redacted]&b=2", 1 },
		{ "https://me:pass@a.test/@x", "https://[redacted]@a.test/@x", 1 },
		{ "https://me:p@ss@a.test?key=1&key=2",
		  "https://[redacted]@a.test?key=[redacted]&key=[redacted]", 2 },
		{ "/x?token", "/x?token", 0 },
		{ "/x?token=", "/x?token=[redacted]", 1 },
		{ "?token=1", "?token=[redacted]", 1 },
		{ "/x?a=1?token=2", "/x?a=1?token=[redacted]", 1 },
		{ "/cb?token=S&next=https://x/", "/cb?token=[redacted]&next=https://x/", 1 },
		{ "/cb?code=S&u=http://me:pw@h/", "/cb?code=[redacted]&u=http://me:pw@h/", 1 },
		{ "//me:pw@h/", "//[redacted]@h/", 1 },
		{ "//me:pw@h?token=1", "//[redacted]@h?token=[redacted]", 2 },
		{ "?token=S&next=https://x/", "?token=[redacted]&next=https://x/", 1 },
		{ "/a#token=S://me@h", "/a#token=[redacted]", 1 },
		{ "a:b://me:pw@h/", "a:b://[redacted]@h/", 1 },
		{ "me@h", "me@h", 0 },
		{ "//", "//", 0 },
		{ "/", "/", 0 },
		{ "x:", "x:", 0 },
		{ "", "", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf got = BUF(4096);
		struct audit_list used = { 0 };

		CHECK(audit_redact_url(&got, &used, span_of(rows[i].url), audit_redact_default,
				       audit_redact_default_len) == 0,
		      "%s", rows[i].url);
		CHECK(span_is(buf_span(&got), rows[i].want), "%s: %.*s", rows[i].url,
		      (int)buf_len(&got), got.ptr);
		CHECK(used.len == rows[i].used, "%s: %zu", rows[i].url, used.len);
	}
}

static void test_headers(void)
{
	CHECK(audit_redact_header(audit_redact_default, audit_redact_default_len,
				  SPAN("Authorization")) != NULL,
	      "case");
	CHECK(audit_redact_header(audit_redact_default, audit_redact_default_len, SPAN("Accept")) ==
		  NULL,
	      "accept");
	CHECK(audit_redact_header(audit_redact_default, audit_redact_default_len, SPAN("token")) ==
		  NULL,
	      "a key");
}

static void test_json(void)
{
	static const struct {
		const char *rule, *body, *want;
	} rows[] = {
		{ "json:/a", "{\"a\":1,\"b\":2}", "{\"a\":\"[redacted]\",\"b\":2}" },
		{ "json:/a/1/b", "{\"a\":[0,{\"b\":{}}]}", "{\"a\":[0,{\"b\":\"[redacted]\"}]}" },
		{ "json:/a~1b", "{\"a/b\":1}", "{\"a/b\":\"[redacted]\"}" },
		{ "json:/a~01", "{\"a~1\":1}", "{\"a~1\":\"[redacted]\"}" },
		{ "json:/a/b", "{\"a\":1}", "{\"a\":1}" },
		{ "json:/a/01", "{\"a\":[0,1]}", "{\"a\":[0,1]}" },
		{ "json:/a/9", "{\"a\":[0,1]}", "{\"a\":[0,1]}" },
		{ "json:/0", "[1]", "[\"[redacted]\"]" },
		{ "json:/", "{\"\":1}", "{\"\":\"[redacted]\"}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct audit_redact rule;
		struct audit_list used = { 0 };
		struct diag diag;
		json_t *body = json_loads(rows[i].body, 0, NULL);

		CHECK(audit_redact_parse(&rule, span_of(rows[i].rule), &diag) == 0, "%s",
		      rows[i].rule);
		CHECK(audit_redact_json(body, &used, &rule, 1) == 0, "%s", rows[i].rule);
		char *got = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
		CHECK(strcmp(got, rows[i].want) == 0, "%s: %s", rows[i].rule, got);
		CHECK(used.len == (strstr(rows[i].want, "redacted") != NULL), "%s", rows[i].rule);
		free(got);
		json_decref(body);
	}
}

static void test_rules(void)
{
	static const char *const bad[] = {
		"", "header", "header:", "json:a", "cookie:x", "query:"
	};
	struct audit_redact rule;
	struct diag diag;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(audit_redact_parse(&rule, span_of(bad[i]), &diag) == -EINVAL, "%s", bad[i]);
}

int main(void)
{
	test_urls();
	test_headers();
	test_json();
	test_rules();
	return test_failures > 0;
}
