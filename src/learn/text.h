/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - a module in Rego as it is written. All that came out of a log goes through text_string(), in comments too:
 * so it is one literal, in one line, whatever a program put into a path.
 */
#ifndef LEARN_TEXT_H
#define LEARN_TEXT_H

#include "base/buf.h"

enum { TEXT_OCTETS_MAX = 1024 * 1024 }; /* what an engine takes for a module */

/* Remembers its first failure, so that who writes reads as what is written. */
struct text {
	struct buf buf;
	int error; /* -ENOBUFS: longer than a module may be; -ENOMEM */
};

#define TEXT ((struct text){ .buf = BUF(TEXT_OCTETS_MAX) })

void text_put(struct text *text, const char *literal); /* as it is */
void text_printf(struct text *text, const char *format, ...) PRINTF(2, 3);

/* text_string() - as a literal in double quotes, ASCII alone. What is no UTF-8 is U+FFFD, an octet each. */
void text_string(struct text *text, struct span value);

void text_free(struct text *text);

#endif
