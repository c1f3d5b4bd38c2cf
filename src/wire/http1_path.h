/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1_path - the one form of a path: it is what policy judges and what is sent.
 *
 * Changed, because it cannot change the meaning (RFC 3986 section 6.2.2): %-encoded unreserved
 * characters are decoded, other encodings get upper-case digits, segments "." and ".." go, an empty
 * path becomes "/". Refused, because servers differ: encoded slashes, backslashes and controls,
 * "//", ".." above the root, "..;" and its kin, overlong UTF-8, any octet RFC 3986 does not allow.
 * The query is checked and kept to the octet, for it may be signed.
 */
#ifndef WIRE_HTTP1_PATH_H
#define WIRE_HTTP1_PATH_H

#include "wire/http1.h"

struct http1_path {
	enum http1_fault fault; /* if refused */
	struct span text;       /* path, '?' and query: send this */
	struct span path;
	struct span query; /* without '?'; ptr is NULL if there is none, which "/?" differs from */
	bool parameters;   /* a segment holds a ';': some servers ignore what follows it */
};

/**
 * http1_path_read() - make the one form
 * @room:	for origin.len + 1 octets; ret's spans borrow from it
 * @origin:	path and query as in http1_request.origin; "" and "?query" are those of a target
 *		without a path
 *
 * Return: is it sound? Else ret->fault.
 */
MUST_USE bool http1_path_read(struct http1_path *ret, char *room, struct span origin);

#endif
