// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an octet of flags, one for how it is cut, then frames. Properties: how they are cut does not matter,
 * neither for the frames nor for what is refused; what was read, written again, is what was read; a frame
 * of which there is more than its head is as the RFC wants it.
 */
#include <stdlib.h>

#include "wire/ws_frame.h"

enum { INPUT_OCTETS_MAX = 1 << 14 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, as it is written: at most as long as the input. */
struct result {
	size_t len, frames, done;
	char octets[INPUT_OCTETS_MAX];
	bool within; /* a message */
	struct ws_reader reader;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void put(struct result *ret, const char *octets, size_t len)
{
	must(len <= sizeof(ret->octets) - ret->len);
	memcpy(ret->octets + ret->len, octets, len);
	ret->len += len;
}

static void take_head(struct result *ret)
{
	const struct ws_frame *frame = &ret->reader.frame;
	char head[WS_HEAD_OCTETS_MAX] = { 0 };

	must(frame->masked == ret->reader.client && frame->length <= INT64_MAX);
	must(!frame->rsv1 || (ret->reader.deflate && frame->opcode != WS_CONTINUATION));
	must(!ws_is_control(frame->opcode) ||
	     (frame->fin && frame->length <= WS_CONTROL_OCTETS_MAX && !frame->rsv1));
	if (!ws_is_control(frame->opcode)) {
		must((frame->opcode == WS_CONTINUATION) == ret->within && !ret->reader.closed);
		ret->within = !frame->fin;
	}
	put(ret, head, ws_head_write(head, frame));
	ret->frames++;
}

/* feed() - Return: does it go on? */
static bool feed(struct result *ret, struct span input)
{
	struct span data = { 0 };

	for (;;) {
		switch (ws_next(&ret->reader, &data, &input)) {
		case WS_MORE:
			must(input.len == 0);
			return true;
		case WS_HEAD:
			take_head(ret);
			break;
		case WS_DATA:
			must(data.len > 0 && ret->reader.at <= ret->reader.frame.length);
			put(ret, data.ptr, data.len);
			break;
		case WS_DONE:
			must(ret->reader.at == ret->reader.frame.length);
			ret->done++;
			break;
		case WS_REFUSED:
			must(ret->reader.fault != WS_SOUND);
			must(ws_fault_text(ret->reader.fault, ret->reader.client)[0] == 't');
			return false;
		}
	}
}

/* read_all() - in pieces of @piece octets, each in memory of its size */
static void read_all(struct result *ret, unsigned flags, struct span input, size_t piece)
{
	bool sound = true;

	ret->len = ret->frames = ret->done = 0;
	ret->within = false;
	ret->reader = (struct ws_reader){ .client = flags & 1, .deflate = flags & 2 };
	while (sound && input.len > 0) {
		size_t len = piece < input.len ? piece : input.len;
		char *copy = malloc(len);

		must(copy != NULL);
		memcpy(copy, input.ptr, len);
		sound = feed(ret, (struct span){ copy, len });
		free(copy);
		input = span_drop(input, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, cut;

	if (size < 3 || size > INPUT_OCTETS_MAX)
		return 0;
	struct span input = { (const char *)data + 2, size - 2 };
	read_all(&whole, data[0], input, input.len);
	read_all(&cut, data[0], input, (size_t)data[1] + 1);
	must(whole.reader.fault == cut.reader.fault && whole.frames == cut.frames);
	must(whole.done == cut.done && whole.reader.close_code == cut.reader.close_code);
	/* of a Close that is refused a part may have been read before its code was whole */
	size_t same = whole.len < cut.len ? whole.len : cut.len;
	must(memcmp(whole.octets, cut.octets, same) == 0);
	must(whole.reader.fault == WS_CLOSE_CODE || whole.len == cut.len);
	must(whole.len <= input.len && memcmp(whole.octets, input.ptr, whole.len) == 0);
	must(whole.reader.fault != WS_SOUND || whole.len + whole.reader.have == input.len);
	return 0;
}
