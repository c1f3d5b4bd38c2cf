/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_priv - what the files of probe share: each probe fills in a result and never fails itself.
 */
#ifndef JAIL_PROBE_PRIV_H
#define JAIL_PROBE_PRIV_H

#include "jail/probe.h"

/* Plain data; a child sends it through a pipe. Texts pointed to are static, the same in both. */
struct probe_result {
	enum probe_state state;
	char detail[PROBE_DETAIL_OCTETS];
	const char *remedy; /* NULL: the one of the table */
};

/* probe_is() - set the state and its detail */
void probe_is(struct probe_result *ret, enum probe_state state, const char *format, ...)
    PRINTF(3, 4);

/* probe_failed() - set PROBE_MISSING because @what failed with @error (positive) */
void probe_failed(struct probe_result *ret, const char *what, int error);

/* probe_read() - a small file of /proc or /sys: owned text, or NULL */
MUST_USE char *probe_read(const char *path);

/* In a child, for they change its state (probe_ns.c). */
void probe_userns(struct probe_result *ret);
void probe_mountns(struct probe_result *ret);
void probe_pidns(struct probe_result *ret);
void probe_netns(struct probe_result *ret);
void probe_ipcns(struct probe_result *ret);
void probe_utsns(struct probe_result *ret);
void probe_cgroupns(struct probe_result *ret);
void probe_timens(struct probe_result *ret);
void probe_mount_api(struct probe_result *ret);
void probe_proc(struct probe_result *ret);
void probe_nftables(struct probe_result *ret);
void probe_transparent(struct probe_result *ret);
void probe_nflog(struct probe_result *ret);

/*
 * In the caller, for a cgroup v2 may only be split by a process that is alone in it with its own
 * descendants (probe_limits.c). As a launch does, this may enable controllers in our group.
 */
void probe_memory_limit(struct probe_result *ret);
void probe_cpu_limit(struct probe_result *ret);

/* In the caller, for they only look (probe_host.c), and in a child where the table says so. */
void probe_kernel(struct probe_result *ret);
void probe_openat2(struct probe_result *ret);
void probe_pidfd(struct probe_result *ret);
void probe_memfd(struct probe_result *ret);
void probe_caps(struct probe_result *ret);
void probe_landlock(struct probe_result *ret);
void probe_landlock_scopes(struct probe_result *ret);
void probe_seccomp(struct probe_result *ret);
void probe_notify(struct probe_result *ret);
void probe_cgroup2(struct probe_result *ret);
void probe_cgroup1(struct probe_result *ret);
void probe_fuse(struct probe_result *ret);
void probe_kvm(struct probe_result *ret);
void probe_bpf(struct probe_result *ret);
void probe_observation(struct probe_result *ret); /* probe_observe.c */
void probe_core(struct probe_result *ret);

#endif
