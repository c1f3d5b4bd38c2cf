/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sibling - the programs that belong to immure but are executables of their own, since what they
 * link would slow down each start: they lie beside immure, or in ../libexec/immure.
 */
#ifndef WARDEN_SIBLING_H
#define WARDEN_SIBLING_H

#include <sys/types.h>

#include "base/base.h"

enum { SIBLING_FD_FIRST = 3, SIBLING_FDS_MAX = 8, SIBLING_FOLDERS = 2 };

/* sibling_folder() - the folder, of SIBLING_FOLDERS, in which they may lie; the first is our own. Return:
 * a descriptor; -ENOENT: there is none; -errno. */
MUST_USE int sibling_folder(int which);

/* sibling_open() - Return: a descriptor to execute; -ENOENT: there is no such file; another -errno. */
MUST_USE int sibling_open(const char *name);

/**
 * sibling_start() - run the executable @name
 * @ret:	its process id, for the caller to wait for
 * @role:	its only word; NULL: none
 * @fds:	borrowed; they become its descriptors SIBLING_FD_FIRST and following, and it has no
 *		others but the standard streams
 *
 * It has no environment. Return: 0; -ENOENT: there is no such file; another -errno.
 */
MUST_USE int sibling_start(pid_t *ret, const char *name, const char *role, const int *fds,
			   size_t len);

#endif
