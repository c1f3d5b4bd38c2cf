// SPDX-License-Identifier: Apache-2.0
#include "base/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int confine_take(const char **ret_step, const struct confine_step *steps, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (steps[i].take() < 0) {
			*ret_step = steps[i].name;
			return -errno;
		}
	return 0;
}

int confine_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int confine_not_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int confine_drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return (int)syscall(SYS_capset, &header, none);
}

int confine_limits(const struct confine_limit *limits, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct rlimit both = { limits[i].most, limits[i].most };

		if (setrlimit((__rlimit_resource_t)limits[i].resource, &both) < 0)
			return -1;
	}
	return 0;
}

int confine_filter(const struct sock_filter *rows, size_t len)
{
	/* the kernel only reads it, but struct sock_fprog lacks the const */
	const struct sock_fprog program = { (unsigned short)len,
					    (struct sock_filter *)(uintptr_t)rows };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
