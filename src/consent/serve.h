/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSENT_SERVE_H
#define CONSENT_SERVE_H

#include "base/base.h"

/* consent_serve() - what the warden started this process for (wire/grant.h), with a channel and the state folder
 * (base/worker.h). Return: the exit status. */
MUST_USE int consent_serve(const char *role);

#endif
