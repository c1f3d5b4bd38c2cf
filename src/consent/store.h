/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - consent that lasts: a SQLite file in the state folder, which several processes may use at once. Only
 * immure-consent links it. A grant is for one app and one scope (wire/grant.h); another for the same scope
 * takes its place. What has expired is not there.
 *
 * A file that is damaged is an error, and stays as it is: it holds what somebody said no to.
 */
#ifndef CONSENT_STORE_H
#define CONSENT_STORE_H

#include "base/base.h"
#include "wire/grant.h"

struct store;

/**
 * store_open() - @ret: owned
 * @home:	the state folder; borrowed for the call
 * @make:	the file, if there is none
 *
 * Return: 0; -ENOENT: there is none; -EUCLEAN: it is damaged; -EBUSY; another -errno. *diag is set on each.
 */
MUST_USE int store_open(struct store **ret, int home, bool make, struct diag *diag);
void store_close(struct store *store); /* NULL is fine */

/**
 * store_list() - call @each for what there is, the oldest first
 * @app:	of this app; ptr NULL: of any
 * @each:	gets what is borrowed for the call; must not use the store
 *
 * Return: 0; what @each returned, if that was not 0; -EUCLEAN; another -errno.
 */
MUST_USE int store_list(struct store *store, struct span app,
			int (*each)(void *context, const struct grant *grant), void *context,
			struct diag *diag);

/* store_add() - all but its id, which is *@ret_id. Return: 0; -EINVAL: grant_fault(); -ENOSPC: this app has
 * GRANT_APP_MAX; -EUCLEAN; another -errno. */
MUST_USE int store_add(int64_t *ret_id, struct store *store, const struct grant *grant,
		       struct diag *diag);

/* store_revoke() - Return: 0; -ENOENT: there is none of that id; -EUCLEAN; another -errno */
MUST_USE int store_revoke(struct store *store, int64_t id, struct diag *diag);

/* store_revoke_app() - all of @app. Return: as above. */
MUST_USE int store_revoke_app(struct store *store, struct span app, struct diag *diag);

#endif
