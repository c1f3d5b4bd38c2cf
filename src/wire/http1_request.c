// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a request is judged in the order of its octets (line, fields), then as a
 * whole: who is meant, where it ends, what it asks of the connection. The first fault ends it.
 */
#include "wire/http1_priv.h"

#include <assert.h>

const struct http1_limits http1_limits_default = {
	.head_octets_max = 65536,
	.target_octets_max = 16384,
	.fields_max = HTTP1_FIELDS_MAX,
	.trailer_octets_max = 8192,
	.body_octets_max = INT64_MAX,
};

enum {
	PORT_HTTP = 80,
	PORT_HTTPS = 443,
	WEBSOCKET_KEY_OCTETS = 24, /* 16 in base64 (RFC 6455 section 4.1) */
};

static const struct {
	const char *text;
	enum http1_method method;
} methods[] = {
	{ "GET", HTTP1_GET },         { "POST", HTTP1_POST },       { "HEAD", HTTP1_HEAD },
	{ "PUT", HTTP1_PUT },         { "DELETE", HTTP1_DELETE },   { "PATCH", HTTP1_PATCH },
	{ "OPTIONS", HTTP1_OPTIONS }, { "CONNECT", HTTP1_CONNECT },
};

/* Lower case is refused because some servers take "trace" for TRACE and some do not. */
enum http1_fault http1_method_read(enum http1_method *ret, struct span text)
{
	if (!http1_is_token(text))
		return HTTP1_METHOD;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] >= 'a' && text.ptr[i] <= 'z')
			return HTTP1_METHOD;
	if (text.len > HTTP1_METHOD_OCTETS_MAX)
		return HTTP1_METHOD_LONG;
	if (span_is(text, "TRACE") || span_is(text, "TRACK"))
		return HTTP1_METHOD_ECHO;
	*ret = HTTP1_METHOD_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (span_is(text, methods[i].text))
			*ret = methods[i].method;
	return HTTP1_FAULTLESS;
}

enum http1_fault http1_target_judge(struct span target, size_t octets_max)
{
	if (target.len > octets_max)
		return HTTP1_TARGET_LONG;
	for (size_t i = 0; i < target.len; i++)
		if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f) /* those above are negative */
			return HTTP1_TARGET;
	return memchr(target.ptr, '#', target.len) != NULL ? HTTP1_FRAGMENT : HTTP1_FAULTLESS;
}

/* find_authority() - its end: the first of '/' and '?' (RFC 3986 section 3.2) */
static size_t find_authority_end(struct span text)
{
	size_t i = 0;

	while (i < text.len && text.ptr[i] != '/' && text.ptr[i] != '?')
		i++;
	return i;
}

static enum http1_fault read_absolute(struct http1_request *ret, struct span target)
{
	size_t scheme = sizeof("http://") - 1;

	ret->https = target.len >= 8 && strncasecmp(target.ptr, "https://", 8) == 0;
	if (!ret->https && (target.len < scheme || strncasecmp(target.ptr, "http://", scheme) != 0))
		return memchr(target.ptr, ':', target.len) != NULL ? HTTP1_TARGET_SCHEME
								   : HTTP1_TARGET;
	struct span rest = span_drop(target, ret->https ? scheme + 1 : scheme);
	size_t end = find_authority_end(rest);
	ret->form = HTTP1_ABSOLUTE;
	ret->origin = span_drop(rest, end);
	rest.len = end;
	return http1_authority_read(&ret->authority, rest) ? HTTP1_FAULTLESS
							   : HTTP1_TARGET_AUTHORITY;
}

static enum http1_fault read_target(struct http1_request *ret, struct span target)
{
	ret->target = target;
	ret->origin = (struct span){ 0 };
	ret->https = false;
	if (ret->method == HTTP1_CONNECT) {
		ret->form = HTTP1_AUTHORITY;
		return http1_authority_read(&ret->authority, target) && ret->authority.port > 0
			   ? HTTP1_FAULTLESS
			   : HTTP1_TARGET_AUTHORITY;
	}
	if (target.ptr[0] == '/' || span_is(target, "*")) {
		ret->form = target.ptr[0] == '/' ? HTTP1_ORIGIN : HTTP1_ASTERISK;
		ret->origin = target;
		return ret->form == HTTP1_ORIGIN || ret->method == HTTP1_OPTIONS ? HTTP1_FAULTLESS
										 : HTTP1_TARGET;
	}
	return read_absolute(ret, target);
}

/* read_line() - three parts with one blank between each */
static enum http1_fault read_line(struct http1_request *ret, struct span line,
				  const struct http1_limits *limits)
{
	struct span method = span_cut(&line, ' ');
	struct span target = line.ptr != NULL ? span_cut(&line, ' ') : (struct span){ 0 };

	if (line.ptr == NULL || target.len == 0)
		return HTTP1_START_LINE;
	ret->method_text = method;
	enum http1_fault fault = http1_method_read(&ret->method, method);
	if (fault == HTTP1_FAULTLESS)
		fault = http1_target_judge(target, limits->target_octets_max);
	if (fault == HTTP1_FAULTLESS)
		fault = http1_version_read(&ret->minor, line);
	return fault == HTTP1_FAULTLESS ? read_target(ret, target) : fault;
}

/* agree() - one host, and one port where @host names one */
static bool agree(const struct http1_request *request, const struct http1_authority *host)
{
	const struct http1_authority *target = &request->authority;
	unsigned usual = request->https ? PORT_HTTPS : PORT_HTTP;

	if (host->kind != target->kind || strcmp(host->host, target->host) != 0)
		return false;
	if (request->form == HTTP1_AUTHORITY) /* clients leave the port out of Host here */
		return host->port == 0 || host->port == target->port;
	return (host->port > 0 ? host->port : usual) == (target->port > 0 ? target->port : usual);
}

static enum http1_fault judge_host(struct http1_request *ret)
{
	struct http1_authority host = { 0 };
	bool targeted = ret->form == HTTP1_ABSOLUTE || ret->form == HTTP1_AUTHORITY;

	if (ret->fields.times[HTTP1_HOST] > 1)
		return HTTP1_HOST_REPEATED;
	if (ret->fields.times[HTTP1_HOST] == 0) {
		if (!targeted)
			ret->authority = host;
		return ret->minor == 0 ? HTTP1_FAULTLESS : HTTP1_HOST_MISSING;
	}
	if (!http1_authority_read(&host, http1_field_value(&ret->fields, HTTP1_HOST)))
		return HTTP1_HOST_MALFORMED;
	if (targeted)
		return agree(ret, &host) ? HTTP1_FAULTLESS : HTTP1_HOST_OTHER;
	ret->authority = host;
	return HTTP1_FAULTLESS;
}

static enum http1_fault judge_body(struct http1_request *ret, const struct http1_limits *limits)
{
	const struct http1_fields *fields = &ret->fields;
	enum http1_fault fault = http1_length_read(&ret->framing, &ret->length, fields, ret->minor,
						   limits->body_octets_max);
	bool some = ret->framing == HTTP1_BODY_CHUNKED || ret->length > 0;

	if (fault != HTTP1_FAULTLESS)
		return fault;
	if (some && ret->method == HTTP1_CONNECT)
		return HTTP1_BODY_UNEXPECTED;
	ret->expects_continue = false;
	if (fields->times[HTTP1_EXPECT] == 0)
		return HTTP1_FAULTLESS;
	if (fields->times[HTTP1_EXPECT] > 1 || !some ||
	    !http1_is(http1_field_value(fields, HTTP1_EXPECT), "100-continue"))
		return HTTP1_EXPECTATION;
	ret->expects_continue = ret->minor == 1; /* 1.0 does not know it: RFC 9110 section 10.1.1 */
	return HTTP1_FAULTLESS;
}

static bool is_websocket_key(struct span key)
{
	size_t data = WEBSOCKET_KEY_OCTETS - 2;

	if (key.len != WEBSOCKET_KEY_OCTETS || memcmp(key.ptr + data, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < data; i++)
		if (!http1_char_is(key.ptr[i], CHAR_LABEL) && strchr("+/", key.ptr[i]) == NULL)
			return false;
	return memchr(key.ptr, '-', data) == NULL && memchr(key.ptr, '_', data) == NULL;
}

static enum http1_fault judge_upgrade(const struct http1_request *request)
{
	const struct http1_fields *fields = &request->fields;

	if (request->method != HTTP1_GET || request->minor == 0 ||
	    request->framing != HTTP1_BODY_NONE || fields->times[HTTP1_WEBSOCKET_KEY] != 1 ||
	    fields->times[HTTP1_WEBSOCKET_VERSION] != 1)
		return HTTP1_UPGRADE_MALFORMED;
	return is_websocket_key(http1_field_value(fields, HTTP1_WEBSOCKET_KEY)) &&
		       span_is(http1_field_value(fields, HTTP1_WEBSOCKET_VERSION), "13")
		   ? HTTP1_FAULTLESS
		   : HTTP1_UPGRADE_MALFORMED;
}

static enum http1_fault judge_options(struct http1_request *ret)
{
	struct http1_options options = { 0 };
	enum http1_fault fault = http1_options_read(&options, &ret->fields);

	if (fault != HTTP1_FAULTLESS)
		return fault;
	/* a proxy keeps no connection of 1.0: RFC 9112 section 9.3 */
	ret->persistent = ret->minor == 1 && !options.close;
	ret->takes_trailers = options.trailers;
	ret->websocket = options.upgrade;
	return options.upgrade ? judge_upgrade(ret) : HTTP1_FAULTLESS;
}

/* judge() - a whole head, its last empty line included */
static enum http1_fault judge(struct http1_request *ret, struct span head,
			      const struct http1_limits *limits)
{
	head.len -= 2;
	if (head.len == 0)
		return HTTP1_EMPTY_START;
	struct span line = span_cut(&head, '\n');
	line.len--;
	enum http1_fault fault = read_line(ret, line, limits);
	if (fault == HTTP1_FAULTLESS)
		fault = http1_fields_read(&ret->fields, head, limits->fields_max);
	if (fault == HTTP1_FAULTLESS)
		fault = judge_host(ret);
	if (fault == HTTP1_FAULTLESS)
		fault = judge_body(ret, limits);
	return fault == HTTP1_FAULTLESS ? judge_options(ret) : fault;
}

enum http1_step http1_request_read(struct http1_request *ret, struct http1_scan *scan,
				   struct span input, const struct http1_limits *limits)
{
	enum http1_step step = http1_scan_head(scan, &ret->fault, input, limits->head_octets_max);

	if (step == HTTP1_REFUSED && ret->fault == HTTP1_HEAD_LONG && scan->line == 0)
		ret->fault = HTTP1_TARGET_LONG;
	if (step != HTTP1_DONE)
		return step;
	ret->head_octets = scan->seen;
	ret->fault = judge(ret, (struct span){ input.ptr, scan->seen }, limits);
	return ret->fault == HTTP1_FAULTLESS ? HTTP1_DONE : HTTP1_REFUSED;
}
