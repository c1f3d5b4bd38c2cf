/* SPDX-License-Identifier: Apache-2.0 */
/* upstream - the settings' file of further roots, by which the gateway judges servers. */
#ifndef WARDEN_UPSTREAM_H
#define WARDEN_UPSTREAM_H

#include "base/base.h"

/**
 * upstream_open() - network.ca_file, for gate_roots()
 *
 * Return: a descriptor of a copy in memory, at its beginning, the caller's to close; -EINVAL: it is no regular file, too
 * long, or holds no certificate in PEM; another -errno. *diag is set on each.
 */
MUST_USE int upstream_open(const char *path, struct diag *diag);

#endif
