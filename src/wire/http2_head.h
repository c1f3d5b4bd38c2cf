/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http2_head - heads and trailers of HTTP/2 messages as hostile peers send them (RFC 9113 section 8).
 *
 * Frames and HPACK are the library's; here it is judged what the fields mean, by the rules of http1.h
 * wherever both versions have the thing: nothing is accepted here that would be refused there. What is
 * malformed is refused, never repaired.
 *
 * A block is filled field by field as they are decoded, judged when it is whole, kept as long as it
 * waits, and read again to be sent. What is read of it borrows from it.
 */
#ifndef WIRE_HTTP2_HEAD_H
#define WIRE_HTTP2_HEAD_H

#include "base/buf.h"
#include "wire/http1.h"
#include "wire/http1_path.h"

enum {
	HTTP2_LIST_OCTETS_MAX =
	    48 * 1024, /* names, values, and 32 for each field (section 6.5.2) */
	HTTP2_TRAILER_OCTETS_MAX = 16 * 1024, /* so counted */
	HTTP2_FIELDS_MAX = HTTP1_FIELDS_MAX,  /* pseudo fields included */
	HTTP2_PSEUDO_MAX = 5,
	HTTP2_AUTHORITY_OCTETS = HTTP1_HOST_OCTETS + sizeof("[]:65535"),
};

/* The fields of a head as they came. */
struct http2_block {
	struct buf octets; /* owned */
	unsigned count;
	size_t
	    size; /* as HTTP2_LIST_OCTETS_MAX counts, what was left out for its length included */
	bool failed; /* no memory */
};

#define HTTP2_BLOCK ((struct http2_block){ .octets = BUF(HTTP2_LIST_OCTETS_MAX) })

/* http2_block_add() - @sensitive: no table of HPACK may keep it (RFC 7541 section 7.1.3). What is too
 * much is left out, and the block refused when it is read. */
void http2_block_add(struct http2_block *block, struct span name, struct span value,
		     bool sensitive);
void http2_block_free(struct http2_block *block);

struct http2_field {
	struct span name; /* in lower case */
	struct span value;
	enum http1_name id;
	bool sensitive;
};

/* Without pseudo fields. */
struct http2_fields {
	unsigned count;
	uint8_t times[HTTP1_NAMES];
	uint8_t first[HTTP1_NAMES];
	struct http2_field at[HTTP2_FIELDS_MAX];
};

/* Why something is refused. */
struct http2_fault {
	unsigned status; /* 0: it is sound; else how to answer a request (a response: always 502) */
	const char *why; /* static text for people, without a stop at its end */
};

struct http2_request {
	enum http1_method method; /* GET for a request for WebSocket, which comes as CONNECT */
	struct span method_text;
	bool websocket; /* RFC 8441 */
	bool https;
	bool asterisk;
	struct http1_path path;
	struct http1_authority authority; /* never ABSENT */
	bool has_length;
	uint64_t length;
	bool takes_trailers;
	struct http2_fields fields;
};

/**
 * http2_request_read() - judge the head of a request
 * @ret:	means nothing if refused, but for method: is it HEAD?
 * @room:	for HTTP2_LIST_OCTETS_MAX; ret->path borrows from it
 * @ended:	no body follows
 */
MUST_USE struct http2_fault http2_request_read(struct http2_request *ret, char *room,
					       const struct http2_block *block, bool ended);

struct http2_response {
	unsigned status; /* 100 to 999, never 101 */
	bool interim;
	bool has_length;
	uint64_t length;
	struct http2_fields fields;
};

/* http2_response_read() - judge the head of a response. @websocket: it was asked for */
MUST_USE struct http2_fault http2_response_read(struct http2_response *ret,
						const struct http2_block *block, bool ended,
						bool websocket);

MUST_USE struct http2_fault http2_trailers_read(struct http2_fields *ret,
						const struct http2_block *block);

/* Fields to send. */
struct http2_list {
	unsigned count;
	struct http2_field at[HTTP2_PSEUDO_MAX + HTTP2_FIELDS_MAX];
};

/* http2_request_write() - Host, which :authority says, and fields of one hop are left out. @room: ret
 * borrows from it and from @request */
void http2_request_write(struct http2_list *ret, char room[HTTP2_AUTHORITY_OCTETS],
			 const struct http2_request *request);

/* http2_response_write() - @room: ret borrows from it and from @response */
void http2_response_write(struct http2_list *ret, char room[4],
			  const struct http2_response *response);

void http2_trailers_write(struct http2_list *ret, const struct http2_fields *trailers);

#endif
