/* SPDX-License-Identifier: Apache-2.0 */
/* policy - what the commands about policies have in common. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "learn/learn.h"

struct cli_call;

/* policy_recording() - what --app, --sandbox and --since mean, in @ret, which is zeroed or says "exact"; the caller's
 * also on failure. Return: 0; -ENOENT: nothing was recorded; another -errno; call->diag is set. */
MUST_USE int policy_recording(struct learn *ret, struct cli_call *call);

/* These return an exit status or -errno, as commands do. */
MUST_USE int policy_suggest(struct cli_call *call);
MUST_USE int policy_replay(struct cli_call *call);
MUST_USE int policy_diff(struct cli_call *call);

#endif
