/* SPDX-License-Identifier: Apache-2.0 */
/* reach - the warden of a sandbox that runs, by the sandbox's unix socket. */
#ifndef CLI_REACH_H
#define CLI_REACH_H

#include <jansson.h>

#include "base/base.h"

/* reach_dial() - Return: a descriptor, the caller's; -ESRCH: it does not run; another -errno; with *diag */
MUST_USE int reach_dial(const char *id, struct diag *diag);

/**
 * reach_call() - one call over JSON-RPC, and its answer
 * @params:	consumed
 *
 * Return: 0; -errno as above; -EIO: the call was refused, *diag says why.
 */
MUST_USE int reach_call(const char *id, const char *method, json_t *params, struct diag *diag);

#endif
