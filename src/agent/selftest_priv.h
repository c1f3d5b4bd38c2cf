/* SPDX-License-Identifier: Apache-2.0 */
/* selftest - init tries the ways out before anything else may. */
#ifndef AGENT_SELFTEST_PRIV_H
#define AGENT_SELFTEST_PRIV_H

#include "wire/selftest.h"

/* selftest_run() - make every attempt of wire/selftest.h; leaves nothing behind but what escaped */
void selftest_run(struct agent_hello *ret);

#endif
