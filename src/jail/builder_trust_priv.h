/* SPDX-License-Identifier: Apache-2.0 */
/* builder_trust_priv - what the files of builder_trust*.c share. */
#ifndef JAIL_BUILDER_TRUST_PRIV_H
#define JAIL_BUILDER_TRUST_PRIV_H

#include "jail/builder_priv.h"

/* builder_trust_read() - the roots at @path beneath @root. @ret: owned by the caller.
 * Return: 0; -ENOENT: there are none that will do; -ENOMEM. */
MUST_USE int builder_trust_read(char **ret, size_t *ret_len, int root, const char *path);

/* builder_trust_has() - is there a regular file, by no link? */
bool builder_trust_has(struct builder *b, const char *path);

/* builder_trust_cover() - our file @ours (absolute) over the file @path (relative), if the root has
 * one there. Return: 0 or -errno, the step noted. */
MUST_USE int builder_trust_cover(struct builder *b, const char *ours, const char *path);

/* builder_trust_java() - a store of roots for Java over those that the root has; nothing if it has
 * none. @bundle: the roots and @certificate, PEM both. Return: 0 or -errno, the step noted. */
MUST_USE int builder_trust_java(struct builder *b, struct span certificate, struct span bundle);

/* builder_trust_nss() - the plan's NSS database in the home. Return: 0 or -errno, the step noted. */
MUST_USE int builder_trust_nss(struct builder *b);

#endif
