// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the child is a clone that shares our memory while we are suspended
 * (CLONE_VM | CLONE_VFORK), so nothing is copied and a failed execve() leaves its errno where we
 * read it. It has a stack of its own, so it cannot disturb our frames. Its signal mask and
 * descriptors are its own. A hostile program that guesses its pid may stop it in that moment, and
 * us with it; that ends nothing but its own sandbox, which the warden kills from outside.
 */
#include "agent/spawn_priv.h"

#include <errno.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STACK_OCTETS = 32 * 1024,
	CANDIDATE_OCTETS = 2 * AGENT_PATH_OCTETS_MAX,
	SIGNALS = 64, /* _NSIG, asm/signal.h */
};

static const char DEFAULT_PATH[] = "/usr/local/bin:/usr/bin:/bin";

/* What the child leaves in the memory it shares with us. */
struct attempt {
	const struct spawn *spawn;
	enum agent_step step;
	int error;
};

/*
 * By the bare call: a libc refuses its own 32 to 34, yet glibc's posix_spawn() (make uses it) hands
 * two of them on as ignored.
 */
void spawn_reset_signals(void)
{
	static const uint64_t by_default[4]; /* struct sigaction of the kernel: SIG_DFL, no flags */

	for (int i = 1; i <= SIGNALS; i++)
		(void)syscall(SYS_rt_sigaction, i, by_default, NULL, sizeof(uint64_t));
}

void spawn_close_all(int keep)
{
	unsigned first = keep < 0 ? 3 : (unsigned)keep + 1;

	if (keep > 3)
		(void)syscall(SYS_close_range, 3U, (unsigned)keep - 1, 0U);
	(void)syscall(SYS_close_range, first, ~0U, 0U);
}

static struct span path_of(char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (memcmp(*envp, "PATH=", strnlen(*envp, 5)) == 0 && strlen(*envp) >= 5)
			return span_of(*envp + 5);
	return SPAN(DEFAULT_PATH);
}

/* exec_beneath() - try the program called @name in @folder. Return: the errno. */
static int exec_beneath(struct span folder, struct span name, const struct spawn *spawn)
{
	static char path[CANDIDATE_OCTETS]; /* too large for the child's stack */

	if (folder.len + 1 + name.len + 1 > sizeof(path))
		return ENAMETOOLONG;
	memcpy(path, folder.ptr, folder.len);
	path[folder.len] = '/';
	memcpy(path + folder.len + 1, name.ptr, name.len);
	path[folder.len + 1 + name.len] = '\0';
	(void)execve(path, spawn->argv, spawn->envp);
	return errno;
}

/* exec_by_name() - as a shell: the first that runs; one we may not run counts if no other does */
static int exec_by_name(const struct spawn *spawn)
{
	struct span name = span_of(spawn->argv[0]);
	struct span path = path_of(spawn->envp);
	int worst = ENOENT;

	if (name.len == 0)
		return ENOENT;
	while (path.ptr != NULL) {
		struct span folder = span_cut(&path, ':');
		int error = exec_beneath(folder.len > 0 ? folder : SPAN("."), name, spawn);

		if (error == EACCES)
			worst = EACCES;
		else if (error != ENOENT && error != ENOTDIR && error != ENAMETOOLONG)
			return error;
	}
	return worst;
}

/* join() - take our place: a session, or the process group in front of the terminal */
static int join(const struct spawn *spawn)
{
	if (!spawn->foreground)
		return setsid();
	if (setpgid(0, 0) < 0)
		return -1;
	return tcsetpgrp(spawn->fds[0], getpid()); /* SIGTTOU is still blocked */
}

static int fail(struct attempt *attempt, enum agent_step step, int error)
{
	attempt->step = step;
	attempt->error = error;
	return 127;
}

static int child(void *arg)
{
	struct attempt *attempt = arg;
	const struct spawn *spawn = attempt->spawn;
	sigset_t none;

	if (join(spawn) < 0)
		return fail(attempt, AGENT_STEP_TTY, errno);
	sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		if (dup2(spawn->fds[i], i) < 0)
			return fail(attempt, AGENT_STEP_FORK, errno);
	spawn_close_all(-1);
	if (chdir(spawn->working_dir) < 0)
		return fail(attempt, AGENT_STEP_CHDIR, errno);
	if (strchr(spawn->argv[0], '/') == NULL)
		return fail(attempt, AGENT_STEP_EXEC, exec_by_name(spawn));
	(void)execve(spawn->argv[0], spawn->argv, spawn->envp);
	return fail(attempt, AGENT_STEP_EXEC, errno);
}

static _Alignas(16) char stack[STACK_OCTETS]; /* of the child, while it is not yet the program */

void spawn_touch_memory(void)
{
	*(volatile char *)(stack + sizeof(stack) - 1) = 0;
}

int spawn_program(pid_t *ret, enum agent_step *ret_step, const struct spawn *spawn)
{
	struct attempt attempt = { .spawn = spawn };
	pid_t pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &attempt);

	if (pid < 0) {
		*ret_step = AGENT_STEP_FORK;
		return -errno;
	}
	if (attempt.error != 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		*ret_step = attempt.step;
		return -attempt.error;
	}
	*ret = pid;
	return 0;
}
