// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"
#include "warden/sandbox_priv.h"

int main(void)
{
	const struct {
		enum state_status from;
		enum lifecycle_event event;
		bool stop_asked;
		enum state_status to;
	} rows[] = {
		{ STATE_CREATED, LIFE_START, false, STATE_STARTING },
		{ STATE_STARTING, LIFE_HELLO, false, STATE_RUNNING },
		{ STATE_RUNNING, LIFE_STOP, true, STATE_STOPPING },
		{ STATE_STOPPING, LIFE_DIED, true, STATE_STOPPED },
		{ STATE_STOPPING, LIFE_HELLO, true, STATE_STOPPING }, /* it crossed our stop */
		{ STATE_RUNNING, LIFE_DIED, false, STATE_CRASHED },
		{ STATE_STARTING, LIFE_DIED, false, STATE_CRASHED },
		{ STATE_CREATED, LIFE_DIED, true, STATE_STOPPED }, /* never used */
		{ STATE_STOPPED, LIFE_STOP, true, STATE_STOPPED },
		{ STATE_CRASHED, LIFE_DIED, false, STATE_CRASHED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum state_status to =
		    lifecycle_next(rows[i].from, rows[i].event, rows[i].stop_asked);

		CHECK(to == rows[i].to, "row %zu: %s", i, state_names[to]);
	}
	return test_failures > 0;
}
