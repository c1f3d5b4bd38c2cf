/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1_body - from the octets behind a head to the body they carry, piece by piece and without a
 * copy; trailers at its end (RFC 9112 sections 6 and 7).
 *
 *	struct http1_body body;
 *	struct span data;
 *
 *	http1_body_begin(&body, request->framing, request->length, &trailers, limits);
 *	while ((step = http1_body_next(&body, &data, &input)) == HTTP1_DATA)
 *		forward(data);
 *
 * Chunk extensions are refused: nobody needs them and parsers differ over them.
 */
#ifndef WIRE_HTTP1_BODY_H
#define WIRE_HTTP1_BODY_H

#include "wire/http1.h"

enum http1_body_state {
	HTTP1_AT_FAULT = 0,
	HTTP1_AT_DATA,     /* of a known length, or up to the end of the connection */
	HTTP1_AT_SIZE,     /* of a chunk: digits, */
	HTTP1_AT_SIZE_LF,  /* CR, LF, */
	HTTP1_AT_CHUNK,    /* data, */
	HTTP1_AT_CHUNK_CR, /* CR, */
	HTTP1_AT_CHUNK_LF, /* LF */
	HTTP1_AT_TRAILERS,
	HTTP1_AT_END,
};

struct http1_body {
	enum http1_fault fault; /* once refused */
	enum http1_body_state state;
	enum http1_framing framing;
	uint64_t left;  /* octets of data until the state changes */
	uint64_t taken; /* octets of data so far, those of the chunk under way included */
	unsigned digits;
	struct http1_scan scan;            /* of the trailers */
	struct http1_fields *trailers;     /* borrowed; count is 0 until there are any */
	const struct http1_limits *limits; /* borrowed */
};

/**
 * http1_body_begin() - before the first octet behind the head
 * @framing:	not BODY_TUNNEL, which has no end and no body
 * @trailers:	filled in once http1_body_next() says DONE; borrows from its input, then
 */
void http1_body_begin(struct http1_body *ret, enum http1_framing framing, uint64_t length,
		      struct http1_fields *trailers, const struct http1_limits *limits);

/**
 * http1_body_next() - the next piece
 * @data:	set with HTTP1_DATA, never empty; borrows from @input
 * @input:	what belongs to the message is taken off its front
 *
 * Return: HTTP1_DATA: there is a piece, come again. HTTP1_DONE: @input begins with what follows the
 * message. HTTP1_MORE: all usable octets are taken; what @input still holds (trailers that are not
 * whole, up to trailer_octets_max) must come again with more after it. HTTP1_REFUSED: body->fault.
 */
MUST_USE enum http1_step http1_body_next(struct http1_body *body, struct span *data,
					 struct span *input);

/**
 * http1_body_end() - the connection ended where http1_body_next() said HTTP1_MORE
 *
 * Return: HTTP1_DONE if the message may end here; else HTTP1_REFUSED with HTTP1_TRUNCATED: whoever
 * gets the body from us must see that it is not whole.
 */
MUST_USE enum http1_step http1_body_end(struct http1_body *body);

#endif
