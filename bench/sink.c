// SPDX-License-Identifier: Apache-2.0
/*
 * sink ROUNDS COMMAND [;; COMMAND]... - how fast does output arrive? Interleaved.
 *
 * Theory of operation: the command's output is a pipe that is spliced to /dev/null: pages are given
 * back unread, so we are never what is slow. A line of the output is "ROUND COMMAND WALL_NS OCTETS
 * STATUS"; the time is from the first octet to the end of output, so it holds no start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spawn.h"

enum { COMMANDS_MAX = 16, SPLICE_OCTETS = 1024 * 1024 };

static void measure(size_t round, size_t index, const struct command *command, int null)
{
	int ends[2] = { -1, -1 };
	uint64_t octets = 0, start = 0;
	ssize_t n = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	pid_t pid = spawn(command, (const int[3]){ -1, ends[1], -1 });
	close(ends[1]);
	while ((n = splice(ends[0], NULL, null, NULL, SPLICE_OCTETS, 0)) > 0) {
		if (octets == 0)
			start = now_ns();
		octets += (uint64_t)n;
	}
	if (n < 0)
		die("splice");
	uint64_t took = now_ns() - start;
	close(ends[0]);
	int status = wait_for(pid);
	printf("%zu %zu %llu %llu %d\n", round, index, (unsigned long long)took,
	       (unsigned long long)octets, status);
}

int main(int argc, char **argv)
{
	struct command commands[COMMANDS_MAX];
	size_t len = 0;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (argc < 3 || null < 0) {
		fprintf(stderr, "usage: sink ROUNDS COMMAND [;; COMMAND]...\n");
		return 2;
	}
	size_t rounds = strtoul(argv[1], NULL, 10);
	for (char **words = argv + 2; words != NULL && len < COMMANDS_MAX; len++)
		words = command_parse(&commands[len], words);
	for (size_t i = 0; i < rounds * len; i++)
		measure(i / len, i % len, &commands[i % len], null);
	return 0;
}
