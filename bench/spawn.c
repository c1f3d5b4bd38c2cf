// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: vfork(), since its cost does not depend on our size and the parent stands
 * still until the exec, as in posix_spawn(), which cannot enter a namespace on the way.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_NS = 5 * 1000 * 1000 };

void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* put_variable() - replace or append in a copy of the environment that has room for it */
static void put_variable(char **envp, char *variable)
{
	size_t name_len = (size_t)(strchr(variable, '=') - variable) + 1;

	while (*envp != NULL && strncmp(*envp, variable, name_len) != 0)
		envp++;
	if (*envp == NULL)
		envp[1] = NULL;
	*envp = variable;
}

static char **copy_environment(size_t room)
{
	size_t len = 0;

	while (environ[len] != NULL)
		len++;
	char **copy = calloc(len + room + 1, sizeof(*copy));
	if (copy == NULL)
		die("calloc");
	memcpy(copy, environ, len * sizeof(*copy));
	return copy;
}

static int is_setting(const char *word)
{
	return *word == '@' || *word == '+' || strchr(word, '=') != NULL;
}

char **command_parse(struct command *ret, char **words)
{
	char **end = words;

	while (*end != NULL && strcmp(*end, ";;") != 0)
		end++;
	char **next = *end == NULL ? NULL : end + 1;
	*end = NULL;
	ret->mount_ns = -1;
	ret->user = -1;
	ret->envp = copy_environment((size_t)(end - words));
	for (; *words != NULL && is_setting(*words); words++) {
		if (**words == '+')
			ret->user = strtol(*words + 1, NULL, 10);
		else if (**words != '@')
			put_variable(ret->envp, *words);
		else if ((ret->mount_ns = open(*words + 1, O_RDONLY | O_CLOEXEC)) < 0)
			die(*words);
	}
	ret->argv = words;
	if (*words == NULL) {
		errno = EINVAL;
		die("no command");
	}
	return next;
}

/* become() - between vfork() and exec: nothing here may touch the parent's memory */
static void become(const struct command *command, const int fds[3], int null)
{
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i] < 0 ? null : fds[i], i) < 0)
			_exit(125);
	if (command->mount_ns >= 0 && setns(command->mount_ns, CLONE_NEWNS) < 0)
		_exit(125);
	/* by syscall(): the wrappers of glibc mean all threads, and so memory that is not ours */
	if (command->user >= 0 &&
	    (syscall(SYS_setgroups, 0, NULL) < 0 ||
	     syscall(SYS_setresgid, command->user, command->user, command->user) < 0 ||
	     syscall(SYS_setresuid, command->user, command->user, command->user) < 0))
		_exit(125);
	execvpe(command->argv[0], command->argv, command->envp);
	_exit(127);
}

pid_t spawn(const struct command *command, const int fds[3])
{
	static int null = -1;

	if (null < 0 && (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		die("/dev/null");
	pid_t pid = vfork();
	if (pid == 0)
		become(command, fds, null);
	if (pid < 0)
		die("vfork");
	return pid;
}

int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static unsigned random_below(unsigned limit)
{
	static uint32_t x = 2463534242; /* xorshift32 (Marsaglia, 2003) */

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % limit;
}

size_t next_in_turn(size_t i, size_t len)
{
	static size_t order[ORDER_MAX];

	nanosleep(&(const struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	if (i == 0)
		for (size_t k = 0; k < len; k++)
			order[k] = k;
	if (i % len == 0)
		for (size_t k = len - 1; k > 0; k--) {
			size_t other = random_below((unsigned)k + 1), swap = order[k];

			order[k] = order[other];
			order[other] = swap;
		}
	return order[i % len];
}
