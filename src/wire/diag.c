// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a request is one struct in one message; an answer is a row of messages in any
 * number of datagrams, each a struct and attributes that we do not read, and a last one that says so.
 */
#include "wire/diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

struct ask {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

_Static_assert(sizeof(struct ask) == DIAG_ASK_OCTETS, "linux/inet_diag.h");

void diag_ask(char ret[DIAG_ASK_OCTETS], uint8_t family, uint32_t id)
{
	const struct ask ask = {
		.header = { .nlmsg_len = sizeof(ask),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			    .nlmsg_seq = id },
		.request = { .sdiag_family = family == 6 ? AF_INET6 : AF_INET,
			     .sdiag_protocol = IPPROTO_TCP,
			     .idiag_states = 1U << TCP_LISTEN },
	};

	memcpy(ret, &ask, sizeof(ask));
}

/* read_listener() - @body: of a message. Return: false: it is none */
static bool read_listener(struct diag_listener *ret, struct span body)
{
	struct inet_diag_msg message;

	if (body.len < sizeof(message))
		return false;
	memcpy(&message, body.ptr, sizeof(message));
	bool v6 = message.idiag_family == AF_INET6;
	if ((!v6 && message.idiag_family != AF_INET) || message.idiag_state != TCP_LISTEN)
		return false;
	*ret =
	    (struct diag_listener){ .family = v6 ? 6 : 4, .port = ntohs(message.id.idiag_sport) };
	memcpy(ret->address, message.id.idiag_src, v6 ? 16 : 4);
	return ret->port != 0;
}

/* next_message() - take the next message of the answer to @id off the front of @rest. Return: false: there
 * is none, and @rest is empty if that is well */
static bool next_message(uint16_t *ret_type, struct span *ret_body, struct span *rest, uint32_t id)
{
	struct nlmsghdr header;

	while (rest->len >= sizeof(header)) {
		struct span all = *rest;

		memcpy(&header, all.ptr, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > all.len)
			return false;
		size_t room = NLMSG_ALIGN(header.nlmsg_len);
		*rest = span_drop(all, room < all.len ? room : all.len);
		if (header.nlmsg_seq != id)
			continue;
		all.len = header.nlmsg_len;
		*ret_type = header.nlmsg_type;
		*ret_body = span_drop(all, sizeof(header));
		return true;
	}
	return false;
}

enum diag_item diag_next(struct diag_listener *ret, struct span *rest, uint32_t id)
{
	struct span body;
	uint16_t type = 0;

	if (!next_message(&type, &body, rest, id)) {
		bool whole = rest->len == 0;

		*rest = (struct span){ 0 };
		return whole ? DIAG_NOTHING : DIAG_FAILED;
	}
	if (type == NLMSG_DONE)
		return DIAG_DONE;
	if (type == SOCK_DIAG_BY_FAMILY && read_listener(ret, body))
		return DIAG_LISTENER;
	*rest = (struct span){ 0 };
	return DIAG_FAILED;
}

void diag_ask_socket(char ret[DIAG_ASK_OCTETS], const struct diag_connection *connection,
		     uint32_t id)
{
	struct ask ask = {
		.header = { .nlmsg_len = sizeof(ask),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST,
			    .nlmsg_seq = id },
		/* IPv4 is looked up as such, whatever the family of the program's socket */
		.request = { .sdiag_family = AF_INET6,
			     .sdiag_protocol = IPPROTO_TCP,
			     .idiag_states = ~0U,
			     .id = { .idiag_sport = htons(connection->from_port),
				     .idiag_dport = htons(connection->to_port),
				     .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
	};

	memcpy(ask.request.id.idiag_src, connection->from, sizeof(connection->from));
	memcpy(ask.request.id.idiag_dst, connection->to, sizeof(connection->to));
	memcpy(ret, &ask, sizeof(ask));
}

uint32_t diag_socket(struct span datagram, uint32_t id)
{
	struct inet_diag_msg message;
	struct span body;
	uint16_t type = 0;

	if (!next_message(&type, &body, &datagram, id) || type != SOCK_DIAG_BY_FAMILY ||
	    body.len < sizeof(message))
		return 0;
	memcpy(&message, body.ptr, sizeof(message));
	return message.idiag_inode;
}
