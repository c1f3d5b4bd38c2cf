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

enum diag_item diag_next(struct diag_listener *ret, struct span *rest, uint32_t id)
{
	struct nlmsghdr header;

	while (rest->len >= sizeof(header)) {
		struct span all = *rest;

		memcpy(&header, all.ptr, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > all.len)
			break;
		size_t room = NLMSG_ALIGN(header.nlmsg_len);
		*rest = span_drop(all, room < all.len ? room : all.len);
		if (header.nlmsg_seq != id)
			continue;
		all.len = header.nlmsg_len;
		if (header.nlmsg_type == NLMSG_DONE)
			return DIAG_DONE;
		if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		    !read_listener(ret, span_drop(all, sizeof(header)))) {
			*rest = (struct span){ 0 };
			return DIAG_FAILED;
		}
		return DIAG_LISTENER;
	}
	bool whole = rest->len == 0;
	*rest = (struct span){ 0 };
	return whole ? DIAG_NOTHING : DIAG_FAILED;
}
