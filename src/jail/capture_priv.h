/* SPDX-License-Identifier: Apache-2.0 */
/* capture_priv - the steps of capture_open(). All return 0, or -errno with *@ret_stage set. */
#ifndef JAIL_CAPTURE_PRIV_H
#define JAIL_CAPTURE_PRIV_H

#include "base/base.h"

/* capture_lo() - lo up with global addresses, and every address in the world is local to it */
MUST_USE int capture_lo(const char **ret_stage);

/* capture_nft() - the rules that hand flows to our sockets and refuse the rest */
MUST_USE int capture_nft(const char **ret_stage);

#endif
