/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreground - the front of `immure run`: a sandbox with one program, whose streams are ours, whose
 * signals come from our terminal, and whose end is ours.
 */
#ifndef CLI_FOREGROUND_H
#define CLI_FOREGROUND_H

#include <stdio.h>

#include "config/config.h"

enum foreground_tty { FOREGROUND_TTY_AUTO, FOREGROUND_TTY_YES, FOREGROUND_TTY_NO };

struct foreground_options {
	enum foreground_tty tty;
	bool log;           /* pass all output through us and keep it */
	FILE *notes;        /* what people should know goes there; borrowed */
	const char **words; /* the command, NULL at the end */
	size_t words_len;
};

struct foreground;

/*
 * foreground_new() - begin; the sandbox's namespaces are made while the caller reads its settings,
 * and its root too if @ahead: the settings will likely want the default one
 */
MUST_USE int foreground_new(struct foreground **ret, bool ahead, struct diag *diag);

/**
 * foreground_run() - run the program to its end
 * @config:	consumed, also on failure
 *
 * Return: the exit status: the program's own, 128 + signal, 124 after a time-out; a negative errno
 * with *diag: nothing was run, or the sandbox was lost.
 */
MUST_USE int foreground_run(struct foreground *foreground, struct config *config,
			    const struct foreground_options *options, struct diag *diag);

/*
 * foreground_tell_refused() - to a person at a terminal: that things were refused, if the program
 * failed, which may be why
 */
void foreground_tell_refused(struct foreground *foreground, FILE *err);

void foreground_free(struct foreground *foreground); /* NULL is fine */
DEFINE_FREEP(struct foreground, foreground_free)

#endif
