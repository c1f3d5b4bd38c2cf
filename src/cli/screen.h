/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen - what a program without a terminal writes, made harmless for ours. Text, line ends, tabs,
 * carriage returns, backspaces and colours (SGR) pass; every other control is shown as \xNN: it could
 * have the terminal type an answer into the caller's shell, set the clipboard, or hide what was
 * there. A program that has a terminal of its own drives ours as it is: that is not for here.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "base/buf.h"

enum { SCREEN_KEPT_OCTETS = 32 }; /* a longer colour sequence is none */

struct screen {
	char kept[SCREEN_KEPT_OCTETS]; /* the beginning of a character or a sequence */
	size_t kept_len;
	bool coloured; /* the last colour sequence was no reset */
};

/* screen_show() - append what of @data may be shown by now. Return: 0 or buf_append()'s -errno. */
MUST_USE int screen_show(struct buf *ret, struct screen *screen, struct span data);

/* screen_end() - append what was never finished, and the end of colours. Return: likewise. */
MUST_USE int screen_end(struct buf *ret, struct screen *screen);

#endif
