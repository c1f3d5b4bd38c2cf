// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: nfnetlink_log gives the packets of a group to one netlink socket, the one that
 * bound the group, in the network namespace it was made in. So the socket must be made here; it is
 * read outside. What the namespace gives it is bounded by the log rule.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "jail/capture_priv.h"
#include "jail/netlink.h"

/* is_unknown() - what a kernel says that has no such socket, subsystem or module */
static bool is_unknown(int error)
{
	return error == -EPROTONOSUPPORT || error == -EOPNOTSUPP || error == -ENOENT ||
	       error == -EINVAL;
}

int capture_log(int *ret, const char **ret_stage)
{
	const struct nfgenmsg head = { .version = NFNETLINK_V0,
				       .res_id = htons(CAPTURE_LOG_GROUP) };
	const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(CAPTURE_LOG_OCTETS),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	struct nl_batch batch;

	nl_start(&batch);
	nl_request(&batch, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_ACK, "log socket",
		   &head, sizeof(head));
	nl_put(&batch, NFULA_CFG_CMD, &bind, sizeof(bind));
	nl_put(&batch, NFULA_CFG_MODE, &mode, sizeof(mode));
	int r = nl_run_keep(ret, &batch, NETLINK_NETFILTER, ret_stage);
	return is_unknown(r) ? -ENOENT : r;
}
