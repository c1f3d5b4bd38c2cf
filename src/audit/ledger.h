/* SPDX-License-Identifier: Apache-2.0 */
/* ledger - the chain of all logs: one that is removed, or cut after it was closed, is missed. */
#ifndef AUDIT_LEDGER_H
#define AUDIT_LEDGER_H

#include "audit/key.h"

/* ledger_append() - @entry has only its ledger part; waits for other writers, 5 s at most
 * Return: 0; -ETIMEDOUT; -EBADMSG: its end is no line of ours; another -errno. */
MUST_USE int ledger_append(int folder, const struct audit_entry *entry, const struct audit_key *key,
			   bool sync);

#endif
