/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SINCE_H
#define CLI_SINCE_H

#include "base/base.h"

/* since_read() - of --since: "1h" before now, or a time like 2024-01-15T10:30:00Z or a part of one, as Unix time in
 * nanoseconds. Return: 0; -EINVAL and *diag. */
MUST_USE int since_read(int64_t *ret, const char *text, struct diag *diag);

#endif
