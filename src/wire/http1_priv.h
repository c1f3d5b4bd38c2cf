/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1_priv - what the parts of the HTTP/1.1 codec share.
 */
#ifndef WIRE_HTTP1_PRIV_H
#define WIRE_HTTP1_PRIV_H

#include <strings.h>

#include "wire/http1.h"

/* Classes of octets below 128; those above are in none. */
enum {
	CHAR_TOKEN = 1,      /* RFC 9110 section 5.6.2 */
	CHAR_UNRESERVED = 2, /* RFC 3986 section 2.3 */
	CHAR_PATH = 4,       /* pchar of RFC 3986 section 3.3, without '%' */
	CHAR_QUERY = 8,      /* of a query; more than RFC 3986 allows, see http1_path.c */
	CHAR_LABEL = 16,     /* of a host's name */
};

extern const uint8_t http1_chars[256];

static inline bool http1_char_is(char c, unsigned class)
{
	return (http1_chars[(unsigned char)c] & class) != 0;
}

/* http1_is_control() - what no value may hold: controls but the tab (RFC 9110 section 5.5) */
static inline bool http1_is_control(char c)
{
	unsigned char u = (unsigned char)c;

	return (u < 0x20 && u != '\t') || u == 0x7f;
}

/* http1_hex() - the value of a hexadecimal digit; -1: it is none */
static inline int http1_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* http1_is() - is @s the text @lower_case, letter case aside? */
static inline bool http1_is(struct span s, const char *lower_case)
{
	return s.len == strlen(lower_case) && strncasecmp(s.ptr, lower_case, s.len) == 0;
}

static inline bool http1_is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!http1_char_is(s.ptr[i], CHAR_TOKEN))
			return false;
	return s.len > 0;
}

/* http1_has_control() - an octet no value may hold? */
bool http1_has_control(struct span text);

/* http1_value_is_sound() - no control character but tabs, and no blank at either end */
bool http1_value_is_sound(struct span value);

/* http1_number_read() - digits only, no zero before others, at most 2^63-1 */
MUST_USE bool http1_number_read(uint64_t *ret, struct span text);

/* http1_scan_head() - look for the empty line that ends a head or trailer section; refused: *fault */
MUST_USE enum http1_step http1_scan_head(struct http1_scan *scan, enum http1_fault *fault,
					 struct span input, size_t octets_max);

/* A name we act on. */
struct http1_known {
	const char *text;
	uint8_t octets;
	enum http1_name id;
	bool hop; /* for one hop only, by its nature */
};

/* http1_name_find() - never NULL; the id of one we do not act on is HTTP1_OTHER */
const struct http1_known *http1_name_find(struct span name);

/* http1_name_is_alias() - is @name the known name @as but for a '_' in place of a '-'? */
bool http1_name_is_alias(struct span name, const struct http1_known *as);

/* http1_name_is_trailer() - may a trailer have this name (RFC 9110 section 6.5.1)? */
bool http1_name_is_trailer(struct span name);

/* http1_fields_read() - @lines: whole lines, each with its CRLF. Return: HTTP1_FAULTLESS, or why not. */
MUST_USE enum http1_fault http1_fields_read(struct http1_fields *ret, struct span lines,
					    unsigned fields_max);

/* http1_list_next() - the next member of a comma-separated list that is not empty (RFC 9110 5.6.1) */
MUST_USE bool http1_list_next(struct span *ret, struct span *rest);

/* http1_method_read() - @ret: written unless it is refused */
MUST_USE enum http1_fault http1_method_read(enum http1_method *ret, struct span text);

/* http1_target_judge() - what no form of a target may hold; http1_path_read() judges paths */
MUST_USE enum http1_fault http1_target_judge(struct span target, size_t octets_max);

/* http1_trailer_judge() - a value of Trailer: names that may be trailers */
MUST_USE enum http1_fault http1_trailer_judge(struct span value);

/* What Connection, Upgrade, TE and Trailer say. */
struct http1_options {
	bool close;
	bool keep_alive;
	bool upgrade;  /* and it is exactly "websocket" */
	bool trailers; /* TE: trailers */
};

/* http1_options_read() - and mark the fields that Connection names */
MUST_USE enum http1_fault http1_options_read(struct http1_options *ret,
					     struct http1_fields *fields);

/* http1_length_read() - what Content-Length and Transfer-Encoding say: NONE, LENGTH or CHUNKED */
MUST_USE enum http1_fault http1_length_read(enum http1_framing *ret, uint64_t *length,
					    const struct http1_fields *fields, uint8_t minor,
					    uint64_t octets_max);

/* http1_version_read() - "HTTP/1.0" or "HTTP/1.1" */
MUST_USE enum http1_fault http1_version_read(uint8_t *minor, struct span text);

#endif
