/* SPDX-License-Identifier: Apache-2.0 */
/* transfer - one file operation in a sandbox: its content goes through a pipe, bounded. */
#ifndef WARDEN_TRANSFER_H
#define WARDEN_TRANSFER_H

#include "base/buf.h"
#include "warden/sandbox.h"

enum { TRANSFER_OCTETS_MAX = 32 * 1024 * 1024 }; /* one file's content in one answer */

struct transfer;

/* @error: 0 or an errno; @data: what was read, borrowed for the call (its owner may take it away) */
typedef void transfer_ended(void *context, int error, struct buf *data);

/**
 * transfer_start() - AGENT_FILE_READ, AGENT_FILE_WRITE or AGENT_FILE_LIST
 * @file:	borrowed for the call
 * @content:	WRITE: consumed, also on failure; else NULL
 *
 * Return: 0: @ended follows, once, after which the transfer is gone; or a negative errno.
 */
MUST_USE int transfer_start(struct sandbox *sandbox, enum agent_type type,
			    const struct agent_file *file, struct buf *content,
			    transfer_ended *ended, void *context);

#endif
