// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: job control needs a parent in the same session, or the kernel takes the
 * program's process group for orphaned and ignores Ctrl-Z. So this process leads the session and
 * does what a shell does for one job in the foreground:
 *
 *	program stops		take the terminal, then stop ourselves, which init sees and tells
 *	init sends SIGCONT	give the terminal back, continue the program
 *	terminal hangs up	the kernel tells the leader alone (SIGHUP); pass it on
 *	program ends		give up the terminal, then end as the program did
 *
 * We stop by SIGSTOP, since an orphaned group as ours ignores the others. We give up the terminal,
 * since the exit of a session leader hangs it up, and init may not have read all of it yet.
 *
 * All signals are blocked and taken by sigwaitinfo(), so none interrupts anything.
 */
#include "agent/leader_priv.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noreturn)) static void give_up(struct job_shared *shared, enum agent_step step,
					      int error)
{
	shared->step = step;
	shared->error = (uint32_t)error;
	_exit(1);
}

__attribute__((noreturn)) static void end_like(int status, int slave)
{
	(void)ioctl(slave, TIOCNOTTY);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));

	int number = WTERMSIG(status);
	sigset_t just;
	sigemptyset(&just);
	sigaddset(&just, number);
	(void)kill(getpid(), number);
	(void)pthread_sigmask(SIG_UNBLOCK, &just, NULL);
	_exit(128 +
	      number); /* not reached: dispositions are default, and this one ended a program */
}

static void stop_with(pid_t program, int number, struct job_shared *shared, int slave)
{
	__atomic_store_n(&shared->stop_signal, (uint32_t)number, __ATOMIC_RELEASE);
	(void)tcsetpgrp(slave, getpid());
	(void)kill(getpid(), SIGSTOP);
	/* ... until somebody sends SIGCONT */
	(void)tcsetpgrp(slave, program);
	(void)kill(-program, SIGCONT);
}

/* look_after() - act on what became of the program since the last look */
static void look_after(pid_t program, struct job_shared *shared, int slave)
{
	int status = 0;

	while (waitpid(program, &status, WNOHANG | WUNTRACED) == program) {
		if (!WIFSTOPPED(status))
			end_like(status, slave);
		stop_with(program, WSTOPSIG(status), shared, slave);
	}
}

void leader_run(struct job_shared *shared, int slave, const struct spawn *spawn)
{
	enum agent_step step = AGENT_STEP_TTY;
	pid_t program = -1;
	sigset_t all;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		give_up(shared, AGENT_STEP_TTY, errno);
	int r = spawn_program(&program, &step, spawn);
	if (r < 0)
		give_up(shared, step, -r);
	spawn_close_all(slave);
	__atomic_store_n(&shared->pid, (uint32_t)program, __ATOMIC_RELEASE);
	(void)kill(getppid(), SIGCHLD);

	for (;;) {
		look_after(program, shared, slave);
		if (sigwaitinfo(&all, NULL) != SIGHUP)
			continue;
		(void)kill(-program, SIGHUP);
		(void)kill(-program, SIGCONT); /* a stopped one must hear it too */
	}
}
