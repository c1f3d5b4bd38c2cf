// SPDX-License-Identifier: Apache-2.0
/*
 * slow COMMAND... - the same command made slower by 1 ms, to see whether the bench notices
 *
 * A whole process sleeps 1 ms and then is the command. With --rpc among the words we stay in
 * between, and each request line arrives 1 ms late.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void doze(void)
{
	nanosleep(&(const struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* forward() - stdin to the child, a read (a request line) at a time */
static int forward(pid_t child, int out)
{
	static char data[65536];
	ssize_t n = 0;
	int status = 0;

	while ((n = read(STDIN_FILENO, data, sizeof(data))) > 0) {
		doze();
		if (write(out, data, (size_t)n) != n)
			break;
	}
	close(out);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	int rpc = 0, ends[2] = { -1, -1 };

	for (int i = 1; i < argc; i++)
		rpc |= strcmp(argv[i], "--rpc") == 0;
	if (!rpc) {
		prctl(PR_SET_TIMERSLACK, 1);
		doze();
		execv(argv[1], argv + 1);
		return 127;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 125;
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[0], STDIN_FILENO);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	close(ends[0]);
	return child < 0 ? 125 : forward(child, ends[1]);
}
