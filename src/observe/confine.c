// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as the authority's (authority/confine.c). What is left can wait, read memory that
 * it shares with the kernel, and send. The links of the eBPF programs stay open, as they are observing
 * for no longer than that; to change them, or anything, takes the call bpf(), which is refused. The
 * namespace stays open, too: so its number is given to no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "observe/observe_priv.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#define LOAD(field)           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what)          BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW(call)           IF_EQUAL(SYS_##call, SECCOMP_RET_ALLOW)
#define IF_EQUAL(value, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(what)
#define REFUSE                (SECCOMP_RET_ERRNO | EPERM)

enum {
	/* poll() of two takes a limit of two; standard streams below it leave no room for another */
	DESCRIPTORS = 2,
	DESCRIPTORS_MAX = 4096,
};

/* x32 calls need no rule of their own: bit 30 of their number makes them equal to none. */
static const struct sock_filter rows[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef SYS_poll
	ALLOW(poll),
#endif
	ALLOW(ppoll),
	ALLOW(clock_nanosleep),
	ALLOW(munmap),
	ALLOW(restart_syscall), /* after a stop and continue */
	ALLOW(rt_sigreturn),
	ALLOW(exit),
	ALLOW(exit_group),
	IF_EQUAL(SYS_execve, SECCOMP_RET_KILL_PROCESS),
	IF_EQUAL(SYS_execveat, SECCOMP_RET_KILL_PROCESS),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 3),
	LOAD(args[2]), /* only the low half: all that the kernel looks at of an int */
	IF_EQUAL(MSG_DONTWAIT | MSG_NOSIGNAL, SECCOMP_RET_ALLOW),
	RETURN(REFUSE),
};

static const int *kept;
static size_t kept_len;

static bool is_kept(int fd)
{
	if (fd == OBSERVE_FD_CHANNEL || fd == OBSERVE_FD_NAMESPACE)
		return true;
	for (size_t i = 0; i < kept_len; i++)
		if (kept[i] == fd)
			return true;
	return false;
}

/* close_others() - the two first are /dev/null, which nobody can do anything with */
static int close_others(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	for (int fd = STDERR_FILENO; fd < DESCRIPTORS_MAX; fd++)
		if (!is_kept(fd))
			(void)close(fd);
	return close_range(DESCRIPTORS_MAX, ~0U, 0);
}

static int limit_resources(void)
{
	static const struct confine_limit limits[] = {
		{ RLIMIT_CORE, 0 },    { RLIMIT_FSIZE, 0 },    { RLIMIT_NPROC, 0 },
		{ RLIMIT_MEMLOCK, 0 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_NOFILE, DESCRIPTORS },
	};

	return confine_limits(limits, ARRAY_SIZE(limits));
}

static int filter_calls(void)
{
	return confine_filter(rows, ARRAY_SIZE(rows));
}

int observer_confine(const char **ret_step, const int *keep, size_t len)
{
	static const struct confine_step steps[] = {
		{ "close descriptors", close_others },
		{ "no_new_privs", confine_no_new_privileges },
		{ "not dumpable", confine_not_dumpable },
		{ "capabilities", confine_drop_capabilities },
		{ "rlimits", limit_resources },
		{ "seccomp", filter_calls }, /* the last, since it forbids the calls of the rest */
	};

	kept = keep;
	kept_len = len;
	return confine_take(ret_step, steps, ARRAY_SIZE(steps));
}
