// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a message ends where one field says, or it is refused. Two fields, or one
 * that is not exactly a number or "chunked", are what request smuggling is made of (RFC 9112
 * section 11.2), and RFC 9112 section 6.3 lets a proxy refuse each of them.
 */
#include "wire/http1_priv.h"

static enum http1_fault read_coding(const struct http1_fields *fields, uint8_t minor)
{
	if (fields->times[HTTP1_TRANSFER_ENCODING] > 1)
		return HTTP1_CODING_REPEATED;
	if (fields->times[HTTP1_CONTENT_LENGTH] > 0)
		return HTTP1_LENGTH_AND_CODING;
	if (minor == 0)
		return HTTP1_CODING_OLD;
	return http1_is(http1_field_value(fields, HTTP1_TRANSFER_ENCODING), "chunked")
		   ? HTTP1_FAULTLESS
		   : HTTP1_CODING;
}

enum http1_fault http1_length_read(enum http1_framing *ret, uint64_t *length,
				   const struct http1_fields *fields, uint8_t minor,
				   uint64_t octets_max)
{
	*ret = HTTP1_BODY_NONE;
	*length = 0;
	if (fields->times[HTTP1_TRANSFER_ENCODING] > 0) {
		*ret = HTTP1_BODY_CHUNKED;
		return read_coding(fields, minor);
	}
	if (fields->times[HTTP1_CONTENT_LENGTH] == 0)
		return HTTP1_FAULTLESS;
	if (fields->times[HTTP1_CONTENT_LENGTH] > 1)
		return HTTP1_LENGTH_REPEATED;
	if (!http1_number_read(length, http1_field_value(fields, HTTP1_CONTENT_LENGTH)))
		return HTTP1_LENGTH;
	*ret = HTTP1_BODY_LENGTH;
	return *length > octets_max ? HTTP1_BODY_LONG : HTTP1_FAULTLESS;
}

/* Upper case only: RFC 9112 section 2.3. */
enum http1_fault http1_version_read(uint8_t *minor, struct span text)
{
	if (text.len != 8 || memcmp(text.ptr, "HTTP/", 5) != 0 || text.ptr[6] != '.' ||
	    text.ptr[5] < '0' || text.ptr[5] > '9' || text.ptr[7] < '0' || text.ptr[7] > '9')
		return HTTP1_VERSION;
	if (text.ptr[5] != '1' || text.ptr[7] > '1')
		return HTTP1_VERSION_OTHER;
	*minor = text.ptr[7] == '1';
	return HTTP1_FAULTLESS;
}
