/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote - a program in a sandbox that another process runs, with our streams: what `immure exec`
 * and `immure attach` are made of. It speaks JSON-RPC on the sandbox's unix socket.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include <jansson.h>

#include "base/base.h"

struct remote_options {
	const char *id;     /* of the sandbox */
	const char *method; /* "exec_stream" or "attach"; it answers in parts */
	json_t *params;     /* consumed */
	bool tty;           /* the program has a terminal inside: ours becomes raw */
	bool detaches;      /* signals end us, not the program */
};

/**
 * remote_run() - Return: the program's exit status; or a negative errno with *diag: -ESRCH: the
 * sandbox does not run.
 */
MUST_USE int remote_run(const struct remote_options *options, struct diag *diag);

#endif
