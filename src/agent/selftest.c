// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each attempt asks the kernel for something that no sandbox may have, and
 * says whether it was refused for want of permission. Calls are chosen so that one which is not
 * refused does no harm, mostly by a second mistake in its arguments that the kernel finds only
 * after it has checked permissions: so "invalid argument" means that the wall is missing. No fork,
 * no memory, some eighty system calls: a few dozen microseconds at every start.
 *
 * An attempt that a wall refuses before another could is no proof of the second: rows of
 * wire/selftest.h name the walls that stand behind each other.
 */
#include "agent/selftest_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	KEYCTL_GET_KEYRING_ID = 0, /* include/uapi/linux/keyctl.h */
	KEY_SPEC_SESSION_KEYRING = -3,
	SECCOMP_FILTERED = 2,    /* SECCOMP_MODE_FILTER, include/uapi/linux/seccomp.h */
	X32_BIT = 0x40000000,    /* __X32_SYSCALL_BIT, arch/x86/include/uapi/asm/unistd.h */
	UNSHARE_INVALID = 1,     /* a bit that unshare() knows not */
	PROTOCOL_NETFILTER = 12, /* NETLINK_NETFILTER, include/uapi/linux/netlink.h */
	FAMILY_ALG = 38,
	FAMILY_VSOCK = 40,
	INTERFACES_FIRST = 2, /* 1 is lo */
	INTERFACES_LAST = 9,
	ADDRESSES_MAX = 8,
};

/* forbidden() - was the call refused because it may not be made at all? */
static bool forbidden(long result)
{
	return result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS);
}

/* unavailable() - the same of a descriptor, which is closed if it came after all */
static bool unavailable(long fd)
{
	int got = (int)fd;

	if (fd < 0)
		return true;
	fd_close(&got);
	return false;
}

/* ---- privileges ---- */

static bool try_no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool try_seccomp(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_FILTERED;
}

static bool try_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };
	uint32_t any = 0;

	if (syscall(SYS_capget, &head, sets) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		any |= sets[i].effective | sets[i].permitted | sets[i].inheritable;
	return any == 0; /* ambient ones are permitted ones, capabilities(7) */
}

static bool try_bounding_set(void)
{
	for (int i = 0;; i++) {
		int r = prctl(PR_CAPBSET_READ, i, 0, 0, 0);

		if (r < 0)
			return i > CAP_SETPCAP; /* beyond the last capability of this kernel */
		if (r > 0)
			return false;
	}
}

static bool try_setuid(void)
{
	return getuid() == 0 || syscall(SYS_setuid, 0) < 0; /* to be called root is no power */
}

/* ---- mounts and namespaces ---- */

static bool try_mount(void)
{
	return forbidden(mount("none", "/", "immure-none", 0, NULL)); /* else: no such type */
}

static bool try_mount_api(void)
{
#ifdef SYS_open_tree
	return unavailable(syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */));
#else
	return true;
#endif
}

static bool try_umount(void)
{
	return forbidden(umount2("/", MNT_EXPIRE | MNT_FORCE)); /* else: contradictory flags */
}

static bool try_pivot_root(void)
{
	return forbidden(syscall(SYS_pivot_root, ".", ".")); /* else: busy */
}

static bool try_chroot(void)
{
	return forbidden(syscall(SYS_chroot, "/"));
}

static bool try_unshare(void)
{
	return forbidden(syscall(SYS_unshare, (long)CLONE_NEWUSER | UNSHARE_INVALID));
}

static bool try_setns(void)
{
	CLEANUP_FD int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return true;
	return forbidden(syscall(SYS_setns, fd, 0)); /* the one we are in: no harm */
}

/* ---- processes and /proc ---- */

static bool try_processes(void)
{
	return getpid() == 1 && getppid() == 0 && kill(-1, 0) < 0;
}

static bool try_proc(void)
{
	char text[16];
	ssize_t n = readlink("/proc/self", text, sizeof(text));

	return n < 0 || (n == 1 && text[0] == '1');
}

static bool try_proc_sys(void)
{
	return unavailable(open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC));
}

static bool try_sysrq(void)
{
	return unavailable(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC));
}

/* is_empty() - can @path not be read, or is it masked by something that has no content? */
static bool is_empty(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char octet = 0;

	return fd < 0 || read(fd, &octet, 1) <= 0;
}

static bool try_kernel_memory(void)
{
	return is_empty("/proc/kcore") && is_empty("/dev/mem") && is_empty("/dev/kmsg");
}

/* ---- files ---- */

static bool try_sysfs(void)
{
	return unavailable(open("/sys/kernel/uevent_helper", O_WRONLY | O_CLOEXEC)) &&
	       unavailable(open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC));
}

static bool try_host_secrets(void)
{
	CLEANUP_FD int fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
	struct stat st;

	/* that of an image is ours to read; that of the host belongs to somebody else */
	return fd < 0 || (fstat(fd, &st) == 0 && st.st_uid == getuid() && st.st_uid != 0);
}

static bool try_host_services(void)
{
	return access("/run/dbus/system_bus_socket", F_OK) < 0 &&
	       access("/run/systemd/private", F_OK) < 0 && access("/run/docker.sock", F_OK) < 0;
}

/* is_readonly() - can no file be made as @path? */
static bool is_readonly(const char *path)
{
	if (unavailable(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)))
		return true;
	(void)unlink(path);
	return false;
}

static bool try_root_write(void)
{
	return is_readonly("/.immure-selftest");
}

static bool try_system_write(void)
{
	return is_readonly("/usr/.immure-selftest") && is_readonly("/etc/.immure-selftest");
}

static bool try_device_node(void)
{
	static const char path[] = "/tmp/.immure-selftest";

	if (mknod(path, S_IFCHR | 0600, makedev(1, 1)) < 0)
		return true;
	(void)unlink(path);
	return false;
}

/* ---- system calls nobody needs ---- */

static bool try_ptrace(void)
{
	return forbidden(syscall(SYS_ptrace, PTRACE_CONT, 1, 0, 0)); /* else: not traced */
}

static bool try_bpf(void)
{
	return forbidden(syscall(SYS_bpf, -1, NULL, 0)); /* else: no such command */
}

static bool try_keyring(void)
{
	return forbidden(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

static bool try_perf(void)
{
	return forbidden(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static bool try_userfaultfd(void)
{
	return unavailable(syscall(SYS_userfaultfd, 0));
}

static bool try_io_uring(void)
{
	return forbidden(syscall(SYS_io_uring_setup, 0, NULL));
}

static bool try_modules(void)
{
	return forbidden(syscall(SYS_init_module, NULL, 0, NULL));
}

static bool try_kexec(void)
{
	return forbidden(syscall(SYS_kexec_load, 0, -1, NULL, -1)); /* else: invalid flags */
}

static bool try_clock(void)
{
	return forbidden(syscall(SYS_settimeofday, NULL, NULL)); /* else: nothing to set */
}

static bool try_hostname(void)
{
	return forbidden(syscall(SYS_sethostname, NULL, -1));
}

static bool try_file_handles(void)
{
	return forbidden(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}

static bool try_x32_calls(void)
{
#ifdef __x86_64__
	return syscall(X32_BIT | SYS_getpid) < 0;
#else
	return true; /* there is no such thing */
#endif
}

static bool try_tiocsti(void)
{
	return forbidden(ioctl(STDIN_FILENO, TIOCSTI, "")); /* else: not a terminal */
}

/* ---- network ---- */

static bool try_socket_packet(void)
{
	return unavailable(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static bool try_socket_raw(void)
{
	return unavailable(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) &&
	       unavailable(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
}

static bool try_socket_alg(void)
{
	return unavailable(socket(FAMILY_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

static bool try_socket_vsock(void)
{
	return unavailable(socket(FAMILY_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static bool try_socket_netlink(void)
{
	return unavailable(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, PROTOCOL_NETFILTER));
}

/* only_lo_has_addresses() - does no other interface have an IPv4 address? */
static bool only_lo_has_addresses(int fd)
{
	struct ifreq rows[ADDRESSES_MAX] = { 0 };
	struct ifconf list = { .ifc_len = sizeof(rows), .ifc_req = rows };

	if (ioctl(fd, SIOCGIFCONF, &list) < 0)
		return false;
	for (size_t i = 0; i < (size_t)list.ifc_len / sizeof(rows[0]); i++)
		if (strncmp(rows[i].ifr_name, "lo", IFNAMSIZ) != 0 &&
		    strncmp(rows[i].ifr_name, "lo:", 3) != 0)
			return false;
	return true;
}

static bool try_interfaces(void)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return true;
	for (int i = INTERFACES_FIRST; i <= INTERFACES_LAST; i++) {
		struct ifreq row = { .ifr_ifindex = i };

		if (ioctl(fd, SIOCGIFNAME, &row) < 0)
			continue;
		/* the kernel puts idle tunnel ends into each namespace; they are down, and stay so
		 */
		if (ioctl(fd, SIOCGIFFLAGS, &row) < 0 || (row.ifr_flags & IFF_UP) != 0)
			return false;
	}
	return only_lo_has_addresses(fd);
}

/* Each says whether the attempt was refused. */
static bool (*const attempts[SELFTEST_COUNT])(void) = {
	[SELFTEST_NO_NEW_PRIVS] = try_no_new_privs,
	[SELFTEST_SECCOMP] = try_seccomp,
	[SELFTEST_CAPABILITIES] = try_capabilities,
	[SELFTEST_BOUNDING_SET] = try_bounding_set,
	[SELFTEST_SETUID] = try_setuid,
	[SELFTEST_MOUNT] = try_mount,
	[SELFTEST_MOUNT_API] = try_mount_api,
	[SELFTEST_UMOUNT] = try_umount,
	[SELFTEST_PIVOT_ROOT] = try_pivot_root,
	[SELFTEST_CHROOT] = try_chroot,
	[SELFTEST_UNSHARE] = try_unshare,
	[SELFTEST_SETNS] = try_setns,
	[SELFTEST_PROCESSES] = try_processes,
	[SELFTEST_PROC] = try_proc,
	[SELFTEST_PROC_SYS] = try_proc_sys,
	[SELFTEST_SYSRQ] = try_sysrq,
	[SELFTEST_KERNEL_MEMORY] = try_kernel_memory,
	[SELFTEST_SYSFS] = try_sysfs,
	[SELFTEST_HOST_SECRETS] = try_host_secrets,
	[SELFTEST_HOST_SERVICES] = try_host_services,
	[SELFTEST_ROOT_WRITE] = try_root_write,
	[SELFTEST_SYSTEM_WRITE] = try_system_write,
	[SELFTEST_DEVICE_NODE] = try_device_node,
	[SELFTEST_PTRACE] = try_ptrace,
	[SELFTEST_BPF] = try_bpf,
	[SELFTEST_KEYRING] = try_keyring,
	[SELFTEST_PERF] = try_perf,
	[SELFTEST_USERFAULTFD] = try_userfaultfd,
	[SELFTEST_IO_URING] = try_io_uring,
	[SELFTEST_MODULES] = try_modules,
	[SELFTEST_KEXEC] = try_kexec,
	[SELFTEST_CLOCK] = try_clock,
	[SELFTEST_HOSTNAME] = try_hostname,
	[SELFTEST_FILE_HANDLES] = try_file_handles,
	[SELFTEST_X32_CALLS] = try_x32_calls,
	[SELFTEST_TIOCSTI] = try_tiocsti,
	[SELFTEST_SOCKET_PACKET] = try_socket_packet,
	[SELFTEST_SOCKET_RAW] = try_socket_raw,
	[SELFTEST_SOCKET_ALG] = try_socket_alg,
	[SELFTEST_SOCKET_VSOCK] = try_socket_vsock,
	[SELFTEST_SOCKET_NETLINK] = try_socket_netlink,
	[SELFTEST_INTERFACES] = try_interfaces,
};

void selftest_run(struct agent_hello *ret)
{
	struct agent_hello hello = { .version = AGENT_VERSION };

	for (size_t i = 0; i < SELFTEST_COUNT; i++) {
		uint64_t bit = (uint64_t)1 << i;

		hello.attempted |= bit;
		if (!attempts[i]())
			hello.escaped |= bit;
	}
	*ret = hello;
}
