/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine - steps by which a process of ours gives up what it needs not, for good. Each returns 0, or -1
 * with errno, upon which the process must end, as it is confined in part.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <linux/filter.h>
#include <sys/resource.h>

#include "base/base.h"

struct confine_step {
	const char *name;
	int (*take)(void);
};

struct confine_limit {
	int resource; /* RLIMIT_* */
	rlim_t most;
};

/* confine_take() - one after the other. @ret_step: the one that failed. Return: 0 or -errno. */
MUST_USE int confine_take(const char **ret_step, const struct confine_step *steps, size_t len);

MUST_USE int confine_no_new_privileges(void);
MUST_USE int confine_not_dumpable(void);
MUST_USE int confine_drop_capabilities(void);

/* confine_limits() - soft and hard */
MUST_USE int confine_limits(const struct confine_limit *limits, size_t len);

/* confine_filter() - of system calls: the last step, as it forbids what the others need */
MUST_USE int confine_filter(const struct sock_filter *rows, size_t len);

#endif
