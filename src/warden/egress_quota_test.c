// SPDX-License-Identifier: Apache-2.0
#include "warden/egress_quota.h"

#include <errno.h>

#include "base/test.h"

#define S INT64_C(1000000000)

/* take_all() - until it is refused. Return: how many; @ret_retry_s: as it said */
static unsigned take_all(struct egress_quota *quota, unsigned *ret_retry_s, uint32_t per_minute,
			 int64_t now_ns)
{
	unsigned count = 0;

	while (count < 2000000 && egress_quota_take(quota, ret_retry_s, per_minute, 0, now_ns) == 0)
		count++;
	return count;
}

static void test_minutes(void)
{
	static const struct {
		uint32_t per_minute;
		int64_t at_ns; /* of the second turn, after the first took all */
		unsigned second, retry_s;
	} rows[] = {
		{ 1, 0, 0, 60 },          { 1, 59 * S, 0, 1 },
		{ 1, 60 * S - 1, 0, 1 },  { 1, 60 * S, 1, 60 },
		{ 1, 900 * S, 1, 60 },    { 2, 0, 0, 30 },
		{ 2, 29 * S, 0, 1 },      { 2, 30 * S, 1, 30 },
		{ 60, 0, 0, 1 },          { 60, 10 * S, 10, 1 },
		{ 60, 60 * S, 60, 1 },    { 60, 7200 * S, 60, 1 },
		{ 7, 60 * S, 7, 9 },      { 1000000, 0, 0, 1 },
		{ 1000000, S, 16666, 1 }, { 1000000, 60 * S, 1000000, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct egress_quota quota = { 0 };
		const int64_t start_ns = 12345678901;
		unsigned retry_s = 0;
		unsigned count = take_all(&quota, &retry_s, rows[i].per_minute, start_ns);

		CHECK(count == rows[i].per_minute, "row %zu: %u at once", i, count);
		count = take_all(&quota, &retry_s, rows[i].per_minute, start_ns + rows[i].at_ns);
		CHECK(count == rows[i].second, "row %zu: %u then", i, count);
		CHECK(retry_s == rows[i].retry_s, "row %zu: retry after %u", i, retry_s);
		/* who comes when he was told to, is let in */
		CHECK(egress_quota_take(&quota, &retry_s, rows[i].per_minute, 0,
					start_ns + rows[i].at_ns + retry_s * S) == 0,
		      "row %zu: was told %u", i, retry_s);
	}
}

/* Whoever is refused for being one too many at once has not spent anything. */
static void test_at_once(void)
{
	struct egress_quota quota = { 0 };
	unsigned retry_s = 0;

	CHECK(egress_quota_take(&quota, &retry_s, 3, 2, S) == 0, "1");
	CHECK(egress_quota_take(&quota, &retry_s, 3, 2, S) == 0, "2");
	for (int i = 0; i < 9; i++)
		CHECK(egress_quota_take(&quota, &retry_s, 3, 2, S) == -EBUSY && retry_s == 1, "3");
	egress_quota_give(&quota);
	CHECK(egress_quota_take(&quota, &retry_s, 3, 2, S) == 0, "4");
	egress_quota_give(&quota);
	CHECK(egress_quota_take(&quota, &retry_s, 3, 2, S) == -EAGAIN && retry_s == 20, "5: %u",
	      retry_s);
	egress_quota_give(&quota);
	CHECK(quota.under_way == 0, "%u", quota.under_way);
	for (int i = 0; i < 100; i++)
		CHECK(egress_quota_take(&quota, &retry_s, 0, 0, S) == 0, "any");
}

int main(void)
{
	test_minutes();
	test_at_once();
	return test_failures > 0;
}
