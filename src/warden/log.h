/* SPDX-License-Identifier: Apache-2.0 */
/* log - logs/vm.log, what programs printed: append-only, bounded, the older half kept as vm.log.1 */
#ifndef WARDEN_LOG_H
#define WARDEN_LOG_H

#include "base/base.h"

enum { LOG_OCTETS_MAX = 64 * 1024 * 1024 };

/*
 * log_append() - append to the sandbox's log
 * @dir:	folder of the sandbox
 * @fd:		its open log, O_APPEND
 *
 * A log that cannot be written (full disk) never stops the program; what is missing is missing.
 */
void log_append(int dir, int fd, struct span data);

#endif
