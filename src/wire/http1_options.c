// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: Connection names options of this hop and fields that end here. A peer may
 * not use it to take a field away that says who is meant or where a message ends.
 */
#include "wire/http1_priv.h"

enum { OPTIONS_MAX = 32 }; /* each is compared with each field */

bool http1_list_next(struct span *ret, struct span *rest)
{
	while (rest->ptr != NULL) {
		*ret = span_trim(span_cut(rest, ','));
		if (ret->len > 0)
			return true;
	}
	return false;
}

/* mark_hop() - @option also names fields */
static enum http1_fault mark_hop(struct http1_fields *fields, struct span option)
{
	for (unsigned i = 0; i < fields->count; i++) {
		struct http1_field *field = &fields->at[i];

		if (field->name.len != option.len ||
		    strncasecmp(field->name.ptr, option.ptr, option.len) != 0)
			continue;
		if (field->id == HTTP1_HOST || field->id == HTTP1_CONTENT_LENGTH ||
		    field->id == HTTP1_TRANSFER_ENCODING)
			return HTTP1_OPTION_FORBIDDEN;
		field->hop = true;
	}
	return HTTP1_FAULTLESS;
}

/* read_connection() - one field; *count goes on over all of them */
static enum http1_fault read_connection(struct http1_options *options, unsigned *count,
					struct http1_fields *fields, struct span value)
{
	struct span option;

	while (http1_list_next(&option, &value)) {
		if (++*count > OPTIONS_MAX || !http1_is_token(option))
			return HTTP1_OPTIONS_MALFORMED;
		if (http1_is(option, "close")) { /* names no field: RFC 9110 section 16.3.1 */
			options->close = true;
			continue;
		}
		options->keep_alive |= http1_is(option, "keep-alive");
		options->upgrade |= http1_is(option, "upgrade");
		enum http1_fault fault = mark_hop(fields, option);
		if (fault != HTTP1_FAULTLESS)
			return fault;
	}
	return HTTP1_FAULTLESS;
}

static bool takes_trailers(struct span value)
{
	struct span coding;

	while (http1_list_next(&coding, &value))
		if (http1_is(coding, "trailers"))
			return true;
	return false;
}

enum http1_fault http1_trailer_judge(struct span value)
{
	struct span name;

	while (http1_list_next(&name, &value))
		if (!http1_is_token(name) || !http1_name_is_trailer(name))
			return HTTP1_TRAILER_FORBIDDEN;
	return HTTP1_FAULTLESS;
}

enum http1_fault http1_options_read(struct http1_options *ret, struct http1_fields *fields)
{
	struct http1_options options = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < fields->count; i++) {
		const struct http1_field *field = &fields->at[i];
		enum http1_fault fault = HTTP1_FAULTLESS;

		if (field->id == HTTP1_CONNECTION)
			fault = read_connection(&options, &count, fields, field->value);
		else if (field->id == HTTP1_TRAILER)
			fault = http1_trailer_judge(field->value);
		else if (field->id == HTTP1_TE)
			options.trailers |= takes_trailers(field->value);
		if (fault != HTTP1_FAULTLESS)
			return fault;
	}
	options.upgrade = options.upgrade && fields->times[HTTP1_UPGRADE] == 1 &&
			  http1_is(http1_field_value(fields, HTTP1_UPGRADE), "websocket");
	*ret = options;
	return HTTP1_FAULTLESS;
}
