// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the socket takes what is sent to port 53 of any address; the control message
 * of a datagram says of which, and sent back makes the answer come from there.
 */
#include "gateway/dns_udp.h"

#include <netinet/in.h>
#include <stdalign.h>
#include <sys/socket.h>

enum { DATAGRAMS_PER_WAKE = 64 }; /* then the other sources have their turn */

/* A datagram, with room for what recvmsg() and sendmsg() want. */
struct datagram {
	struct resolve_origin origin;
	size_t len;
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	char octets[DNS_QUERY_OCTETS_MAX + 1]; /* so that an excessive one shows by its length */
};

struct net_address dns_address(const struct in6_addr *address)
{
	struct net_address mapped = { .family = 6 };

	memcpy(mapped.octets, address->s6_addr, sizeof(mapped.octets));
	return net_address_unmap(&mapped);
}

void dns_malformed(struct talk *talk, const struct in6_addr *address)
{
	struct net_address unmapped = dns_address(address);
	struct gate_message message = { .kind = GATE_MALFORMED, .port = 53 };

	message.family = unmapped.family;
	memcpy(message.address, unmapped.octets, sizeof(message.address));
	talk_tell(talk, &message);
}

/* message_of() - borrows its arguments */
static struct msghdr message_of(struct sockaddr_in6 *peer, struct iovec *part, char *control,
				size_t control_len)
{
	return (struct msghdr){
		.msg_name = peer,
		.msg_namelen = sizeof(*peer),
		.msg_iov = part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = control_len,
	};
}

/* receive() - Return: false: there is none left, for now. */
static bool receive(struct datagram *d, int fd)
{
	struct iovec part = { d->octets, sizeof(d->octets) };
	struct msghdr message = message_of(&d->origin.peer, &part, d->control, sizeof(d->control));
	struct in6_pktinfo info = { 0 };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

	if (n < 0)
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		memcpy(&info, CMSG_DATA(c), sizeof(info));
	d->origin.asked = info.ipi6_addr;
	d->len = (size_t)n;
	return true;
}

void dns_udp_reply(struct dns_udp *udp, const struct resolve_origin *origin, struct span reply)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct sockaddr_in6 peer = origin->peer;
	struct in6_pktinfo info = { .ipi6_addr = origin->asked };
	struct iovec part = { (void *)(uintptr_t)reply.ptr, reply.len };
	struct msghdr message = message_of(&peer, &part, control, sizeof(control));

	*CMSG_FIRSTHDR(&message) = (struct cmsghdr){
		.cmsg_level = IPPROTO_IPV6,
		.cmsg_type = IPV6_PKTINFO,
		.cmsg_len = CMSG_LEN(sizeof(info)),
	};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &info, sizeof(info));
	if (sendmsg(udp->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void udp_ready(struct loop_source *source, uint32_t events)
{
	struct dns_udp *udp = container_of(source, struct dns_udp, source);
	struct datagram d = { .origin.connection = -1 };

	(void)events;
	for (int i = 0; i < DATAGRAMS_PER_WAKE && receive(&d, source->fd); i++)
		if (resolve_query(udp->resolve, (struct span){ d.octets, d.len }, &d.origin) < 0)
			dns_malformed(udp->resolve->talk, &d.origin.asked);
}

int dns_udp_start(struct dns_udp *udp, struct loop *loop, int fd)
{
	udp->source.ready = udp_ready;
	return loop_add(loop, &udp->source, fd, EPOLLIN);
}
