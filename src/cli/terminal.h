/* SPDX-License-Identifier: Apache-2.0 */
/* terminal - the user's own terminal: raw while a program inside has one of its own, and its size. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdint.h>
#include <termios.h>

#include "base/base.h"

struct terminal {
	int fd; /* borrowed */
	bool raw;
	struct termios saved;
};

/* terminal_raw() - every key goes to the program inside, Ctrl-C and Ctrl-Z too. Return: 0 or -errno. */
MUST_USE int terminal_raw(struct terminal *terminal, int fd);
void terminal_restore(struct terminal *terminal); /* fine if it is not raw */

/* terminal_size() - 24 rows of 80 columns if @fd cannot tell */
void terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns);

#endif
