// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: after set-up the gateway waits, accepts, relays and closes; whoever
 * takes it over shall be able to do no more. The filter is a table that names those calls. Another
 * call is our fault or an attack; it fails with EPERM, which shows in a trace, and does nothing.
 * Starting a program is never a fault of ours, so that kills.
 *
 * The filter comes last, since it forbids the calls that set up the rest.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "gateway/confine_priv.h"
#include "gateway/gateway_priv.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif /* another machine: OUR_ARCH is undeclared, so look up its name in linux/audit.h */

#define LOAD(field)           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what)          BPF_STMT(BPF_RET | BPF_K, (what))
#define IF_EQUAL(value, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(what)
#define ALLOW(call)           IF_EQUAL(SYS_##call, SECCOMP_RET_ALLOW)
/* The low half of an argument, which is all that the kernel looks at of an int; LOAD(nr) undoes it. */
#define LOAD_ARG(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define ALLOW_IF(call, n, value)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD_ARG(n),                \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(SECCOMP_RET_ALLOW), \
	    LOAD(nr)
#define ALLOW_IF2(call, n, first, m, second)                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 6), LOAD_ARG(n),                 \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (first), 0, 3), LOAD_ARG(m),                \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (second), 0, 1), RETURN(SECCOMP_RET_ALLOW), \
	    LOAD(nr)
#define KILL(call) IF_EQUAL(SYS_##call, SECCOMP_RET_KILL_PROCESS)

/* A build for tests: AddressSanitizer has a heap of its own, which maps memory in its own ways. */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* x32 calls need no rule of their own: bit 30 of their number makes them equal to none. */
static const struct sock_filter rows[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef SYS_epoll_wait
	ALLOW(epoll_wait),
#endif
	ALLOW(epoll_pwait),
	ALLOW(epoll_ctl),
	ALLOW(accept4),
	ALLOW(getsockname),
	ALLOW(recvmsg),
	/* with MSG_FASTOPEN it could connect, with other options a socket could become another */
	ALLOW_IF(sendmsg, 2, MSG_DONTWAIT | MSG_NOSIGNAL),
	ALLOW(splice),
	ALLOW(read), /* empties a pipe whose flow was reset */
	ALLOW(shutdown),
	ALLOW_IF2(setsockopt, 1, SOL_SOCKET, 2, SO_LINGER),
	ALLOW_IF2(setsockopt, 1, SOL_SOCKET, 2, SO_RCVLOWAT),
	ALLOW_IF2(setsockopt, 1, IPPROTO_TCP, 2, TCP_NODELAY),
	ALLOW(close),
	ALLOW(clock_gettime),   /* where the vDSO cannot */
	ALLOW(restart_syscall), /* after a stop and continue */
	/* memory for flows that are read, never for code; OpenSSL's random numbers */
	ALLOW(brk),
	ALLOW_IF2(mmap, 2, PROT_READ | PROT_WRITE, 3, MAP_PRIVATE | MAP_ANONYMOUS),
	ALLOW(munmap),
#if SANITIZED
	ALLOW_IF(mmap, 2, PROT_READ | PROT_WRITE),
	ALLOW(madvise),
	ALLOW(futex),
	ALLOW(sched_yield),
	ALLOW(gettid),
#endif
	ALLOW(getpid),
	ALLOW(getrandom),
	ALLOW(rt_sigreturn),
	ALLOW(exit),
	ALLOW(exit_group),
	KILL(execve),
	KILL(execveat),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
};

/* 10,000 intercepted flows take some 300 MiB; beyond this allocations fail, and so does what asked */
#define HEAP_OCTETS_MAX (SANITIZED ? RLIM_INFINITY : (rlim_t)1 << 30)

static int limit_resources(void)
{
	static const struct confine_limit limits[] = {
		{ RLIMIT_CORE, 0 },    { RLIMIT_FSIZE, 0 },    { RLIMIT_NPROC, 0 },
		{ RLIMIT_MEMLOCK, 0 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_DATA, HEAP_OCTETS_MAX },
	};

	return confine_limits(limits, ARRAY_SIZE(limits));
}

static int close_terminal(void)
{
	return close_range(STDIN_FILENO, STDERR_FILENO, 0);
}

static int filter_calls(void)
{
	return confine_filter(rows, ARRAY_SIZE(rows));
}

int gateway_confine(const char **ret_step)
{
	static const struct confine_step steps[] = {
		{ "namespaces", place_namespaces },
		{ "empty root", place_root },
		{ "no_new_privs", confine_no_new_privileges },
		{ "not dumpable", confine_not_dumpable },
		{ "capabilities", confine_drop_capabilities },
		{ "landlock", place_landlock },
		{ "rlimits", limit_resources },
		{ "close stdin to stderr", close_terminal },
		{ "seccomp", filter_calls },
	};

	return confine_take(ret_step, steps, ARRAY_SIZE(steps));
}
