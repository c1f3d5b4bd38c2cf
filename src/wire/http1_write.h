/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1_write - heads, chunks and trailers for the next hop. Nothing unchecked gets out: a method,
 * name or value that could end its line is refused, whoever made it.
 *
 * Fields of one hop, Host, Content-Length and Transfer-Encoding of the list are left out; the
 * writer makes them anew from what the caller has judged. The version is always HTTP/1.1.
 */
#ifndef WIRE_HTTP1_WRITE_H
#define WIRE_HTTP1_WRITE_H

#include "wire/http1.h"
#include "wire/http1_path.h"

enum {
	HTTP1_CHUNK_HEAD_OCTETS = 18, /* room for 16 digits, CR and LF */
};

/* Octets the caller lends. */
struct http1_room {
	char *ptr;
	size_t len;
};

/* What the writer adds for this hop. */
struct http1_hop {
	enum http1_framing framing; /* NONE and CLOSE: no field says so */
	uint64_t length;
	bool close;     /* Connection: close */
	bool websocket; /* Connection: upgrade, Upgrade: websocket */
	bool trailers;  /* TE: trailers, of requests only */
};

struct http1_request_out {
	struct span method;
	enum http1_form form; /* ASTERISK, AUTHORITY: without path; ABSOLUTE: for a further proxy */
	bool https;           /* of ABSOLUTE */
	struct http1_path path;
	const struct http1_authority *authority; /* never ABSENT */
	const struct http1_field *fields;
	unsigned count;
	struct http1_hop hop;
};

/* http1_request_write() - Return: 0; -EINVAL: something in it is not sound; -ENOBUFS. */
MUST_USE int http1_request_write(size_t *ret, struct http1_room room,
				 const struct http1_request_out *out);

struct http1_response_out {
	unsigned status;
	struct span reason;
	const struct http1_field *fields;
	unsigned count;
	struct http1_hop hop;
};

/* http1_response_write() - for HEAD and 304, hop.framing is what was announced. Return: as above. */
MUST_USE int http1_response_write(size_t *ret, struct http1_room room,
				  const struct http1_response_out *out);

/* http1_chunk_head_write() - before @octets of data, at least 1, and the CRLF after them */
size_t http1_chunk_head_write(char ret[HTTP1_CHUNK_HEAD_OCTETS], uint64_t octets);

/* http1_chunks_end() - the last chunk and the trailers. Return: as above. */
MUST_USE int http1_chunks_end(size_t *ret, struct http1_room room, const struct http1_field *fields,
			      unsigned count);

#endif
