/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_limit - how many descriptors this process may have
 *
 * The kernel counts those that are on their way in messages (SCM_RIGHTS) for all processes of a user
 * together, and who sends further ones is held to its own soft limit (unix(7), ETOOMANYREFS). So who
 * sends has all that it may have, and the programs of sandboxes have less: they are stopped first.
 */
#ifndef BASE_FD_LIMIT_H
#define BASE_FD_LIMIT_H

#include <sys/resource.h>

#include "base/base.h"

/* fd_limit_raise() - our soft limit to our hard one; if that cannot be, it stays */
void fd_limit_raise(void);

/* fd_limit_given() - Return: the soft limit as it was before, which is what a program should have */
MUST_USE rlim_t fd_limit_given(void);

/* fd_limit_restore() - set it, in a child that becomes a program of somebody else */
void fd_limit_restore(void);

#endif
