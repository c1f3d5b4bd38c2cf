/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob - which paths a rule means.
 *
 *	/v1/models	that path
 *	*		any octets of one segment, none too: "/m*" is "/m" and "/me", not "/m/e"
 *	**		any octets at all: "/m**" is all that begins with "/m"
 *
 * A path is matched as it will be sent (wire/http1_path.h), without its query. Nothing is escaped: no
 * glob means a star alone.
 */
#ifndef NET_GLOB_H
#define NET_GLOB_H

#include "base/base.h"

enum { GLOB_OCTETS_MAX = 255 };

/* glob_fault() - Return: NULL: a glob; else why it is none, static. */
MUST_USE const char *glob_fault(struct span glob);

/**
 * glob_match() - @glob has no fault
 *
 * Takes time by the length of @path, whatever the glob, and allocates nothing.
 */
MUST_USE bool glob_match(struct span glob, struct span path);

#endif
