/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refused - packets that the sandbox's firewall refused, as reports: at most one a second for each
 * protocol, address and port, with the number of packets since the one before.
 */
#ifndef WARDEN_REFUSED_H
#define WARDEN_REFUSED_H

#include "loop/loop.h"
#include "warden/egress.h"

struct refused;

/**
 * refused_open() - report what @log tells
 * @ret:	owned by the caller; NULL if @log is -1: this kernel does not tell
 * @log:	borrowed until refused_close(); see jail/capture.h
 * @hooks:	copied; report alone is used
 *
 * Return: 0 or -errno.
 */
MUST_USE int refused_open(struct refused **ret, struct loop *loop, int log,
			  const struct egress_hooks *hooks);

/* refused_close() - report all that was told or counted by now, then end. NULL is fine. */
void refused_close(struct refused *refused);

#endif
