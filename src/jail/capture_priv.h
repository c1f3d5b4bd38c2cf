/* SPDX-License-Identifier: Apache-2.0 */
/* capture_priv - the steps of capture_open(). All return 0, or -errno with *@ret_stage set. */
#ifndef JAIL_CAPTURE_PRIV_H
#define JAIL_CAPTURE_PRIV_H

#include "base/base.h"

enum {
	CAPTURE_LOG_GROUP = 1,
	CAPTURE_LOG_OCTETS = 128, /* of each packet: its headers up to the ports */
	CAPTURE_LOG_RATE = 20,    /* packets a second, */
	CAPTURE_LOG_BURST =
	    50, /* beyond so many: a flood costs nothing, but is not counted whole */
};

/* capture_lo() - lo up with global addresses, and every address in the world is local to it */
MUST_USE int capture_lo(const char **ret_stage);

/**
 * capture_nft() - the rules that hand flows to our sockets and refuse the rest
 * @log:	tell of what is refused, up to CAPTURE_LOG_RATE
 *
 * A failure whose stage is CAPTURE_LOG_STAGE leaves nothing behind, and goes away without @log.
 */
MUST_USE int capture_nft(bool log, const char **ret_stage);
extern const char CAPTURE_LOG_STAGE[];

/* capture_log() - @ret: owned by the caller: the socket that hears of refused packets, non-blocking.
 * -ENOENT: this kernel has none */
MUST_USE int capture_log(int *ret, const char **ret_stage);

#endif
