/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - the variables a program in the sandbox starts with: PATH and HOME made for it,
 * TERM, LANG, LC_* and TZ of the caller, where certificates are, if anything may be reached, a
 * placeholder for each secret, and what the settings name. Nothing else of the caller's.
 */
#ifndef WARDEN_ENVIRONMENT_H
#define WARDEN_ENVIRONMENT_H

#include <jansson.h>

#include "config/config.h"
#include "warden/secrets.h"

enum { ENVIRONMENT_MAX = CONFIG_ENV_MAX + CONFIG_SECRETS_MAX + 48 };

struct environment {
	struct span *variables; /* owned, each "NAME=value"; owned texts */
	size_t len;
	json_t *given; /* owned: the settings' variables as the program sees them */
};

/**
 * environment_make() - @ret: release with environment_free()
 *
 * A value "${NAME}" stands for secret NAME: the program gets its placeholder, or one that stands for
 * nothing, and never a value of the caller's environment. @secrets: NULL: there are none.
 * Return: 0; -ENOMEM; -EAGAIN: no random numbers.
 */
MUST_USE int environment_make(struct environment *ret, const struct config *config,
			      const struct secrets *secrets);
void environment_free(struct environment *environment);

/**
 * environment_merge() - @base with the variables of @more (a JSON object of texts) laid over it
 * @ret:	allocated array; its spans borrow from @base and from the texts in @ret_texts
 * @ret_texts:	owned JSON array that keeps the new texts alive
 *
 * Return: 0; -EINVAL: a name or value that cannot be; -E2BIG: too many; -ENOMEM.
 */
MUST_USE int environment_merge(struct span **ret, size_t *ret_len, json_t **ret_texts,
			       const struct span *base, size_t base_len, json_t *more);

#endif
