/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local - DNS questions that need no verdict, since nothing outside is in question: localhost, the
 * bridge, reverse lookups of our own addresses, the root, what is no lookup of a name.
 */
#ifndef GATEWAY_LOCAL_H
#define GATEWAY_LOCAL_H

#include "gateway/names.h"
#include "wire/dns.h"

/**
 * local_answer() - answer a sound query, if it is one of these
 * @ret:	borrows from @names
 *
 * Return: false: the warden must say whether the name may be known.
 */
MUST_USE bool local_answer(struct dns_answer *ret, const struct dns_query *query,
			   struct names *names);

/* local_reverse() - the address whose reverse name @name is (RFC 1035 section 3.5, RFC 3596 section
 * 2.5). Return: false: it is none. */
MUST_USE bool local_reverse(struct net_address *ret, const char *name);

#endif
