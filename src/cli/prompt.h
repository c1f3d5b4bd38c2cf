/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt - asks the person at the terminal for a yes or a no, one question at a time, on /dev/tty: never on
 * the program's own streams. While it is there the program neither reads the terminal nor writes to it, and
 * keys that were typed before it, or too soon after, are no answer.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include <stdio.h>
#include <termios.h>

#include "warden/sandbox.h"

enum { PROMPT_SHOWN_OCTETS = 512 }; /* of what is asked for; a longer text is cut with "..." */

struct prompt_question;

struct prompt {
	struct sandbox *sandbox;
	/* shown() - it begins, or it is over: whoever reads and writes the terminal stops meanwhile */
	void (*shown)(void *context, bool begins);
	void *context;
	struct prompt_question *first; /* owned; the first is shown */
	bool showing;
	int fd;    /* owned; -1: not opened yet */
	FILE *out; /* owned */
	struct termios saved;
	struct loop_source keys;
	struct loop_timer settle; /* until keys count */
};

#define PROMPT ((struct prompt){ .fd = -1 })

/* prompt_ask() - Return: is there a terminal of ours to ask on? */
MUST_USE bool prompt_ask(struct prompt *prompt, const struct consent_question *question);

/* prompt_settled() - as sandbox_hooks have it: that question needs no answer any more */
void prompt_settled(struct prompt *prompt, uint32_t id, enum consent_answer given, const char *by);

/* prompt_close() - ask no more; fine for one that never asked */
void prompt_close(struct prompt *prompt);

#endif
