// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Theory of operation: two programs, at the return from any system call and at the end of a successful
 * exec. A rule of the plan says what of a call is told; the caller's PID namespace says whether it is
 * of the sandbox. At the return, not the entry: a call that seccomp refuses is not entered, but it
 * returns; and the result is known. What a call names is read from the program's memory then, which
 * another thread may have changed meanwhile; what it opened is read from its descriptor, which cannot lie.
 *
 * A way to the root is told name by name from its end, as there is no room for sorting here. Kernel
 * types are only as much as is used; their places are found when it is loaded (CO-RE), on any kernel.
 *
 * The licence is one the kernel takes for programs that read its memory (bpf_probe_read_kernel).
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "observe/event.h"

char licence[] SEC("license") = "Dual BSD/GPL";

#define KERNEL __attribute__((preserve_access_index))

struct qstr {
	const unsigned char *name;
} KERNEL;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
} KERNEL;

struct vfsmount {
	struct dentry *mnt_root;
} KERNEL;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} KERNEL;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL;

struct file {
	struct path f_path;
} KERNEL;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} KERNEL;

struct files_struct {
	struct fdtable *fdt;
} KERNEL;

struct fs_struct {
	struct path root, pwd;
} KERNEL;

struct linux_binprm {
	struct file *file;
	const char *filename;
} KERNEL;

struct thread_info {
	__u32 status;
} KERNEL;

struct task_struct {
	struct thread_info thread_info;
	struct fs_struct *fs;
	struct files_struct *files;
} KERNEL;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, orig_ax;
} KERNEL;
#define CALL_OF(regs) ((long)(regs)->orig_ax)
#define ARGUMENTS_OF(regs)                                                              \
	{                                                                               \
		(regs)->di, (regs)->si, (regs)->dx, (regs)->r10, (regs)->r8, (regs)->r9 \
	}
#define FOREIGN_STATUS 2          /* TS_COMPAT of arch/x86/include/asm/thread_info.h */
#define FOREIGN_CALL   0x40000000 /* __X32_SYSCALL_BIT */
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} KERNEL;
#define CALL_OF(r) ((long)(r)->syscallno)
#define ARGUMENTS_OF(r)                                                                            \
	{                                                                                          \
		(r)->orig_x0, (r)->regs[1], (r)->regs[2], (r)->regs[3], (r)->regs[4], (r)->regs[5] \
	}
#define FOREIGN_STATUS 0
#define FOREIGN_CALL   0
#endif

/* The compiler would else compare in a way, as of some bits, from which the verifier learns nothing. */
#define SEEN_BY_VERIFIER(x) asm volatile("" : "+r"(x))

enum { FD_CWD = -100, ARGUMENTS = 6 };

const volatile struct event_plan plan SEC(".rodata.plan") = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_RING_OCTETS);
} ring SEC(".maps");

/* Events for which the ring had no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* An event is made here, as it is too large for a stack. Nothing interrupts us that could need it. */
struct scratch {
	__u64 args[8];
	__u64 at; /* octets of data in use */
	struct event event;
	/* a text or name that starts within the limit ends in the slack behind it */
	char data[EVENT_DATA_OCTETS + EVENT_TEXT_OCTETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

struct walk {
	struct scratch *scratch;
	struct vfsmount *mnt, *root_mnt;
	struct dentry *dentry, *mnt_root, *root_dentry;
	__u64 end; /* in scratch->data */
	bool arrived;
};

/* out_of_mount() - from the top of a file system on to where it is mounted. Return: 1: no further */
static __always_inline long out_of_mount(struct walk *walk)
{
	struct mount *mount =
	    (void *)((char *)walk->mnt - bpf_core_field_offset(struct mount, mnt));
	struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

	if (parent == NULL || parent == mount)
		return 1;
	walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	walk->mnt = (void *)((char *)parent + bpf_core_field_offset(struct mount, mnt));
	walk->mnt_root = BPF_CORE_READ(parent, mnt.mnt_root);
	return 0;
}

static long step(__u32 index, struct walk *walk)
{
	struct dentry *dentry = walk->dentry;
	__u64 at = walk->scratch->at;

	(void)index;
	if (dentry == walk->root_dentry && walk->mnt == walk->root_mnt) {
		walk->arrived = true;
		return 1;
	}
	if (dentry == walk->mnt_root)
		return out_of_mount(walk);
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	if (parent == dentry || at >= walk->end)
		return 1;
	SEEN_BY_VERIFIER(at);
	if (at > EVENT_DATA_OCTETS)
		return 1;
	long n = bpf_probe_read_kernel_str(&walk->scratch->data[at], EVENT_NAME_OCTETS, name);
	if (n <= 0)
		return 1;
	walk->scratch->at = at + (__u64)n;
	walk->dentry = parent;
	return 0;
}

/*
 * add_walk() - the names from a struct path up to the root of the process. This and add_text() are
 * not static: such functions are verified once, by themselves, and not at each call again.
 */
__noinline int add_walk(int which, __u64 at_path)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct path *path = (void *)at_path;
	struct vfsmount *mnt = BPF_CORE_READ(path, mnt);
	struct scratch *s = scratch_of_cpu();

	if (s == NULL)
		return 0;
	__u64 start = s->at;
	struct walk walk = {
		.scratch = s,
		.mnt = mnt,
		.mnt_root = BPF_CORE_READ(mnt, mnt_root),
		.dentry = BPF_CORE_READ(path, dentry),
		.root_mnt = BPF_CORE_READ(task, fs, root.mnt),
		.root_dentry = BPF_CORE_READ(task, fs, root.dentry),
		.end = start + EVENT_WALK_OCTETS - EVENT_NAME_OCTETS,
	};
	bpf_loop(EVENT_STEPS_MAX, step, &walk, 0);
	if (!walk.arrived)
		s->event.flags |= EVENT_CUT;
	s->event.walk_len[which & 1] = (__u16)(s->at - start);
	return 0;
}

/* add_text() - Return: 1: it starts at no other place: it is absolute, or could not be read; 0 */
__noinline int add_text(int which, __u64 text)
{
	struct scratch *s = scratch_of_cpu();

	if (s == NULL)
		return 1;
	__u64 at = s->at;
	SEEN_BY_VERIFIER(at);
	if (at > EVENT_DATA_OCTETS)
		return 1;
	long n = bpf_probe_read_user_str(&s->data[at], EVENT_TEXT_OCTETS, (void *)text);
	if (n <= 0) {
		s->event.flags |= EVENT_UNREAD;
		return 1;
	}
	s->event.text_len[which & 1] = (__u16)n;
	s->at = at + (__u64)n;
	return s->data[at] == '/';
}

/* path_of_fd() - Return: the address of its struct path; 0: there is no such descriptor */
static __always_inline __u64 path_of_fd(int fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;

	if (table == NULL || (__u32)fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	struct file **files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &files[(__u32)fd]);
	return file == NULL ? 0 : (__u64)file + bpf_core_field_offset(struct file, f_path);
}

/* add_base() - where a path that is not absolute starts; a descriptor that is none starts nowhere */
static __always_inline void add_base(struct scratch *s, int which, int dir)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 path = 0;

	if (dir == FD_CWD)
		path =
		    (__u64)BPF_CORE_READ(task, fs) + bpf_core_field_offset(struct fs_struct, pwd);
	else
		path = path_of_fd(dir);
	if (path != 0)
		add_walk(which, path);
	else
		s->event.flags |= EVENT_CUT;
}

static __always_inline __u64 arg(const struct scratch *s, __u8 number)
{
	return s->args[(number - 1) & 7];
}

static __always_inline void add_path(struct scratch *s, int which,
				     const volatile struct event_rule *rule)
{
	__u8 dir = rule->dir[which];

	if (!add_text(which, arg(s, rule->path[which])))
		add_base(s, which, dir ? (int)arg(s, dir) : FD_CWD);
}

static __always_inline void add_address(struct scratch *s, const volatile struct event_rule *rule)
{
	__u64 len = arg(s, rule->address + 1);

	SEEN_BY_VERIFIER(len);
	if (len > EVENT_ADDRESS_OCTETS)
		len = EVENT_ADDRESS_OCTETS;
	if (bpf_probe_read_user(s->data, len, (void *)arg(s, rule->address)) < 0) {
		s->event.flags |= EVENT_UNREAD;
		return;
	}
	s->event.text_len[0] = (__u16)len;
	s->at = len;
}

static __always_inline void add_first(struct scratch *s, const volatile struct event_rule *rule)
{
	__u64 path = 0;

	if (rule->address) {
		add_address(s, rule);
		return;
	}
	if (rule->flags & EVENT_OPENS && s->event.result >= 0)
		path = path_of_fd((int)s->event.result);
	else if (rule->fd)
		path = path_of_fd((int)arg(s, rule->fd));
	if (path != 0)
		add_walk(0, path);
	else if (rule->path[0])
		add_path(s, 0, rule);
}

static __always_inline void send(struct scratch *s)
{
	__u64 len = s->at;
	__u32 zero = 0;

	SEEN_BY_VERIFIER(len);
	if (len > EVENT_DATA_OCTETS)
		len = EVENT_DATA_OCTETS;
	if (bpf_ringbuf_output(&ring, &s->event, sizeof(s->event) + len, 0) == 0)
		return;
	__u64 *count = bpf_map_lookup_elem(&lost, &zero);
	if (count != NULL)
		__sync_fetch_and_add(count, 1);
}

/* start() - an event of the caller. Return: NULL: it is not of the sandbox */
static __always_inline struct scratch *start(__u8 kind, long call, long result)
{
	struct bpf_pidns_info inside = {};

	if (bpf_get_ns_current_pid_tgid(plan.dev, plan.ino, &inside, sizeof(inside)) != 0)
		return NULL;
	struct scratch *s = scratch_of_cpu();
	if (s == NULL)
		return NULL;
	s->at = 0;
	s->event = (struct event){
		.time_ns = bpf_ktime_get_ns(),
		.result = result,
		.pid = inside.tgid,
		.tid = inside.pid,
		.call = (__u16)call,
		.kind = kind,
	};
	bpf_get_current_comm(s->event.comm, sizeof(s->event.comm));
	return s;
}

static __always_inline void set_values(struct scratch *s, const volatile struct event_rule *rule)
{
	for (int i = 0; i < 2; i++)
		if (rule->value[i])
			s->event.value[i] = arg(s, rule->value[i]);
	/* the flags are the first member of struct open_how, of 64 bits */
	if (rule->flags & EVENT_HOW && bpf_probe_read_user(&s->event.value[0], sizeof(__u64),
							   (void *)arg(s, rule->value[0])) < 0)
		s->event.flags |= EVENT_UNREAD;
}

static __always_inline bool is_foreign(long call)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->thread_info.status & FOREIGN_STATUS || (call > 0 && call & FOREIGN_CALL);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_return, struct pt_regs *regs, long result)
{
	long call = CALL_OF(regs);

	if (is_foreign(call)) {
		struct scratch *s = start(plan.kind_foreign, call, result);

		if (s != NULL)
			send(s);
		return 0;
	}
	if (call < 0 || call >= EVENT_CALLS_MAX)
		return 0;
	const volatile struct event_rule *rule = &plan.rules[call];
	if (rule->kind == 0 || (rule->flags & EVENT_ONLY_FAILED && result >= 0))
		return 0;
	struct scratch *s = start(rule->kind, call, result);
	if (s == NULL)
		return 0;
	__u64 args[ARGUMENTS] = ARGUMENTS_OF(regs);
	for (int i = 0; i < ARGUMENTS; i++)
		s->args[i] = args[i];
	set_values(s, rule);
	add_first(s, rule);
	if (rule->path[1])
		add_path(s, 1, rule);
	else if (rule->raw)
		add_text(1, arg(s, rule->raw));
	send(s);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct scratch *s = start(plan.kind_exec, plan.call_exec, 0);

	(void)task, (void)old_pid;
	if (s == NULL)
		return 0;
	add_walk(0, (__u64)BPF_CORE_READ(bprm, file) + bpf_core_field_offset(struct file, f_path));
	__u64 at = s->at;
	SEEN_BY_VERIFIER(at);
	if (at > EVENT_DATA_OCTETS)
		return 0;
	/* as it was named: of a script, the above is who interprets it */
	long n = bpf_probe_read_kernel_str(&s->data[at], EVENT_TEXT_OCTETS,
					   BPF_CORE_READ(bprm, filename));
	if (n > 0) {
		s->event.text_len[1] = (__u16)n;
		s->at = at + (__u64)n;
	}
	send(s);
	return 0;
}
