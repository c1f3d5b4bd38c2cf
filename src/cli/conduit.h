/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conduit - a pipe of the caller's, joined to one of ours that the program gets in its place. So the
 * program shares no open file with the caller (whose flags it could change) and no pipe (which it
 * could open anew, to write into what it was to read). Octets move as pages (splice(2)), uncopied.
 *
 * It behaves as one pipe would: an end of file comes through; once the reader is gone, the writer
 * gets SIGPIPE; a slow reader makes the writer wait.
 */
#ifndef CLI_CONDUIT_H
#define CLI_CONDUIT_H

#include <limits.h>

#include "loop/loop.h"

struct conduit {
	struct loop *loop; /* NULL: never opened */
	struct loop_source from, to;
	int in, out;
	bool inwards;   /* the caller's pipe is the one that is read */
	bool no_splice; /* the kernel cannot for these two */
	int error;      /* why it closed, if not for an end: -errno */
	bool ending;    /* only @left octets are still to be read */
	size_t left;
	char kept[PIPE_BUF]; /* read, not yet written */
	size_t kept_from, kept_to;
	void (*changed)(void *context); /* something was carried, or it closed */
	void *context;
};

/**
 * conduit_open() - join @fd to a new pipe
 * @ret:	the program's end of it, owned by the caller, who closes it once the program has it
 * @fd:		the caller's pipe, borrowed
 * @inwards:	@fd is the program's stdin
 *
 * @conduit is all zero but for what it shall call. Return: 0 or -errno.
 */
MUST_USE int conduit_open(struct conduit *conduit, int *ret, struct loop *loop, int fd,
			  bool inwards);

MUST_USE bool conduit_is_open(const struct conduit *conduit);

/* conduit_finish() - carry what the program has written by now, then close; no more than that. What
 * can be is carried at once, without a call of changed(): see conduit_is_open(). */
void conduit_finish(struct conduit *conduit);

/* conduit_close() - at once; fine for one that is closed or all zero */
void conduit_close(struct conduit *conduit);

#endif
