// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as a request, but where it ends also depends on what was asked and on the
 * status (RFC 9112 section 6.3). A server that announces a body where none can be is refused: what
 * we would take for the next response might be what it means as the body.
 */
#include "wire/http1_priv.h"

enum {
	STATUS_SWITCHING_PROTOCOLS = 101,
	STATUS_NO_CONTENT = 204,
	STATUS_NOT_MODIFIED = 304,
};

static enum http1_fault read_status(unsigned *ret, struct span text)
{
	unsigned status = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return HTTP1_STATUS;
		status = status * 10 + (unsigned)(text.ptr[i] - '0');
		if (status > 999)
			return HTTP1_STATUS;
	}
	if (text.len != 3 || status < 100)
		return HTTP1_STATUS;
	*ret = status;
	return HTTP1_FAULTLESS;
}

/* read_line() - version, status and a reason that may be empty but not lack its blank */
static enum http1_fault read_line(struct http1_response *ret, struct span line)
{
	struct span version = span_cut(&line, ' ');
	struct span status = line.ptr != NULL ? span_cut(&line, ' ') : (struct span){ 0 };

	if (line.ptr == NULL)
		return HTTP1_START_LINE;
	enum http1_fault fault = http1_version_read(&ret->minor, version);
	if (fault == HTTP1_FAULTLESS)
		fault = read_status(&ret->status, status);
	if (fault != HTTP1_FAULTLESS)
		return fault;
	if (http1_has_control(line))
		return HTTP1_START_LINE;
	ret->reason = line;
	return HTTP1_FAULTLESS;
}

/* judge_bodyless() - a status that has no body, whatever the fields say; they may say 0 */
static enum http1_fault judge_bodyless(struct http1_response *ret, enum http1_framing framing)
{
	ret->framing = framing;
	if (ret->announced == HTTP1_BODY_CHUNKED || ret->length > 0)
		return HTTP1_BODY_UNEXPECTED;
	ret->announced = HTTP1_BODY_NONE;
	return HTTP1_FAULTLESS;
}

static enum http1_fault judge_body(struct http1_response *ret, struct http1_asked asked,
				   const struct http1_limits *limits)
{
	unsigned status = ret->status;
	enum http1_fault fault = http1_length_read(&ret->announced, &ret->length, &ret->fields,
						   ret->minor, limits->body_octets_max);

	if (fault != HTTP1_FAULTLESS)
		return fault;
	if (status == STATUS_SWITCHING_PROTOCOLS ||
	    (asked.method == HTTP1_CONNECT && status / 100 == 2))
		return judge_bodyless(ret, HTTP1_BODY_TUNNEL);
	if (status / 100 == 1 || status == STATUS_NO_CONTENT)
		return judge_bodyless(ret, HTTP1_BODY_NONE);
	ret->framing = ret->announced;
	if (asked.method == HTTP1_HEAD || status == STATUS_NOT_MODIFIED)
		ret->framing = HTTP1_BODY_NONE;
	else if (ret->announced == HTTP1_BODY_NONE)
		ret->framing = HTTP1_BODY_CLOSE;
	return HTTP1_FAULTLESS;
}

static enum http1_fault judge_options(struct http1_response *ret, struct http1_asked asked)
{
	struct http1_options options = { 0 };
	enum http1_fault fault = http1_options_read(&options, &ret->fields);

	if (fault != HTTP1_FAULTLESS)
		return fault;
	ret->persistent = !options.close && (ret->minor == 1 || options.keep_alive) &&
			  ret->framing != HTTP1_BODY_CLOSE && ret->framing != HTTP1_BODY_TUNNEL;
	ret->interim = ret->status / 100 == 1 && ret->status != STATUS_SWITCHING_PROTOCOLS;
	if (ret->status != STATUS_SWITCHING_PROTOCOLS)
		return HTTP1_FAULTLESS;
	if (!asked.websocket)
		return HTTP1_UPGRADE_UNASKED;
	return options.upgrade && ret->fields.times[HTTP1_WEBSOCKET_ACCEPT] == 1 && ret->minor == 1
		   ? HTTP1_FAULTLESS
		   : HTTP1_UPGRADE_MALFORMED;
}

static enum http1_fault judge(struct http1_response *ret, struct span head,
			      struct http1_asked asked, const struct http1_limits *limits)
{
	head.len -= 2;
	if (head.len == 0)
		return HTTP1_EMPTY_START;
	struct span line = span_cut(&head, '\n');
	line.len--;
	enum http1_fault fault = read_line(ret, line);
	if (fault == HTTP1_FAULTLESS)
		fault = http1_fields_read(&ret->fields, head, limits->fields_max);
	if (fault == HTTP1_FAULTLESS)
		fault = judge_body(ret, asked, limits);
	return fault == HTTP1_FAULTLESS ? judge_options(ret, asked) : fault;
}

enum http1_step http1_response_read(struct http1_response *ret, struct http1_scan *scan,
				    struct span input, struct http1_asked asked,
				    const struct http1_limits *limits)
{
	enum http1_step step = http1_scan_head(scan, &ret->fault, input, limits->head_octets_max);

	if (step != HTTP1_DONE)
		return step;
	ret->head_octets = scan->seen;
	ret->fault = judge(ret, (struct span){ input.ptr, scan->seen }, asked, limits);
	return ret->fault == HTTP1_FAULTLESS ? HTTP1_DONE : HTTP1_REFUSED;
}
