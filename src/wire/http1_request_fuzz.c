// SPDX-License-Identifier: Apache-2.0
/*
 * Input: requests as a client sends them. Properties: how they are cut does not matter; what is
 * accepted, written for the next hop and read again means the same.
 */
#include "wire/http1_fuzz.h"
#include "wire/http1_write.h"

enum { ROOM_OCTETS = 1 << 18, PIECES = 5 };

/* less than the default: what the writer adds must still fit */
static const struct http1_limits input_limits = {
	.head_octets_max = 32768,
	.target_octets_max = 8192,
	.fields_max = 100,
	.body_octets_max = INT64_MAX,
};

static enum http1_step read_at_once(struct http1_request *ret, struct span input,
				    const struct http1_limits *limits)
{
	struct http1_scan scan = { 0 };

	return http1_request_read(ret, &scan, input, limits);
}

/* must_not_depend_on_cuts() - @whole: what @input is at once */
static void must_not_depend_on_cuts(const struct http1_request *whole, enum http1_step want,
				    struct span input)
{
	static struct http1_request cut;
	struct http1_scan scan = { 0 };
	enum http1_step step = HTTP1_MORE;

	for (size_t i = 1; i <= PIECES && step == HTTP1_MORE; i++) {
		struct span part = { input.ptr, input.len * i / PIECES };
		char *copy = exact_copy(part);

		part.ptr = copy;
		step = http1_request_read(&cut, &scan, part, &input_limits);
		free(copy);
	}
	must(step == want);
	must(step != HTTP1_REFUSED || cut.fault == whole->fault);
	must(step != HTTP1_DONE ||
	     (cut.head_octets == whole->head_octets && cut.framing == whole->framing &&
	      cut.length == whole->length && cut.fields.count == whole->fields.count));
}

static bool write_on(struct span *ret, char *room, const struct http1_request *request)
{
	static char path_room[ROOM_OCTETS];
	struct http1_request_out out = {
		.method = request->method_text,
		.form = request->form,
		.https = request->https,
		.authority = &request->authority,
		.fields = request->fields.at,
		.count = request->fields.count,
		.hop = { request->framing, request->length, !request->persistent,
			 request->websocket, request->takes_trailers },
	};
	bool has_path = request->form == HTTP1_ORIGIN || request->form == HTTP1_ABSOLUTE;

	if (request->authority.kind == HTTP1_HOST_ABSENT ||
	    (has_path && !http1_path_read(&out.path, path_room, request->origin)))
		return false;
	must(http1_request_write(&ret->len, (struct http1_room){ room, ROOM_OCTETS }, &out) == 0);
	ret->ptr = room;
	return true;
}

static void must_mean_the_same(const struct http1_request *a, const struct http1_request *b)
{
	must(a->method == b->method && same(a->method_text, b->method_text));
	must(a->form == b->form && a->https == b->https);
	must(a->authority.kind == b->authority.kind && a->authority.port == b->authority.port);
	must(strcmp(a->authority.host, b->authority.host) == 0);
	must(a->framing == b->framing && a->length == b->length);
	must(a->persistent == b->persistent && a->websocket == b->websocket);
	must(a->takes_trailers == b->takes_trailers);
	must(a->minor == 0 || a->expects_continue == b->expects_continue);
	must_keep_fields(&a->fields, &b->fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http1_request request, again;
	static char room[ROOM_OCTETS];
	struct span input = { (const char *)data, size }, written;
	enum http1_step step = read_at_once(&request, input, &input_limits);

	must_not_depend_on_cuts(&request, step, input);
	if (step != HTTP1_DONE)
		return 0;
	must(request.head_octets <= size);
	if (!write_on(&written, room, &request))
		return 0;
	must(read_at_once(&again, written, &http1_limits_default) == HTTP1_DONE &&
	     again.head_octets == written.len);
	must_mean_the_same(&request, &again);
	return 0;
}
