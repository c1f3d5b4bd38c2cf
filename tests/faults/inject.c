// SPDX-License-Identifier: Apache-2.0
/*
 * inject [-u UID] [-s SECONDS] [-b ERRNO_AT:ADDRESS,...] [-t TRACE] [-f FAULT] -r REPORT -- PROGRAM WORDS...
 *
 * Runs a program and all that it forks under ptrace, and lets one system call of one process fail.
 *
 * Theory of operation: a process is known by its role, the path of its creation: "0" is PROGRAM,
 * "0.0" its first child, "0.0.1" that one's second. A fault says ROLE:N:ERRNO:CALL,..., the N-th
 * (from 1) of these calls that this role makes; "N+": that one and all later ones. The call is not
 * made at all; its caller sees -ERRNO, or is killed if that is 0; CALL "a" is any call. What a libc
 * does before main() is neither counted nor hurt.
 * With CALL "m" it is an allocation that fails: -b has the addresses of malloc() and its kin, which
 * get a breakpoint, and where errno lies from the thread pointer.
 *
 * We let go of a process that executes something which is neither PROGRAM nor immure's init: those
 * are the sandbox's programs. Whatever still runs when we end dies with us (PTRACE_O_EXITKILL).
 *
 * REPORT has lines "fault ROLE CALL", "died ROLE SIGNAL", "hang ROLE CALL" and "left ROLE".
 * TRACE has "ROLE CALL RESULT ARGUMENTS" for each call, and "ROLE m" for each allocation.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "knows the registers of x86-64 only"
#endif

enum {
	PROCESSES_MAX = 256,
	CALLS_MAX = 32,
	POINTS_MAX = 8,
	ROLE_OCTETS = 64,
	ALLOCATION = -2, /* as a call's number */
	ANY_CALL = -3,
	LEFT_SECONDS = 3, /* for processes to end after the first one has */
	BREAKPOINT = 0xcc,
};

struct process {
	pid_t pid;
	char role[ROLE_OCTETS]; /* "": its parent has not told of it yet */
	int children;
	unsigned long count; /* matching calls so far */
	bool held;           /* stopped, until its parent tells */
	bool starting;       /* in its libc's own start */
	bool points;         /* has our breakpoints */
	long call;           /* under way */
	unsigned long args[6];
	int error; /* that its call shall return */
};

struct fault {
	char role[ROLE_OCTETS];
	long calls[CALLS_MAX];
	int calls_len;
	unsigned long nth;
	bool onwards;
	int error;
};

static struct process processes[PROCESSES_MAX];
static struct fault fault;
static struct {
	unsigned long offset;
	long octet; /* the word that our breakpoint covers */
} points[POINTS_MAX];
static int points_len;
static long errno_offset;
static unsigned long base;
static FILE *trace, *report;
static char program[PATH_MAX];
static volatile sig_atomic_t time_is_up;

static void die(const char *what)
{
	perror(what);
	exit(98);
}

static void on_alarm(int number)
{
	(void)number;
	time_is_up = 1;
}

static struct process *find(pid_t pid)
{
	for (int i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	return NULL;
}

static struct process *add(pid_t pid)
{
	struct process *p = find(0);

	if (p == NULL) {
		fputs("inject: too many processes\n", stderr);
		exit(98);
	}
	*p = (struct process){ .pid = pid, .call = -1 };
	return p;
}

/* ---- faults ---- */

/*
 * can_be() - may this call fail so at all? Not: a full disk under a file that is not made; a changed
 * watch, or a descriptor's flags, without memory; a wait that does not wait, interrupted. Nor do we
 * take away the stream on which it complains.
 */
static bool can_be(long call, const unsigned long *args)
{
	switch (call) {
	case SYS_openat:
		return fault.error != ENOSPC || (args[2] & O_CREAT) != 0;
	case SYS_epoll_ctl:
		return args[1] == EPOLL_CTL_ADD;
	case SYS_fcntl:
		return args[1] == F_DUPFD || args[1] == F_DUPFD_CLOEXEC ||
		       (args[1] == F_ADD_SEALS && fault.error != EMFILE && fault.error != ENFILE);
	case SYS_wait4:
		return (args[2] & WNOHANG) == 0;
	case SYS_waitid:
		return (args[3] & WNOHANG) == 0;
	case SYS_write:
		return args[0] != STDERR_FILENO;
	default:
		return true;
	}
}

static bool fault_matches(const struct process *p, long call, const unsigned long *args)
{
	bool named = false;

	if (p->starting || strcmp(p->role, fault.role) != 0)
		return false;
	for (int i = 0; i < fault.calls_len; i++)
		named = named || fault.calls[i] == call ||
			(fault.calls[i] == ANY_CALL && call != ALLOCATION);
	return named && (fault.error == 0 || can_be(call, args));
}

/* is_due() - shall this call of @p fail? Counts it. */
static bool is_due(struct process *p, long call, const unsigned long *args)
{
	if (!fault_matches(p, call, args))
		return false;
	p->count++;
	if (p->count != fault.nth && !(fault.onwards && p->count > fault.nth))
		return false;
	if (report != NULL)
		fprintf(report, "fault %s %ld\n", p->role, call);
	return true;
}

/* ---- breakpoints at malloc() and its kin ---- */

static void put_point(pid_t pid, int i)
{
	long word = (points[i].octet & ~0xffL) | BREAKPOINT;

	if (ptrace(PTRACE_POKETEXT, pid, base + points[i].offset, word) < 0)
		die("a breakpoint");
}

static void put_points(struct process *p)
{
	char path[64];

	if (points_len == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	FILE *maps = fopen(path, "re");
	if (maps == NULL || fscanf(maps, "%lx", &base) != 1)
		die(path);
	fclose(maps);
	for (int i = 0; i < points_len; i++) {
		points[i].octet = ptrace(PTRACE_PEEKTEXT, p->pid, base + points[i].offset, NULL);
		put_point(p->pid, i);
	}
	p->points = true;
}

/* step_over() - let @p execute what the breakpoint covers */
static void step_over(struct process *p, struct user_regs_struct *regs, int i)
{
	int status = 0;

	regs->rip--;
	ptrace(PTRACE_SETREGS, p->pid, NULL, regs);
	ptrace(PTRACE_POKETEXT, p->pid, base + points[i].offset, points[i].octet);
	if (ptrace(PTRACE_SINGLESTEP, p->pid, NULL, 0L) == 0 &&
	    waitpid(p->pid, &status, __WALL) == p->pid && WIFSTOPPED(status))
		put_point(p->pid, i);
}

/* refuse_allocation() - return NULL to the caller, with errno set */
static void refuse_allocation(struct process *p, struct user_regs_struct *regs)
{
	unsigned long errno_at = regs->fs_base + (unsigned long)errno_offset;
	long word = ptrace(PTRACE_PEEKDATA, p->pid, errno_at, NULL);

	ptrace(PTRACE_POKEDATA, p->pid, errno_at, (word & ~0xffffffffL) | ENOMEM);
	regs->rip = (unsigned long)ptrace(PTRACE_PEEKDATA, p->pid, regs->rsp, NULL);
	regs->rsp += 8;
	regs->rax = 0;
	ptrace(PTRACE_SETREGS, p->pid, NULL, regs);
}

/* at_point() - did @p run into a breakpoint of ours? It is dealt with then. */
static bool at_point(struct process *p)
{
	struct user_regs_struct regs;

	if (!p->points || ptrace(PTRACE_GETREGS, p->pid, NULL, &regs) < 0)
		return false;
	for (int i = 0; i < points_len; i++) {
		if (regs.rip != base + points[i].offset + 1)
			continue;
		if (trace != NULL && !p->starting)
			fprintf(trace, "%s m\n", p->role);
		if (is_due(p, ALLOCATION, NULL))
			refuse_allocation(p, &regs);
		else
			step_over(p, &regs, i);
		return true;
	}
	return false;
}

/* ---- system calls ---- */

/* is_start() - does a libc make this call before main()? */
static bool is_start(long call)
{
	static const long calls[] = {
		SYS_execve, SYS_execveat,  SYS_brk,       SYS_arch_prctl, SYS_set_tid_address,
		SYS_mmap,   SYS_mprotect,  SYS_prlimit64, SYS_readlink,   SYS_set_robust_list,
		SYS_rseq,   SYS_getrandom,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i] == call)
			return true;
	return false;
}

static void on_entry(struct process *p, const struct user_regs_struct *now)
{
	struct user_regs_struct regs = *now;
	const unsigned long args[] = { regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9 };

	p->call = (long)regs.orig_rax;
	memcpy(p->args, args, sizeof(args));
	p->starting = p->starting && is_start(p->call);
	if (!is_due(p, p->call, args))
		return;
	if (fault.error == 0) {
		(void)kill(p->pid, SIGKILL);
	} else if (p->call == SYS_brk) { /* it fails by changing nothing */
		regs.rdi = 0;
	} else {
		p->error = fault.error;
		regs.orig_rax = (unsigned long)-1;
	}
	ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
}

static void on_exit_of_call(struct process *p, const struct user_regs_struct *now)
{
	struct user_regs_struct regs = *now;

	if (p->error != 0) {
		regs.rax = (unsigned long)-(long)p->error;
		ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	}
	if (trace != NULL && !p->starting)
		fprintf(trace, "%s %ld %ld %lx %lx %lx\n", p->role, p->call, (long)regs.rax,
			p->args[0], p->args[1], p->args[2]);
	if (p->call == SYS_brk && regs.rdi != p->args[0]) { /* see on_entry() */
		regs.rdi = p->args[0];
		ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	}
	p->error = 0;
	p->call = -1;
}

static void on_call(struct process *p)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &regs) < 0)
		return; /* killed meanwhile */
	if (p->call == -1)
		on_entry(p, &regs);
	else
		on_exit_of_call(p, &regs);
}

/* ---- processes ---- */

static void resume(const struct process *p, int number)
{
	(void)ptrace(PTRACE_SYSCALL, p->pid, NULL, (long)number);
}

/* on_child() - @p made another, which may have stopped already, or not yet */
static void on_child(struct process *p)
{
	unsigned long pid = 0;

	if (ptrace(PTRACE_GETEVENTMSG, p->pid, NULL, &pid) < 0)
		return;
	struct process *child = find((pid_t)pid);
	if (child == NULL)
		child = add((pid_t)pid);
	if (snprintf(child->role, sizeof(child->role), "%.50s.%d", p->role, p->children) < 0)
		return;
	p->children++;
	child->points = p->points;
	if (child->held)
		resume(child, 0);
	child->held = false;
}

/* is_sibling() - is @path the program, or one of those beside it: immure-gateway, immure-authority? */
static bool is_sibling(const char *path)
{
	size_t len = strlen(program);

	return strncmp(path, program, len) == 0 && (path[len] == '\0' || path[len] == '-');
}

/* on_exec() - Return: is it still one of ours? */
static bool on_exec(struct process *p)
{
	static const char init[] = "/memfd:immure-init";
	char link[64], path[PATH_MAX] = "";

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)p->pid);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		path[0] = '\0';
	p->starting = true;
	p->points = false;
	p->call = SYS_execve; /* its end is yet to come */
	return is_sibling(path) || strncmp(path, init, sizeof(init) - 1) == 0;
}

static void on_stop(struct process *p, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;

	if (number == (SIGTRAP | 0x80)) {
		on_call(p);
		number = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		if (!on_exec(p)) {
			ptrace(PTRACE_DETACH, p->pid, NULL, 0L);
			*p = (struct process){ 0 };
			return;
		}
		if (strcmp(p->role, "0") == 0)
			put_points(p);
		number = 0;
	} else if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
		ptrace(PTRACE_LISTEN, p->pid, NULL, 0L); /* stopped by a signal: it stays so */
		return;
	} else if (event != 0) {
		if (event != PTRACE_EVENT_STOP)
			on_child(p);
		number = 0;
	} else if (number == SIGTRAP && at_point(p)) {
		number = 0;
	}
	resume(p, number);
}

static void on_status(pid_t pid, int status)
{
	struct process *p = find(pid);

	if (p == NULL)
		p = add(pid);
	if (!WIFSTOPPED(status)) {
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			fprintf(report, "died %s %d\n", p->role, WTERMSIG(status));
		*p = (struct process){ 0 };
	} else if (p->role[0] == '\0') {
		p->held = true;
	} else {
		on_stop(p, status);
	}
}

/* tell_left() - who is there still, and in which call; at most one word each */
static void tell_left(const char *word)
{
	for (int i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid != 0)
			fprintf(report, "%s %s %ld\n", word, processes[i].role, processes[i].call);
}

/* watch() - until all processes ended. Return: the first one's status. */
static int watch(pid_t first)
{
	int result = 0;

	for (;;) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == ECHILD)
			return result;
		if (time_is_up) {
			tell_left(find(first) != NULL ? "hang" : "left");
			return find(first) != NULL ? 99 << 8 : result;
		}
		if (pid < 0)
			continue;
		on_status(pid, status);
		if (pid == first && !WIFSTOPPED(status)) {
			result = status;
			alarm(LEFT_SECONDS);
		}
	}
}

/* ---- start ---- */

static pid_t start(char **words, int uid)
{
	int go[2];
	char octet = 'g';
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

	if (pipe(go) < 0)
		die("pipe");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)close(go[1]);
		if (read(go[0], &octet, 1) != 1)
			_exit(98);
		(void)close(go[0]);
		if (uid > 0 && (syscall(SYS_setgroups, 0, NULL) < 0 ||
				setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid) < 0 ||
				setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0))
			_exit(98);
		execv(words[0], words);
		_exit(98);
	}
	struct process *p = add(pid);
	strcpy(p->role, "0");
	p->starting = true;
	if (ptrace(PTRACE_SEIZE, pid, NULL, options) < 0 || write(go[1], &octet, 1) != 1)
		die("ptrace");
	(void)close(go[0]);
	(void)close(go[1]);
	return pid;
}

static void read_fault(char *text)
{
	char *rest = text, *role = strsep(&rest, ":"), *nth = strsep(&rest, ":");
	char *error = strsep(&rest, ":");

	if (error == NULL || rest == NULL || strlen(role) >= sizeof(fault.role)) {
		fputs("inject: a fault is ROLE:N[+]:ERRNO:CALL,...\n", stderr);
		exit(98);
	}
	strcpy(fault.role, role);
	fault.nth = strtoul(nth, &nth, 10);
	fault.onwards = *nth == '+';
	fault.error = atoi(error);
	for (char *call; fault.calls_len < CALLS_MAX && (call = strsep(&rest, ",")) != NULL;)
		fault.calls[fault.calls_len++] = *call == 'm'   ? ALLOCATION
						 : *call == 'a' ? ANY_CALL
								: atol(call);
}

static void read_points(char *text)
{
	errno_offset = strtol(strsep(&text, ":"), NULL, 10);
	for (char *at; points_len < POINTS_MAX && (at = strsep(&text, ",")) != NULL;)
		points[points_len++].offset = strtoul(at, NULL, 16);
}

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		die(path);
	return file;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int uid = 0;
	unsigned seconds = 10;

	for (int c; (c = getopt(argc, argv, "+u:s:b:t:f:r:")) != -1;) {
		switch (c) {
		case 'u':
			uid = atoi(optarg);
			break;
		case 's':
			seconds = (unsigned)atoi(optarg);
			break;
		case 'b':
			read_points(optarg);
			break;
		case 't':
			trace = open_file(optarg);
			break;
		case 'f':
			read_fault(optarg);
			break;
		case 'r':
			report = open_file(optarg);
			break;
		default:
			return 98;
		}
	}
	if (report == NULL || argv[optind] == NULL || realpath(argv[optind], program) == NULL)
		die("inject");
	sigaction(SIGALRM, &action, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	alarm(seconds);
	int status = watch(start(argv + optind, uid));
	if (trace != NULL)
		fclose(trace);
	fclose(report);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
