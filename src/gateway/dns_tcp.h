/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_tcp - queries over TCP (RFC 7766): flows to port 53 of any address. Queries are answered as
 * their verdicts come, so not always in order. A connection is closed after DNS_TCP_QUERIES queries,
 * DNS_TCP_IDLE_S without one, or its peer's end; it is reset for what is no query and for a peer
 * that does not take its answers.
 */
#ifndef GATEWAY_DNS_TCP_H
#define GATEWAY_DNS_TCP_H

#include "gateway/resolve.h"

enum {
	DNS_TCP_MAX = 64,      /* connections; the next is reset */
	DNS_TCP_QUERIES = 100, /* so few that their answers fit any socket's buffers */
	DNS_TCP_IDLE_S = RESOLVE_WAIT_S + 5,
};

struct dns_tcp_connection {
	struct list_node node; /* in dns_tcp.open; the one quiet for longest first */
	struct loop_source source;
	struct dns_tcp *tcp;
	int fd;        /* owned; -1: free */
	uint32_t turn; /* how often this slot was used: answers for former users are dropped */
	struct in6_addr asked;
	int64_t since_ns; /* opened, or the last query */
	unsigned queries, answers;
	bool ended; /* the peer sends no more */
	size_t len;
	char octets[2 + DNS_QUERY_OCTETS_MAX]; /* len of them: what came of the next query */
};

struct dns_tcp {
	struct resolve *resolve; /* borrowed */
	struct loop *loop;
	struct loop_timer timer;
	struct list open;
	struct dns_tcp_connection connections[DNS_TCP_MAX];
};

void dns_tcp_start(struct dns_tcp *tcp, struct loop *loop, struct resolve *resolve);

/* dns_tcp_accept() - serve @fd (consumed), a non-blocking TCP socket whose own address is @asked */
void dns_tcp_accept(struct dns_tcp *tcp, int fd, const struct in6_addr *asked);

void dns_tcp_reply(struct dns_tcp *tcp, const struct resolve_origin *origin, struct span reply);

#endif
