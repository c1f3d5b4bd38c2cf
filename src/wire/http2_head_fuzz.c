// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a letter that says what it is (q: a request, Q: one without a body, r, R: a response, t: trailers),
 * then fields as http2_head_text.h has them. Properties: what is accepted, written and read again means
 * the same; a request that is accepted is one that HTTP/1 accepts, too, when written as its head.
 */
#include <stdio.h>

#include "wire/http1_fuzz.h"
#include "wire/http2_head_text.h"

enum { ROOM_OCTETS = 1 << 18 };

static char path_room[HTTP2_LIST_OCTETS_MAX], again_room[HTTP2_LIST_OCTETS_MAX];

static void block_of_list(struct http2_block *ret, const struct http2_list *list)
{
	*ret = HTTP2_BLOCK;
	for (unsigned i = 0; i < list->count; i++)
		http2_block_add(ret, list->at[i].name, list->at[i].value, list->at[i].sensitive);
}

/* next_kept2() - the next field that is passed on as it is */
static const struct http2_field *next_kept2(const struct http2_fields *fields, unsigned *i)
{
	while (*i < fields->count) {
		const struct http2_field *field = &fields->at[(*i)++];

		if (field->id != HTTP1_HOST && field->id != HTTP1_TE &&
		    field->id != HTTP1_PROXY_AUTHENTICATE && field->id != HTTP1_PROXY_AUTHORIZATION)
			return field;
	}
	return NULL;
}

static void must_keep(const struct http2_fields *a, const struct http2_fields *b)
{
	const struct http2_field *left = NULL, *right = NULL;
	unsigned i = 0, j = 0;

	do {
		left = next_kept2(a, &i);
		right = next_kept2(b, &j);
		must((left == NULL) == (right == NULL));
		must(left == NULL ||
		     (same(left->name, right->name) && same(left->value, right->value) &&
		      left->sensitive == right->sensitive));
	} while (left != NULL);
}

static size_t put(char *to, size_t at, struct span text)
{
	must(at + text.len <= ROOM_OCTETS);
	if (text.len > 0)
		memcpy(to + at, text.ptr, text.len);
	return at + text.len;
}

/* write_http1() - as a client of HTTP/1 would have sent it */
static struct span write_http1(const struct http2_request *request, bool ended)
{
	static char room[ROOM_OCTETS];
	static struct http2_list list;
	char authority[HTTP2_AUTHORITY_OCTETS];
	size_t at = put(room, 0, request->method_text);

	http2_request_write(&list, authority, request);
	at = put(room, put(room, at, SPAN(" ")), request->path.text);
	at = put(room, at, SPAN(" HTTP/1.1\r\n"));
	for (unsigned i = 0; i < list.count; i++) {
		struct span name = list.at[i].name;

		if (span_is(name, ":authority"))
			name = SPAN("host");
		else if (name.ptr[0] == ':' || span_is(name, "te"))
			continue;
		at = put(room, put(room, put(room, at, name), SPAN(": ")), list.at[i].value);
		at = put(room, at, SPAN("\r\n"));
	}
	if (!ended && !request->has_length)
		at = put(room, at, SPAN("transfer-encoding: chunked\r\n"));
	return (struct span){ room, put(room, at, SPAN("\r\n")) };
}

static void must_pass_http1(const struct http2_request *request, bool ended)
{
	static struct http1_request one;
	struct http1_scan scan = { 0 };
	const struct http1_limits limits = { 1 << 18, 1 << 15, HTTP1_FIELDS_MAX, 1 << 15,
					     INT64_MAX };
	struct span text = write_http1(request, ended);

	must(request->fields.count > HTTP1_FIELDS_MAX - 4 ||
	     http1_request_read(&one, &scan, text, &limits) == HTTP1_DONE);
	if (request->fields.count > HTTP1_FIELDS_MAX - 4)
		return;
	must(one.method == request->method && same(one.origin, request->path.text));
	must(strcmp(one.authority.host, request->authority.host) == 0);
	must(one.authority.port == request->authority.port);
	must(ended || (one.framing == HTTP1_BODY_LENGTH) == request->has_length);
	must(one.length == request->length);
}

static void fuzz_request(const struct http2_block *block, bool ended)
{
	static struct http2_request request, again;
	static struct http2_list list;
	char authority[HTTP2_AUTHORITY_OCTETS];
	struct http2_block written;

	if (http2_request_read(&request, path_room, block, ended).status != 0)
		return;
	if (!request.websocket)
		must_pass_http1(&request, ended);
	http2_request_write(&list, authority, &request);
	block_of_list(&written, &list);
	must(http2_request_read(&again, again_room, &written, ended).status == 0);
	must(request.method == again.method && same(request.method_text, again.method_text));
	must(request.websocket == again.websocket && request.https == again.https);
	must(same(request.path.text, again.path.text) && request.length == again.length);
	must(request.has_length == again.has_length);
	must(request.takes_trailers == again.takes_trailers);
	must(strcmp(request.authority.host, again.authority.host) == 0);
	must(request.authority.port == again.authority.port);
	must_keep(&request.fields, &again.fields);
	http2_block_free(&written);
}

static void fuzz_response(const struct http2_block *block, bool ended)
{
	static struct http2_response response, again;
	static struct http2_list list;
	struct http2_block written;
	char status[4];

	if (http2_response_read(&response, block, ended, false).status != 0)
		return;
	http2_response_write(&list, status, &response);
	block_of_list(&written, &list);
	must(http2_response_read(&again, &written, ended, false).status == 0);
	must(response.status == again.status && response.interim == again.interim);
	must(response.has_length == again.has_length && response.length == again.length);
	must_keep(&response.fields, &again.fields);
	http2_block_free(&written);
}

static void fuzz_trailers(const struct http2_block *block)
{
	static struct http2_fields trailers, again;
	static struct http2_list list;
	struct http2_block written;

	if (http2_trailers_read(&trailers, block).status != 0)
		return;
	http2_trailers_write(&list, &trailers);
	block_of_list(&written, &list);
	must(http2_trailers_read(&again, &written).status == 0);
	must_keep(&trailers, &again);
	http2_block_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http2_block block;

	if (size == 0)
		return 0;
	http2_block_of(&block, (struct span){ (const char *)data + 1, size - 1 });
	if (data[0] == 'q' || data[0] == 'Q')
		fuzz_request(&block, data[0] == 'Q');
	else if (data[0] == 'r' || data[0] == 'R')
		fuzz_response(&block, data[0] == 'R');
	else
		fuzz_trailers(&block);
	http2_block_free(&block);
	return 0;
}
