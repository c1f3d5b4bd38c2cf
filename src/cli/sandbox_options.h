/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_options - the options of run, start and --rpc as a configuration. */
#ifndef CLI_SANDBOX_OPTIONS_H
#define CLI_SANDBOX_OPTIONS_H

#include <jansson.h>

#include "cli/cli.h"
#include "config/config.h"

/**
 * sandbox_options_tree() - the settings of --config, with the other options laid over them
 * @ret_tree:	owned by the caller (json_decref)
 * @ret_source:	owned by the caller; NULL without --config
 *
 * Lists and maps grow by what options give, everything else is replaced; a later option wins.
 *
 * Return: 0; -EINVAL: a value is refused; another -errno. call->diag says which and why.
 */
MUST_USE int sandbox_options_tree(json_t **ret_tree, struct config_source **ret_source,
				  struct cli_call *call);

/**
 * sandbox_options_read() - the same, judged by the schema
 * @ret:	owned by the caller (config_free)
 *
 * Return: as sandbox_options_tree() and config_read(); call->diag says why.
 */
MUST_USE int sandbox_options_read(struct config **ret, struct cli_call *call);

#endif
