/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nflog - what a log rule of nftables tells of a packet (nfnetlink_log): where it was to go.
 *
 * The kernel writes the message, the program the packet that it carries the head of: so the packet
 * is hostile. Formats: linux/netfilter/nfnetlink_log.h, RFC 791, RFC 8200.
 */
#ifndef WIRE_NFLOG_H
#define WIRE_NFLOG_H

#include "base/base.h"

enum {
	NFLOG_PACKET_OCTETS = 128, /* of each packet that are asked for: headers up to the ports */
	NFLOG_DATAGRAM_OCTETS = 8192, /* NLMSG_GOODSIZE of linux/netlink.h: none is longer */
};

struct nflog_packet {
	uint8_t family; /* 4, 6 */
	uint8_t to[16]; /* IPv4 in the first four; what is unused is 0 */
	uint8_t
	    protocol; /* IPPROTO_*; of IPv6 what follows its extension headers, or the one not passed */
	uint16_t
	    port; /* of UDP, UDP-Lite, SCTP and DCCP; 0: it has none, or is not the first fragment */
	bool error; /* an ICMP error: the kernel's answer to a packet, not a program's own */
};

/**
 * nflog_next() - take the next packet off the front of a datagram
 * @rest:	what is left of it; the rest of a malformed one is used up
 *
 * Return: 1; 0: there is none left; -EBADMSG.
 */
MUST_USE int nflog_next(struct nflog_packet *ret, struct span *rest);

#endif
