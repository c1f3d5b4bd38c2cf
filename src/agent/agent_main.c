// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: init has every wall around it when it starts, and no privilege. It makes
 * itself unreadable for the programs it will start, which have its uid; tries the ways out; and
 * tells the result at once, so that the warden can decide while the rest is set up. Then it serves
 * until the warden goes, and takes all processes with it.
 *
 * It runs at every launch, and someone waits: no heap (bare.c), no stdio, no memory touched that is
 * not used.
 */
#include <fcntl.h>
#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/init_priv.h"
#include "agent/selftest_priv.h"

static struct init init; /* no initial value: it would stand in the file, buffers and all */

static int say_hello(struct transport *transport)
{
	char space[AGENT_HEADER_OCTETS + 32];
	struct buf frame = { .ptr = space, .capacity = sizeof(space), .octets_max = sizeof(space) };
	struct agent_hello hello;

	selftest_run(&hello);
	int r = agent_hello_encode(&frame, &hello);
	return r < 0 ? r : transport_send(transport, buf_span(&frame));
}

static int serve(void)
{
	int r = loop_new(&init.loop);

	if (r == 0)
		r = children_start(&init);
	if (r == 0)
		r = serve_start(&init);
	if (r == 0)
		r = loop_run(init.loop);
	children_end_all(&init);
	return r;
}

int main(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    fcntl(AGENT_CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0)
		return 1;
	init.transport.fd = AGENT_CHANNEL_FD;
	return say_hello(&init.transport) < 0 || serve() < 0;
}
