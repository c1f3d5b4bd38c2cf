// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a row for each system call that is observed; what is told of it are arguments
 * by their number, from 1. Calls that open, change or rename something, reach for another process or
 * for more power; not those that read or write what is open, nor those that only look.
 */
#include <sys/syscall.h>

#include "observe/observe_priv.h"

/* clang-format off */
#define PATH(n)         .path = { (n) }
#define PATHS(a, b)     .path = { (a), (b) }
#define AT(d, n)        .dir = { (d) }, .path = { (n) }
#define ATS(c, a, d, b) .dir = { (c), (d) }, .path = { (a), (b) }
#define FD(n)           .fd = (n)
#define RAW(n)          .raw = (n)
#define VALUE(n)        .value = { (n) }
#define VALUES(a, b)    .value = { (a), (b) }
#define ROW(call, k, ...) { SYS_##call, { .kind = OBSERVE_##k, __VA_ARGS__ } },
static const struct {
	long number;
	struct event_rule rule;
} calls[] = {
	ROW(execve, EXEC, PATH(1), .flags = EVENT_ONLY_FAILED)
	ROW(execveat, EXEC, AT(1, 2), .flags = EVENT_ONLY_FAILED)
	ROW(openat, OPEN, AT(1, 2), VALUES(3, 4), .flags = EVENT_OPENS)
	ROW(openat2, OPEN, AT(1, 2), VALUE(3), .flags = EVENT_OPENS | EVENT_HOW)
	ROW(open_by_handle_at, OPEN, VALUE(3), .flags = EVENT_OPENS)
	ROW(connect, CONNECT, .address = 2)
	ROW(bind, BIND, .address = 2)
	ROW(unlinkat, UNLINK, AT(1, 2), VALUE(3))
	ROW(renameat2, RENAME, ATS(1, 2, 3, 4), VALUE(5))
	ROW(mkdirat, MKDIR, AT(1, 2), VALUE(3))
	ROW(linkat, LINK, ATS(1, 2, 3, 4), VALUE(5))
	ROW(symlinkat, SYMLINK, AT(2, 3), RAW(1))
	ROW(mknodat, MKNOD, AT(1, 2), VALUES(3, 4))
	ROW(fchmod, CHMOD, FD(1), VALUE(2))
	ROW(fchmodat, CHMOD, AT(1, 2), VALUE(3))
	ROW(fchown, CHOWN, FD(1), VALUES(2, 3))
	ROW(fchownat, CHOWN, AT(1, 2), VALUES(3, 4))
	ROW(truncate, TRUNCATE, PATH(1), VALUE(2))
	ROW(ftruncate, TRUNCATE, FD(1), VALUE(2))
	ROW(mount, MOUNT, PATH(2), RAW(1), VALUE(4))
	ROW(umount2, MOUNT, PATH(1), VALUE(2))
	ROW(pivot_root, MOUNT, PATHS(1, 2))
	ROW(chroot, MOUNT, PATH(1))
	ROW(fsopen, MOUNT, RAW(1))
	ROW(fsmount, MOUNT, VALUES(1, 3))
	ROW(fspick, MOUNT, AT(1, 2))
	ROW(open_tree, MOUNT, AT(1, 2), VALUE(3))
	ROW(move_mount, MOUNT, ATS(1, 2, 3, 4), VALUE(5))
	ROW(mount_setattr, MOUNT, AT(1, 2), VALUE(3))
	ROW(ptrace, PTRACE, VALUES(1, 2))
	ROW(process_vm_readv, PTRACE, VALUE(1))
	ROW(process_vm_writev, PTRACE, VALUE(1))
	ROW(pidfd_getfd, PTRACE, VALUES(1, 2))
	ROW(setuid, IDENTITY, VALUE(1))
	ROW(setgid, IDENTITY, VALUE(1))
	ROW(setfsuid, IDENTITY, VALUE(1))
	ROW(setfsgid, IDENTITY, VALUE(1))
	ROW(setreuid, IDENTITY, VALUES(1, 2))
	ROW(setregid, IDENTITY, VALUES(1, 2))
	ROW(setresuid, IDENTITY, VALUES(1, 2))
	ROW(setresgid, IDENTITY, VALUES(1, 2))
	ROW(setgroups, IDENTITY, VALUE(1))
	ROW(capset, IDENTITY, .flags = 0)
	ROW(init_module, MODULE, RAW(3))
	ROW(finit_module, MODULE, FD(1), RAW(2))
	ROW(delete_module, MODULE, RAW(1))
	ROW(kexec_load, MODULE, .flags = 0)
	ROW(bpf, BPF, VALUE(1))
	ROW(unshare, NAMESPACE, VALUE(1))
	ROW(setns, NAMESPACE, VALUES(1, 2))
/* not on each machine, or not in headers of each age */
#ifdef SYS_open
	ROW(open, OPEN, PATH(1), VALUES(2, 3), .flags = EVENT_OPENS)
#endif
#ifdef SYS_creat
	ROW(creat, OPEN, PATH(1), .flags = EVENT_OPENS)
#endif
#ifdef SYS_unlink
	ROW(unlink, UNLINK, PATH(1))
#endif
#ifdef SYS_rmdir
	ROW(rmdir, UNLINK, PATH(1))
#endif
#ifdef SYS_rename
	ROW(rename, RENAME, PATHS(1, 2))
#endif
#ifdef SYS_renameat
	ROW(renameat, RENAME, ATS(1, 2, 3, 4))
#endif
#ifdef SYS_mkdir
	ROW(mkdir, MKDIR, PATH(1), VALUE(2))
#endif
#ifdef SYS_link
	ROW(link, LINK, PATHS(1, 2))
#endif
#ifdef SYS_symlink
	ROW(symlink, SYMLINK, PATH(2), RAW(1))
#endif
#ifdef SYS_mknod
	ROW(mknod, MKNOD, PATH(1), VALUES(2, 3))
#endif
#ifdef SYS_chmod
	ROW(chmod, CHMOD, PATH(1), VALUE(2))
#endif
#ifdef SYS_fchmodat2
	ROW(fchmodat2, CHMOD, AT(1, 2), VALUE(3))
#endif
#ifdef SYS_chown
	ROW(chown, CHOWN, PATH(1), VALUES(2, 3))
#endif
#ifdef SYS_lchown
	ROW(lchown, CHOWN, PATH(1), VALUES(2, 3))
#endif
#ifdef SYS_kexec_file_load
	ROW(kexec_file_load, MODULE, FD(1))
#endif
};
/* clang-format on */

void calls_fill(struct event_rule *rules)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number < EVENT_CALLS_MAX)
			rules[calls[i].number] = calls[i].rule;
}
