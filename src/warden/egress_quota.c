// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a token bucket, kept as the one time at which it is full again (the "virtual
 * scheduling" of ITU-T I.371 appendix II.1): each start moves it on by its share of a minute, and may not
 * move it further than a minute from now.
 */
#include "warden/egress_quota.h"

#include <assert.h>
#include <errno.h>

#define NS_PER_S      INT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_S)

int egress_quota_take(struct egress_quota *quota, unsigned *ret_retry_s, uint32_t per_minute,
		      uint32_t at_once, int64_t now_ns)
{
	int64_t full_ns = quota->spent_ns > now_ns ? quota->spent_ns : now_ns;

	if (at_once != 0 && quota->under_way >= at_once) {
		*ret_retry_s = EGRESS_QUOTA_RETRY_S;
		return -EBUSY;
	}
	if (per_minute != 0) {
		int64_t share_ns = NS_PER_MINUTE / per_minute;
		int64_t early_ns = full_ns - now_ns - (NS_PER_MINUTE - share_ns);

		/* an empty bucket takes one, however many there may be */
		if (early_ns > 0) {
			*ret_retry_s = (unsigned)((early_ns + NS_PER_S - 1) / NS_PER_S);
			return -EAGAIN;
		}
		quota->spent_ns = full_ns + share_ns;
	}
	quota->under_way++;
	return 0;
}

void egress_quota_give(struct egress_quota *quota)
{
	assert(quota->under_way > 0);
	quota->under_way--;
}
