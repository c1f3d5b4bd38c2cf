/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_hello - the ClientHello at the start of a TLS flow, to know where it wants to go (RFC 8446,
 * 6066, 7301, 9849).
 *
 * Strict: what two readers could understand differently is malformed, among it two server names,
 * an extension that comes twice, a list that does not fill its frame. Names are handed on as they
 * came: whoever uses one judges its octets.
 */
#ifndef WIRE_TLS_HELLO_H
#define WIRE_TLS_HELLO_H

#include "base/base.h"

enum {
	TLS_HELLO_OCTETS_MAX = 16384 + 4, /* of the message; real ones have 200 to 4000 */
	TLS_HELLO_RECORDS_MAX = 64,       /* it may be cut into; real clients make one or two */
	TLS_HELLO_FLOW_OCTETS_MAX = TLS_HELLO_OCTETS_MAX + TLS_HELLO_RECORDS_MAX * 5,
	TLS_HELLO_ALPN_MAX = 16,
	TLS_HELLO_EXTENSIONS_MAX = 64,
};

enum tls_hello_verdict {
	TLS_HELLO_MALFORMED = 0,
	TLS_HELLO_SSL2,    /* a hello in the form of SSL 2.0, which RFC 6176 forbids */
	TLS_HELLO_NOT_TLS, /* some other protocol */
	TLS_HELLO_MORE,    /* sound so far, not yet whole */
	TLS_HELLO_WHOLE,
};

/* Is the name hidden from us? */
enum tls_hello_ech {
	TLS_ECH_NONE = 0,
	TLS_ECH_OUTER, /* yes, or it is GREASE: nobody but the server can tell (RFC 9849 section 6.2) */
	TLS_ECH_INNER, /* no: what a front server passes to the one behind it */
	TLS_ECH_DRAFT, /* perhaps, in a form of before the RFC */
};

struct tls_hello {
	const char *fault;       /* MALFORMED: why, static, and nothing else is set; else NULL */
	size_t flow_octets;      /* the hello takes up so much of the flow; early data may follow */
	uint16_t legacy_version; /* 0x0301: TLS 1.0 */
	uint16_t version;        /* highest that is offered, e.g. 0x0304; 0: none that is known */
	struct span host_name;   /* of server_name, never empty; ptr NULL: there is none */
	struct span alpn[TLS_HELLO_ALPN_MAX]; /* never empty, first wish first */
	size_t alpn_count;                    /* 0: no ALPN */
	enum tls_hello_ech ech;
};

/**
 * tls_hello_parse() - read what came so far; when more has come, read all of it again
 * @ret:	written for MALFORMED and WHOLE; its spans lie in @flow or @room
 * @flow:	all bytes of the flow so far, from the first on; hostile
 * @room:	@room_octets, in which a hello of several records is put together. A larger hello is
 *		malformed, one of a single record too. At most TLS_HELLO_OCTETS_MAX are of use.
 *
 * A verdict other than MORE is final: further bytes do not change it.
 */
MUST_USE enum tls_hello_verdict tls_hello_parse(struct tls_hello *ret, struct span flow, char *room,
						size_t room_octets);

#endif
