// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a state for each place a body can be cut at. In most of them one octet
 * decides; data is passed on by length; trailers wait in the input until they are whole, because
 * their fields are spans.
 *
 *	AT_DATA ─► AT_END
 *	AT_SIZE ─► AT_SIZE_LF ─► AT_CHUNK ─► AT_CHUNK_CR ─► AT_CHUNK_LF ─► AT_SIZE
 *	                     └─ size 0 ─► AT_TRAILERS ─► AT_END
 */
#include "wire/http1_body.h"

#include <assert.h>

#include "wire/http1_priv.h"

enum { SIZE_DIGITS_MAX = 16 }; /* of 64 bits: nothing can be shifted out */

void http1_body_begin(struct http1_body *ret, enum http1_framing framing, uint64_t length,
		      struct http1_fields *trailers, const struct http1_limits *limits)
{
	static const enum http1_body_state first[] = {
		[HTTP1_BODY_NONE] = HTTP1_AT_END,
		[HTTP1_BODY_LENGTH] = HTTP1_AT_DATA,
		[HTTP1_BODY_CHUNKED] = HTTP1_AT_SIZE,
		[HTTP1_BODY_CLOSE] = HTTP1_AT_DATA,
	};

	assert((size_t)framing < ARRAY_SIZE(first));
	*ret = (struct http1_body){
		.framing = framing, .state = first[framing], .trailers = trailers, .limits = limits
	};
	trailers->count = 0;
	if (framing == HTTP1_BODY_CLOSE)
		ret->left = limits->body_octets_max;
	else if (framing == HTTP1_BODY_LENGTH && length == 0)
		ret->state = HTTP1_AT_END;
	else if (framing == HTTP1_BODY_LENGTH)
		ret->left = length;
}

static void fail(struct http1_body *body, enum http1_fault fault)
{
	body->fault = fault;
	body->state = HTTP1_AT_FAULT;
}

/* take_data() - as much as there is and belongs to it. @next: the state behind the last octet. */
static void take_data(struct http1_body *body, struct span *data, struct span *input,
		      enum http1_body_state next)
{
	data->ptr = input->ptr;
	data->len = input->len < body->left ? input->len : (size_t)body->left;
	*input = span_drop(*input, data->len);
	body->left -= data->len;
	if (body->left == 0)
		body->state = next;
}

/* until_close() - the limit is no end but a fault, and only the octet behind it shows that */
static void until_close(struct http1_body *body, struct span *data, struct span *input)
{
	if (body->left == 0)
		fail(body, HTTP1_BODY_LONG);
	else
		take_data(body, data, input, HTTP1_AT_DATA);
}

static void size_octet(struct http1_body *body, char c)
{
	int digit = http1_hex(c);

	if (digit >= 0 && body->digits < SIZE_DIGITS_MAX) {
		body->left = body->left << 4 | (unsigned)digit;
		body->digits++;
	} else if (c == '\r' && body->digits > 0) {
		body->state = HTTP1_AT_SIZE_LF;
	} else {
		fail(body, c == ';' && body->digits > 0 ? HTTP1_CHUNK_EXTENSION : HTTP1_CHUNK_SIZE);
	}
}

static void size_end(struct http1_body *body, char c)
{
	body->digits = 0;
	if (c != '\n') {
		fail(body, HTTP1_CHUNK_SIZE);
	} else if (body->left > body->limits->body_octets_max - body->taken) {
		fail(body, HTTP1_BODY_LONG);
	} else {
		body->taken += body->left;
		body->state = body->left > 0 ? HTTP1_AT_CHUNK : HTTP1_AT_TRAILERS;
	}
}

static void chunk_end(struct http1_body *body, char c)
{
	bool cr = body->state == HTTP1_AT_CHUNK_CR;

	if (c != (cr ? '\r' : '\n'))
		fail(body, HTTP1_CHUNK_END);
	else
		body->state = cr ? HTTP1_AT_CHUNK_LF : HTTP1_AT_SIZE;
}

static enum http1_fault judge_trailers(const struct http1_fields *trailers)
{
	for (unsigned i = 0; i < trailers->count; i++)
		if (!http1_name_is_trailer(trailers->at[i].name))
			return HTTP1_TRAILER_FORBIDDEN;
	return HTTP1_FAULTLESS;
}

/* take_trailers() - Return: are they whole, or refused? */
static bool take_trailers(struct http1_body *body, struct span *input)
{
	enum http1_fault fault = HTTP1_FAULTLESS;
	struct http1_fields *fields = body->trailers;
	struct span lines = *input;
	enum http1_step step =
	    http1_scan_head(&body->scan, &fault, *input, body->limits->trailer_octets_max);

	if (step == HTTP1_MORE)
		return false;
	if (step == HTTP1_DONE) {
		lines.len = body->scan.seen - 2;
		fault = http1_fields_read(fields, lines, body->limits->fields_max);
		if (fault == HTTP1_FAULTLESS)
			fault = judge_trailers(fields);
	}
	if (fault != HTTP1_FAULTLESS) {
		fields->count = 0;
		fail(body, fault);
		return true;
	}
	*input = span_drop(*input, body->scan.seen);
	body->state = HTTP1_AT_END;
	return true;
}

/* take_octet() - in a state that one octet decides */
static void take_octet(struct http1_body *body, struct span *input)
{
	char c = input->ptr[0];

	*input = span_drop(*input, 1);
	if (body->state == HTTP1_AT_SIZE)
		size_octet(body, c);
	else if (body->state == HTTP1_AT_SIZE_LF)
		size_end(body, c);
	else
		chunk_end(body, c);
}

/* take() - one step; @input is not empty. Return: false: it needs more of it. */
static bool take(struct http1_body *body, struct span *data, struct span *input)
{
	switch (body->state) {
	case HTTP1_AT_DATA:
		if (body->framing == HTTP1_BODY_CLOSE)
			until_close(body, data, input);
		else
			take_data(body, data, input, HTTP1_AT_END);
		break;
	case HTTP1_AT_CHUNK:
		take_data(body, data, input, HTTP1_AT_CHUNK_CR);
		break;
	case HTTP1_AT_SIZE:
	case HTTP1_AT_SIZE_LF:
	case HTTP1_AT_CHUNK_CR:
	case HTTP1_AT_CHUNK_LF:
		take_octet(body, input);
		break;
	case HTTP1_AT_TRAILERS:
		return take_trailers(body, input);
	case HTTP1_AT_FAULT:
	case HTTP1_AT_END:
		break;
	}
	return true;
}

enum http1_step http1_body_next(struct http1_body *body, struct span *data, struct span *input)
{
	data->len = 0;
	while (body->state != HTTP1_AT_FAULT && body->state != HTTP1_AT_END) {
		if (input->len == 0 || !take(body, data, input))
			return HTTP1_MORE;
		if (data->len > 0)
			return HTTP1_DATA;
	}
	return body->state == HTTP1_AT_END ? HTTP1_DONE : HTTP1_REFUSED;
}

enum http1_step http1_body_end(struct http1_body *body)
{
	if (body->state == HTTP1_AT_END ||
	    (body->state == HTTP1_AT_DATA && body->framing == HTTP1_BODY_CLOSE))
		return HTTP1_DONE;
	if (body->state != HTTP1_AT_FAULT)
		fail(body, HTTP1_TRUNCATED);
	return HTTP1_REFUSED;
}
