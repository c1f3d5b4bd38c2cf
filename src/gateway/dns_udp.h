/* SPDX-License-Identifier: Apache-2.0 */
/* dns_udp - queries that come as datagrams. */
#ifndef GATEWAY_DNS_UDP_H
#define GATEWAY_DNS_UDP_H

#include "gateway/resolve.h"

struct dns_udp {
	struct loop_source source;
	struct resolve *resolve; /* borrowed */
};

/* dns_udp_start() - serve @fd (borrowed), as enum gateway_fd wants it. Return: 0 or -errno. */
MUST_USE int dns_udp_start(struct dns_udp *udp, struct loop *loop, int fd);

/* dns_udp_reply() - as UDP goes: one that cannot be sent is lost, and the program asks again */
void dns_udp_reply(struct dns_udp *udp, const struct resolve_origin *origin, struct span reply);

/* dns_malformed() - tell the warden that what came to @address, port 53, was no query */
void dns_malformed(struct talk *talk, const struct in6_addr *address);

/* dns_address() - IPv4-mapped addresses as IPv4 */
struct net_address dns_address(const struct in6_addr *address);

#endif
