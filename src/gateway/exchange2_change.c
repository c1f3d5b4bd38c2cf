// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a head is changed between its being read and its being submitted, in one room; the
 * library copies it, in memory that wipes itself. Of a body that is held, so much is searched at a time
 * as fills a buffer that the library sends from: what goes in is paid for by then, so no more waits than
 * the windows allow, and that buffer.
 */
#include "gateway/exchange2_change.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

enum {
	ROOM_OCTETS = 64 * 1024,
	FILL_OCTETS = 64 * 1024, /* waiting to be sent: any one value fits, %-encoded */
	STATUS_NO_CONTENT = 204,
	STATUS_NOT_MODIFIED = 304,
};

struct exchange2_change {
	bool scans; /* it is only looked at */
	struct inject_scan scan;
	struct inject_body body;
	struct websocket_change *frames; /* borrowed: it is a WebSocket's; NULL: it is none */
	struct buf held;                 /* came, and is not done */
};

static char room_octets[ROOM_OCTETS];
static struct inject_room room = { .ptr = room_octets, .size = sizeof(room_octets) };

void change2_wipe(void)
{
	explicit_bzero(room_octets, room.used);
	room.used = 0;
}

/* Memory of the library. */

static void *take(size_t size, void *context)
{
	(void)context;
	return malloc(size);
}

static void *take_zeros(size_t count, size_t size, void *context)
{
	(void)context;
	return calloc(count, size);
}

static void give_back(void *octets, void *context)
{
	(void)context;
	if (octets != NULL)
		explicit_bzero(octets, malloc_usable_size(octets));
	free(octets);
}

static void *take_more(void *octets, size_t size, void *context)
{
	size_t old = octets != NULL ? malloc_usable_size(octets) : 0;
	void *more = malloc(size);

	if (more == NULL)
		return NULL;
	if (old > 0)
		memcpy(more, octets, old < size ? old : size);
	give_back(octets, context);
	return more;
}

nghttp2_mem *change2_memory(void)
{
	static nghttp2_mem memory = { NULL, take, give_back, take_zeros, take_more };

	return &memory;
}

/* Heads. */

static struct span field_of(const struct http2_fields *fields, const char *name)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (span_is(fields->at[i].name, name))
			return fields->at[i].value;
	return (struct span){ 0 };
}

/* begin() - Return: false: no memory */
static bool begin(struct exchange2_way *way, const struct exchange2_change *change)
{
	way->change = malloc(sizeof(*way->change));
	if (way->change != NULL)
		*way->change = *change;
	return way->change != NULL;
}

/* begin_request() - with what came of its body already. Return: as change2_request() */
static const char *begin_request(struct exchange2_stream *s, struct span type, bool changes)
{
	struct exchange2_way *way = &s->way[TLS_INSIDE];
	struct exchange2_change change = {
		.scans = !changes,
		.scan = { .inject = s->inject },
		.body = { .inject = s->inject, .form = inject_form_of(type) },
		.held = BUF_SECRET(EXCHANGE2_WINDOW_OCTETS),
	};

	if (s->bodiless || s->websocket)
		return NULL;
	if (!changes && !inject_scan(&change.scan, buf_span(&way->data)))
		return change.scan.why;
	if (!begin(way, &change))
		return "there is no memory to look for secrets in its body";
	if (changes) {
		way->change->held = way->data;
		way->data = BUF_SECRET(EXCHANGE2_WINDOW_OCTETS);
	}
	return NULL;
}

/* change_fields() - @shorter: without Content-Length, which will be wrong */
static const char *change_fields(struct inject *inject, struct http2_fields *fields, bool shorter)
{
	const char *why = NULL;
	unsigned kept = 0;

	for (unsigned i = 0; i < fields->count; i++) {
		struct http2_field field = fields->at[i];

		if (inject_skips_field(inject, field.name) ||
		    (shorter && field.id == HTTP1_CONTENT_LENGTH))
			continue;
		if (inject_field(&field.value, &why, inject, &room, field.name, field.value) ==
		    INJECT_REFUSED)
			return why;
		fields->at[kept++] = field;
	}
	fields->count = kept;
	return NULL;
}

const char *change2_request(struct exchange2_stream *s, struct http2_request *request)
{
	struct span type = field_of(&request->fields, "content-type");
	bool changes = inject_changes_body(s->inject, type);
	const char *why = NULL;

	if (!s->exchange->secrets)
		return NULL;
	if (inject_target(&request->path.text, &why, s->inject, &room, request->path.path,
			  request->path.text) == INJECT_REFUSED)
		return why;
	why = begin_request(s, type, changes); /* before @type may be gone */
	return why != NULL ? why : change_fields(s->inject, &request->fields, changes);
}

void change2_mark(struct http2_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		const char *at = list->at[i].value.ptr;

		if (at >= room.ptr && at < room.ptr + room.used)
			list->at[i].sensitive = true;
	}
}

/* hide_fields() - @shorter: as above. Return: false: no room */
static bool hide_fields(const struct inject *inject, struct http2_fields *fields, bool shorter)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < fields->count; i++) {
		struct http2_field field = fields->at[i];
		bool length = field.id == HTTP1_CONTENT_LENGTH; /* a number: it was read */

		if ((shorter && length) || inject_shows_name(inject, field.name))
			continue;
		if (!length &&
		    inject_hide(&field.value, inject, &room, field.value) == INJECT_REFUSED)
			return false;
		fields->at[kept++] = field;
	}
	fields->count = kept;
	return true;
}

/* is_searched() - the body of that response */
static bool is_searched(const struct exchange2_stream *s, const struct http2_response *response)
{
	struct span coding = field_of(&response->fields, "content-encoding");

	return !response->interim && !s->head_only && !s->websocket &&
	       response->status != STATUS_NO_CONTENT && response->status != STATUS_NOT_MODIFIED &&
	       (coding.len == 0 || span_is(coding, "identity")) &&
	       inject_is_text(field_of(&response->fields, "content-type"));
}

bool change2_response(struct exchange2_stream *s, struct http2_response *response, bool some)
{
	struct exchange2_change change = {
		.body = { .inject = s->inject, .hide = true },
		.held = BUF_SECRET(EXCHANGE2_WINDOW_OCTETS),
	};

	bool agrees = s->websocket && response->status / 100 == 2;
	if (agrees && s->exchange->secrets && !websocket_guard(&s->socket, s->inject))
		return false;
	if (s->inject == NULL)
		return true;
	change.frames = s->socket.change;
	bool searched = some && is_searched(s, response);
	return hide_fields(s->inject, &response->fields, searched) &&
	       (!(searched || change.frames != NULL) || begin(&s->way[TLS_UPSTREAM], &change));
}

static bool has_placeholder(const struct http2_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (inject_finds(fields->at[i].name) || inject_finds(fields->at[i].value))
			return true;
	return false;
}

bool change2_trailers(const struct exchange2_stream *s, enum tls_side from,
		      struct http2_fields *trailers)
{
	if (from == TLS_INSIDE)
		return !s->exchange->secrets || !has_placeholder(trailers);
	return s->inject == NULL || hide_fields(s->inject, trailers, false);
}

/* Bodies. */

bool change2_holds(const struct exchange2_way *way)
{
	return way->change != NULL && !way->change->scans;
}

size_t change2_held(const struct exchange2_way *way)
{
	return change2_holds(way) ? buf_len(&way->change->held) : 0;
}

int change2_take(struct exchange2_way *way, const char **why, struct span data)
{
	if (change2_holds(way))
		return buf_append(&way->change->held, data);
	if (way->change != NULL && !inject_scan(&way->change->scan, data)) {
		*why = way->change->scan.why;
		return -EPERM;
	}
	return buf_append(&way->data, data);
}

bool change2_waits(const struct exchange2_way *way)
{
	return way->change != NULL && way->change->frames != NULL &&
	       websocket_change_waits(way->change->frames);
}

/* fill_frames() - as inject_body() */
static size_t fill_frames(struct exchange2_change *change, struct inject_room *to)
{
	struct span in = buf_span(&change->held);
	const size_t all = in.len;

	if (websocket_change(change->frames, to, &in) < 0)
		change->body.why = "there is no memory to look for secrets in its messages";
	return all - in.len;
}

size_t change2_fill(struct exchange2_way *way, const char **why)
{
	struct exchange2_change *change = way->change;
	size_t left = FILL_OCTETS - buf_len(&way->data);
	struct inject_room to = { .size = left };

	if (!change2_holds(way) || (buf_len(&change->held) == 0 && !change2_waits(way)) ||
	    left == 0)
		return 0;
	if (buf_reserve(&to.ptr, &way->data, left) < 0) {
		*why = "there is no memory for its body";
		return 0;
	}
	size_t used = change->frames != NULL
			  ? fill_frames(change, &to)
			  : inject_body(&change->body, &to, buf_span(&change->held), way->ended);
	buf_commit(&way->data, to.used);
	buf_drop(&change->held, used);
	if (buf_len(&change->held) == 0)
		buf_free(&change->held);
	*why = change->body.why;
	return used;
}

void change2_clear(struct exchange2_way *way)
{
	buf_free(&way->data);
}

void change2_drop(struct exchange2_way *way)
{
	change2_clear(way);
	if (way->change == NULL)
		return;
	buf_free(&way->change->held);
	free(way->change);
	way->change = NULL;
}
