// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: segment by segment from the input to the room. Each is decoded behind the
 * last slash written, then judged in its decoded form: kept, dropped (".") or answered by going
 * back one slash (".."). The output never outgrows the input, but for the slash of an empty path.
 */
#include "wire/http1_path.h"

#include "wire/http1_priv.h"

struct segment {
	size_t octets; /* written */
	size_t stem;   /* of them before the first ';' */
	bool parameters;
};

/* read_percent() - two digits at the front of @text. Return: 0 to 255; -1: they are none. */
static int read_percent(struct span text)
{
	int high = text.len >= 3 && text.ptr[0] == '%' ? http1_hex(text.ptr[1]) : -1;
	int low = high >= 0 ? http1_hex(text.ptr[2]) : -1;

	return low >= 0 ? high << 4 | low : -1;
}

/* is_overlong() - do two encoded octets begin a character in more octets than it needs? Some
 * decoders take %c0%af for a slash (RFC 3629 section 10). */
static bool is_overlong(int octet, struct span rest)
{
	int next = read_percent(rest);

	if (next < 0x80 || next > 0xbf)
		return false;
	return octet == 0xc0 || octet == 0xc1 || (octet == 0xe0 && next < 0xa0) ||
	       (octet == 0xf0 && next < 0x90);
}

static enum http1_fault judge_encoded(int octet, struct span rest)
{
	if (octet < 0)
		return HTTP1_PATH_PERCENT;
	if (octet == '/' || octet == '\\' || octet < 0x20 || octet == 0x7f)
		return HTTP1_PATH_ENCODED;
	return is_overlong(octet, rest) ? HTTP1_PATH_OVERLONG : HTTP1_FAULTLESS;
}

static size_t write_encoded(char *at, int octet)
{
	static const char digits[] = "0123456789ABCDEF";

	if (octet < 0x80 && http1_char_is((char)octet, CHAR_UNRESERVED)) {
		at[0] = (char)octet;
		return 1;
	}
	at[0] = '%';
	at[1] = digits[octet >> 4];
	at[2] = digits[octet & 0xf];
	return 3;
}

/* write_segment() - @text in its one form to @at */
static enum http1_fault write_segment(struct segment *ret, char *at, struct span text)
{
	*ret = (struct segment){ 0 };
	while (text.len > 0) {
		int octet = (unsigned char)text.ptr[0];
		bool encoded = octet == '%';

		if (encoded) {
			octet = read_percent(text);
			enum http1_fault fault =
			    judge_encoded(octet, octet >= 0 ? span_drop(text, 3) : text);
			if (fault != HTTP1_FAULTLESS)
				return fault;
		} else if (!http1_char_is(text.ptr[0], CHAR_PATH)) {
			return HTTP1_PATH_OCTET;
		}
		if (octet == ';' && !ret->parameters) {
			ret->parameters = true;
			ret->stem = ret->octets;
		}
		if (encoded)
			ret->octets += write_encoded(at + ret->octets, octet);
		else
			at[ret->octets++] = (char)octet;
		text = span_drop(text, encoded ? 3 : 1);
	}
	if (!ret->parameters)
		ret->stem = ret->octets;
	return HTTP1_FAULTLESS;
}

/* is_dots() - 1 for ".", 2 for "..", else 0 */
static size_t is_dots(const char *text, size_t octets)
{
	return octets > 0 && octets <= 2 && memcmp(text, "..", octets) == 0 ? octets : 0;
}

/* place_segment() - *@at stands behind a slash, before the segment, and goes behind what stays */
static enum http1_fault place_segment(char **at, const char *room, const struct segment *segment,
				      bool last)
{
	size_t dots = is_dots(*at, segment->stem);

	if (segment->parameters && (dots > 0 || segment->stem == 0))
		return HTTP1_PATH_PARAMETER;
	if (segment->octets == 0 && !last)
		return HTTP1_PATH_EMPTY_SEGMENT;
	if (dots == 2) {
		if (*at - room == 1)
			return HTTP1_PATH_ABOVE_ROOT;
		do
			--*at;
		while ((*at)[-1] != '/');
	} else if (dots == 0) {
		*at += segment->octets;
		if (!last)
			*(*at)++ = '/';
	}
	return HTTP1_FAULTLESS;
}

/* write_path() - @path: behind its first slash */
static enum http1_fault write_path(struct http1_path *ret, char *room, struct span path)
{
	char *at = room;

	*at++ = '/';
	while (path.ptr != NULL) {
		struct segment segment;
		struct span text = span_cut(&path, '/');
		enum http1_fault fault = write_segment(&segment, at, text);

		if (fault == HTTP1_FAULTLESS)
			fault = place_segment(&at, room, &segment, path.ptr == NULL);
		if (fault != HTTP1_FAULTLESS)
			return fault;
	}
	ret->path = (struct span){ room, (size_t)(at - room) };
	ret->parameters = memchr(room, ';', ret->path.len) != NULL ||
			  memmem(room, ret->path.len, "%3B", 3) != NULL;
	return HTTP1_FAULTLESS;
}

/*
 * judge_query() - besides RFC 3986 it may hold what the URL standard's clients leave as it is:
 * [ ] { } | ^ and the backtick. No server reads structure into them there.
 */
static enum http1_fault judge_query(struct span query)
{
	while (query.len > 0) {
		bool encoded = query.ptr[0] == '%';

		if (encoded && read_percent(query) < 0)
			return HTTP1_PATH_PERCENT;
		if (!encoded && !http1_char_is(query.ptr[0], CHAR_QUERY))
			return query.ptr[0] == '#' ? HTTP1_FRAGMENT : HTTP1_QUERY_OCTET;
		query = span_drop(query, encoded ? 3 : 1);
	}
	return HTTP1_FAULTLESS;
}

static enum http1_fault write_query(struct http1_path *ret, char *at, struct span query)
{
	enum http1_fault fault = judge_query(query);

	if (fault != HTTP1_FAULTLESS)
		return fault;
	*at++ = '?';
	if (query.len > 0)
		memcpy(at, query.ptr, query.len);
	ret->query = (struct span){ at, query.len };
	return HTTP1_FAULTLESS;
}

/* judge_start() - a path is absolute, and no part of the target is a fragment */
static enum http1_fault judge_start(struct span path)
{
	if (path.len == 0)
		return HTTP1_FAULTLESS;
	if (memchr(path.ptr, '#', path.len) != NULL)
		return HTTP1_FRAGMENT;
	return path.ptr[0] == '/' ? HTTP1_FAULTLESS : HTTP1_TARGET;
}

bool http1_path_read(struct http1_path *ret, char *room, struct span origin)
{
	struct span query = origin, path = span_cut(&query, '?');

	*ret = (struct http1_path){ .fault = judge_start(path) };
	if (ret->fault == HTTP1_FAULTLESS)
		ret->fault = write_path(ret, room, path.len > 0 ? span_drop(path, 1) : SPAN(""));
	if (ret->fault != HTTP1_FAULTLESS)
		return false;
	ret->text = ret->path;
	if (query.ptr == NULL)
		return true;
	ret->fault = write_query(ret, room + ret->path.len, query);
	ret->text.len += 1 + query.len;
	return ret->fault == HTTP1_FAULTLESS;
}
