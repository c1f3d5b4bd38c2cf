// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: two identities. The set-up runs with power over the new namespaces: as the
 * host's root, or as "root" of a user namespace that maps only the caller. The program then runs one
 * user namespace deeper: all others (mounts, network, PIDs) belong to the outer one, in which it is
 * nobody, so even every capability of its own namespace would give it nothing over them. And the
 * inner one may hold no further user namespace (its max_user_namespaces is 0).
 *
 * Under root the program is a uid that owns nothing on the host (see jail.c); under an ordinary user
 * it is that user outside, and 1000 or 0 or what was asked for inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

static int put(int dir, const char *path, const char *text)
{
	CLEANUP_FD int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, span_of(text));
}

/* write_maps() - map one id of the parent namespace, our own, into the one we are in */
static int write_maps(struct builder *b, int proc, uid_t inside, uid_t uid, gid_t gid)
{
	char line[64];
	int r = put(proc, "self/setgroups", "deny");

	if (r < 0)
		return builder_step(b, r, "write setgroups");
	snprintf(line, sizeof(line), "%u %u 1\n", inside, uid);
	r = put(proc, "self/uid_map", line);
	if (r < 0)
		return builder_step(b, r, "write uid_map");
	snprintf(line, sizeof(line), "%u %u 1\n", inside, gid);
	r = put(proc, "self/gid_map", line);
	return r < 0 ? builder_step(b, r, "write gid_map") : 0;
}

int builder_map_caller(struct builder *b)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		return builder_step(b, -errno, "open /proc");
	return write_maps(b, proc, 0, b->caller_uid, b->caller_gid);
}

int builder_become_user(struct builder *b)
{
	if (b->privileged &&
	    (setgroups(0, NULL) < 0 || setresgid(b->host_uid, b->host_uid, b->host_uid) < 0 ||
	     setresuid(b->host_uid, b->host_uid, b->host_uid) < 0))
		return builder_step(b, -errno, "become uid %u", b->host_uid);
	/* a changed uid makes /proc/self root's; nothing else runs in this PID namespace yet */
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || unshare(CLONE_NEWUSER) < 0)
		return builder_step(b, -errno, "make the program's user namespace");
	int r = write_maps(b, b->proc, b->plan->user, b->scratch_uid, b->scratch_uid);
	if (r < 0)
		return r;
	r = put(b->proc, "sys/user/max_user_namespaces", "0");
	return r < 0 ? builder_step(b, r, "forbid nested user namespaces") : 0;
}
