// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the place where the gateway stands, behind the filter of calls: namespaces of its
 * own, in which it owns nothing; as root a file system without a file, which nobody can write to; and
 * Landlock without a rule. Each would hold alone what the filter should have held.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/landlock.h"
#include "gateway/confine_priv.h"

int place_namespaces(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
}

/* open_nowhere() - a file system of our own. Return: a descriptor of its root; -1 with errno */
static int open_nowhere(void)
{
	CLEANUP_FD int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", "4096", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			   MOUNT_ATTR_NOEXEC);
}

int place_root(void)
{
	CLEANUP_FD int root = open_nowhere();

	return root < 0 || fchdir(root) < 0 || chroot(".") < 0 ? -1 : 0;
}

int place_landlock(void)
{
	int abi = 0, r = landlock_enforce(&abi, NULL, 0);

	/* a kernel without it has the other walls, and the sandbox was waived this one, or refused */
	if (r == 0 || r == -ENOSYS || r == -EOPNOTSUPP)
		return 0;
	errno = -r;
	return -1;
}
