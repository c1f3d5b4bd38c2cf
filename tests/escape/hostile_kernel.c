// SPDX-License-Identifier: Apache-2.0
/* Rows C7 to C16, C20 and C23: namespaces, processes, calls nobody needs, privileges. */
#include "hostile.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Newer than the headers of a stable distribution; include/uapi/asm-generic/unistd.h */
enum { NR_FCHMODAT2 = 452, NR_STATMOUNT = 457, NR_OPEN_TREE_ATTR = 467 };

static const struct {
	const char *name;
	unsigned long flag;
} namespaces[] = {
	{ "user", CLONE_NEWUSER }, { "mnt", CLONE_NEWNS },        { "pid", CLONE_NEWPID },
	{ "net", CLONE_NEWNET },   { "ipc", CLONE_NEWIPC },       { "uts", CLONE_NEWUTS },
	{ "time", CLONE_NEWTIME }, { "cgroup", CLONE_NEWCGROUP },
};

/* try_clone() - a child that ends at once, by the bare call */
static void try_clone(unsigned long flags, const char *name)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	tell(pid, "clone %s", name);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

static void try_clone3(unsigned long flags, const char *name)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	tell(pid, "clone3 %s", name);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

static void try_setns(const char *process, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, name);
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		tell(-1, "open %s", path);
		return;
	}
	tell(syscall(SYS_setns, fd, 0), "setns %s", path);
	close(fd);
}

static int c07_namespaces(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		unsigned long flag = namespaces[i].flag;
		const char *name = namespaces[i].name;

		tell(syscall(SYS_unshare, flag), "unshare %s", name);
		tell(syscall(SYS_unshare, flag | 1UL << 32), "unshare high bits %s", name);
		if (flag != CLONE_NEWTIME) { /* that bit is part of clone's exit signal */
			try_clone(flag, name);
			try_clone(flag | 1UL << 40, name);
		}
		try_clone3(flag, name);
		try_setns("self", name);
		try_setns("1", name);
	}
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
	tell(syscall(SYS_setns, pidfd, CLONE_NEWNS | CLONE_NEWNET), "setns pidfd");
	for (const char *const *map = (const char *const[]){ "uid_map", "gid_map", NULL }; *map;
	     map++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/%s", *map);
		int fd = open(path, O_WRONLY);
		tell(fd < 0 ? -1 : write(fd, "0 0 1\n", 6), "write %s", path);
	}
	return 0;
}

static int c07_mounts(int argc, char **argv)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} attr = { .clear = MOUNT_ATTR_RDONLY };

	(void)argc;
	(void)argv;
	mkdir("/tmp/mountpoint", 0700);
	tell(mount("none", "/tmp/mountpoint", "tmpfs", 0, NULL), "mount tmpfs");
	tell(mount("none", "/tmp/mountpoint", "proc", 0, NULL), "mount proc");
	tell(mount("none", "/tmp/mountpoint", "sysfs", 0, NULL), "mount sysfs");
	tell(mount("none", "/tmp/mountpoint", "cgroup2", 0, NULL), "mount cgroup2");
	tell(mount("/usr", "/tmp/mountpoint", NULL, MS_BIND, NULL), "bind mount");
	tell(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL), "remount /usr");
	tell(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL), "remount /proc/sys");
	tell(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL), "share mounts");
	tell(umount2("/proc/sys", MNT_DETACH), "umount /proc/sys");
	tell(umount2("/", MNT_DETACH), "umount /");
	tell(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	tell(chroot("/tmp"), "chroot");
	tell_fd(syscall(SYS_fsopen, "tmpfs", 0), "fsopen");
	tell_fd(syscall(SYS_fspick, AT_FDCWD, "/", 0), "fspick");
	tell_fd(syscall(SYS_open_tree, AT_FDCWD, "/", 1), "open_tree clone");
	tell_fd(syscall(SYS_open_tree, AT_FDCWD, "/", 0), "open_tree");
	tell_fd(syscall(NR_OPEN_TREE_ATTR, AT_FDCWD, "/", 1, NULL, 0), "open_tree_attr");
	tell(syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/tmp/mountpoint", 0),
	     "move_mount");
	tell(syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &attr, sizeof(attr)), "mount_setattr");
	tell(syscall(NR_STATMOUNT, NULL, NULL, 0, 0), "statmount");
	return 0;
}

/* ---- C8: other processes ---- */

static void try_open(const char *path, int flags, const char *how)
{
	tell_fd(open(path, flags | O_CLOEXEC | O_NONBLOCK), "open %s %s", how, path);
}

static int c08_init(int argc, char **argv)
{
	static const char *const files[] = { "mem", "maps",  "smaps",   "environ", "auxv",
					     "io",  "stack", "syscall", "pagemap", "personality" };
	static const char *const links[] = { "exe",  "root",   "cwd",   "fd/3",
					     "fd/0", "ns/mnt", "ns/net" };
	char path[64], memory[16], text[256];
	struct iovec here = { memory, sizeof(memory) }, there = { memory, sizeof(memory) };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/1/%s", files[i]);
		int fd = open(path, O_RDONLY);
		tell(fd < 0 ? -1 : read(fd, memory, sizeof(memory)), "read %s", path);
		if (fd >= 0)
			close(fd);
	}
	try_open("/proc/1/mem", O_RDWR, "rw");
	try_open("/proc/1/fd", O_RDONLY, "folder");
	try_open("/proc/1/task/1/fd", O_RDONLY, "folder");
	try_open("/proc/1/map_files", O_RDONLY, "folder");
	try_open("/proc/1/root/etc", O_PATH, "path");
	try_open("/proc/1/cwd/etc", O_PATH, "path");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "/proc/1/%s", links[i]);
		tell(readlink(path, text, sizeof(text)), "readlink %s", path);
	}
	tell(syscall(SYS_ptrace, PTRACE_ATTACH, 1, 0, 0), "ptrace attach");
	tell(syscall(SYS_ptrace, PTRACE_SEIZE, 1, 0, 0), "ptrace seize");
	tell(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0), "ptrace traceme");
	tell(syscall(SYS_process_vm_readv, 1, &here, 1, &there, 1, 0), "process_vm_readv");
	tell(syscall(SYS_process_vm_writev, 1, &here, 1, &there, 1, 0), "process_vm_writev");
	tell(syscall(SYS_kcmp, 1, getpid(), 0, 0, 0), "kcmp");
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
	for (int fd = 0; fd < 6; fd++)
		tell_fd(syscall(SYS_pidfd_getfd, pidfd, fd, 0), "pidfd_getfd %d", fd);
	tell(syscall(SYS_process_mrelease, pidfd, 0), "process_mrelease");
	for (int i = 1; i < argc; i++) /* processes of the host, by their numbers there */
		tell(kill(atoi(argv[i]), 0), "kill host %s", argv[i]);
	return 0;
}

/* c08_signals() - init must not mind; that it lives is seen by our own end being told */
static int c08_signals(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 1; i <= 64; i++) {
		siginfo_t info = { .si_signo = i, .si_code = SI_QUEUE };

		(void)kill(1, i);
		(void)syscall(SYS_tgkill, 1, 1, i);
		(void)syscall(SYS_rt_sigqueueinfo, 1, i, &info);
	}
	see("alive", "yes");
	if (fork() == 0)
		_exit(kill(-1, SIGKILL)); /* all but init and the one that asks: us, too */
	sleep(5);
	return 0;
}

static int c08_processes(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	int count = 0;
	for (int pid = 1; pid < 65536; pid++)
		count += syscall(SYS_kill, pid, 0) == 0 || errno == EPERM;
	see("processes", "%d", count);
	return 0;
}

/* ---- C9, C11 ---- */

static int c09_io_uring(int argc, char **argv)
{
	char params[120] = { 0 };

	(void)argc;
	(void)argv;
	tell_fd(syscall(SYS_io_uring_setup, 8, params), "io_uring_setup");
	tell(syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0), "io_uring_enter");
	tell(syscall(SYS_io_uring_register, 0, 0, NULL, 0), "io_uring_register");
	return 0;
}

static void try_listener(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	tell_fd(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			&program),
		"seccomp listener");
}

/* try_int80() - the 32-bit entry: a filter that looks at numbers alone would be fooled by it */
static void try_int80(void)
{
#ifdef __x86_64__
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		long result = 20; /* getpid of the i386 table */

		__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
		_exit(result > 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	errno = ENOSYS;
	tell(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1, "int80 getpid");
#endif
}

static int c11_calls(int argc, char **argv)
{
	char attr[128] = { 0 };
	struct timex timex = { .modes = ADJ_FREQUENCY };
	struct timespec time = { 0 };

	(void)argc;
	(void)argv;
	attr[0] = 2; /* BPF_MAP_TYPE_ARRAY */
	attr[4] = attr[8] = attr[12] = 4;
	tell_fd(syscall(SYS_bpf, 0, attr, sizeof(attr)), "bpf map");
	tell(syscall(SYS_bpf, 5, attr, sizeof(attr)), "bpf load");
	*(uint32_t *)(void *)attr = 1; /* PERF_TYPE_SOFTWARE */
	*(uint32_t *)(void *)(attr + 4) = 112;
	tell_fd(syscall(SYS_perf_event_open, attr, 0, -1, -1, 0), "perf_event_open");
	tell_fd(syscall(SYS_userfaultfd, 0), "userfaultfd");
	tell_fd(syscall(SYS_userfaultfd, 1), "userfaultfd user mode");
	tell(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1), "keyctl");
	tell(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "keyctl join");
	tell(syscall(SYS_add_key, "user", "hostile", "x", 1, KEY_SPEC_SESSION_KEYRING), "add_key");
	tell(syscall(SYS_request_key, "user", "hostile", NULL, 0), "request_key");
	tell(syscall(SYS_kexec_load, 0, 0, NULL, ~0UL), "kexec_load");
	tell(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, ~0UL), "kexec_file_load");
	tell(syscall(SYS_init_module, "", 0, ""), "init_module");
	tell(syscall(SYS_finit_module, -1, "", 0), "finit_module");
	tell(syscall(SYS_delete_module, "hostile", 0), "delete_module");
	tell(syscall(SYS_swapon, "/no/such", 0), "swapon");
	tell(syscall(SYS_swapoff, "/no/such"), "swapoff");
	tell(syscall(SYS_acct, "/no/such"), "acct");
	tell(syscall(SYS_quotactl, ~0, NULL, 0, NULL), "quotactl");
	tell(syscall(SYS_reboot, 0, 0, 0, NULL), "reboot");
	tell(syscall(SYS_settimeofday, NULL, NULL), "settimeofday");
	tell(syscall(SYS_clock_settime, 0, &time), "clock_settime");
	tell(syscall(SYS_adjtimex, &timex), "adjtimex");
	tell(syscall(SYS_sethostname, "hostile", 7), "sethostname");
	tell(syscall(SYS_setdomainname, "hostile", 7), "setdomainname");
	tell(syscall(SYS_syslog, 3, attr, sizeof(attr)), "syslog");
	tell_fd(syscall(SYS_open_by_handle_at, AT_FDCWD, attr, O_RDONLY), "open_by_handle_at");
	tell(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", attr, attr, 0), "name_to_handle_at");
	tell_fd(syscall(SYS_fanotify_init, 0, 0), "fanotify_init");
	tell(syscall(SYS_move_pages, 1, 0, NULL, NULL, NULL, 0), "move_pages");
	tell(syscall(SYS_migrate_pages, 1, 0, NULL, NULL), "migrate_pages");
	tell(syscall(SYS_vhangup), "vhangup");
	tell_fd(syscall(447, 0), "memfd_secret");
	try_listener();
	try_int80();
#ifdef __x86_64__
	tell(syscall(SYS_modify_ldt, 0, attr, sizeof(attr)), "modify_ldt");
	tell(syscall(SYS_iopl, 3), "iopl");
	tell(syscall(SYS_ioperm, 0x80, 1, 1), "ioperm");
	tell(syscall(0x40000000 | SYS_getpid), "x32 getpid");
	tell(syscall(0x40000000 | 520, "/bin/true", NULL, NULL), "x32 execve");
	tell(syscall(0x40000000 | SYS_socket, 16, 3, 12), "x32 socket");
#endif
	tell(syscall(SYS_personality, 0x0400000), "personality READ_IMPLIES_EXEC");
	return 0;
}

/* ---- C12: terminals ---- */

static void try_terminal(int fd, const char *name)
{
	char octet = 'x', paste = 3;
	int discipline = 0;

	tell(syscall(SYS_ioctl, fd, TIOCSTI, &octet), "%s TIOCSTI", name);
	tell(syscall(SYS_ioctl, fd, TIOCSTI | 1UL << 32, &octet), "%s TIOCSTI with high bits",
	     name);
	tell(syscall(SYS_ioctl, fd, TIOCLINUX, &paste), "%s TIOCLINUX", name);
	tell(syscall(SYS_ioctl, fd, TIOCSETD, &discipline), "%s TIOCSETD", name);
	tell(syscall(SYS_ioctl, fd, TIOCCONS, NULL), "%s TIOCCONS", name);
}

static int c12_terminal(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	try_terminal(STDIN_FILENO, "stdin");
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master >= 0 && unlockpt(master) == 0) {
		try_terminal(master, "own master");
		int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
		if (slave >= 0)
			try_terminal(slave, "own terminal");
	}
	see("stdin-tty", "%d", isatty(STDIN_FILENO));
	return 0;
}

/* ---- C13: settings of the machine ---- */

static int c13_settings(int argc, char **argv)
{
	static const char *const written[] = {
		"/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/modprobe",
		"/proc/sys/kernel/hotplug",
		"/proc/sys/kernel/sysrq",
		"/proc/sys/vm/drop_caches",
		"/proc/sys/vm/overcommit_memory",
		"/proc/sys/fs/binfmt_misc/register",
		"/proc/sys/fs/file-max",
		"/proc/sys/kernel/hostname",
		"/proc/sys/kernel/ns_last_pid",
		"/proc/sys/kernel/randomize_va_space",
		"/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/net/ipv4/ping_group_range",
		"/proc/sys/net/ipv4/ip_unprivileged_port_start",
		"/proc/sys/user/max_user_namespaces",
		"/proc/self/mem",
		"/proc/self/comm",
		"/proc/self/attr/current",
		"/proc/self/coredump_filter",
		"/proc/sysrq-trigger",
		"/proc/irq/default_smp_affinity",
		"/proc/kcore",
		"/proc/kmsg",
		"/proc/mtrr",
		"/proc/timer_list",
		"/proc/acpi/wakeup",
		"/proc/fs/nfsd/threads",
		"/proc/scsi/scsi",
		"/proc/bus/pci/devices",
		"/sys/kernel/uevent_helper",
		"/sys/fs/cgroup/release_agent",
		"/sys/fs/cgroup/cgroup.procs",
		"/sys/power/state",
		"/sys/kernel/mm/transparent_hugepage/enabled",
		"/sys/fs/cgroup/memory/release_agent",
		"/sys/kernel/debug",
		"/sys/kernel/security",
	};
	static const char *const read_too[] = { "/proc/kcore",       "/proc/kmsg",
						"/proc/kpagecount",  "/proc/kpageflags",
						"/proc/keys",        "/proc/timer_list",
						"/proc/sched_debug", "/proc/vmallocinfo",
						"/proc/slabinfo",    "/proc/pagetypeinfo" };

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++)
		try_open(written[i], O_WRONLY, "w");
	for (size_t i = 0; i < ARRAY_SIZE(read_too); i++) {
		char octet;
		int fd = open(read_too[i], O_RDONLY | O_NONBLOCK);
		long n = fd < 0 ? -1 : read(fd, &octet, 1);

		if (n == 0) {
			errno = EACCES; /* masked by something empty */
			n = -1;
		}
		tell(n, "read %s", read_too[i]);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

/* c13_oom() - a program that asks to be killed last */
static int c13_oom(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (const char *const *value = (const char *const[]){ "-1000", "0", "500", NULL }; *value;
	     value++) {
		int fd = open("/proc/self/oom_score_adj", O_WRONLY);

		tell(fd < 0 ? -1 : write(fd, *value, strlen(*value)), "oom_score_adj %s", *value);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static int c13_crash(int argc, char **argv)
{
	struct {
		unsigned long soft, hard;
	} limit = { 1 << 20, 1 << 20 };

	if (argc > 1 && chdir(argv[1]) < 0)
		return 1;
	tell(syscall(SYS_setrlimit, 4, &limit), "raise RLIMIT_CORE");
	(void)syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	raise(SIGSEGV);
	return 0;
}

/* ---- C15: devices ---- */

static int c15_devices(int argc, char **argv)
{
	static const char *const nodes[] = {
		"mem",       "kmem",          "port",
		"kmsg",      "console",       "tty0",
		"tty1",      "ttyS0",         "vcs",
		"vda",       "sda",           "nvme0n1",
		"loop0",     "loop-control",  "fuse",
		"kvm",       "vhost-net",     "vhost-vsock",
		"vsock",     "net/tun",       "mapper/control",
		"snapshot",  "uinput",        "userfaultfd",
		"autofs",    "btrfs-control", "cpu/0/msr",
		"hpet",      "rtc0",          "watchdog",
		"dri/card0", "snd/seq",       "input/event0",
	};
	const char *folder = argc > 1 ? argv[1] : "/tmp";
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		try_open(path, O_RDONLY, "r");
	}
	snprintf(path, sizeof(path), "%s/node", folder);
	tell(syscall(SYS_mknodat, AT_FDCWD, path, S_IFCHR | 0666, makedev(1, 1)), "mknodat mem");
	tell(syscall(SYS_mknodat, AT_FDCWD, path, S_IFBLK | 0666, makedev(254, 0)),
	     "mknodat block");
	tell(syscall(SYS_mknodat, AT_FDCWD, path, S_IFCHR, 0), "mknodat whiteout");
#ifdef SYS_mknod
	tell(syscall(SYS_mknod, path, S_IFCHR | 0666, makedev(1, 1)), "mknod mem");
	tell(syscall(SYS_mknod, path, S_IFCHR | 1UL << 32, makedev(1, 1)), "mknod with high bits");
#endif
	return 0;
}

/* ---- C16: privileges ---- */

static int c16_power(int argc, char **argv)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	(void)argc;
	(void)argv;
	(void)syscall(SYS_capget, &head, sets);
	see("euid", "%d", (int)geteuid());
	see("caps", "%x",
	    sets[0].effective | sets[0].permitted | sets[0].inheritable | sets[1].effective |
		sets[1].permitted);
	see("nnp", "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	see("seccomp", "%d", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	return 0;
}

static int c16_gain(int argc, char **argv)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2] = { { ~0U, ~0U, ~0U }, { ~0U, ~0U, ~0U } };
	uint32_t filecap[5] = { 0x02000001, ~0U, ~0U, ~0U,
				~0U }; /* VFS_CAP_REVISION_2, effective */

	tell(syscall(SYS_capset, &head, all), "capset");
	tell(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0), "ambient");
	tell(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0), "securebits");
	if (geteuid() != 0) {
		tell(syscall(SYS_setuid, 0), "setuid 0");
		tell(syscall(SYS_setresuid, 0, 0, 0), "setresuid 0");
		tell(syscall(SYS_setresgid, 0, 0, 0), "setresgid 0");
	}
	tell(syscall(SYS_setuid, 1), "setuid 1");
	tell(syscall(SYS_setgroups, 0, NULL), "setgroups");
	if (argc > 1) {
		char path[256];

		snprintf(path, sizeof(path), "%s/capable", argv[1]);
		int fd = open(path, O_CREAT | O_RDWR, 0755);
		tell(syscall(SYS_fsetxattr, fd, "security.capability", filecap, sizeof(filecap), 0),
		     "setxattr security.capability");
		tell(syscall(SYS_fchown, fd, 1, 1), "chown");
	}
	return 0;
}

/* ---- C20: the same program by another name, one word an attempt ---- */

static int c20_memfd(int argc, char **argv)
{
	int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("other", 0);
	char data[65536];
	ssize_t n = 0;

	(void)argc;
	while ((n = read(from, data, sizeof(data))) > 0)
		if (write(to, data, (size_t)n) != n)
			return 1;
	argv[0] = argv[-1];
	return (int)syscall(SYS_execveat, to, "", argv, (char *[]){ NULL }, AT_EMPTY_PATH);
}

/* ---- C23: a kernel that lacks something; runs outside, around immure ---- */

#define FAIL(e) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (e))
#define PASS    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Each refuses one call where an argument says so: load nr, compare, load argument, compare, FAIL.
 */
static const struct lack {
	const char *name;
	long nr;
	int arg;       /* -1: whatever its arguments are */
	uint32_t mask; /* the argument must have one of these bits, or be equal if @equal */
	bool equal;
	int error;
} lacks[] = {
	{ "landlock", SYS_landlock_create_ruleset, -1, 0, false, ENOSYS },
	{ "seccomp", SYS_seccomp, -1, 0, false, ENOSYS },
	{ "capture", SYS_socket, 2, 12, true, EPROTONOSUPPORT }, /* NETLINK_NETFILTER */
	{ "cgroupns", SYS_unshare, 0, CLONE_NEWCGROUP, false, EINVAL },
	{ "netns", SYS_unshare, 0, CLONE_NEWNET, false, EPERM },
	{ "mountns", SYS_unshare, 0, CLONE_NEWNS, false, EPERM },
	{ "ipcns", SYS_unshare, 0, CLONE_NEWIPC, false, EPERM },
	{ "utsns", SYS_unshare, 0, CLONE_NEWUTS, false, EPERM },
	{ "nnp", SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, true, EINVAL },
	{ "caps", SYS_capset, -1, 0, false, EPERM },
	{ "proc", SYS_fsopen, -1, 0, false, ENOSYS },
	{ "root", SYS_pivot_root, -1, 0, false, EPERM },
	{ "limits", SYS_setrlimit, -1, 0, false, EPERM },
	{ "limits", SYS_prlimit64, 1, 4, true, EPERM }, /* RLIMIT_CORE */
	{ "userns", SYS_clone3, -1, 0, false, EPERM },
	{ "userns", SYS_unshare, 0, CLONE_NEWUSER, false, EPERM },
};

static int lack(const struct lack *l)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)l->nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(offsetof(struct seccomp_data, args) +
				    8 * (l->arg < 0 ? 0 : (unsigned)l->arg))),
		BPF_JUMP(BPF_JMP | (l->equal ? BPF_JEQ : BPF_JSET) | BPF_K, l->mask, 0, 1),
		FAIL((unsigned)l->error),
		PASS,
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	if (l->arg < 0)
		filter[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* c23_without() - WALL PROGRAM ARG...: run it on a kernel without what WALL is made of */
static int c23_without(int argc, char **argv)
{
	int found = 0;

	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(lacks); i++)
		if (strcmp(lacks[i].name, argv[1]) == 0 && lack(&lacks[i]) == 0)
			found++;
	if (found == 0)
		return 2;
	execv(argv[2], argv + 2);
	return 2;
}

const struct command kernel_commands[] = {
	{ "C07", c07_namespaces },
	{ "C07-mounts", c07_mounts },
	{ "C08", c08_init },
	{ "C08-signals", c08_signals },
	{ "C08-processes", c08_processes },
	{ "C09", c09_io_uring },
	{ "C11", c11_calls },
	{ "C12", c12_terminal },
	{ "C13", c13_settings },
	{ "C13-oom", c13_oom },
	{ "C13-crash", c13_crash },
	{ "C15", c15_devices },
	{ "C16", c16_power },
	{ "C16-gain", c16_gain },
	{ "C20-memfd", c20_memfd },
	{ "without", c23_without },
	{ NULL, NULL },
};
