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
	EXCHANGE1_INTERIMS_MAX = 16, /* as in HTTP/2: no cap sees them */
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

/* exchange1_carry_body() - of either side. @closed: its connection ends with @input, in order. Return:
 * as http1_body_next(); DATA: there is no more room */
MUST_USE enum http1_step exchange1_carry_body(struct exchange1 *x, enum tls_side from,
					      struct span *input, struct outlet *out, bool closed);

/* exchange1_end_chunks() - of a body, with its trailers; NULL: without */
void exchange1_end_chunks(struct outlet *out, const struct http1_fields *trailers);

/* exchange1_put_chunk() - a piece of a body as a chunk of its own */
void exchange1_put_chunk(struct outlet *out, struct span data);

/* exchange1_change.c */

/* change_begin() - change what comes from that side. @chunks: it goes on in chunks */
void change_begin(struct exchange1 *x, enum tls_side from, enum inject_form form, bool chunks);
void change_end(struct exchange1 *x, enum tls_side from);

/* change_begin_request() - look for placeholders in its body, of that type. @chunks: as above */
void change_begin_request(struct exchange1 *x, struct span type, bool chunks);

/* change_why() - what was found in the body of the request. NULL: nothing that refuses it */
const char *change_why(const struct exchange1 *x);

/* change_trailers() - what may go on of those that came, in a room that change_wipe() wipes; NULL: none */
const struct http1_fields *change_trailers(struct exchange1 *x, enum tls_side from);

/* change_carry() - as exchange1_carry_body(). REFUSED with change_why(): for what was found */
MUST_USE enum http1_step change_carry(struct exchange1 *x, enum tls_side from, struct span *input,
				      struct outlet *out, bool closed);

/* change_request() - secrets into @fields and @target, in a room that change_wipe() wipes. Return: NULL;
 * else why it is refused, static. */
MUST_USE const char *change_request(struct exchange1 *x, struct http1_fields *fields,
				    struct http1_path *path);

/* change_response() - secrets out of its head. Return: false: no room */
MUST_USE bool change_response(struct exchange1 *x, struct http1_response *response);
void change_wipe(void);

/* change_field() - the value of the field of that name; empty: there is none */
struct span change_field(const struct http1_fields *fields, const char *name);

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

/* exchange1_carry_tunnel() - octets as they are, up to the cap; of a WebSocket sound frames. Return: false: the exchange broke. */
MUST_USE bool exchange1_carry_tunnel(struct exchange1 *x, enum tls_side from, struct span *input,
				     struct outlet *out);

/* exchange1_offers_deflate() - does a field say so? */
MUST_USE bool exchange1_offers_deflate(const struct http1_fields *fields);

/* exchange1_bad_gateway() - answer 502: of the server nothing came, or nothing that could be passed on.
 * Return: false: it is too late for that. */
MUST_USE bool exchange1_bad_gateway(struct exchange1 *x, const char *why);

/* exchange1_answer() - answer the request ourselves; nothing of it has gone out */
void exchange1_answer(struct exchange1 *x, unsigned status, struct span why, bool head);

#endif
