// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an octet that says what was asked, then a response. Properties: as for requests.
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

static const struct http1_asked asked[] = {
	{ HTTP1_GET, false }, { HTTP1_GET, true }, { HTTP1_HEAD, false }, { HTTP1_CONNECT, false }
};

static void must_not_depend_on_cuts(const struct http1_response *whole, enum http1_step want,
				    struct http1_asked what, struct span input)
{
	static struct http1_response cut;
	struct http1_scan scan = { 0 };
	enum http1_step step = HTTP1_MORE;

	for (size_t i = 1; i <= PIECES && step == HTTP1_MORE; i++) {
		struct span part = { input.ptr, input.len * i / PIECES };
		char *copy = exact_copy(part);

		part.ptr = copy;
		step = http1_response_read(&cut, &scan, part, what, &input_limits);
		free(copy);
	}
	must(step == want);
	must(step != HTTP1_REFUSED || cut.fault == whole->fault);
	must(step != HTTP1_DONE ||
	     (cut.head_octets == whole->head_octets && cut.framing == whole->framing &&
	      cut.length == whole->length && cut.fields.count == whole->fields.count));
}

static struct span write_on(char *room, const struct http1_response *response)
{
	struct http1_response_out out = {
		.status = response->status,
		.reason = response->reason,
		.fields = response->fields.at,
		.count = response->fields.count,
		.hop = { .framing = response->announced,
			 .length = response->length,
			 .close = !response->persistent && response->status != 101,
			 .websocket = response->status == 101 },
	};
	struct span written = { .ptr = room };

	must(http1_response_write(&written.len, (struct http1_room){ room, ROOM_OCTETS }, &out) ==
	     0);
	return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http1_response a, b;
	static char room[ROOM_OCTETS];
	struct http1_scan scan = { 0 };

	if (size == 0)
		return 0;
	struct http1_asked what = asked[data[0] % ARRAY_SIZE(asked)];
	struct span input = { (const char *)data + 1, size - 1 };
	enum http1_step step = http1_response_read(&a, &scan, input, what, &input_limits);
	must_not_depend_on_cuts(&a, step, what, input);
	if (step != HTTP1_DONE)
		return 0;
	must(a.head_octets < size);
	scan = (struct http1_scan){ 0 };
	struct span written = write_on(room, &a);
	must(http1_response_read(&b, &scan, written, what, &http1_limits_default) == HTTP1_DONE);
	must(a.status == b.status && same(a.reason, b.reason) && a.interim == b.interim);
	must(a.framing == b.framing && a.announced == b.announced && a.length == b.length);
	must(a.persistent == b.persistent && b.head_octets == written.len);
	must_keep_fields(&a.fields, &b.fields);
	return 0;
}
