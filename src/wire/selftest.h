/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selftest - the ways out that init tries before anything else runs, as both sides number them.
 *
 * A row: X(IDENTIFIER, name for people, walls). Row i is bit i of agent_hello.attempted and
 * .escaped. The walls (names of jail/jail.h, blank between) are those that each refuse the attempt
 * alone: an escape means that all of them are missing, so it may be tolerated only if all were
 * declared degraded. New rows go to the end: an older init may sit in a virtual machine image.
 */
#ifndef WIRE_SELFTEST_H
#define WIRE_SELFTEST_H

#include "wire/agent.h"

#define AGENT_SELFTESTS(X)                                                \
	X(NO_NEW_PRIVS, "gain privileges by exec", "nnp")                 \
	X(SECCOMP, "run without a system call filter", "seccomp")         \
	X(CAPABILITIES, "hold a capability", "caps")                      \
	X(BOUNDING_SET, "gain a capability by exec", "caps")              \
	X(SETUID, "become root", "caps userns")                           \
	X(MOUNT, "mount a file system", "caps seccomp")                   \
	X(MOUNT_API, "open a mount tree", "caps seccomp")                 \
	X(UMOUNT, "remove a mount", "caps seccomp")                       \
	X(PIVOT_ROOT, "change the root", "caps seccomp")                  \
	X(CHROOT, "change the root folder", "caps seccomp")               \
	X(UNSHARE, "make a user namespace", "seccomp")                    \
	X(SETNS, "enter a namespace", "caps seccomp")                     \
	X(PROCESSES, "reach other processes", "pidns")                    \
	X(PROC, "see a foreign /proc", "pidns proc")                      \
	X(PROC_SYS, "change kernel settings", "proc caps")                \
	X(SYSRQ, "press SysRq", "proc caps")                              \
	X(KERNEL_MEMORY, "read kernel memory", "proc caps")               \
	X(SYSFS, "write to sysfs or cgroups", "root caps")                \
	X(HOST_SECRETS, "read the host's password hashes", "root userns") \
	X(HOST_SERVICES, "reach host services by socket", "root")         \
	X(ROOT_WRITE, "write to the root", "root")                        \
	X(SYSTEM_WRITE, "write to system folders", "root")                \
	X(DEVICE_NODE, "make a device node", "caps seccomp")              \
	X(PTRACE, "trace a process", "seccomp")                           \
	X(BPF, "load a kernel program", "seccomp")                        \
	X(KEYRING, "use a kernel keyring", "seccomp")                     \
	X(PERF, "observe the kernel", "seccomp")                          \
	X(USERFAULTFD, "handle kernel page faults", "seccomp")            \
	X(IO_URING, "use io_uring", "seccomp")                            \
	X(MODULES, "load a kernel module", "caps seccomp")                \
	X(KEXEC, "load another kernel", "caps seccomp")                   \
	X(CLOCK, "set the clock", "caps seccomp")                         \
	X(HOSTNAME, "rename the machine", "caps seccomp")                 \
	X(FILE_HANDLES, "open a file by handle", "seccomp")               \
	X(X32_CALLS, "use the x32 system calls", "seccomp")               \
	X(TIOCSTI, "type into a terminal", "seccomp")                     \
	X(SOCKET_PACKET, "open a packet socket", "caps seccomp")          \
	X(SOCKET_RAW, "open a raw socket", "caps seccomp")                \
	X(SOCKET_ALG, "open a kernel crypto socket", "seccomp")           \
	X(SOCKET_VSOCK, "open a vsock", "seccomp")                        \
	X(SOCKET_NETLINK, "talk to the kernel's firewall", "seccomp")     \
	X(INTERFACES, "see a network interface besides lo", "netns")

enum agent_selftest {
#define AGENT_SELFTEST_ENUM(id, name, walls) SELFTEST_##id,
	AGENT_SELFTESTS(AGENT_SELFTEST_ENUM)
#undef AGENT_SELFTEST_ENUM
	    SELFTEST_COUNT,
};

_Static_assert((int)SELFTEST_COUNT <= (int)AGENT_SELFTEST_MAX, "one bit each");

static const char *const agent_selftest_names[] = {
#define AGENT_SELFTEST_NAME(id, name, walls) [SELFTEST_##id] = (name),
	AGENT_SELFTESTS(AGENT_SELFTEST_NAME)
#undef AGENT_SELFTEST_NAME
};

static const char *const agent_selftest_walls[] = {
#define AGENT_SELFTEST_WALLS(id, name, walls) [SELFTEST_##id] = (walls),
	AGENT_SELFTESTS(AGENT_SELFTEST_WALLS)
#undef AGENT_SELFTEST_WALLS
};

#endif
