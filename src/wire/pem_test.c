// SPDX-License-Identifier: Apache-2.0
#include "wire/pem.h"

#include <errno.h>

#include "base/test.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"

enum { LIMIT = 6, TEXTS = 3 };

static const struct {
	const char *text;
	const char *want[TEXTS]; /* contents, up to the first NULL */
	int end;                 /* what comes after them */
} rows[] = {
	{ "", { NULL }, -ENOENT },
	{ BEGIN "YWJj\n" END, { "abc" }, -ENOENT },
	{ BEGIN "YWJj\nZA==\n" END, { "abcd" }, -ENOENT },
	{ BEGIN "YWJj\n-----END CERTIFICATE-----", { "abc" }, -ENOENT },
	{ "-----BEGIN CERTIFICATE-----\r\nYWJj\r\n-----END CERTIFICATE-----\r\n",
	  { "abc" },
	  -ENOENT },
	{ "# a root\n" BEGIN "YQ==\n" END "\nanother\n" BEGIN "Yg==\n" END "x",
	  { "a", "b" },
	  -ENOENT },
	/* what is no certificate is skipped, and so is one with OpenSSL's additions */
	{ "-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----\n" BEGIN "Yg==\n" END,
	  { "b" },
	  -ENOENT },
	{ "-----BEGIN TRUSTED CERTIFICATE-----\nYQ==\n", { NULL }, -ENOENT },
	{ "x " BEGIN "YQ==\n" END, { NULL }, -ENOENT },
	/* the longest, and one octet more */
	{ BEGIN "YWJjZGVm\n" END, { "abcdef" }, -ENOENT },
	{ BEGIN "YWJjZGVmZw==\n" END, { NULL }, -ENOBUFS },
	/* malformed */
	{ BEGIN END, { NULL }, -EINVAL },
	{ BEGIN "YQ==\n", { NULL }, -EINVAL },
	{ BEGIN, { NULL }, -EINVAL },
	{ BEGIN "Y\n" END, { NULL }, -EINVAL },
	{ BEGIN "YW Jj\n" END, { NULL }, -EINVAL },
	{ BEGIN "YQ==\n" BEGIN "YQ==\n" END, { NULL }, -ENOBUFS },
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct span rest = span_of(rows[i].text);
		size_t count = 0;
		int r = 0;

		for (;; count++) {
			CLEANUP_BUF struct buf der = BUF(LIMIT);

			r = pem_next(&der, &rest);
			if (r < 0)
				break;
			CHECK(count < TEXTS && rows[i].want[count] != NULL &&
				  span_is(buf_span(&der), rows[i].want[count]),
			      "row %zu: %.*s", i, (int)buf_len(&der), buf_span(&der).ptr);
		}
		CHECK(r == rows[i].end, "row %zu: %d", i, r);
		CHECK(count == TEXTS || rows[i].want[count] == NULL, "row %zu: %zu", i, count);
	}
	return test_failures > 0;
}
