// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the filter is a constant that tools/gen-seccomp made, so installing it is
 * one call. Most of that call's time the kernel spends in running the filter for every call number
 * to learn which are always allowed (seccomp_cache_prepare() in kernel/seccomp.c); those then cost
 * nothing for ever. That is why the filter searches a tree of ranges, and why rows which look at
 * arguments are few.
 *
 * No SECCOMP_FILTER_FLAG_LOG: a refusal is an answer here, and a hostile program must not fill the
 * host's kernel log. No SPEC_ALLOW: where the kernel ties mitigations to seccomp, we want them.
 */
#include "jail/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The checks fail to compile where the numbers are not ours: on any other architecture. */
#if defined(__aarch64__)
#include "jail/seccomp_checks_aarch64.h"
#include "jail/seccomp_filter_aarch64.h"
#define FILTER filter_aarch64
#else
#include "jail/seccomp_checks_x86_64.h"
#include "jail/seccomp_filter_x86_64.h"
#define FILTER filter_x86_64
#endif

/* struct sock_fprog of linux/filter.h, but for the const: the kernel only reads the filter */
struct program {
	unsigned short len; /* instructions */
	const struct sock_filter *filter;
};

_Static_assert(sizeof(struct program) == sizeof(struct sock_fprog), "struct sock_fprog");

int seccomp_install(void)
{
	const struct program program = { ARRAY_SIZE(FILTER), FILTER };

	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}
