// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a body that is searched is collected in a buffer, and what is done with leaves it:
 * mostly all of it at once, but for the beginning of what may be found, and for what has no room. A
 * body that may change in length goes on in chunks. What replaces values and placeholders in a head
 * is written into one room for the moment, and wiped.
 */
#include <strings.h>

#include "gateway/exchange1_priv.h"

enum {
	/* beside a piece of a body: its chunk's head and end, the last chunk, trailers */
	CHUNK_OCTETS = HTTP1_CHUNK_HEAD_OCTETS + 2 + 5,
	TRAILER_OCTETS_MAX = 8 * 1024, /* as exchange1_limits has it */
	/* of one read, and what was left before it: part of what is looked for */
	HELD_OCTETS_MAX = EXCHANGE1_IN_OCTETS + INJECT_TEXT_OCTETS_MAX,
};

static char room_octets[EXCHANGE1_OUT_OCTETS];
static struct inject_room room = { .ptr = room_octets, .size = sizeof(room_octets) };

void change_wipe(void)
{
	explicit_bzero(room_octets, room.used);
	room.used = 0;
}

void change_begin(struct exchange1 *x, enum tls_side from, enum inject_form form, bool chunks)
{
	change_end(x, from);
	x->change[from] = (struct exchange1_change){
		.on = true,
		.chunks = chunks,
		.body = { .inject = x->inject, .hide = from == TLS_UPSTREAM, .form = form },
		.held = BUF_SECRET(HELD_OCTETS_MAX),
	};
}

void change_end(struct exchange1 *x, enum tls_side from)
{
	buf_free(&x->change[from].held);
	x->change[from].on = false;
	x->change[from].body.why = NULL;
}

void change_begin_request(struct exchange1 *x, struct span type, bool chunks)
{
	change_end(x, TLS_INSIDE);
	x->scans = x->secrets && x->bodied && !inject_changes_body(x->inject, type);
	x->scan_out = (struct inject_scan){ .inject = x->inject };
	if (x->secrets && x->bodied && !x->scans)
		change_begin(x, TLS_INSIDE, inject_form_of(type), chunks);
}

const char *change_why(const struct exchange1 *x)
{
	return x->scans ? x->scan_out.why : x->change[TLS_INSIDE].body.why;
}

/* pull() - what there is of the body. Return: as http1_body_next() */
static enum http1_step pull(struct exchange1 *x, enum tls_side from, struct span *input,
			    bool closed)
{
	struct http1_body *body = &x->body[from];
	enum http1_step step = HTTP1_DATA;
	struct span data = { 0 };

	while ((step = http1_body_next(body, &data, input)) == HTTP1_DATA) {
		*(from == TLS_INSIDE ? &x->end.up : &x->end.down) += data.len;
		if (buf_append(&x->change[from].held, data) < 0)
			return HTTP1_REFUSED;
	}
	if (step == HTTP1_MORE && closed && input->len == 0 && body->framing == HTTP1_BODY_CLOSE)
		step = http1_body_end(body);
	return step;
}

/* push() - what is done with */
static void push(struct exchange1_change *change, struct outlet *out)
{
	size_t left = sizeof(out->octets) - out->len;

	change->body.full = true;
	if (left <= CHUNK_OCTETS + TRAILER_OCTETS_MAX)
		return;
	room.size = left - CHUNK_OCTETS - TRAILER_OCTETS_MAX;
	buf_drop(&change->held,
		 inject_body(&change->body, &room, buf_span(&change->held), change->last));
	room.size = sizeof(room_octets);
	struct span data = { room.ptr, room.used };
	if (data.len > 0 && change->chunks)
		exchange1_put_chunk(out, data);
	else
		outlet_put(out, data);
	change_wipe();
}

/* has_placeholder() - anywhere in @fields */
static bool has_placeholder(const struct http1_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (inject_finds(fields->at[i].name) || inject_finds(fields->at[i].value))
			return true;
	return false;
}

/* hide_fields() - Return: false: no room */
static bool hide_fields(struct exchange1 *x, struct http1_fields *fields)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < fields->count; i++) {
		struct http1_field field = fields->at[i];

		if (inject_shows_name(x->inject, field.name))
			continue;
		if (inject_hide(&field.value, x->inject, &room, field.value) == INJECT_REFUSED)
			return false;
		fields->at[kept++] = field;
	}
	fields->count = kept;
	return true;
}

const struct http1_fields *change_trailers(struct exchange1 *x, enum tls_side from)
{
	struct http1_fields *trailers = x->body[from].trailers;
	bool sound = from == TLS_INSIDE ? !x->secrets || !has_placeholder(trailers)
					: x->inject == NULL || hide_fields(x, trailers);

	return sound ? trailers : NULL;
}

enum http1_step change_carry(struct exchange1 *x, enum tls_side from, struct span *input,
			     struct outlet *out, bool closed)
{
	struct exchange1_change *change = &x->change[from];
	bool here = !change->blocked;
	enum http1_step step = here ? pull(x, from, input, closed) : HTTP1_DATA;

	if (step == HTTP1_REFUSED)
		return step;
	change->last = change->last || step == HTTP1_DONE;
	push(change, out);
	if (change->body.why != NULL)
		return HTTP1_REFUSED;
	change->blocked = change->body.full;
	if (change->blocked)
		return HTTP1_DATA;
	if (!change->last)
		return step == HTTP1_DONE ? HTTP1_MORE : step;
	if (change->chunks) /* trailers are only here in the step that ends the body */
		exchange1_end_chunks(out, here ? change_trailers(x, from) : NULL);
	change_wipe();
	change_end(x, from);
	return HTTP1_DONE;
}

const char *change_request(struct exchange1 *x, struct http1_fields *fields,
			   struct http1_path *path)
{
	const char *why = NULL;
	unsigned kept = 0;

	if (!x->secrets)
		return NULL;
	if (inject_target(&path->text, &why, x->inject, &room, path->path, path->text) ==
	    INJECT_REFUSED)
		return why;
	for (unsigned i = 0; i < fields->count; i++) {
		struct http1_field field = fields->at[i];

		if (inject_skips_field(x->inject, field.name))
			continue;
		if (inject_field(&field.value, &why, x->inject, &room, field.name, field.value) ==
		    INJECT_REFUSED)
			return why;
		fields->at[kept++] = field;
	}
	fields->count = kept;
	return NULL;
}

bool change_response(struct exchange1 *x, struct http1_response *response)
{
	return x->inject == NULL || (inject_hide(&response->reason, x->inject, &room,
						 response->reason) != INJECT_REFUSED &&
				     hide_fields(x, &response->fields));
}

struct span change_field(const struct http1_fields *fields, const char *name)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (fields->at[i].name.len == strlen(name) &&
		    strncasecmp(fields->at[i].name.ptr, name, strlen(name)) == 0)
			return fields->at[i].value;
	return (struct span){ 0 };
}
