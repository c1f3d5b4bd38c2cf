/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn - start a command the cheapest way there is, for programs that measure how long it takes.
 *
 * A command is words. The first ones may be NAME=VALUE, set in its environment, @PATH, a mount
 * namespace (/proc/PID/ns/mnt) it is to run in, and +UID, the user and group it is to run as. They
 * cost a few system calls, not a process.
 */
#ifndef BENCH_SPAWN_H
#define BENCH_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct command {
	char **argv;  /* borrowed, NULL at its end */
	char **envp;  /* owned; never freed: it lives as long as the process */
	int mount_ns; /* -1: ours */
	long user;    /* -1: ours */
};

uint64_t now_ns(void); /* CLOCK_MONOTONIC */

/* command_parse() - @words end with NULL or ";;". Return: behind that end; NULL: no more words */
char **command_parse(struct command *ret, char **words);

/* spawn() - run it; its descriptors 0 to 2 are @fds, -1 is /dev/null. Ends us if it cannot. */
pid_t spawn(const struct command *command, const int fds[3]);

/* wait_for() - Return: the exit status, or 128 and the signal */
int wait_for(pid_t pid);

enum { ORDER_MAX = 64 };

/**
 * next_in_turn() - which of @len commands is the @i-th run
 *
 * Each comes once a round, in another order each round (the same ones in each run of the bench):
 * who comes after whom matters, since the kernel is still at work for the one before. For the same
 * reason this first pauses for a few milliseconds.
 */
size_t next_in_turn(size_t i, size_t len);

void die(const char *what) __attribute__((noreturn)); /* says why (errno), exits with 1 */

#endif
