/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy - where an HTTP proxy is, as settings and HTTPS_PROXY have it, and the hosts that NO_PROXY
 * exempts from it.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "base/base.h"
#include "net/name.h"

enum {
	PROXY_TEXT_OCTETS_MAX = 4096,
	PROXY_USER_OCTETS = 512, /* room for user and password as text with its NUL */
};

struct proxy {
	struct net_name host;
	uint16_t port;
	bool authenticates;           /* a user was given, perhaps without password */
	char user[PROXY_USER_OCTETS]; /* "user:password", decoded; NUL-terminated; wipe it */
};

/**
 * proxy_parse() - read [http://][user[:password]@]host:port[/]
 *
 * The port must be given: some programs take 80 for it, others 1080. Users and passwords may be
 * %-encoded, and hold no control character even so.
 *
 * Return: NULL; else why it is refused, static, without any of @text.
 */
MUST_USE const char *proxy_parse(struct proxy *ret, struct span text);

/**
 * proxy_exempts() - does @list say that @host is to be reached without the proxy?
 * @list:	of NO_PROXY: entries between commas or blanks. "*" is any host; "example.com",
 *		".example.com" and "*.example.com" each are that name and all below it; an address,
 *		with or without brackets, and a prefix are themselves, for hosts given as addresses.
 *		What is none of these, as one with a port, exempts nothing
 */
MUST_USE bool proxy_exempts(struct span list, const struct net_name *host);

#endif
