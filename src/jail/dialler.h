/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialler - makes TCP sockets in the network namespace of a sandbox, for the warden to connect.
 *
 * A socket belongs for ever to the namespace it was made in, so what the warden connects with it
 * ends inside. Descriptors that the program has touched never travel outwards (ADR 6): these come
 * from a process of our own that shares nothing with the program but its network. That process is a
 * child of the warden, beside the sandbox and not in it: no process inside can see or signal it.
 */
#ifndef JAIL_DIALLER_H
#define JAIL_DIALLER_H

#include <sys/types.h>

#include "base/base.h"

enum {
	DIALLER_ASKED_MAX = 32, /* sockets asked for and not taken: that many fit its channel */
};

struct dialler {
	pid_t pid; /* 0: it does not run */
	int fd;    /* owned: our end of its channel, readable when it answered or died; -1: none */
	int diag;  /* owned, may be taken: a NETLINK_SOCK_DIAG socket of that network; -1: none */
};

#define DIALLER ((struct dialler){ .fd = -1, .diag = -1 })

/**
 * dialler_start() - start one, and wait until it is confined
 * @inside:	a socket of the network namespace, over which the caller has power
 *
 * It ends with its channel, or with the caller. Return: 0; -errno: none runs.
 */
MUST_USE int dialler_start(struct dialler *ret, int inside);

/* dialler_ask() - for a socket of @family, AF_INET or AF_INET6. Return: 0; -errno: it is lost. */
MUST_USE int dialler_ask(const struct dialler *dialler, int family);

/**
 * dialler_take() - the answer to the oldest question
 * @ret_error:	0, or the errno for which there is no socket
 * @ret_fd:	if there is: a TCP socket, non-blocking, close-on-exec; the caller's
 *
 * Return: 0; -EAGAIN: no answer yet; another -errno: it is lost.
 */
MUST_USE int dialler_take(int *ret_error, int *ret_fd, const struct dialler *dialler);

/* dialler_end() - end and reap it; fine for one that does not run */
void dialler_end(struct dialler *dialler);

#endif
