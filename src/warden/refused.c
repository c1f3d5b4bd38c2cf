// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the first packet to a place is reported at once, and the place is kept for a
 * second. What comes meanwhile is counted, and reported at the end of that second, from which on the
 * next begins; a second without any forgets the place. The firewall tells of twenty packets a second
 * (jail/capture_priv.h), so the table is never full; if it is, packets are counted without their
 * place.
 *
 * Only the kernel writes to the socket. What it could not deliver is lost without a count, for it
 * does not say how much that was.
 */
#include "warden/refused.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/name.h"
#include "wire/nflog.h"

enum {
	PLACES_MAX = 128, /* more than the firewall tells of in a second */
	READS_MAX = 64,   /* datagrams at a time, then others have their turn */
	QUIET_NS = 1000000000,
};

struct place {
	struct nflog_packet packet;
	int64_t told_ns;
	uint64_t count; /* since then */
};

struct refused {
	struct loop *loop;
	struct egress_hooks hooks;
	struct loop_source log;
	struct loop_timer timer;         /* armed while there are places: when the oldest is due */
	struct place places[PLACES_MAX]; /* the oldest report first */
	size_t len;
	uint64_t nameless; /* packets that found no room, or make no sense */
};

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_UDPLITE:
		return "UDPLITE";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPV6";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_DCCP:
		return "DCCP";
	default:
		return "IP";
	}
}

static void tell(const struct refused *refused, const struct nflog_packet *packet, uint64_t count)
{
	struct net_address address = { .family = packet->family };

	memcpy(address.octets, packet->to, sizeof(address.octets));
	struct net_name host = net_name_of_address(&address);
	const struct egress_report report = {
		.kind = EGRESS_PACKETS,
		.host = host.text,
		.is_address = true,
		.protocol = protocol_name(packet->protocol),
		.port = packet->port,
		.blocked = true,
		.rule = "",
		.why = "only TCP, and DNS over UDP, leave a sandbox",
		.count = count,
	};
	refused->hooks.report(refused->hooks.context, &report);
}

static void tell_nameless(struct refused *refused)
{
	const struct egress_report report = { .kind = EGRESS_DROPPED,
					      .rule = "",
					      .count = refused->nameless };

	if (refused->nameless > 0)
		refused->hooks.report(refused->hooks.context, &report);
	refused->nameless = 0;
}

static void arm(struct refused *refused, int64_t now)
{
	if (refused->len > 0)
		loop_arm(refused->loop, &refused->timer,
			 refused->places[0].told_ns + QUIET_NS - now);
}

static void note(struct refused *refused, const struct nflog_packet *packet)
{
	for (size_t i = 0; i < refused->len; i++) {
		const struct nflog_packet *known = &refused->places[i].packet;

		if (known->family == packet->family && known->protocol == packet->protocol &&
		    known->port == packet->port &&
		    memcmp(known->to, packet->to, sizeof(known->to)) == 0) {
			refused->places[i].count++;
			return;
		}
	}
	if (refused->len == PLACES_MAX) {
		refused->nameless++;
		return;
	}
	refused->places[refused->len++] =
	    (struct place){ .packet = *packet, .told_ns = clock_mono_ns() };
	if (refused->len == 1)
		arm(refused, refused->places[0].told_ns);
	tell(refused, packet, 1);
}

/* read_one() - a datagram of the kernel. Return: false: there is none */
static bool read_one(struct refused *refused)
{
	char told[NFLOG_DATAGRAM_OCTETS];
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	struct nflog_packet packet;
	int r = 0;

	ssize_t n = recvfrom(refused->log.fd, told, sizeof(told), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
	if (n < 0) /* ENOBUFS: some were lost */
		return errno == EINTR || errno == ENOBUFS;
	struct span rest = { told, (size_t)n };
	if (from.nl_pid != 0)
		return true;
	while ((r = nflog_next(&packet, &rest)) != 0)
		if (r < 0)
			refused->nameless++;
		else if (!packet.error)
			note(refused, &packet);
	return true;
}

static void log_ready(struct loop_source *source, uint32_t events)
{
	struct refused *refused = container_of(source, struct refused, log);

	(void)events;
	for (int i = 0; i < READS_MAX && read_one(refused); i++)
		;
	tell_nameless(refused);
}

/* first_second_over() - report what came in the second of the oldest place, or forget it */
static void first_second_over(struct refused *refused, int64_t now)
{
	struct place place = refused->places[0];

	refused->len--;
	memmove(refused->places, refused->places + 1, refused->len * sizeof(place));
	if (place.count == 0)
		return;
	refused->places[refused->len++] = (struct place){ .packet = place.packet, .told_ns = now };
	tell(refused, &place.packet, place.count);
}

static void timer_fired(struct loop_timer *timer)
{
	struct refused *refused = container_of(timer, struct refused, timer);
	int64_t now = clock_mono_ns();

	while (refused->len > 0 && refused->places[0].told_ns + QUIET_NS <= now)
		first_second_over(refused, now);
	arm(refused, now);
}

int refused_open(struct refused **ret, struct loop *loop, int log, const struct egress_hooks *hooks)
{
	*ret = NULL;
	if (log < 0)
		return 0;
	struct refused *refused = calloc(1, sizeof(*refused));
	if (refused == NULL)
		return -ENOMEM;
	refused->loop = loop;
	refused->hooks = *hooks;
	refused->log.ready = log_ready;
	refused->timer.fired = timer_fired;
	int r = loop_add(loop, &refused->log, log, EPOLLIN);
	if (r < 0)
		free(refused);
	else
		*ret = refused;
	return r;
}

void refused_close(struct refused *refused)
{
	if (refused == NULL)
		return;
	for (int i = 0; i < READS_MAX * 4 && read_one(refused); i++)
		;
	for (size_t i = 0; i < refused->len; i++)
		if (refused->places[i].count > 0)
			tell(refused, &refused->places[i].packet, refused->places[i].count);
	tell_nameless(refused);
	loop_disarm(&refused->timer);
	loop_remove(&refused->log);
	free(refused);
}
