// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "warden/sandbox_priv.h"

enum { ILLEGAL = STATE_COUNT };

/* [from][event] → to; see the picture in sandbox.h */
static const unsigned char moves[STATE_COUNT][LIFE_DIED + 1] = {
	/*		      START	      HELLO	     STOP	     DIED */
	[STATE_CREATED] = { STATE_STARTING, ILLEGAL, STATE_STOPPING, STATE_CRASHED },
	[STATE_STARTING] = { ILLEGAL, STATE_RUNNING, STATE_STOPPING, STATE_CRASHED },
	[STATE_RUNNING] = { ILLEGAL, ILLEGAL, STATE_STOPPING, STATE_CRASHED },
	[STATE_STOPPING] = { ILLEGAL, STATE_STOPPING, STATE_STOPPING, STATE_STOPPED },
	[STATE_STOPPED] = { ILLEGAL, ILLEGAL, STATE_STOPPED, STATE_STOPPED },
	[STATE_CRASHED] = { ILLEGAL, ILLEGAL, STATE_CRASHED, STATE_CRASHED },
};

enum state_status lifecycle_next(enum state_status status, enum lifecycle_event event,
				 bool stop_asked)
{
	unsigned next = moves[status][event];

	assert(next != ILLEGAL);
	if (next == STATE_CRASHED && stop_asked)
		return STATE_STOPPED;
	return (enum state_status)next;
}
