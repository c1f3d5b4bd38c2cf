/* SPDX-License-Identifier: Apache-2.0 */
/* gateway_priv - the two halves of the gateway: the wall around it, and the refusing of flows. */
#ifndef GATEWAY_GATEWAY_PRIV_H
#define GATEWAY_GATEWAY_PRIV_H

#include "base/base.h"
#include "loop/loop.h"

/**
 * gateway_confine() - give up all that serving needs not, for good
 * @ret_step:	written on failure: what did not work; static text
 *
 * Closes 0, 1 and 2; no_new_privs; not dumpable; no capabilities; rlimits; a seccomp filter under
 * which execve() kills and any call but the dozen in confine.c fails with EPERM: memory cannot be
 * mapped, so whoever calls this has allocated what it needs.
 *
 * Return: 0; -errno, after which the process must end, as it may be confined in part.
 */
MUST_USE int gateway_confine(const char **ret_step);

/* Refuses all flows. Owns nothing: the descriptors are the process's, the loop is the caller's. */
struct refuse {
	struct loop_source warden, tcp, dns;
	struct loop_timer pause; /* accepting goes on when it fires */
	uint64_t lost;           /* reports the warden has not heard of yet */
};

/* refuse_start() - serve the descriptors of enum gateway_fd on @loop. Return: 0 or -errno. */
MUST_USE int refuse_start(struct refuse *refuse, struct loop *loop);

#endif
