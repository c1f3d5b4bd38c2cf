/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile - a program that tries to get out. One word names a row of the threat table; it then does
 * all it can and prints one line for each attempt:
 *
 *	ROW ATTEMPT refused ERRNO
 *	ROW ATTEMPT allowed VALUE
 *	ROW NAME is TEXT		what it saw; the tests judge it
 *
 * System calls are raw where a C library would soften them. Attempts are chosen so that one which
 * is not refused does no lasting harm to the machine that runs the tests.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* tell() - one attempt; a negative @result is judged by errno. Return: was it allowed? */
bool tell(long result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* tell_fd() - the same of a descriptor, which is closed */
bool tell_fd(long fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* see() - NAME is TEXT; what a terminal or a test cannot read is shown as \xNN */
void see(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* now_ms() - of the monotonic clock */
int64_t now_ms(void);

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name; Return: exit code */
};

extern const struct command kernel_commands[], file_commands[], net_commands[], limit_commands[];

#endif
