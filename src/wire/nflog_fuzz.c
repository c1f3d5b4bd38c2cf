// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a datagram. Property: reading it ends; what is read of a packet is all that there is: the
 * plainest packet with the same facts reads the same.
 */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>

#include "wire/nflog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct plain {
	struct nlmsghdr header;
	struct nfgenmsg family;
	struct nlattr payload;
	uint8_t packet[48];
};

static void put_plain(struct plain *ret, const struct nflog_packet *packet)
{
	size_t len = packet->family == 4 ? 20 : 40;
	bool is_icmp = packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6;
	uint8_t *ip = ret->packet;

	*ret = (struct plain){
		.header = { .nlmsg_len = sizeof(*ret), .nlmsg_type = NFNL_SUBSYS_ULOG << 8 },
		.payload = { .nla_len = sizeof(struct nlattr) + sizeof(ret->packet),
			     .nla_type = NFULA_PAYLOAD },
	};
	ip[0] = packet->family == 4 ? 0x45 : 0x60;
	ip[packet->family == 4 ? 9 : 6] = packet->protocol;
	memcpy(ip + len - (packet->family == 4 ? 4 : 16), packet->to, packet->family == 4 ? 4 : 16);
	ip[len + 2] = (uint8_t)(packet->port >> 8);
	ip[len + 3] = (uint8_t)packet->port;
	if (is_icmp)
		ip[len] = packet->error ? 3 : 200;
	if (packet->family ==
	    6) /* an extension header that was not passed must not be passed here */
		ip[len + 1] = 255;
}

static void check(const struct nflog_packet *packet)
{
	struct nflog_packet again;
	struct plain plain;
	struct span rest = { (const char *)&plain, sizeof(plain) };

	if (packet->family != 4 && packet->family != 6)
		abort();
	if (packet->family == 6 && packet->protocol == IPPROTO_FRAGMENT)
		return; /* of another length, so that the plainest would be passed */
	put_plain(&plain, packet);
	if (nflog_next(&again, &rest) != 1 || rest.len != 0)
		abort();
	if (again.family != packet->family || again.protocol != packet->protocol ||
	    again.port != packet->port || again.error != packet->error ||
	    memcmp(again.to, packet->to, sizeof(again.to)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct nflog_packet packet;
	size_t before = size;
	int r;

	while ((r = nflog_next(&packet, &rest)) != 0) {
		if (rest.len >= before)
			abort();
		before = rest.len;
		if (r > 0)
			check(&packet);
	}
	return 0;
}
