// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a flow lives from accept() to close(), so there is no table of flows and
 * nothing to bound but the work done at one wake-up. Every report goes out before its effect. The
 * listener has SO_LINGER of 0, so close() resets a flow instead of faking a clean end.
 *
 * The channel to the warden has room for some hundred reports. Full, it makes us count instead, and
 * wait for EPOLLOUT to say how many were lost; until then later ones are lost, too, so that the
 * order stays true.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "gateway/gateway.h"
#include "gateway/gateway_priv.h"
#include "wire/dns.h"
#include "wire/gate.h"

enum {
	FLOWS_PER_WAKE = 64, /* then the other sources have their turn */
	PAUSE_NS =
	    100 * 1000 * 1000, /* without memory or descriptors, for others to give some back */
};

static void channel_failed(struct refuse *refuse, int error)
{
	bool gone = error == -EPIPE || error == -ECONNRESET;

	loop_stop(refuse->warden.loop, gone ? 0 : error);
}

/* send_report() - Return: 0; -EAGAIN: no room; else the loop was told to stop. */
static int send_report(struct refuse *refuse, const struct gate_report *report)
{
	char packet[GATE_OCTETS];

	int r = gate_report_encode(packet, report);
	if (r == 0)
		r = fd_send(GATEWAY_FD_WARDEN, (struct span){ packet, sizeof(packet) }, NULL, 0);
	if (r < 0 && r != -EAGAIN)
		channel_failed(refuse, r);
	return r;
}

static void tell(struct refuse *refuse, const struct gate_report *report)
{
	if (refuse->lost > 0) {
		refuse->lost++;
	} else if (send_report(refuse, report) == -EAGAIN) {
		refuse->lost = 1;
		loop_change(&refuse->warden, EPOLLIN | EPOLLOUT);
	}
}

static void tell_lost(struct refuse *refuse)
{
	struct gate_report report = { .kind = GATE_DROPPED, .count = refuse->lost };

	if (refuse->lost == 0 || send_report(refuse, &report) < 0)
		return;
	refuse->lost = 0;
	loop_change(&refuse->warden, EPOLLIN);
}

/* The warden has nothing to say yet: its end is good news, and a message a fault. */
static void warden_ready(struct loop_source *source, uint32_t events)
{
	struct refuse *refuse = container_of(source, struct refuse, warden);
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	char octet = 0;

	if ((events & EPOLLOUT) != 0)
		tell_lost(refuse);
	if ((events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	int r = fd_recv(&len, GATEWAY_FD_WARDEN, &octet, sizeof(octet), fds, &count);
	if (r == -EAGAIN)
		return;
	if (r < 0)
		channel_failed(refuse, r);
	else
		loop_stop(source->loop, len == 0 ? 0 : -EPROTO);
}

static void put_destination(struct gate_report *report, const struct in6_addr *address)
{
	bool mapped = IN6_IS_ADDR_V4MAPPED(address);

	report->family = mapped ? 4 : 6;
	memcpy(report->address, address->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
}

static void hold_flows(struct refuse *refuse)
{
	loop_change(&refuse->tcp, 0);
	loop_arm(refuse->tcp.loop, &refuse->pause, PAUSE_NS);
}

static void pause_over(struct loop_timer *timer)
{
	loop_change(&container_of(timer, struct refuse, pause)->tcp, EPOLLIN);
}

static void refuse_flow(struct refuse *refuse, int fd)
{
	struct gate_report report = { .kind = GATE_FLOW };
	struct sockaddr_in6 asked = { 0 };
	socklen_t len = sizeof(asked);

	if (getsockname(fd, (struct sockaddr *)&asked, &len) < 0 || asked.sin6_family != AF_INET6)
		return;
	put_destination(&report, &asked.sin6_addr);
	report.port = ntohs(asked.sin6_port);
	tell(refuse, &report);
}

static void tcp_ready(struct loop_source *source, uint32_t events)
{
	struct refuse *refuse = container_of(source, struct refuse, tcp);

	(void)events;
	for (int i = 0; i < FLOWS_PER_WAKE; i++) {
		CLEANUP_FD int fd = accept4(GATEWAY_FD_TCP, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			refuse_flow(refuse, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			hold_flows(refuse);
			return;
		} /* else that one flow failed before we saw it: accept(2) */
	}
}

/* A datagram on the DNS socket, with room for what recvmsg() and then sendmsg() want. */
struct datagram {
	struct sockaddr_in6 peer;
	struct in6_addr asked; /* the address it was sent to, from which the answer must come */
	size_t len;
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	char octets[DNS_QUERY_OCTETS_MAX + 1]; /* so that an excessive one shows by its length */
};

/* message_of() - from or to the peer of @d, with the octets of @part; borrows both */
static struct msghdr message_of(struct datagram *d, struct iovec *part)
{
	return (struct msghdr){
		.msg_name = &d->peer,
		.msg_namelen = sizeof(d->peer),
		.msg_iov = part,
		.msg_iovlen = 1,
		.msg_control = d->control,
		.msg_controllen = sizeof(d->control),
	};
}

/* receive() - Return: false: there is none left, for now. */
static bool receive(struct datagram *d)
{
	struct iovec part = { d->octets, sizeof(d->octets) };
	struct msghdr message = message_of(d, &part);
	struct in6_pktinfo info = { 0 };
	ssize_t n = recvmsg(GATEWAY_FD_DNS, &message, MSG_DONTWAIT);

	if (n < 0)
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		memcpy(&info, CMSG_DATA(c), sizeof(info));
	d->asked = info.ipi6_addr;
	d->len = (size_t)n;
	return true;
}

/* answer() - as UDP goes: one that cannot be sent is lost, and the program asks again */
static void answer(struct datagram *d, const struct dns_query *query, enum dns_rcode rcode)
{
	char reply[DNS_REPLY_OCTETS_MAX];
	struct in6_pktinfo info = { .ipi6_addr = d->asked };
	struct iovec part = { reply, dns_reply_encode(reply, query, rcode) };
	struct msghdr message = message_of(d, &part);

	memset(d->control, 0, sizeof(d->control));
	*CMSG_FIRSTHDR(&message) = (struct cmsghdr){
		.cmsg_level = IPPROTO_IPV6,
		.cmsg_type = IPV6_PKTINFO,
		.cmsg_len = CMSG_LEN(sizeof(info)),
	};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &info, sizeof(info));
	if (sendmsg(GATEWAY_FD_DNS, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void refuse_query(struct refuse *refuse, struct datagram *d)
{
	struct gate_report report = { .kind = GATE_DNS_MALFORMED, .port = 53 };
	struct dns_query query = { 0 };

	int r = dns_query_decode(&query, (struct span){ d->octets, d->len });
	put_destination(&report, &d->asked);
	if (r == 0 && query.fault == DNS_NOERROR) {
		report.kind = GATE_DNS;
		report.qtype = query.type;
		memcpy(report.name, query.name, sizeof(query.name));
	}
	tell(refuse, &report);
	if (r == 0)
		answer(d, &query, query.fault != DNS_NOERROR ? query.fault : DNS_REFUSED);
}

static void dns_ready(struct loop_source *source, uint32_t events)
{
	struct refuse *refuse = container_of(source, struct refuse, dns);
	struct datagram d;

	(void)events;
	for (int i = 0; i < FLOWS_PER_WAKE && receive(&d); i++)
		refuse_query(refuse, &d);
}

int refuse_start(struct refuse *refuse, struct loop *loop)
{
	*refuse = (struct refuse){
		.warden.ready = warden_ready,
		.tcp.ready = tcp_ready,
		.dns.ready = dns_ready,
		.pause.fired = pause_over,
	};
	int r = loop_add(loop, &refuse->warden, GATEWAY_FD_WARDEN, EPOLLIN);
	if (r == 0)
		r = loop_add(loop, &refuse->tcp, GATEWAY_FD_TCP, EPOLLIN);
	if (r == 0)
		r = loop_add(loop, &refuse->dns, GATEWAY_FD_DNS, EPOLLIN);
	return r;
}
