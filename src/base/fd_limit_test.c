// SPDX-License-Identifier: Apache-2.0
#include "base/fd_limit.h"

#include "base/test.h"

static struct rlimit now(void)
{
	struct rlimit limit = { 0 };

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0, "limit");
	return limit;
}

int main(void)
{
	const struct rlimit few = { 100, 300 };

	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0, "limit");
	CHECK(fd_limit_given() == 100, "%lu", (unsigned long)fd_limit_given());
	fd_limit_restore();
	CHECK(now().rlim_cur == 100, "%lu", (unsigned long)now().rlim_cur);
	for (int i = 0; i < 2; i++) { /* what it was is remembered, not what we made of it */
		fd_limit_raise();
		CHECK(now().rlim_cur == 300, "%lu", (unsigned long)now().rlim_cur);
		CHECK(now().rlim_max == 300, "%lu", (unsigned long)now().rlim_max);
		CHECK(fd_limit_given() == 100, "%lu", (unsigned long)fd_limit_given());
	}
	fd_limit_restore();
	CHECK(now().rlim_cur == 100, "%lu", (unsigned long)now().rlim_cur);
	CHECK(now().rlim_max == 300, "%lu", (unsigned long)now().rlim_max);

	const struct rlimit fewer = { 50, 50 }; /* what was lowered meanwhile stays low */
	CHECK(setrlimit(RLIMIT_NOFILE, &fewer) == 0, "limit");
	fd_limit_raise();
	fd_limit_restore();
	CHECK(now().rlim_cur == 50, "%lu", (unsigned long)now().rlim_cur);
	return test_failures > 0;
}
