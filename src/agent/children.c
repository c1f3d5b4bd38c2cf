// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: init is the parent of its jobs and, as PID 1, of every orphan. Of all
 * signals it blocks SIGCHLD alone, to read it from a signalfd, and SIGPIPE; the others have their
 * default disposition, which means for PID 1 that the kernel drops them: programs cannot disturb
 * it, nor fill its queue.
 *
 * A fork bomb may die faster than we reap, so each wake-up reaps a bounded number and then signals
 * itself to go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/files_priv.h"
#include "agent/init_priv.h"
#include "agent/terminal_priv.h"

enum {
	REAPS_MAX = 256, /* of one wake-up */
	PASSES_MAX = 4,  /* over the processes of a session that forks while it is killed */
	NAMES_OCTETS = 16 * 1024,
};

/* ---- signals from the warden ---- */

/* pid_named() - the pid that an entry of /proc stands for, or 0 */
static pid_t pid_named(const char *name)
{
	pid_t pid = 0;

	for (; *name >= '0' && *name <= '9' && pid < 100000000; name++)
		pid = pid * 10 + (*name - '0');
	return *name == '\0' ? pid : 0;
}

/* kill_listed() - kill those of @session that @names lists. Return: how many there were. */
static unsigned kill_listed(const char *names, long octets, pid_t session, pid_t spared)
{
	unsigned count = 0;

	for (long at = 0; at < octets;) {
		const struct kernel_entry *entry = (const void *)(names + at);
		pid_t pid = pid_named(entry->name);

		if (pid > 1 && pid != spared && getsid(pid) == session && kill(pid, SIGKILL) == 0)
			count++;
		at += entry->octets;
	}
	return count;
}

/* kill_session() - kill every process of @session but @spared, as far as /proc shows them */
static void kill_session(pid_t session, pid_t spared)
{
	static _Alignas(8) char names[NAMES_OCTETS];
	unsigned before = 0;

	for (int i = 0; i < PASSES_MAX; i++) {
		CLEANUP_FD int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		unsigned found = 0;
		long n = 0;

		while (proc >= 0 && (n = syscall(SYS_getdents64, proc, names, sizeof(names))) > 0)
			found += kill_listed(names, n, session, spared);
		if (found == 0 || found == before) /* none, or only those that are dying */
			break;
		before = found;
	}
}

static void signal_program(pid_t leader, int number)
{
	if (kill(-leader, number) < 0) /* it went into another process group */
		(void)kill(leader, number);
	if (number == SIGKILL)
		kill_session(leader, 0);
}

static void signal_terminal(struct job *job, int number)
{
	pid_t program = job->started ? (pid_t)job->told_pid : 0;

	if (program == 0) {
		if (job->early_signal != SIGKILL)
			job->early_signal = (uint32_t)number;
		return;
	}
	/* a leader that stands still gives the terminal back first: a Ctrl-C before that would be lost */
	bool led = number == SIGCONT && job->stopped;

	if (!led && kill(-program, number) < 0 && number == SIGKILL)
		(void)kill(program, number);
	job->stopped = job->stopped && number != SIGCONT;
	if (number == SIGKILL)
		kill_session(job->pid, job->pid);
	if (number == SIGKILL || number == SIGCONT)
		(void)kill(job->pid, SIGCONT); /* the leader may stand still with its program */
}

void children_signal(struct job *job, int number)
{
	if (job->pid == 0)
		return;
	if (job->kind == JOB_PROGRAM)
		signal_program(job->pid, number);
	else if (job->kind == JOB_TERMINAL)
		signal_terminal(job, number);
	else
		(void)kill(job->pid, SIGKILL);
}

/* ---- reaping ---- */

static void on_stopped(struct job *job)
{
	uint32_t number = 0;

	if (job->kind != JOB_TERMINAL)
		return;
	job->stopped = true;
	number = __atomic_load_n(&job->shared->stop_signal, __ATOMIC_ACQUIRE);
	job->stop_signal =
	    number != 0 ? number : SIGSTOP; /* 0: somebody inside stopped the leader */
	if (job->started)
		job->tell |= TELL_STOPPED;
	serve_tell(job);
}

static void on_ended(struct job *job, int status)
{
	job->pid = 0;
	job->tell &= ~(unsigned)TELL_STOPPED;
	if (job->kind == JOB_TERMINAL) {
		terminal_leader_ended(job, status);
		return;
	}
	if (job->kind == JOB_FILE)
		files_ended(job, status);
	else
		job_exited(job, status);
	serve_tell(job);
}

/* reap() - Return: were there more than one wake-up may take? */
static bool reap(struct init *init)
{
	for (int i = 0; i < REAPS_MAX; i++) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL);

		if (pid <= 0)
			return false;
		struct job *job = jobs_by_pid(&init->jobs, pid);
		if (job != NULL && WIFSTOPPED(status))
			on_stopped(job);
		else if (job != NULL)
			on_ended(job, status);
	}
	return true;
}

/* note_started() - leaders say by SIGCHLD, too, that their program runs */
static void note_started(struct init *init)
{
	for (size_t i = 0; i < init->jobs.end; i++) {
		struct job *job = &init->jobs.rows[i];

		if (job->kind != JOB_TERMINAL || job->started || job->pid == 0)
			continue;
		job_note_started(job);
		if (!job->started)
			continue;
		if (job->early_signal != 0)
			signal_terminal(job, (int)job->early_signal);
		serve_tell(job);
	}
}

static void children_ready(struct loop_source *source, uint32_t events)
{
	struct init *init = container_of(source, struct init, children);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) < 0 && errno == EINTR)
		;
	note_started(init);
	if (reap(init))
		(void)kill(getpid(), SIGCHLD);
}

int children_start(struct init *init)
{
	sigset_t set;
	sigset_t child;

	spawn_reset_signals();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	set = child;
	sigaddset(&set, SIGPIPE);
	(void)pthread_sigmask(SIG_SETMASK, &set, NULL); /* cannot fail: the set is good */
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -errno;
	int fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	init->children = (struct loop_source){ .fd = -1, .ready = children_ready };
	return loop_add(init->loop, &init->children, fd, EPOLLIN);
}

void children_end_all(struct init *init)
{
	bool alone =
	    getpid() == 1; /* else -1 would mean the processes of our user, warden included */

	if (alone)
		(void)kill(-1, SIGKILL);
	for (size_t i = 0; !alone && i < init->jobs.end; i++)
		children_signal(&init->jobs.rows[i], SIGKILL);
	for (size_t i = 0; !alone && i < init->jobs.end; i++)
		if (init->jobs.rows[i].pid > 0)
			(void)kill(init->jobs.rows[i].pid, SIGKILL);
	for (pid_t pid = 1; pid > 0 || (pid < 0 && errno == EINTR);)
		pid = waitpid(-1, NULL, __WALL | (alone ? 0 : WNOHANG));
}
