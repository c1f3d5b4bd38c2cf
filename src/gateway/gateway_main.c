// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: set up while everything is still allowed, without reading one octet; then
 * confine; then read. So nothing hostile is ever handled outside the wall.
 */
#include "gateway/gateway.h"

#include <errno.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

/* set_up() - Return: 0, or -errno with *@ret_step set. */
static int set_up(struct refuse *refuse, struct loop **ret_loop, const char **ret_step)
{
	*ret_step = "close descriptors";
	if (close_range(GATEWAY_FD_DNS + 1, ~0U, 0) < 0)
		return -errno;
	*ret_step = "event loop";
	int r = loop_new(ret_loop);
	if (r < 0)
		return r;
	*ret_step = "sockets";
	r = refuse_start(refuse, *ret_loop);
	if (r < 0)
		return r;
	return gateway_confine(ret_step);
}

int gateway_main(void)
{
	CLEANUP(loop_freep) struct loop *loop = NULL;
	struct refuse refuse;
	const char *step = NULL;

	int r = set_up(&refuse, &loop, &step);
	if (r < 0) {
		fprintf(stderr, "immure: gateway: %s: %s\n", step, strerrordesc_np(-r));
		return 1;
	}
	return loop_run(loop) == 0 ? 0 : 1;
}
