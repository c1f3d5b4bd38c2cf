/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_quota - how many may be under way at once, and begin in a minute.
 *
 * A minute's worth may begin at once; from then on one each time that its share of a minute has passed. So
 * no minute sees more than twice as many.
 */
#ifndef WARDEN_EGRESS_QUOTA_H
#define WARDEN_EGRESS_QUOTA_H

#include "base/base.h"

enum { EGRESS_QUOTA_RETRY_S = 1 }; /* when one will be over, nobody knows */

struct egress_quota {
	uint32_t under_way;
	int64_t spent_ns; /* when all that began would have begun, had it kept its time */
};

/* egress_quota_take() - one begins at @now_ns, of any clock that does not go back, if neither @per_minute nor
 * @at_once (0: any) forbid it. Return: 0; -EBUSY: too many at once; -EAGAIN: too many a minute;
 * *@ret_retry_s is when to come again. */
MUST_USE int egress_quota_take(struct egress_quota *quota, unsigned *ret_retry_s,
			       uint32_t per_minute, uint32_t at_once, int64_t now_ns);

/* egress_quota_give() - one is over */
void egress_quota_give(struct egress_quota *quota);

#endif
