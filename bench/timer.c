// SPDX-License-Identifier: Apache-2.0
/*
 * timer ROUNDS WARMUP wall|cpu COMMAND [;; COMMAND]... - time whole processes, interleaved
 *
 * Theory of operation: each round runs every command once, so that a drift of the machine hits all
 * of them alike; next_in_turn() says in which order. A line of the output is "ROUND COMMAND WALL_NS
 * CPU_NS STATUS". Output is written when all is over: nothing but the commands runs in between.
 *
 * "cpu" counts the processor time of the command and all its descendants, also of those it does not
 * wait for, by an inherited task-clock counter (perf_event_open(2)); counters cost a little at each
 * fork and switch, hence the wall time is taken in runs of its own. CPU_NS is 0 where it is not
 * counted.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn.h"

enum { COMMANDS_MAX = 32 };

struct sample {
	uint64_t wall_ns, cpu_ns;
	int status;
	size_t command;
};

static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.disabled = 1,
		.inherit = 1,
	};
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static struct sample measure(const struct command *command, int counter)
{
	const int null[3] = { -1, -1, -1 };
	struct sample sample = { 0 };

	if (counter >= 0)
		ioctl(counter, PERF_EVENT_IOC_ENABLE, 0);
	uint64_t start = now_ns();
	pid_t pid = spawn(command, null);
	sample.status = wait_for(pid);
	sample.wall_ns = now_ns() - start;
	if (counter >= 0) {
		ioctl(counter, PERF_EVENT_IOC_DISABLE, 0);
		if (read(counter, &sample.cpu_ns, sizeof(sample.cpu_ns)) != sizeof(sample.cpu_ns))
			sample.cpu_ns = 0;
		close(counter);
	}
	return sample;
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS_MAX];
	size_t len = 0;

	if (argc < 5) {
		fprintf(stderr, "usage: timer ROUNDS WARMUP wall|cpu COMMAND [;; COMMAND]...\n");
		return 2;
	}
	size_t rounds = strtoul(argv[1], NULL, 10), warmup = strtoul(argv[2], NULL, 10);
	int cpu = strcmp(argv[3], "cpu") == 0;
	for (char **words = argv + 4; words != NULL && len < COMMANDS_MAX; len++)
		words = command_parse(&commands[len], words);
	struct sample *samples = calloc((rounds + warmup) * len, sizeof(*samples));
	if (samples == NULL)
		die("calloc");
	for (size_t i = 0; i < (rounds + warmup) * len; i++) {
		size_t turn = next_in_turn(i, len);

		samples[i] = measure(&commands[turn], cpu ? open_counter() : -1);
		samples[i].command = turn;
	}
	for (size_t i = warmup * len; i < (rounds + warmup) * len; i++)
		printf("%zu %zu %llu %llu %d\n", i / len - warmup, samples[i].command,
		       (unsigned long long)samples[i].wall_ns,
		       (unsigned long long)samples[i].cpu_ns, samples[i].status);
	free(samples);
	return 0;
}
