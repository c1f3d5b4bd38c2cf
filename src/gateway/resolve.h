/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - answers DNS queries, whatever carried them: at once where nothing is to be asked
 * (gateway/local.h), else when the warden has said whether the name may be known.
 *
 * ALLOW means a synthetic address (A, AAAA) or an answer without records (other types); DENY
 * NXDOMAIN, which ends a search at once in glibc and musl alike; UNREACHABLE, no answer within
 * RESOLVE_WAIT_S, and any table that is full, SERVFAIL. One verdict serves a name for
 * RESOLVE_KNOWN_S, and all queries for it that wait.
 */
#ifndef GATEWAY_RESOLVE_H
#define GATEWAY_RESOLVE_H

#include <netinet/in.h>

#include "gateway/names.h"
#include "gateway/talk.h"
#include "wire/dns.h"

enum {
	RESOLVE_ASKS_MAX = 1024,    /* names with a verdict, or waiting for one */
	RESOLVE_PENDING_MAX = 1024, /* queries that wait */
	RESOLVE_WAIT_S = 30,        /* somebody may have to be asked for consent */
	RESOLVE_KNOWN_S = 5,        /* A and AAAA, and the tries of one program */
};

/* Where a query came from, so where its answer goes. */
struct resolve_origin {
	int connection;           /* index; -1: UDP */
	uint32_t turn;            /* of that connection's slot */
	struct sockaddr_in6 peer; /* UDP */
	struct in6_addr asked;    /* the address it was sent to, from which the answer must come */
};

struct resolve_pending {
	struct list_node node; /* in its ask, or free */
	struct resolve_origin origin;
	struct dns_query query; /* its question lies in: */
	char question[DNS_QUESTION_OCTETS_MAX];
};

struct resolve_ask {
	struct list_node node; /* in resolve.asking or .known, oldest first */
	struct talk_item item;
	struct list waiting; /* resolve_pending */
	uint32_t id;
	uint16_t next; /* in its bucket, index + 1 */
	uint16_t qtype;
	enum gate_verdict verdict; /* GATE_NONE: asked */
	int64_t since_ns;          /* asked; with a verdict, when it came */
	char name[DNS_NAME_OCTETS];
};

struct resolve {
	struct talk *talk; /* borrowed, as the next two */
	struct names *names;
	struct loop *loop;
	/* send @reply to where the query came from, if that is still there */
	void (*reply)(void *context, const struct resolve_origin *origin, struct span reply);
	void *context;
	int64_t wait_ns, known_ns; /* RESOLVE_WAIT_S, RESOLVE_KNOWN_S; less in tests */

	struct loop_timer timer;
	struct list asking, known, spare;
	unsigned asks_made, pending_made; /* how many of the following were ever used */
	uint16_t buckets[RESOLVE_ASKS_MAX];
	struct resolve_ask asks[RESOLVE_ASKS_MAX];
	struct resolve_pending pending[RESOLVE_PENDING_MAX];
};

/* resolve_start() - the members up to known_ns are set, the rest is 0 */
void resolve_start(struct resolve *resolve);

/**
 * resolve_query() - answer @packet by resolve->reply, now or later
 * @origin:	copied
 *
 * Return: 0, even if there is no answer any more by then; -EBADMSG: it was no query, which the
 * caller reports. It may have been answered all the same.
 */
MUST_USE int resolve_query(struct resolve *resolve, struct span packet,
			   const struct resolve_origin *origin);

/* resolve_verdict() - the warden's answer to an ask; one that is none any more is ignored */
void resolve_verdict(struct resolve *resolve, uint32_t id, enum gate_verdict verdict);

#endif
