// SPDX-License-Identifier: Apache-2.0
#include "wire/http1_fault.h"

#include <assert.h>

#include "base/base.h"

/* Statuses are those of RFC 9110 section 15 and RFC 6585 (431). */
static const struct {
	unsigned status;
	const char *text;
} faults[HTTP1_FAULTS] = {
	[HTTP1_FAULTLESS] = { 500, "nothing is wrong with it" },
	[HTTP1_TRUNCATED] = { 400, "the connection ended before the message did" },
	[HTTP1_HEAD_LONG] = { 431, "the head is too long" },
	[HTTP1_FIELDS_MANY] = { 431, "there are too many fields" },
	[HTTP1_EMPTY_START] = { 400, "an empty line stands where a message should begin" },
	[HTTP1_BARE_LF] = { 400, "a line ends in LF without CR" },
	[HTTP1_BARE_CR] = { 400, "a CR is not followed by LF" },
	[HTTP1_FOLDED] = { 400, "a line begins with a blank" },
	[HTTP1_FIELD_NAME] = { 400, "a field's name is not a token with a colon right after it" },
	[HTTP1_FIELD_ALIAS] = { 400, "a field's name has '_' where the one it imitates has '-'" },
	[HTTP1_FIELD_VALUE] = { 400, "a field's value holds a control character" },
	[HTTP1_START_LINE] = { 400, "the first line does not have its three parts" },
	[HTTP1_METHOD] = { 400, "the method is not a token without lower case" },
	[HTTP1_METHOD_LONG] = { 501, "the method is too long" },
	[HTTP1_METHOD_ECHO] = { 405, "TRACE and TRACK would echo the request" },
	[HTTP1_VERSION] = { 400, "the version is malformed" },
	[HTTP1_VERSION_OTHER] = { 505, "the version is neither HTTP/1.0 nor HTTP/1.1" },
	[HTTP1_TARGET] = { 400, "the target does not fit the method or holds a wrong octet" },
	[HTTP1_TARGET_LONG] = { 414, "the target is too long" },
	[HTTP1_TARGET_SCHEME] = { 400, "the target's scheme is neither http nor https" },
	[HTTP1_TARGET_AUTHORITY] = { 400, "the target's host or port is malformed" },
	[HTTP1_FRAGMENT] = { 400, "the target holds a '#'" },
	[HTTP1_STATUS] = { 400, "the status is not a number from 100 to 999" },
	[HTTP1_HOST_MISSING] = { 400, "there is no Host" },
	[HTTP1_HOST_REPEATED] = { 400, "there is more than one Host" },
	[HTTP1_HOST_MALFORMED] = { 400, "Host is not a host and perhaps a port" },
	[HTTP1_HOST_OTHER] = { 421, "Host names another host than the target" },
	[HTTP1_LENGTH] = { 400, "Content-Length is not one number" },
	[HTTP1_LENGTH_REPEATED] = { 400, "there is more than one Content-Length" },
	[HTTP1_LENGTH_AND_CODING] = { 400, "there are both Content-Length and Transfer-Encoding" },
	[HTTP1_CODING] = { 501, "Transfer-Encoding is not just 'chunked'" },
	[HTTP1_CODING_REPEATED] = { 400, "there is more than one Transfer-Encoding" },
	[HTTP1_CODING_OLD] = { 400, "HTTP/1.0 has no Transfer-Encoding" },
	[HTTP1_BODY_UNEXPECTED] = { 400, "a body is announced where there can be none" },
	[HTTP1_BODY_LONG] = { 413, "the body is too long" },
	[HTTP1_OPTIONS_MALFORMED] = { 400, "Connection is not a list of at most 32 options" },
	[HTTP1_OPTION_FORBIDDEN] = { 400, "Connection names a field that is not for one hop" },
	[HTTP1_UPGRADE_MALFORMED] = { 400, "the change to WebSocket lacks a part" },
	[HTTP1_UPGRADE_UNASKED] = { 400, "a change of protocol that nobody asked for" },
	[HTTP1_EXPECTATION] = { 417, "Expect is not '100-continue' before a body" },
	[HTTP1_TRAILER_FORBIDDEN] = { 400, "a field that may not be a trailer" },
	[HTTP1_CHUNK_SIZE] = { 400, "a chunk's size is not 1 to 16 hexadecimal digits and CRLF" },
	[HTTP1_CHUNK_EXTENSION] = { 400, "a chunk has an extension" },
	[HTTP1_CHUNK_END] = { 400, "a chunk does not end where its size says" },
	[HTTP1_PATH_OCTET] = { 400, "the path holds an octet that must be percent-encoded" },
	[HTTP1_PATH_PERCENT] = { 400, "a '%' is not followed by two hexadecimal digits" },
	[HTTP1_PATH_ENCODED] = { 400, "the path has an encoded slash, backslash or control" },
	[HTTP1_PATH_OVERLONG] = { 400, "the path has an overlong form of a character" },
	[HTTP1_PATH_EMPTY_SEGMENT] = { 400, "the path has two slashes in a row" },
	[HTTP1_PATH_ABOVE_ROOT] = { 400, "the path leads above its root" },
	[HTTP1_PATH_PARAMETER] = { 400, "a segment is nothing or dots before its ';'" },
	[HTTP1_QUERY_OCTET] = { 400, "the query holds an octet that must be percent-encoded" },
};

const char *http1_fault_text(enum http1_fault fault)
{
	assert((unsigned)fault < HTTP1_FAULTS);
	return faults[fault].text;
}

unsigned http1_fault_status(enum http1_fault fault)
{
	assert((unsigned)fault < HTTP1_FAULTS);
	return faults[fault].status;
}
