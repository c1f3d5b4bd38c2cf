/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decider_grants - what the owner answered for longer than once: each is for exactly what he was shown, no
 * more (THREATS C27).
 */
#ifndef WARDEN_DECIDER_GRANTS_H
#define WARDEN_DECIDER_GRANTS_H

#include "policy/policy.h"
#include "wire/grant.h"

struct kept;

struct decider_grants {
	struct kept *first; /* owned */
	size_t len;
};

enum decider_granted {
	GRANTED_NOTHING = 0,
	GRANTED_NO,
	GRANTED_RUN,    /* yes, since this sandbox began */
	GRANTED_BEFORE, /* yes, since an earlier one */
};

/* decider_grants_find() - what was answered to just that, and has not expired */
MUST_USE enum decider_granted decider_grants_find(const struct decider_grants *grants,
						  const struct policy_request *request);

/* decider_grants_add() - for this run. Return: is there room for it? */
bool decider_grants_add(struct decider_grants *grants, const struct policy_request *request,
			bool deny);

/* decider_grants_load() - what is kept for @app: all, or nothing. Return: 0; -errno with *diag. */
MUST_USE int decider_grants_load(struct decider_grants *ret, int home, const char *app,
				 struct diag *diag);

/* decider_grants_text() - those for a host and port as data.consent (policy/settings.h); those for a
 * request alone are not in it, as it could not say so. @ret: owned. Return: 0; -errno with *diag. */
MUST_USE int decider_grants_text(char **ret, const struct decider_grants *grants, const char *app,
				 struct diag *diag);

/* decider_grants_of() - what is to be kept of an answer to @request. *@ret borrows from it and the texts. */
void decider_grants_of(struct grant *ret, const struct policy_request *request, bool deny,
		       const char *app, const char *by);

void decider_grants_free(struct decider_grants *grants);

#endif
