// SPDX-License-Identifier: Apache-2.0
/*
 * Proves the generated filters, of all architectures, equal to the table and to what the rules
 * should mean: a small interpreter of classic BPF runs them here, and a model written by hand in C,
 * which shares nothing with the generator, says what must come out.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/test.h"
#include "jail/seccomp.h"
#include "jail/seccomp_filter_aarch64.h"
#include "jail/seccomp_filter_x86_64.h"
#include "jail/seccomp_rows_aarch64.h"
#include "jail/seccomp_rows_x86_64.h"
#if defined(__aarch64__)
#include "jail/seccomp_checks_aarch64.h"
#else
#include "jail/seccomp_checks_x86_64.h"
#endif

#define CLONE_NEWTIME_BIT 0x80u /* linux/sched.h; sched.h of glibc lacks it */
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME_BIT)

struct arch {
	const char *name;
	uint32_t audit;
	const struct sock_filter *filter;
	size_t filter_len;
	const struct seccomp_row *rows;
	size_t rows_len;
};

static const struct arch archs[] = {
	{ "x86_64", AUDIT_ARCH_X86_64, filter_x86_64, ARRAY_SIZE(filter_x86_64), rows_x86_64,
	  ARRAY_SIZE(rows_x86_64) },
	{ "aarch64", AUDIT_ARCH_AARCH64, filter_aarch64, ARRAY_SIZE(filter_aarch64), rows_aarch64,
	  ARRAY_SIZE(rows_aarch64) },
};

/* simulate() - run @filter as the kernel would. Return: its verdict; 0 (kill) if it is malformed.
 */
static uint32_t simulate(const struct arch *arch, const struct seccomp_data *data, unsigned *steps)
{
	uint32_t a = 0;

	*steps = 0;
	for (size_t pc = 0; pc < arch->filter_len; pc++) {
		const struct sock_filter *f = &arch->filter[pc];
		bool holds = false;

		++*steps;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k % 4 != 0 || f->k + 4 > sizeof(*data))
				return 0;
			memcpy(&a, (const char *)data + f->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			holds = a == f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			holds = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			holds = (a & f->k) != 0;
			break;
		default:
			return 0;
		}
		pc += holds ? f->jt : f->jf;
	}
	return 0;
}

/* The model: what each rule must answer, as an errno or 0. Only what the kernel reads counts. */
static int want_inet(uint32_t type, uint32_t protocol)
{
	type &= 0xf;
	if (type == SOCK_RAW || type == SOCK_PACKET)
		return EPERM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return ESOCKTNOSUPPORT;
	return protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_UDP
		   ? 0
		   : EPROTONOSUPPORT;
}

static int want_socket(uint32_t family, uint32_t type, uint32_t protocol)
{
	switch (family) {
	case AF_UNIX:
		return 0;
	case AF_INET:
	case AF_INET6:
		return want_inet(type, protocol);
	case AF_NETLINK:
		if (protocol != NETLINK_ROUTE)
			return EPERM;
		type &= 0xf;
		return type == SOCK_RAW || type == SOCK_DGRAM ? 0 : ESOCKTNOSUPPORT;
	default:
		return EAFNOSUPPORT;
	}
}

static bool is_device(uint32_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

static int want_clone(const __u64 args[6])
{
	return ((uint32_t)args[0] & NEW_NAMESPACES) != 0 ? EPERM : 0;
}

static int want_unshare(const __u64 args[6])
{
	return (args[0] & ~(__u64)(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM)) != 0 ? EPERM : 0;
}

static int want_personality(const __u64 args[6])
{
	uint32_t a = (uint32_t)args[0];

	return a == ~0u || (a & ~(uint32_t)(PER_LINUX32 | UNAME26 | ADDR_NO_RANDOMIZE)) == 0
		   ? 0
		   : EPERM;
}

static bool is_setid(__u64 mode)
{
	return (mode & (S_ISUID | S_ISGID)) != 0;
}

static int want_mknod(const __u64 args[6])
{
	return is_device((uint32_t)args[1]) || is_setid(args[1]) ? EPERM : 0;
}

static int want_mknodat(const __u64 args[6])
{
	return is_device((uint32_t)args[2]) || is_setid(args[2]) ? EPERM : 0;
}

/* does an open with these flags make a file, so that its mode counts? */
static bool makes(__u64 flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static int want_open(const __u64 args[6])
{
	return makes(args[1]) && is_setid(args[2]) ? EPERM : 0;
}

static int want_openat(const __u64 args[6])
{
	return makes(args[2]) && is_setid(args[3]) ? EPERM : 0;
}

static int want_chmod(const __u64 args[6])
{
	return is_setid(args[1]) ? EPERM : 0;
}

static int want_chmodat(const __u64 args[6])
{
	return is_setid(args[2]) ? EPERM : 0;
}

static int want_socketpair(const __u64 args[6])
{
	return (uint32_t)args[0] == AF_UNIX ? 0 : EAFNOSUPPORT;
}

static int want_socket_call(const __u64 args[6])
{
	return want_socket((uint32_t)args[0], (uint32_t)args[1], (uint32_t)args[2]);
}

static int want_setsockopt(const __u64 args[6])
{
	return (uint32_t)args[1] == IPPROTO_TCP && (uint32_t)args[2] == TCP_ULP ? ENOENT : 0;
}

static int want_ioctl(const __u64 args[6])
{
	uint32_t b = (uint32_t)args[1];

	return b == TIOCSTI || b == TIOCLINUX || b == TIOCSETD ? EPERM : 0;
}

static int want_notinit(const __u64 args[6])
{
	return (uint32_t)args[0] == 1 ? EPERM : 0;
}

static int want_priority(const __u64 args[6])
{
	return (uint32_t)args[0] == PRIO_USER || (uint32_t)args[1] == 1 ? EPERM : 0;
}

static int want_ioprio(const __u64 args[6])
{
	return (uint32_t)args[0] == IOPRIO_WHO_USER || (uint32_t)args[1] == 1 ? EPERM : 0;
}

static int want_seccomp(const __u64 args[6])
{
	return (args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0 ? EPERM : 0;
}

static int want_rule(const char *rule, const __u64 args[6])
{
	static const struct {
		const char *rule;
		int (*want)(const __u64 args[6]);
	} models[] = {
		{ "clone", want_clone },
		{ "unshare", want_unshare },
		{ "personality", want_personality },
		{ "mknod", want_mknod },
		{ "mknodat", want_mknodat },
		{ "open", want_open },
		{ "openat", want_openat },
		{ "creat", want_chmod },
		{ "chmod", want_chmod },
		{ "chmodat", want_chmodat },
		{ "socketpair", want_socketpair },
		{ "socket", want_socket_call },
		{ "setsockopt", want_setsockopt },
		{ "ioctl", want_ioctl },
		{ "notinit", want_notinit },
		{ "priority", want_priority },
		{ "ioprio", want_ioprio },
		{ "seccomp", want_seccomp },
	};

	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (strcmp(models[i].rule, rule) == 0)
			return models[i].want(args);
	return -1; /* a rule without a model fails every comparison */
}

/* row_of() - the row of number @nr, or NULL; rows are sorted (test_table() checks that) */
static const struct seccomp_row *row_of(const struct arch *arch, uint32_t nr)
{
	size_t low = 0, high = arch->rows_len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (arch->rows[middle].number < nr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < arch->rows_len && arch->rows[low].number == nr ? &arch->rows[low] : NULL;
}

static uint32_t want(const struct arch *arch, const struct seccomp_data *data)
{
	const struct seccomp_row *row = row_of(arch, (uint32_t)data->nr);
	int error = ENOSYS;

	if (data->arch != arch->audit)
		return SECCOMP_RET_KILL_PROCESS;
	if (row != NULL)
		error = row->rule != NULL ? want_rule(row->rule, data->args) : row->error;
	return error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (uint32_t)error;
}

/* compare() - does the filter say what the model says? Counts the longest way through. */
static void compare(const struct arch *arch, const struct seccomp_data *data, unsigned *longest)
{
	unsigned steps = 0;
	uint32_t got = simulate(arch, data, &steps);
	uint32_t wanted = want(arch, data);

	CHECK(got == wanted, "%s nr %d(%llx, %llx, %llx): %x, want %x", arch->name, data->nr,
	      (unsigned long long)data->args[0], (unsigned long long)data->args[1],
	      (unsigned long long)data->args[2], got, wanted);
	if (steps > *longest)
		*longest = steps;
}

/* Values that some rule compares, their neighbours, and each with a high half. */
static const uint64_t values[] = {
	0,
	1,
	2,
	3,
	4,
	5,
	6,
	8,
	9,
	10,
	15,
	16,
	17,
	30,
	31,
	32,
	38,
	40,
	44,
	58,
	132,
	136,
	255,
	262,
	0x7f,
	0x80,
	0x81,
	0x200,
	0x400,
	0x600,
	0x800,
	0x801,
	0x802,
	0x803,
	0x80003,
	0x80001,
	0x1000,
	0x2000,
	0x6000,
	0xf000,
	0x21b6,
	0x61b6,
	0x81a4,
	0x11a4,
	0x5412,
	0x5413,
	0x541c,
	0x5423,
	0x20000,
	0x40000,
	0x60008,
	0x40600,
	0x40e00,
	0x400000,
	0x1 << 25,
	0x1 << 26,
	0x1 << 27,
	0x1 << 28,
	0x1 << 29,
	0x1 << 30,
	0x3d0f00,
	0x1200011,
	0x7e020080,
	0x80000000,
	0xfffffffe,
	0xffffffff,
	0x100000000,
	0x100000001,
	0x100005412,
	0xffffffff00000010,
	0xffffffffffffffff,
};

/* every number up to 600, x32, the ends of the range, with every single argument value */
static void test_numbers(const struct arch *arch, unsigned *longest)
{
	const uint32_t bases[] = { 0, 0x40000000, 0x80000000, 0xfffffd00 };

	for (size_t base = 0; base < ARRAY_SIZE(bases); base++)
		for (uint32_t i = 0; i <= 600; i++)
			for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
				struct seccomp_data data = { .nr = (int)(bases[base] + i),
							     .arch = arch->audit };

				for (size_t arg = 0; arg < 6; arg++)
					data.args[arg] = values[v];
				compare(arch, &data, longest);
			}
}

/* all combinations of three argument values, for the calls that have a rule */
static void test_rules(const struct arch *arch, unsigned *longest)
{
	const size_t n = ARRAY_SIZE(values);

	for (size_t row = 0; row < arch->rows_len; row++) {
		if (arch->rows[row].rule == NULL)
			continue;
		for (size_t i = 0; i < n * n * n; i++) {
			struct seccomp_data data = {
				.nr = arch->rows[row].number,
				.arch = arch->audit,
				.args = { values[i % n], values[i / n % n], values[i / n / n] },
			};

			compare(arch, &data, longest);
		}
	}
}

/* the calls that make files with a mode: every kind of open with every kind of mode */
static void test_modes(const struct arch *arch, unsigned *longest)
{
	const uint64_t flags[] = { 0, O_CREAT, O_DIRECTORY, O_TMPFILE,
				   O_CREAT | O_RDWR | O_CLOEXEC };
	const uint64_t modes[] = { 0, 0644, 01777, S_ISUID, S_ISGID | 0755, ~0ULL };

	for (size_t row = 0; row < arch->rows_len; row++)
		for (size_t i = 0; i < ARRAY_SIZE(flags) * ARRAY_SIZE(modes); i++) {
			uint64_t flag = flags[i % ARRAY_SIZE(flags)],
				 mode = modes[i / ARRAY_SIZE(flags)];
			struct seccomp_data data = { .nr = arch->rows[row].number,
						     .arch = arch->audit };

			if (arch->rows[row].rule == NULL)
				continue;
			for (size_t at = 0; at < 4;
			     at++) { /* flags and mode side by side, anywhere */
				memset(data.args, 0, sizeof(data.args));
				data.args[at] = flag;
				data.args[at + 1] = mode;
				compare(arch, &data, longest);
			}
		}
}

static void test_other_arch(const struct arch *arch)
{
	const uint32_t others[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0, ~0u };
	unsigned longest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		for (int nr = 0; nr < 600; nr++)
			compare(arch, &(struct seccomp_data){ .nr = nr, .arch = others[i] },
				&longest);
}

/* what must never change without somebody noticing: a verdict of the table, by name */
static void test_table(const struct arch *arch)
{
	const struct {
		const char *name;
		int error;
	} rows[] = {
		{ "read", 0 },
		{ "execve", 0 },
		{ "landlock_restrict_self", 0 },
		{ "openat2", ENOSYS },
		{ "futex_waitv", 0 },
		{ "memfd_create", 0 },
		{ "clone3", ENOSYS },
		{ "setns", EPERM },
		{ "mount", EPERM },
		{ "umount2", EPERM },
		{ "pivot_root", EPERM },
		{ "chroot", EPERM },
		{ "open_tree", EPERM },
		{ "fsopen", EPERM },
		{ "mount_setattr", EPERM },
		{ "io_uring_setup", ENOSYS },
		{ "bpf", EPERM },
		{ "userfaultfd", EPERM },
		{ "keyctl", ENOSYS },
		{ "kexec_load", EPERM },
		{ "init_module", EPERM },
		{ "swapon", EPERM },
		{ "acct", EPERM },
		{ "quotactl", EPERM },
		{ "ptrace", EPERM },
		{ "pidfd_getfd", EPERM },
		{ "perf_event_open", EPERM },
		{ "reboot", EPERM },
		{ "syslog", EPERM },
		{ "open_by_handle_at", EPERM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct seccomp_row *found = NULL;

		for (size_t r = 0; r < arch->rows_len; r++)
			if (strcmp(arch->rows[r].name, rows[i].name) == 0)
				found = &arch->rows[r];
		CHECK(found != NULL && found->rule == NULL && found->error == rows[i].error,
		      "%s %s", arch->name, rows[i].name);
	}
	for (size_t r = 1; r < arch->rows_len; r++)
		CHECK(arch->rows[r - 1].number < arch->rows[r].number, "%s", arch->rows[r].name);
}

static void test_explain(void)
{
	const struct seccomp_row *row = seccomp_explain(__NR_io_uring_setup);

	CHECK(row != NULL && row->error == ENOSYS && row->rule == NULL, "io_uring_setup");
	row = seccomp_explain(__NR_clone);
	CHECK(row != NULL && strcmp(row->rule, "clone") == 0, "clone");
	row = seccomp_explain(__NR_read);
	CHECK(row != NULL && strcmp(row->name, "read") == 0 && row->error == 0, "read");
	CHECK(seccomp_explain(400) == NULL, "a hole");
	CHECK(seccomp_explain(0x40000000 | __NR_read) == NULL, "x32");
	CHECK(seccomp_explain(~0u) == NULL, "the last number");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++) {
		unsigned longest = 0;

		test_numbers(&archs[i], &longest);
		test_rules(&archs[i], &longest);
		test_modes(&archs[i], &longest);
		test_other_arch(&archs[i]);
		test_table(&archs[i]);
		printf("%s: %zu instructions, %zu rows, at most %u steps\n", archs[i].name,
		       archs[i].filter_len, archs[i].rows_len, longest);
	}
	test_explain();
	return test_failures > 0;
}
