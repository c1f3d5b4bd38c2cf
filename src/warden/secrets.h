/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secrets - their values, in memory that is not swapped, not dumped and not inherited, and the
 * placeholders that programs see in their place.
 *
 * A process that holds any is not dumpable from then on: no core, and nobody of the same user looks into
 * it through /proc.
 */
#ifndef WARDEN_SECRETS_H
#define WARDEN_SECRETS_H

#include "config/config.h"
#include "net/name.h"

struct secrets;

/**
 * secrets_load() - fetch each value from where the settings say
 * @ret:	owned by the caller; NULL if there are none
 * @network:	borrowed for the call; values in it are wiped
 *
 * Waits for commands, 10 s each. Return: 0; -EINVAL: a value is not there, or none that can be sent, or
 * all together are too long; another -errno. *diag says which, and never shows a value.
 */
MUST_USE int secrets_load(struct secrets **ret, struct config_network *network, struct diag *diag);

/* secrets_shield() - make this process not dumpable, before it reads any */
MUST_USE int secrets_shield(struct diag *diag);

/* secrets_placeholder() - what stands for secret @name; NULL: there is none of that name */
const char *secrets_placeholder(const struct secrets *secrets, struct span name);

/* secrets_name() - of the @i-th secret; NULL: there are no more */
const char *secrets_name(const struct secrets *secrets, size_t i);

/**
 * secrets_for() - what may be sent to that host, as wire/substitution.h has it
 * @secrets:	NULL is fine
 *
 * Return: empty: nothing; borrowed, until secrets_done() or the next call.
 */
struct span secrets_for(struct secrets *secrets, const struct net_name *host, uint16_t port);

/* secrets_done() - wipe what secrets_for() gave */
void secrets_done(struct secrets *secrets);

void secrets_free(struct secrets *secrets); /* wipes; NULL is fine */

#endif
