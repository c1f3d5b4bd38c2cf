/* SPDX-License-Identifier: Apache-2.0 */
/* signals - hear signals in the loop instead of being interrupted by them. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "loop/loop.h"

/**
 * signals_watch() - block the @len signals of @list and hear of them; SIGPIPE is ignored
 * @ret:	owned by the caller: the descriptor that @source watches; written also on failure, if
 *		it was opened
 * @source:	its ready() calls signals_next()
 *
 * Return: 0 or -errno.
 */
MUST_USE int signals_watch(int *ret, struct loop *loop, struct loop_source *source, const int *list,
			   size_t len);

/* signals_next() - Return: a signal that came; 0: none is left */
MUST_USE int signals_next(int fd);

#endif
