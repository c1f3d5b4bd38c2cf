// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: with "local default dev lo" every destination is this host, so packets to
 * anywhere take the path socket, output, lo, prerouting, input, socket and nft sees them twice.
 *
 * RTA_PREFSRC is not a nicety: on a local route the kernel's choice of source is the destination
 * itself (ip_route_output_key_hash_rcu() in net/ipv4/route.c), and answers would be captured, too.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include "jail/capture.h"
#include "jail/capture_priv.h"
#include "jail/netlink.h"

enum {
	LO_INDEX = 1, /* LOOPBACK_IFINDEX in include/net/flow.h */
	MADE_NEW = NLM_F_CREATE | NLM_F_EXCL,
};

struct own_address {
	uint8_t family;
	uint8_t len; /* octets */
	struct in6_addr octets;
	const char *address_stage, *route_stage;
};

static void put_up(struct nl_batch *batch)
{
	struct ifinfomsg link = { .ifi_index = LO_INDEX,
				  .ifi_flags = IFF_UP,
				  .ifi_change = IFF_UP };

	nl_request(batch, RTM_NEWLINK, 0, "lo up", &link, sizeof(link));
}

static void put_address(struct nl_batch *batch, const struct own_address *own)
{
	struct ifaddrmsg address = {
		.ifa_family = own->family,
		.ifa_prefixlen = (uint8_t)(own->len * 8),
		.ifa_flags = IFA_F_NODAD | IFA_F_PERMANENT, /* usable at once */
		.ifa_index = LO_INDEX,
	};

	nl_request(batch, RTM_NEWADDR, MADE_NEW, own->address_stage, &address, sizeof(address));
	nl_put(batch, IFA_LOCAL, &own->octets, own->len);
	nl_put(batch, IFA_ADDRESS, &own->octets, own->len);
}

static void put_route(struct nl_batch *batch, const struct own_address *own)
{
	struct rtmsg route = {
		.rtm_family = own->family,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};
	uint32_t device = LO_INDEX;

	nl_request(batch, RTM_NEWROUTE, MADE_NEW | NLM_F_ACK, own->route_stage, &route,
		   sizeof(route));
	nl_put(batch, RTA_OIF, &device, sizeof(device));
	nl_put(batch, RTA_PREFSRC, &own->octets, own->len);
}

int capture_lo(const char **ret_stage)
{
	struct own_address own[] = {
		{ AF_INET, 4, { { { 0 } } }, "IPv4 address", "IPv4 route" },
		{ AF_INET6, 16, { { { 0 } } }, "IPv6 address", "IPv6 route" },
	};
	struct nl_batch batch;

	int parsed = inet_pton(AF_INET, CAPTURE_ADDR4, &own[0].octets) +
		     inet_pton(AF_INET6, CAPTURE_ADDR6, &own[1].octets);
	assert(parsed == 2);
	(void)parsed;
	nl_start(&batch);
	put_up(&batch);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		put_address(&batch, &own[i]);
		put_route(&batch, &own[i]);
	}
	return nl_run(&batch, NETLINK_ROUTE, ret_stage);
}
