// SPDX-License-Identifier: Apache-2.0
#include "base/fd_limit.h"

/* The soft limit before we raised it; 0: we did not. A process has but one. */
static rlim_t given;

static rlim_t soft(void)
{
	struct rlimit limit = { 0 };

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

void fd_limit_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	const struct rlimit more = { limit.rlim_max, limit.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &more) == 0 && given == 0)
		given = limit.rlim_cur;
}

rlim_t fd_limit_given(void)
{
	return given != 0 ? given : soft();
}

void fd_limit_restore(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (given != 0 && given < limit.rlim_cur)
		limit.rlim_cur = given;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
