// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the order matters. Bounding set and secure bits need CAP_SETPCAP, so they
 * come before the sets that hold it. Which capabilities exist is asked of the kernel, number by
 * number, until it knows no more: there is no /proc to read here. What is done already is left
 * alone, so that a caller without power but with nothing to drop succeeds.
 */
#include "jail/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPS_MAX = 64 }; /* the sets have 64 bits: _LINUX_CAPABILITY_U32S_3 */

/* uid 0 is nobody special, changing uids changes nothing, nothing is kept or raised; all locked */
static const int wanted_bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			       SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			       SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

static int drop_bounding(void)
{
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		int error = errno, held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (held < 0 && errno == EINVAL)
			return 0; /* past the last one */
		if (held != 0)
			return -error;
	}
	return 0;
}

static int lock_securebits(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	if (bits < 0)
		return -errno;
	if (bits != wanted_bits && prctl(PR_SET_SECUREBITS, wanted_bits, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int caps_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	int r = drop_bounding();
	if (r == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = lock_securebits();
	if (syscall(__NR_capset, &header, none) < 0 && r == 0)
		r = -errno;
	return r;
}

int caps_have(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (cap < 0 || cap >= CAPS_MAX)
		return 0;
	if (syscall(__NR_capget, &header, sets) < 0)
		return -errno;
	return (int)(sets[cap / 32].effective >> (cap % 32) & 1);
}
