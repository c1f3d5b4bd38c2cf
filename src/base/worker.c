// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as the gateway's (gateway/confine.c), for less: what serves needs messages on
 * one socket, memory, random numbers and the time. The limit on descriptors is the one that poll()
 * needs, and that one is taken: nothing can be opened, nor come with a message.
 */
#include "base/worker.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/fd.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif /* another machine: OUR_ARCH is undeclared, so look up its name in linux/audit.h */

#define LOAD(field)           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what)          BPF_STMT(BPF_RET | BPF_K, (what))
#define IF_EQUAL(value, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(what)
#define ALLOW(call)           IF_EQUAL(SYS_##call, SECCOMP_RET_ALLOW)
#define KILL(call)            IF_EQUAL(SYS_##call, SECCOMP_RET_KILL_PROCESS)
/* Only the low half of the argument: all that the kernel looks at of an int, and of PROT_EXEC. */
#define DECIDE_BY(call, n, test, bits, met, unmet)                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(args[n]), \
	    BPF_JUMP(BPF_JMP | (test) | BPF_K, (bits), 0, 1), RETURN(met), RETURN(unmet)
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)

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
	ALLOW(recvmsg),
	ALLOW(brk),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(futex),  /* pthread_once() wakes whoever may wait, and there is nobody */
	ALLOW(getpid), /* OpenSSL asks whether it is in a child */
	ALLOW(getrandom),
	ALLOW(clock_gettime),   /* where the vDSO cannot */
	ALLOW(restart_syscall), /* after a stop and continue */
	ALLOW(rt_sigreturn),
	ALLOW(exit),
	ALLOW(exit_group),
	KILL(execve),
	KILL(execveat),
	DECIDE_BY(sendmsg, 2, BPF_JEQ, MSG_DONTWAIT | MSG_NOSIGNAL, SECCOMP_RET_ALLOW, REFUSE),
	DECIDE_BY(mmap, 2, BPF_JSET, PROT_EXEC, REFUSE, SECCOMP_RET_ALLOW),
	RETURN(REFUSE),
};

static rlim_t heap_octets = RLIM_INFINITY; /* of worker_confine(), for limit_resources() */

static int no_core(void)
{
	const struct confine_limit none = { RLIMIT_CORE, 0 };

	return confine_limits(&none, 1);
}

static int limit_resources(void)
{
	const struct confine_limit limits[] = {
		{ RLIMIT_FSIZE, 0 },   { RLIMIT_NPROC, 0 },    { RLIMIT_NOFILE, 1 },
		{ RLIMIT_MEMLOCK, 0 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_DATA, heap_octets },
	};

	return confine_limits(limits, ARRAY_SIZE(limits));
}

/* close_others() - 0 is the channel again: so no descriptor that poll()'s limit leaves is free */
static int close_others(void)
{
	if (dup2(WORKER_FD_CHANNEL, STDIN_FILENO) < 0 ||
	    close_range(STDOUT_FILENO, WORKER_FD_CHANNEL - 1, 0) < 0)
		return -1;
	return close_range(WORKER_FD_CHANNEL + 1, ~0U, 0);
}

static int filter_calls(void)
{
	return confine_filter(rows, ARRAY_SIZE(rows));
}

int worker_harden(const char **ret_step)
{
	static const struct confine_step steps[] = {
		{ "core files", no_core },
		{ "no_new_privs", confine_no_new_privileges },
		{ "not dumpable", confine_not_dumpable },
	};

	return confine_take(ret_step, steps, ARRAY_SIZE(steps));
}

int worker_confine(const char **ret_step, rlim_t most)
{
	static const struct confine_step steps[] = {
		{ "close descriptors", close_others },
		{ "capabilities", confine_drop_capabilities },
		{ "rlimits", limit_resources },
		{ "seccomp", filter_calls }, /* the last, since it forbids the calls of the rest */
	};

	heap_octets = most;
	return confine_take(ret_step, steps, ARRAY_SIZE(steps));
}

static int wait_for(short events)
{
	struct pollfd one = { .fd = WORKER_FD_CHANNEL, .events = events };

	return poll(&one, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int worker_take(size_t *ret_len, char *packet, size_t size)
{
	int fds[FD_PASS_MAX], r = 0;
	size_t count = 0;

	while ((r = fd_recv(ret_len, WORKER_FD_CHANNEL, packet, size, fds, &count)) == -EAGAIN) {
		r = wait_for(POLLIN);
		if (r < 0)
			return r;
	}
	return r == 0 && count > 0 ? -EPROTO : r;
}

int worker_give(struct span packet)
{
	int r = 0;

	while ((r = fd_send(WORKER_FD_CHANNEL, packet, NULL, 0)) == -EAGAIN) {
		r = wait_for(POLLOUT);
		if (r < 0)
			return r;
	}
	return r;
}
