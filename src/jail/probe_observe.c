// SPDX-License-Identifier: Apache-2.0
/*
 * What the observer needs, tried with programs that do nothing. The kernel offers each by itself: a
 * container may have the capability and no tracing, a small kernel bpf() and no types.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/probe_priv.h"

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* try_ring() - in place of a perf buffer: Linux 5.8. Return: 0 or a positive errno, as all here. */
static int try_ring(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 1 << 16 };
	CLEANUP_FD int fd = bpf(BPF_MAP_CREATE, &attr);

	return fd < 0 ? errno : 0;
}

static int try_types(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) < 0 ? errno : 0;
}

/* try_tracing() - a program at @tracepoint, for a moment */
static int try_tracing(const char *tracepoint)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uintptr_t)nothing,
		.insn_cnt = ARRAY_SIZE(nothing),
		.license = (uintptr_t) "Dual BSD/GPL",
	};
	CLEANUP_FD int program = bpf(BPF_PROG_LOAD, &attr);

	if (program < 0)
		return errno;
	union bpf_attr open = {
		.raw_tracepoint = { .name = (uintptr_t)tracepoint, .prog_fd = (uint32_t)program },
	};
	CLEANUP_FD int link = bpf(BPF_RAW_TRACEPOINT_OPEN, &open);
	return link < 0 ? errno : 0;
}

static int try_calls(void)
{
	return try_tracing("sys_exit");
}

static int try_exec(void)
{
	return try_tracing("sched_process_exec");
}

void probe_observation(struct probe_result *ret)
{
	static const struct {
		const char *name;
		int (*attempt)(void);
	} needs[] = {
		{ "ring buffers", try_ring },
		{ "types of the kernel, /sys/kernel/btf/vmlinux", try_types },
		{ "programs at the return of system calls", try_calls },
		{ "programs at exec", try_exec },
	};
	struct seccomp_notif_sizes sizes;
	bool notifies = syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		int error = needs[i].attempt();

		if (error == 0)
			continue;
		const char *name = strerrorname_np(error);
		probe_is(ret, PROBE_MISSING, "no eBPF: %s: %s; seccomp notification %s",
			 needs[i].name, name != NULL ? name : "unknown error",
			 notifies ? "is there, but unused" : "is missing, too");
		return;
	}
	probe_is(ret, PROBE_OK, "by eBPF: calls of one sandbox, whatever became of them");
}
