/* SPDX-License-Identifier: Apache-2.0 */
/* roots - which servers may be trusted: this host's root certificates, and those of the settings. */
#ifndef GATEWAY_ROOTS_H
#define GATEWAY_ROOTS_H

#include "tls/context.h"

/**
 * roots_context() - make the context of all TLS from them, before the process is confined
 * @ret:	owned by the caller; NULL: there are no certificates, and no TLS
 * @more:	a file of further ones; consumed; need not be open
 *
 * Return: 0 or -errno.
 */
MUST_USE int roots_context(struct tls_context **ret, int more);

#endif
