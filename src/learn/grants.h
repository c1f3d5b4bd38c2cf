/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants - what a policy has to allow so that all that was allowed in the recording is allowed again, and little more:
 * the calls themselves, what they take (a request a flow, a flow its name), and, if that is wanted, "*.x" in
 * place of three hosts or more of one owner of which the same was asked. Nothing is widened over what was denied.
 */
#ifndef LEARN_GRANTS_H
#define LEARN_GRANTS_H

#include "learn/learn.h"

enum { GRANTS_HOSTS_MIN = 3 }; /* for which "*.x" may stand */

struct grant {
	struct learn_call call; /* host: the name, or x of "*.x"; borrowed from the model */
	struct span domain;     /* hosts_domain() of the host */
	bool below;             /* it is "*.x" */
	bool unread;            /* a flow on which no request was read: maybe it is no HTTP */
	bool exact;             /* its path alone, as others of its form were denied */
	bool open;              /* its path is a template */
	struct span could; /* x of "*.x", which could stand for it and others; ptr NULL: none */
	size_t hosts;      /* for which it stands */
	unsigned rule;     /* its number in the policy, from 1; for the writer */
};

struct grants {
	const struct learn *learn; /* borrowed */
	struct grant *all;         /* owned; in the order in which they are written */
	size_t len;
	struct grant *denied; /* owned, while they are made: all that was ever denied, by owner */
	size_t denied_len;
	const struct learn_call **requests; /* owned, while they are made: by port and host */
	size_t requests_len;
	bool wildcards; /* "*.x" where it can stand */
};

/* grants_make() - with @wildcards, "*.x" stands where it can; without, hosts say that it could. Return: 0; -ENOMEM */
MUST_USE int grants_make(struct grants *ret, const struct learn *learn, bool wildcards);
void grants_free(struct grants *grants);

/* grants_is_rule() - do the two belong into one rule? They stand beside each other. */
MUST_USE bool grants_is_rule(const struct grant *one, const struct grant *other);

#endif
