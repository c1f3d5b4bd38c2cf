/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - immure-authority: the only process that ever has the key of this installation's
 * certificate authority in its memory. It reads nothing but requests of one fixed form
 * (wire/leaf.h), and answers with certificates.
 */
#ifndef AUTHORITY_PROCESS_H
#define AUTHORITY_PROCESS_H

#include "base/base.h"
#include "tls/authority.h"

/* process_serve() - answer requests (base/worker.h) until the channel ends. Return: 0; -errno: it failed, or
 * what came is no request. */
MUST_USE int process_serve(const struct authority *authority);

#endif
