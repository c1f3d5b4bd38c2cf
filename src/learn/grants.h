/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants - what a policy has to allow so that all that was allowed in the recording is allowed again, and little more:
 * the calls themselves, what they take (a request a flow, a flow its name), and "*.x" in place of three hosts or
 * more of one owner of which the same was asked.
 */
#ifndef LEARN_GRANTS_H
#define LEARN_GRANTS_H

#include "learn/learn.h"

enum { GRANTS_HOSTS_MIN = 3 }; /* for which "*.x" may stand */

struct grant {
	struct learn_call call; /* host: the name, or x of "*.x"; borrowed from the model */
	struct span domain;     /* hosts_domain() of the host */
	bool below;             /* it is "*.x" */
	bool unread;            /* a flow on which no request was read: it passes as it is */
	bool open;              /* its path is a template */
	size_t hosts;           /* for which it stands */
	unsigned rule;          /* its number in the policy, from 1; for the writer */
};

struct grants {
	const struct learn *learn; /* borrowed */
	struct grant *all;         /* owned; in the order in which they are written */
	size_t len;
};

/* grants_make() - Return: 0; -ENOMEM */
MUST_USE int grants_make(struct grants *ret, const struct learn *learn);
void grants_free(struct grants *grants);

/* grants_is_rule() - do the two belong into one rule? They stand beside each other. */
MUST_USE bool grants_is_rule(const struct grant *one, const struct grant *other);

#endif
