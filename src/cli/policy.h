/* SPDX-License-Identifier: Apache-2.0 */
/* policy - engines with the library of policies, and what `immure policy` does with them. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "base/buf.h"
#include "cli/cli.h"
#include "learn/learn.h"
#include "rego/rego.h"

enum { POLICY_FILE_OCTETS_MAX = 1 << 20 };

#define POLICY_DECISION "data.immure.decision"

/* policy_read() - append the file @path to @ret. Return: 0; -errno and *diag */
MUST_USE int policy_read(struct buf *ret, const char *path, struct diag *diag);

/* policy_engine() - @ret: owned: rego_free(): an engine with the library alone. Return: 0; -errno and *diag */
MUST_USE int policy_engine(struct rego **ret, struct diag *diag);

/* policy_add() - a module. Return: 0; -errno, and *error says where, *diag the same for people */
MUST_USE int policy_add(struct rego *rego, const char *name, struct span text,
			struct rego_error *error, struct diag *diag);

/* policy_add_file() - as policy_add(), of a file */
MUST_USE int policy_add_file(struct rego *rego, const char *path, struct rego_error *error,
			     struct diag *diag);

/* policy_blame() - @diag: "FILE:LINE:COLUMN: why". Return: @r */
int policy_blame(struct diag *diag, int r, const char *name, const struct rego_error *error);

/* policy_shipped() - the text of "default" or of a template; NULL: there is none of that name */
const struct policy_text *policy_shipped(const char *name);

/* policy_recording() - what --app, --sandbox and --since mean, in @ret, which is zeroed or says "exact"; the caller's
 * also on failure. Return: 0; -ENOENT: nothing was recorded; another -errno; call->diag is set. */
MUST_USE int policy_recording(struct learn *ret, struct cli_call *call);

/* They return an exit status or -errno, as commands do. */
MUST_USE int policy_test(struct cli_call *call);
MUST_USE int policy_explain(struct cli_call *call);
MUST_USE int policy_suggest(struct cli_call *call);
MUST_USE int policy_replay(struct cli_call *call);
MUST_USE int policy_diff(struct cli_call *call);

#endif
