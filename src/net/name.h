/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name - the host that somebody asks for, in the one form that is matched, judged, resolved and
 * dialled: a DNS name in lower case without a dot at its end, or an address.
 *
 * What two readers could take for different hosts is refused: every octet that is no letter,
 * digit, '-' or '_', and every number that inet_aton() would take for an address (127.1,
 * 0x7f000001, 017700000001). Non-ASCII names must come in their xn-- form.
 */
#ifndef NET_NAME_H
#define NET_NAME_H

#include "base/base.h"
#include "net/address.h"

enum {
	NET_NAME_OCTETS =
	    254, /* room for a name as text with its NUL: 253 (RFC 1035 section 2.3.4) */
};

enum net_name_kind {
	NET_NAME_NONE = 0,
	NET_NAME_DNS,
	NET_NAME_ADDRESS,
};

struct net_name {
	enum net_name_kind kind;
	uint8_t len;                /* octets of text */
	struct net_address address; /* never IPv4-mapped; none with a DNS name */
	char text[NET_NAME_OCTETS]; /* NUL-terminated; an IPv6 address has no brackets */
};

/**
 * net_name_parse() - judge and canonicalise a host, as a URL, Host field, SNI or setting has it
 * @text:	a name, an IPv4 address, an IPv6 address with or without brackets; no port; hostile
 *
 * Return: NULL; else why it is refused, static.
 */
MUST_USE const char *net_name_parse(struct net_name *ret, struct span text);

/* net_name_of_address() - as net_name_parse() of its text; @address has a family */
struct net_name net_name_of_address(const struct net_address *address);

#endif
