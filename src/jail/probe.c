// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a table of probes. One that changes the state of its process (namespaces,
 * filters) runs in a child, which sends its result through a pipe and exits; a child that dies or
 * says nothing leaves the fact unknown. Only the limits must be tried in the caller. Nothing here takes a kernel version for an ability:
 * distributions add and remove both.
 */
#include "jail/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/probe_priv.h"

enum { FILE_OCTETS_MAX = 256 * 1024 }; /* mountinfo of a host with many containers */

#define KERNEL_TOO_OLD \
	"use Linux 5.12 or newer, or ask whoever confines this system to allow the call"
#define NS_REMEDY "use a kernel built with this namespace; the user.max_*_namespaces must not be 0"

#define NO_CGROUP                                                                                  \
	"delegate the controller to the user (systemd: Delegate=yes), run immure as root, or use " \
	"--allow-degraded limits"

static const struct probe {
	const char *name;
	enum jail_wall wall;
	bool in_child;
	void (*run)(struct probe_result *ret);
	const char *remedy;
} probes[] = {
	{ "kernel", WALL_COUNT, false, probe_kernel, "use Linux 5.12 or newer" },
	{ "userns", WALL_USERNS, true, probe_userns, "use a kernel built with CONFIG_USER_NS" },
	{ "mountns", WALL_MOUNTNS, true, probe_mountns, NS_REMEDY },
	{ "pidns", WALL_PIDNS, true, probe_pidns, NS_REMEDY },
	{ "netns", WALL_NETNS, true, probe_netns, NS_REMEDY },
	{ "ipcns", WALL_IPCNS, true, probe_ipcns, NS_REMEDY },
	{ "utsns", WALL_UTSNS, true, probe_utsns, NS_REMEDY },
	{ "cgroupns", WALL_CGROUPNS, true, probe_cgroupns, NS_REMEDY },
	{ "timens", WALL_TIMENS, true, probe_timens, NS_REMEDY },
	{ "mount-api", WALL_ROOT, true, probe_mount_api, KERNEL_TOO_OLD },
	{ "openat2", WALL_ROOT, false, probe_openat2, KERNEL_TOO_OLD },
	{ "proc", WALL_PROC, true, probe_proc,
	  "in a container, start it with an unmasked /proc (podman: --security-opt unmask=ALL)" },
	{ "caps", WALL_CAPS, true, probe_caps,
	  "user namespaces must give their owner capabilities" },
	{ "landlock", WALL_LANDLOCK, false, probe_landlock,
	  "use a kernel with CONFIG_SECURITY_LANDLOCK and \"landlock\" in its lsm= list" },
	{ "landlock-scopes", WALL_COUNT, false, probe_landlock_scopes,
	  "Linux 6.12 adds them; until then PID and network namespaces alone do that" },
	{ "seccomp", WALL_SECCOMP, true, probe_seccomp, "use a kernel with CONFIG_SECCOMP_FILTER" },
	{ "seccomp-notify", WALL_COUNT, false, probe_notify,
	  "use a kernel with CONFIG_SECCOMP_FILTER" },
	{ "nftables", WALL_CAPTURE, true, probe_nftables,
	  "load nf_tables and nft_tproxy on the host (modprobe nf_tables nft_tproxy)" },
	{ "transparent", WALL_CAPTURE, true, probe_transparent,
	  "user namespaces must give their owner CAP_NET_ADMIN over network namespaces" },
	{ "nflog", WALL_COUNT, true, probe_nflog,
	  "load nfnetlink_log and nft_log (modprobe nfnetlink_log nft_log); until then packets "
	  "that "
	  "are neither TCP nor DNS are refused without a report" },
	{ "cgroup2", WALL_COUNT, false, probe_cgroup2,
	  "delegate memory and pids to the user (systemd: Delegate=yes on user@.service)" },
	{ "cgroup1", WALL_COUNT, false, probe_cgroup1, "nothing to do where cgroup2 works" },
	{ "memory-limit", WALL_COUNT, false, probe_memory_limit,
	  "--memory is refused: " NO_CGROUP ", by which it holds for each process by itself" },
	{ "cpu-limit", WALL_COUNT, false, probe_cpu_limit,
	  "--cpus is refused: " NO_CGROUP ", by which it is not held at all" },
	{ "pidfd", WALL_COUNT, false, probe_pidfd, KERNEL_TOO_OLD },
	{ "memfd", WALL_COUNT, false, probe_memfd, KERNEL_TOO_OLD },
	{ "fuse", WALL_COUNT, false, probe_fuse,
	  "let the user open /dev/fuse (chmod 0666, as distributions do), or load fuse" },
	{ "kvm", WALL_COUNT, false, probe_kvm,
	  "for the vm backend: put the user in group kvm, or turn virtualization on" },
	{ "bpf", WALL_COUNT, false, probe_bpf,
	  "for observation by eBPF: run as root, or with CAP_BPF and CAP_PERFMON" },
	{ "observation", WALL_COUNT, true, probe_observation,
	  "what programs do inside is not seen: run as root, or with CAP_BPF and CAP_PERFMON, on a "
	  "kernel with CONFIG_FTRACE_SYSCALLS and CONFIG_DEBUG_INFO_BTF" },
	{ "core-pattern", WALL_COUNT, false, probe_core,
	  "an RLIMIT_CORE of 1 (not 0) keeps a sandbox from starting it; or set a plain "
	  "core_pattern" },
};

_Static_assert(ARRAY_SIZE(probes) <= PROBE_FACTS_MAX, "PROBE_FACTS_MAX");

void probe_is(struct probe_result *ret, enum probe_state state, const char *format, ...)
{
	va_list args;

	ret->state = state;
	va_start(args, format);
	(void)vsnprintf(ret->detail, sizeof(ret->detail), format, args); /* cut is fine */
	va_end(args);
}

void probe_failed(struct probe_result *ret, const char *what, int error)
{
	const char *name = strerrorname_np(error);

	probe_is(ret, PROBE_MISSING, "%s: %s", what, name != NULL ? name : "unknown error");
}

char *probe_read(const char *path)
{
	char *text = NULL;
	size_t len = 0;

	return fd_read_file(&text, &len, AT_FDCWD, path, FILE_OCTETS_MAX) < 0 ? NULL : text;
}

static void run_in_child(struct probe_result *ret, const struct probe *probe)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		probe_is(ret, PROBE_UNKNOWN, "pipe: errno %d", errno);
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		struct probe_result result = { 0 };

		probe->run(&result);
		_exit(fd_write_all(ends[1],
				   (struct span){ (const char *)&result, sizeof(result) }) < 0);
	}
	fd_close(&ends[1]);
	struct probe_result got = { 0 };
	if (pid < 0)
		probe_is(ret, PROBE_UNKNOWN, "fork: errno %d", errno);
	else if (TEMP_FAILURE_RETRY(read(ends[0], &got, sizeof(got))) == sizeof(got))
		*ret = got;
	else
		probe_is(ret, PROBE_UNKNOWN, "the child that tried it died");
	fd_close(&ends[0]);
	if (pid > 0)
		(void)TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
}

static void run(struct probe_fact *ret, const struct probe *probe)
{
	struct probe_result result = { 0 };

	if (probe->in_child)
		run_in_child(&result, probe);
	else
		probe->run(&result);
	*ret = (struct probe_fact){
		.name = probe->name, .state = result.state, .wall = probe->wall, .remedy = ""
	};
	memcpy(ret->detail, result.detail, sizeof(ret->detail));
	if (result.state != PROBE_OK)
		ret->remedy = result.remedy != NULL ? result.remedy : probe->remedy;
}

int probe_all(struct probe_fact *facts, size_t max, size_t *ret_len)
{
	if (max < ARRAY_SIZE(probes))
		return -ENOSPC;
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		run(&facts[i], &probes[i]);
	*ret_len = ARRAY_SIZE(probes);
	return 0;
}

int probe_one(struct probe_fact *ret, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (strcmp(probes[i].name, name) == 0) {
			run(ret, &probes[i]);
			return 0;
		}
	return -ENOENT;
}
