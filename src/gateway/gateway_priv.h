/* SPDX-License-Identifier: Apache-2.0 */
/* gateway_priv - the wall around the gateway, and what it holds behind it. */
#ifndef GATEWAY_GATEWAY_PRIV_H
#define GATEWAY_GATEWAY_PRIV_H

#include "gateway/dns_udp.h"
#include "gateway/flows.h"

/**
 * gateway_confine() - give up all that serving needs not, for good
 * @ret_step:	written on failure: what did not work; static text
 *
 * Closes 0, 1 and 2; user, mount, IPC and UTS namespaces of its own; an empty root; Landlock without
 * a rule; no_new_privs; not dumpable; no capabilities; rlimits, memory among them, but for
 * descriptors, whose number the caller limits; a seccomp filter under
 * which execve() kills and any call but those in confine.c fails with EPERM: memory cannot be
 * mapped, so whoever calls this has allocated what it needs.
 *
 * Return: 0; -errno, after which the process must end, as it may be confined in part.
 */
MUST_USE int gateway_confine(const char **ret_step);

/* All state, allocated before the wall. Untouched parts of its tables cost no memory. */
struct gateway {
	struct loop *loop; /* owned */
	struct talk talk;
	struct dns_udp dns_udp;
	struct pipes pipes;
	struct names names;
	struct resolve resolve;
	struct dns_tcp dns_tcp;
	struct tls_context *tls; /* NULL: this host has no root certificates */
	struct flows flows;
};

#endif
