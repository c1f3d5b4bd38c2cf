// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a head is scanned for its end first, and only a whole one is read. The scan
 * looks at line ends alone and goes on where it stopped, so a head that comes octet by octet costs
 * as much as one that comes at once, and what it finds does not depend on how the input was cut.
 */
#include "wire/http1_priv.h"

enum http1_step http1_scan_head(struct http1_scan *scan, enum http1_fault *fault, struct span input,
				size_t octets_max)
{
	size_t bound = input.len < octets_max ? input.len : octets_max;

	while (scan->seen < bound) {
		const char *lf = memchr(input.ptr + scan->seen, '\n', bound - scan->seen);
		if (lf == NULL)
			break;
		size_t at = (size_t)(lf - input.ptr);
		if (at == scan->line || input.ptr[at - 1] != '\r') {
			*fault = HTTP1_BARE_LF;
			return HTTP1_REFUSED;
		}
		bool empty = at - scan->line == 1;
		scan->seen = scan->line = at + 1;
		if (empty)
			return HTTP1_DONE;
	}
	scan->seen = bound;
	if (bound < octets_max)
		return HTTP1_MORE;
	*fault = HTTP1_HEAD_LONG;
	return HTTP1_REFUSED;
}

static enum http1_fault wrong_octet(struct span line)
{
	return memchr(line.ptr, '\r', line.len) != NULL ? HTTP1_BARE_CR : HTTP1_FIELD_VALUE;
}

/* read_name() - *at: octets up to the colon. @line is followed by a CR, which is in no token. */
static enum http1_fault read_name(size_t *at, struct span line)
{
	size_t i = 0;

	while (http1_char_is(line.ptr[i], CHAR_TOKEN))
		i++;
	if (i == 0 && line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		return HTTP1_FOLDED;
	if (i == 0 || i >= line.len || line.ptr[i] != ':')
		return HTTP1_FIELD_NAME;
	*at = i;
	return HTTP1_FAULTLESS;
}

/* read_value() - what is between blanks; the CR behind @text ends the search for the first */
static enum http1_fault read_value(struct span *ret, struct span text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = span_drop(text, 1);
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	if (http1_has_control(text))
		return wrong_octet(text);
	*ret = text;
	return HTTP1_FAULTLESS;
}

static enum http1_fault read_field(struct http1_field *ret, struct span line)
{
	size_t colon = 0;
	enum http1_fault fault = read_name(&colon, line);

	if (fault != HTTP1_FAULTLESS)
		return fault;
	ret->name = (struct span){ line.ptr, colon };
	const struct http1_known *known = http1_name_find(ret->name);
	ret->id = known->id;
	ret->hop = known->hop;
	if (http1_name_is_alias(ret->name, known))
		return HTTP1_FIELD_ALIAS;
	return read_value(&ret->value, span_drop(line, colon + 1));
}

enum http1_fault http1_fields_read(struct http1_fields *ret, struct span lines, unsigned fields_max)
{
	ret->count = 0;
	memset(ret->times, 0, sizeof(ret->times));
	while (lines.len > 0) {
		struct span line = span_cut(&lines, '\n');
		struct http1_field *field = &ret->at[ret->count];

		if (ret->count >= fields_max || ret->count >= HTTP1_FIELDS_MAX)
			return HTTP1_FIELDS_MANY;
		line.len--; /* the CR, which the scan has seen */
		enum http1_fault fault = read_field(field, line);
		if (fault != HTTP1_FAULTLESS)
			return fault;
		if (ret->times[field->id]++ == 0)
			ret->first[field->id] = (uint8_t)ret->count;
		ret->count++;
	}
	return HTTP1_FAULTLESS;
}
