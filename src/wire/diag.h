/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag - asks the kernel about TCP sockets of a network namespace, which listen, or which one a connection
 * is, and reads its answer (sock_diag(7), linux/inet_diag.h). The kernel writes it; addresses and ports
 * are the programs'.
 */
#ifndef WIRE_DIAG_H
#define WIRE_DIAG_H

#include "base/base.h"

enum {
	DIAG_ASK_OCTETS = 72,
	DIAG_DATAGRAM_OCTETS = 32 * 1024, /* of an answer: NETLINK's largest skb, af_netlink.c */
};

struct diag_listener {
	uint8_t family;      /* 4, 6 */
	uint8_t address[16]; /* IPv4 in the first four, the rest 0 */
	uint16_t port;
};

enum diag_item {
	DIAG_NOTHING = 0, /* the datagram is used up; the answer may go on in another one */
	DIAG_LISTENER,
	DIAG_DONE,   /* the answer ends */
	DIAG_FAILED, /* it will not be given; or the datagram is none of the kernel's */
};

/* diag_ask() - for those of @family, 4 or 6; @id: the answer repeats it */
void diag_ask(char ret[DIAG_ASK_OCTETS], uint8_t family, uint32_t id);

/* diag_next() - take the next item of the answer to @id off the front of a datagram; what answers
 * another is passed over. After FAILED nothing is left of it. */
MUST_USE enum diag_item diag_next(struct diag_listener *ret, struct span *rest, uint32_t id);

/* A connection as the side sees it that asked for it: IPv4 as ::ffff:a.b.c.d, ports in host order. */
struct diag_connection {
	uint8_t from[16], to[16];
	uint16_t from_port, to_port;
};

/* diag_ask_socket() - for the socket at the end of @connection that asked for it */
void diag_ask_socket(char ret[DIAG_ASK_OCTETS], const struct diag_connection *connection,
		     uint32_t id);

/* diag_socket() - the answer to @id. Return: the inode of that socket; 0: there is none, or no process has
 * it any more */
MUST_USE uint32_t diag_socket(struct span datagram, uint32_t id);

#endif
