// SPDX-License-Identifier: Apache-2.0
/*
 * Input: octets for framing, length and cut, then what follows a head. Properties: how it is cut
 * does not matter; what belongs to the message and the rest make up the input; what was decoded,
 * written as chunks and decoded again is the same.
 */
#include "wire/http1_fuzz.h"
#include "wire/http1_write.h"

#include "wire/http1_body.h"

enum { INPUT_OCTETS_MAX = 1 << 14, ROOM_OCTETS = 1 << 19 };

static const struct http1_limits limits = { .fields_max = 16,
					    .trailer_octets_max = 512,
					    .body_octets_max = 4096 };

struct result {
	enum http1_step step;
	enum http1_fault fault;
	size_t used;
	size_t octets;
	char data[INPUT_OCTETS_MAX];
	struct http1_fields trailers;
};

static void take(struct result *ret, struct span data)
{
	must(data.len > 0 && data.len <= sizeof(ret->data) - ret->octets);
	memcpy(ret->data + ret->octets, data.ptr, data.len);
	ret->octets += data.len;
}

/* decode() - in pieces of @piece octets; trailers borrow from the last and must not be read
 * unless that is @input itself (piece: all of it) */
static void decode(struct result *ret, enum http1_framing framing, uint64_t length,
		   struct span input, size_t piece)
{
	struct http1_body body;
	size_t come = piece < input.len ? piece : input.len;

	ret->used = ret->octets = 0;
	http1_body_begin(&body, framing, length, &ret->trailers, &limits);
	do {
		struct span data, part = { input.ptr + ret->used, come - ret->used };
		char *copy = come < input.len ? exact_copy(part) : NULL;

		if (copy != NULL)
			part.ptr = copy;
		while ((ret->step = http1_body_next(&body, &data, &part)) == HTTP1_DATA)
			take(ret, data);
		ret->used = come - part.len;
		free(copy);
		if (ret->step != HTTP1_MORE || come == input.len)
			break;
		come = come + piece < input.len ? come + piece : input.len;
	} while (true);
	if (ret->step == HTTP1_MORE)
		ret->step = http1_body_end(&body);
	ret->fault = body.fault;
	must(ret->used <= input.len);
}

/* write_on() - in chunks of @piece octets */
static struct span write_on(char *room, const struct result *from, size_t piece)
{
	struct span written = { .ptr = room };
	size_t end = 0;

	for (size_t at = 0; at < from->octets; at += piece) {
		size_t octets = from->octets - at < piece ? from->octets - at : piece;

		written.len += http1_chunk_head_write(room + written.len, octets);
		memcpy(room + written.len, from->data + at, octets);
		memcpy(room + written.len + octets, "\r\n", 2);
		written.len += octets + 2;
	}
	struct http1_room rest = { room + written.len, ROOM_OCTETS - written.len };
	must(http1_chunks_end(&end, rest, from->trailers.at, from->trailers.count) == 0);
	written.len += end;
	return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, cut, again;
	static char room[ROOM_OCTETS];

	if (size < 3 || size > INPUT_OCTETS_MAX)
		return 0;
	enum http1_framing framing = (enum http1_framing)(data[0] % HTTP1_BODY_TUNNEL);
	size_t piece = (size_t)data[2] + 1;
	struct span input = { (const char *)data + 3, size - 3 };
	decode(&whole, framing, data[1], input, size);
	decode(&cut, framing, data[1], input, piece);
	must(whole.step == cut.step && whole.fault == cut.fault && whole.octets == cut.octets);
	must(memcmp(whole.data, cut.data, whole.octets) == 0);
	must(whole.step == HTTP1_REFUSED || whole.used == cut.used);
	must(whole.trailers.count == cut.trailers.count);
	if (whole.step != HTTP1_DONE)
		return 0;
	struct span written = write_on(room, &whole, piece);
	decode(&again, HTTP1_BODY_CHUNKED, 0, written, written.len);
	/* trailers of the shortest names may not fit any more: the writer adds a blank to each */
	if (again.fault == HTTP1_HEAD_LONG && whole.trailers.count > 0)
		return 0;
	must(again.step == HTTP1_DONE && again.used == written.len);
	must(again.octets == whole.octets && memcmp(again.data, whole.data, whole.octets) == 0);
	must_keep_fields(&whole.trailers, &again.trailers);
	return 0;
}
