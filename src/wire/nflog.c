// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a datagram is a row of netlink messages, a message a row of attributes, one of
 * them the head of the packet. Each step takes an item off the front of a span, or nothing. A packet
 * whose ports lie beyond what was copied still has an address.
 */
#include "wire/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>

enum {
	PACKET_TYPE = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
	IPV4_OCTETS = 20,
	IPV6_OCTETS = 40,
	EXTENSIONS_MAX = 8, /* RFC 8200 section 4.1 names seven */
	PORTS_OCTETS = 4,
	ICMPV6_INFORMATIONAL = 128, /* RFC 4443 section 2.1: from here on no errors */
};

static uint8_t octet(struct span s, size_t at)
{
	return (uint8_t)s.ptr[at];
}

static uint16_t pair(struct span s, size_t at)
{
	return (uint16_t)(octet(s, at) << 8 | octet(s, at + 1));
}

/* skip() - @s without @n octets and what fills them up to four; the last item need not be filled up */
static struct span skip(struct span s, size_t n)
{
	size_t room = NLMSG_ALIGN(n);

	return span_drop(s, room < s.len ? room : s.len);
}

static bool is_icmp_error(uint8_t protocol, uint8_t type)
{
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 }; /* RFC 792 */

	if (protocol == IPPROTO_ICMPV6)
		return type < ICMPV6_INFORMATIONAL;
	return protocol == IPPROTO_ICMP && memchr(errors, type, sizeof(errors)) != NULL;
}

/* read_transport() - @rest: what follows the IP header, as far as it was copied */
static void read_transport(struct nflog_packet *packet, struct span rest)
{
	switch (packet->protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (rest.len >= PORTS_OCTETS)
			packet->port = pair(rest, 2);
		break;
	default:
		packet->error = rest.len > 0 && is_icmp_error(packet->protocol, octet(rest, 0));
	}
}

static int read_ipv4(struct nflog_packet *packet, struct span head)
{
	size_t len = head.len < IPV4_OCTETS ? 0 : (octet(head, 0) & 15) * 4U;

	if (len < IPV4_OCTETS || len > head.len)
		return -EBADMSG;
	packet->family = 4;
	packet->protocol = octet(head, 9);
	memcpy(packet->to, head.ptr + 16, 4);
	if ((pair(head, 6) & 0x1fff) == 0) /* the first fragment has the ports */
		read_transport(packet, span_drop(head, len));
	return 0;
}

/* extension_octets() - length of the extension header @rest begins with; 0: it is none, or cannot be
 * passed */
static size_t extension_octets(uint8_t kind, struct span rest)
{
	if (rest.len < 8)
		return 0;
	switch (kind) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (octet(rest, 1) + 1U) * 8;
	case IPPROTO_AH:
		return (octet(rest, 1) + 2U) * 4;
	case IPPROTO_FRAGMENT:
		return pair(rest, 2) >> 3 == 0 ? 8 : 0;
	default:
		return 0;
	}
}

static int read_ipv6(struct nflog_packet *packet, struct span head)
{
	if (head.len < IPV6_OCTETS)
		return -EBADMSG;
	packet->family = 6;
	packet->protocol = octet(head, 6);
	memcpy(packet->to, head.ptr + 24, 16);
	head = span_drop(head, IPV6_OCTETS);
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		size_t len = extension_octets(packet->protocol, head);

		if (len == 0 || len > head.len)
			break;
		packet->protocol = octet(head, 0);
		head = span_drop(head, len);
	}
	read_transport(packet, head);
	return 0;
}

/* find_payload() - @attributes: of a message. Return: the head of the packet; empty: there is none. */
static struct span find_payload(struct span attributes)
{
	struct nlattr head;

	while (attributes.len >= sizeof(head)) {
		memcpy(&head, attributes.ptr, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > attributes.len)
			break;
		if ((head.nla_type & NLA_TYPE_MASK) == NFULA_PAYLOAD)
			return (struct span){ attributes.ptr + sizeof(head),
					      head.nla_len - sizeof(head) };
		attributes = skip(attributes, head.nla_len);
	}
	return (struct span){ 0 };
}

/* read_message() - @body: of a message, after its header */
static int read_message(struct nflog_packet *ret, struct span body)
{
	struct nflog_packet packet = { 0 };
	int r = -EBADMSG;

	if (body.len < sizeof(struct nfgenmsg))
		return -EBADMSG;
	struct span head = find_payload(skip(body, sizeof(struct nfgenmsg)));
	if (head.len == 0)
		return -EBADMSG;
	if (octet(head, 0) >> 4 == 4)
		r = read_ipv4(&packet, head);
	else if (octet(head, 0) >> 4 == 6)
		r = read_ipv6(&packet, head);
	if (r == 0)
		*ret = packet;
	return r;
}

int nflog_next(struct nflog_packet *ret, struct span *rest)
{
	struct nlmsghdr header;

	while (rest->len >= sizeof(header)) {
		struct span all = *rest;

		memcpy(&header, all.ptr, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > all.len)
			break;
		*rest = skip(all, header.nlmsg_len);
		if (header.nlmsg_type == PACKET_TYPE) {
			all.len = header.nlmsg_len;
			int r = read_message(ret, span_drop(all, sizeof(header)));
			return r == 0 ? 1 : r;
		}
	}
	bool whole = rest->len == 0;
	*rest = (struct span){ 0 };
	return whole ? 0 : -EBADMSG;
}
