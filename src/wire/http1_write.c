// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a cursor that remembers the first error, so that a head reads as the list of
 * its parts. Every span is judged where it is put, even if a parser has done so before: between
 * the two, hooks and secrets change fields.
 */
#include "wire/http1_write.h"

#include <assert.h>
#include <errno.h>

#include "wire/http1_priv.h"

struct cursor {
	struct http1_room room; /* what is left of it */
	int error;
};

static void put(struct cursor *to, struct span text)
{
	if (to->error == 0 && text.len > to->room.len)
		to->error = -ENOBUFS;
	if (to->error < 0 || text.len == 0)
		return;
	memcpy(to->room.ptr, text.ptr, text.len);
	to->room.ptr += text.len;
	to->room.len -= text.len;
}

static void put_text(struct cursor *to, const char *text)
{
	put(to, span_of(text));
}

/* put_if() - or remember that it was not sound */
static void put_if(struct cursor *to, struct span text, bool sound)
{
	if (!sound && to->error == 0)
		to->error = -EINVAL;
	put(to, text);
}

static void put_number(struct cursor *to, uint64_t number)
{
	char digits[20], *at = digits + sizeof(digits); /* of 2^64 */

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put(to, (struct span){ at, (size_t)(digits + sizeof(digits) - at) });
}

/* finish() - how much was written into @room; @ret only on success */
static int finish(size_t *ret, const struct cursor *to, struct http1_room room)
{
	if (to->error == 0)
		*ret = room.len - to->room.len;
	return to->error;
}

static void put_field(struct cursor *to, const struct http1_field *field)
{
	put_if(to, field->name, http1_is_token(field->name));
	put_text(to, ": ");
	put_if(to, field->value, http1_value_is_sound(field->value));
	put_text(to, "\r\n");
}

/* is_made_anew() - does the writer leave it out? Names are looked up again: nothing set the id of a
 * field that did not come from a parser. */
static bool is_made_anew(struct cursor *to, const struct http1_field *field)
{
	const struct http1_known *known = http1_name_find(field->name);

	if (http1_name_is_alias(field->name, known) && to->error == 0)
		to->error = -EINVAL;
	return field->hop || known->hop || known->id == HTTP1_HOST ||
	       known->id == HTTP1_CONTENT_LENGTH;
}

static void put_fields(struct cursor *to, const struct http1_field *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!is_made_anew(to, &fields[i]))
			put_field(to, &fields[i]);
}

static void put_framing(struct cursor *to, const struct http1_hop *hop)
{
	if (hop->framing == HTTP1_BODY_CHUNKED)
		put_text(to, "Transfer-Encoding: chunked\r\n");
	if (hop->framing != HTTP1_BODY_LENGTH)
		return;
	put_text(to, "Content-Length: ");
	put_number(to, hop->length);
	put_text(to, "\r\n");
}

static void put_hop(struct cursor *to, const struct http1_hop *hop)
{
	put_framing(to, hop);
	if (hop->websocket)
		put_text(to, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	if (hop->close)
		put_text(to, "Connection: close\r\n");
	if (hop->trailers)
		put_text(to, "Connection: TE\r\nTE: trailers\r\n");
	put_text(to, "\r\n");
}

/* put_authority() - read it again: what it was made of by hand must be what it would be read as */
static void put_authority(struct cursor *to, const struct http1_authority *authority)
{
	struct cursor start = *to;
	struct http1_authority again = { 0 };
	bool brackets = authority->kind == HTTP1_HOST_IPV6;

	put_text(to, brackets ? "[" : "");
	put_text(to, authority->host);
	put_text(to, brackets ? "]" : "");
	if (authority->port > 0) {
		put_text(to, ":");
		put_number(to, authority->port);
	}
	if (to->error < 0)
		return;
	struct span text = { start.room.ptr, start.room.len - to->room.len };
	if (!http1_authority_read(&again, text) || again.kind != authority->kind ||
	    strcmp(again.host, authority->host) != 0)
		to->error = -EINVAL;
}

static bool is_printed(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return false;
	return text.len > 0 && text.ptr[0] == '/';
}

static void put_target(struct cursor *to, const struct http1_request_out *out)
{
	if (out->form == HTTP1_ABSOLUTE)
		put_text(to, out->https ? "https://" : "http://");
	if (out->form == HTTP1_ABSOLUTE || out->form == HTTP1_AUTHORITY)
		put_authority(to, out->authority);
	if (out->form == HTTP1_ASTERISK)
		put_text(to, "*");
	if (out->form == HTTP1_ABSOLUTE || out->form == HTTP1_ORIGIN)
		put_if(to, out->path.text, is_printed(out->path.text));
}

int http1_request_write(size_t *ret, struct http1_room room, const struct http1_request_out *out)
{
	struct cursor to = { .room = room };

	put_if(&to, out->method, http1_is_token(out->method));
	put_text(&to, " ");
	put_target(&to, out);
	put_text(&to, " HTTP/1.1\r\nHost: ");
	put_authority(&to, out->authority);
	put_text(&to, "\r\n");
	put_fields(&to, out->fields, out->count);
	put_hop(&to, &out->hop);
	return finish(ret, &to, room);
}

int http1_response_write(size_t *ret, struct http1_room room, const struct http1_response_out *out)
{
	struct cursor to = { .room = room };

	assert(out->status >= 100 && out->status <= 999);
	put_text(&to, "HTTP/1.1 ");
	put_number(&to, out->status);
	put_text(&to, " ");
	put_if(&to, out->reason, !http1_has_control(out->reason));
	put_text(&to, "\r\n");
	put_fields(&to, out->fields, out->count);
	put_hop(&to, &out->hop);
	return finish(ret, &to, room);
}

size_t http1_chunk_head_write(char ret[HTTP1_CHUNK_HEAD_OCTETS], uint64_t octets)
{
	size_t digits = 1;

	assert(octets > 0); /* or it would end the body */
	while (digits < 16 && octets >> (4 * digits) > 0)
		digits++;
	for (size_t i = 0; i < digits; i++)
		ret[i] = "0123456789abcdef"[octets >> (4 * (digits - 1 - i)) & 0xf];
	memcpy(ret + digits, "\r\n", 2);
	return digits + 2;
}

int http1_chunks_end(size_t *ret, struct http1_room room, const struct http1_field *fields,
		     unsigned count)
{
	struct cursor to = { .room = room };

	put_text(&to, "0\r\n");
	for (unsigned i = 0; i < count; i++) {
		if (!http1_name_is_trailer(fields[i].name) && to.error == 0)
			to.error = -EINVAL;
		put_field(&to, &fields[i]);
	}
	put_text(&to, "\r\n");
	return finish(ret, &to, room);
}
