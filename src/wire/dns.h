/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns - one DNS query as a sandbox sends it, and answers of at most one record (RFC 1035, 3596,
 * 6891).
 *
 * There is one canonical form of a name, and what does not have it is malformed: labels of letters,
 * digits, '-' and '_' without compression. So no name that is judged can be read as another one
 * later.
 */
#ifndef WIRE_DNS_H
#define WIRE_DNS_H

#include "base/base.h"

enum {
	DNS_HEADER_OCTETS = 12,
	DNS_NAME_OCTETS =
	    254, /* room for a name as text with its NUL: 253 (RFC 1035 section 2.3.4) */
	DNS_QUERY_OCTETS_MAX = 4096, /* no query is longer; what is receives no answer */
	DNS_QUESTION_OCTETS_MAX = 255 + 4,
	/* question, a record whose data is a name, OPT record. With any question that we answer by
	 * a record it is below 512, so an answer over UDP is never cut (RFC 1035 section 4.2.1). */
	DNS_REPLY_OCTETS_MAX = DNS_HEADER_OCTETS + DNS_QUESTION_OCTETS_MAX + 12 + 255 + 11,
	DNS_TTL_S = 60, /* of each record */
};

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_IXFR = 251, /* and AXFR, MAILB, MAILA up to 254 ask for more than one name */
	DNS_TYPE_MAILA = 254,
};

enum { DNS_CLASS_IN = 1 };

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
};

struct dns_query {
	uint16_t id;
	uint8_t opcode;
	bool recursion;       /* desired, the RD bit; echoed */
	enum dns_rcode fault; /* FORMERR, NOTIMP: only what is above is set; NOERROR: all is */
	struct span question; /* as it came, borrowed from the packet; empty with a fault */
	char name[DNS_NAME_OCTETS]; /* lower case, no dot at the end; the root is "" */
	uint16_t type, class;
	bool edns; /* it carried an OPT record, so must the answer */
};

/**
 * dns_query_decode() - read a query
 * @packet:	one UDP datagram, or one TCP message without its length; hostile
 *
 * Return: 0: it deserves an answer, if only that of ret->fault; -EBADMSG: it deserves none (no
 * whole header, or itself an answer: two servers must not talk to each other for ever).
 */
MUST_USE int dns_query_decode(struct dns_query *ret, struct span packet);

struct dns_answer {
	enum dns_rcode rcode;
	uint16_t type;       /* of the one record: A, AAAA, PTR; 0: none, as with any rcode but 0 */
	uint8_t address[16]; /* A: the first four, AAAA */
	const char *name;    /* PTR: as dns_query.name, borrowed */
};

/**
 * dns_reply_encode() - an answer; with the question as it came, if the query had a sound one
 * @ret:	room for DNS_REPLY_OCTETS_MAX
 *
 * Return: octets written.
 */
MUST_USE size_t dns_reply_encode(char *ret, const struct dns_query *query,
				 const struct dns_answer *answer);

#endif
