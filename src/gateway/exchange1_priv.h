/* SPDX-License-Identifier: Apache-2.0 */
/* exchange1_priv - what the two directions share. One thread: the rooms are used within one step. */
#ifndef GATEWAY_EXCHANGE1_PRIV_H
#define GATEWAY_EXCHANGE1_PRIV_H

#include "gateway/exchange1.h"
#include "gateway/reply.h"
#include "wire/http1_write.h"

enum {
	EXCHANGE1_IN_OCTETS = 48 * 1024,              /* read at once; no head is longer */
	EXCHANGE1_OUT_OCTETS = ENDS_WRITE_OCTETS_MAX, /* written at once */
};

enum {
	EXCHANGE1_HEAD_OCTETS_MAX = EXCHANGE1_IN_OCTETS - 1024,
	EXCHANGE1_TARGET_OCTETS_MAX = 16 * 1024,
	EXCHANGE1_TRAILER_OCTETS_MAX = 8 * 1024,
};

extern const struct http1_limits exchange1_limits;

/* What a step writes to one side. */
struct outlet {
	size_t len;
	bool full; /* what was put did not fit: a fault of ours */
	char octets[EXCHANGE1_OUT_OCTETS];
};

void outlet_put(struct outlet *out, struct span data);

/* exchange1_up(), exchange1_down() - take what they can use off the front of @input, put what the
 * other side gets into @out. @ended: enum tls_result of the end that follows @input; 0: none. Return:
 * false: the exchange broke. */
MUST_USE bool exchange1_up(struct exchange1 *x, struct span *input, struct outlet *out,
			   unsigned ended);
MUST_USE bool exchange1_down(struct exchange1 *x, struct span *input, struct outlet *out,
			     unsigned ended);

/* exchange1_carry_body() - of either side. Return: as http1_body_next(), never DATA */
MUST_USE enum http1_step exchange1_carry_body(struct exchange1 *x, enum tls_side from,
					      struct span *input, struct outlet *out);

/* exchange1_cap.c */

/* exchange1_begin_body() - from @from, of a head that was just read; it is limited as x->caps says. @trailers:
 * static */
void exchange1_begin_body(struct exchange1 *x, enum tls_side from, enum http1_framing framing,
			  uint64_t length, struct http1_fields *trailers);

/* exchange1_is_over_cap() - is a body of @length octets from @from longer than it may be? */
MUST_USE bool exchange1_is_over_cap(const struct exchange1 *x, enum tls_side from, uint64_t length);

/* exchange1_refuse_cap() - answer the allowed request, as a body is longer than it may be: nothing of the response
 * has gone out. @from: whose */
void exchange1_refuse_cap(struct exchange1 *x, enum tls_side from);

/* exchange1_over_cap() - the body from @from has passed its cap: the server shall not take a part of a request
 * for the whole, the program not a part of a response. Return: false: the exchange broke. */
MUST_USE bool exchange1_over_cap(struct exchange1 *x, enum tls_side from, struct outlet *out);

/* exchange1_carry_tunnel() - octets as they are, up to the cap. Return: false: the exchange broke. */
MUST_USE bool exchange1_carry_tunnel(struct exchange1 *x, enum tls_side from, struct span *input,
				     struct outlet *out);

/* exchange1_bad_gateway() - answer 502: of the server nothing came, or nothing that could be passed on.
 * Return: false: it is too late for that. */
MUST_USE bool exchange1_bad_gateway(struct exchange1 *x, const char *why);

/* exchange1_answer() - answer the request ourselves; nothing of it has gone out */
void exchange1_answer(struct exchange1 *x, unsigned status, struct span why, bool head);

#endif
