// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a head is collected octet by octet. The first two say how long it is, and are judged at
 * once; the rest when it is whole. So where a fault is found does not depend on how octets come. All sections
 * are of RFC 6455.
 */
#include "wire/ws_frame.h"

#include <strings.h>

enum stage { IN_HEAD = 0, IN_PAYLOAD, AT_END };

enum {
	FIN = 0x80,
	RSV1 = 0x40,
	RSV = 0x30, /* the other two: no extension that we know uses them */
	OPCODE = 0x0f,
	MASK = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126, /* the length is in the next two octets */
	LENGTH_64 = 127, /* or eight */
};

const char *ws_fault_text(enum ws_fault fault, bool client)
{
#define OF_BOTH(text)                                                           \
	{                                                                       \
		"the server's WebSocket " text, "the program's WebSocket " text \
	}
	static const char *const texts[][2] = {
		[WS_SOUND] = OF_BOTH("frame is sound"),
		[WS_BAD_RSV] = OF_BOTH("frame has a reserved bit set"),
		[WS_BAD_OPCODE] = OF_BOTH("frame is of a kind that does not exist"),
		[WS_BAD_MASK] = { "the server's WebSocket frame is masked",
				  "the program's WebSocket frame is not masked" },
		[WS_LONG_FORM] = OF_BOTH("frame writes its length longer than needed"),
		[WS_HUGE] = OF_BOTH("frame says that it has 2^63 octets or more"),
		[WS_CONTROL_LONG] = OF_BOTH("control frame is longer than 125 octets"),
		[WS_CONTROL_FRAGMENT] = OF_BOTH("control frame is in fragments"),
		[WS_NOTHING_TO_CONTINUE] = OF_BOTH("frame continues no message"),
		[WS_INTERLEAVED] = OF_BOTH("message begins within another one"),
		[WS_CLOSE_SHORT] = OF_BOTH("Close has half a code"),
		[WS_CLOSE_CODE] = OF_BOTH("Close has a code that none may have"),
		[WS_AFTER_CLOSE] = OF_BOTH("frame comes after its Close"),
	};
#undef OF_BOTH

	return texts[fault][client];
}

static bool is_known(uint8_t opcode)
{
	return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* judge_control() - section 5.5 */
static enum ws_fault judge_control(const struct ws_reader *r, const uint8_t head[2])
{
	if ((head[0] & RSV1) != 0)
		return WS_BAD_RSV;
	if ((head[0] & FIN) == 0)
		return WS_CONTROL_FRAGMENT;
	if ((head[1] & LENGTH) > WS_CONTROL_OCTETS_MAX)
		return WS_CONTROL_LONG;
	if ((head[0] & OPCODE) != WS_CLOSE)
		return WS_SOUND; /* a Ping is answered even after a Close (section 5.5.2) */
	if (r->closed)
		return WS_AFTER_CLOSE;
	return (head[1] & LENGTH) == 1 ? WS_CLOSE_SHORT : WS_SOUND;
}

/* judge_data() - section 5.4 */
static enum ws_fault judge_data(const struct ws_reader *r, const uint8_t head[2])
{
	bool first = (head[0] & OPCODE) != WS_CONTINUATION;

	if (r->closed)
		return WS_AFTER_CLOSE;
	if (first == r->open)
		return first ? WS_INTERLEAVED : WS_NOTHING_TO_CONTINUE;
	return (head[0] & RSV1) != 0 && !(first && r->deflate) ? WS_BAD_RSV : WS_SOUND;
}

static enum ws_fault judge(const struct ws_reader *r, const uint8_t head[2])
{
	if ((head[0] & RSV) != 0)
		return WS_BAD_RSV;
	if (!is_known(head[0] & OPCODE))
		return WS_BAD_OPCODE;
	if (((head[1] & MASK) != 0) != r->client)
		return WS_BAD_MASK;
	return ws_is_control(head[0] & OPCODE) ? judge_control(r, head) : judge_data(r, head);
}

static size_t length_octets(uint8_t second)
{
	unsigned length = second & LENGTH;

	return length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0;
}

/* read_length() - in its only form (section 5.2) */
static enum ws_fault read_length(uint64_t *ret, const uint8_t *head)
{
	size_t octets = length_octets(head[1]);
	uint64_t length = 0;

	if (octets == 0) {
		*ret = head[1] & LENGTH;
		return WS_SOUND;
	}
	for (size_t i = 0; i < octets; i++)
		length = length << 8 | head[2 + i];
	*ret = length;
	if (length > INT64_MAX)
		return WS_HUGE;
	return length < (octets == 2 ? LENGTH_16 : UINT64_C(1) << 16) ? WS_LONG_FORM : WS_SOUND;
}

/* take_head() - which is whole */
static enum ws_fault take_head(struct ws_reader *r)
{
	struct ws_frame frame = {
		.opcode = (enum ws_opcode)(r->head[0] & OPCODE),
		.fin = (r->head[0] & FIN) != 0,
		.rsv1 = (r->head[0] & RSV1) != 0,
		.masked = r->client,
	};
	enum ws_fault fault = read_length(&frame.length, r->head);

	if (r->client)
		memcpy(frame.key, r->head + r->want - WS_KEY_OCTETS, WS_KEY_OCTETS);
	if (!ws_is_control(frame.opcode))
		r->open = !frame.fin;
	r->frame = frame;
	r->at = 0;
	r->have = 0;
	r->stage = frame.length > 0 ? IN_PAYLOAD : AT_END;
	return fault;
}

static enum ws_step refuse(struct ws_reader *r, enum ws_fault fault)
{
	r->fault = fault;
	return WS_REFUSED;
}

static enum ws_step read_head(struct ws_reader *r, struct span *input)
{
	enum ws_fault fault = WS_SOUND;

	while (input->len > 0) {
		r->head[r->have++] = (uint8_t)input->ptr[0];
		*input = span_drop(*input, 1);
		if (r->have == 2) {
			fault = judge(r, r->head);
			r->want = (uint8_t)(2 + length_octets(r->head[1]) +
					    (r->client ? WS_KEY_OCTETS : 0));
		}
		if (fault == WS_SOUND && r->have >= 2 && r->have == r->want) {
			fault = take_head(r);
			return fault == WS_SOUND ? WS_HEAD : refuse(r, fault);
		}
		if (fault != WS_SOUND)
			return refuse(r, fault);
	}
	return WS_MORE;
}

/* may_close_with() - section 7.4, and the registry that it founded: 1012 to 1014 are of that */
static bool may_close_with(uint16_t code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

/* read_code() - @data begins at r->at of a Close. Return: false: none may have it */
static bool read_code(struct ws_reader *r, struct span data)
{
	for (; r->at < 2 && data.len > 0; r->at++, data = span_drop(data, 1)) {
		uint8_t key = r->client ? r->frame.key[r->at] : 0;

		r->close_code = (uint16_t)(r->close_code << 8 | ((uint8_t)data.ptr[0] ^ key));
		if (r->at == 1 && !may_close_with(r->close_code))
			return false;
	}
	return true;
}

static enum ws_step read_payload(struct ws_reader *r, struct span *data, struct span *input)
{
	uint64_t left = r->frame.length - r->at, at = r->at;

	if (input->len == 0)
		return WS_MORE;
	*data = (struct span){ input->ptr, input->len < left ? input->len : (size_t)left };
	if (r->frame.opcode == WS_CLOSE && !read_code(r, *data)) {
		r->close_code = 0;
		return refuse(r, WS_CLOSE_CODE);
	}
	*input = span_drop(*input, data->len);
	r->at = at + data->len;
	if (r->at == r->frame.length)
		r->stage = AT_END;
	return WS_DATA;
}

enum ws_step ws_next(struct ws_reader *r, struct span *data, struct span *input)
{
	if (r->fault != WS_SOUND)
		return WS_REFUSED;
	switch ((enum stage)r->stage) {
	case IN_HEAD:
		return read_head(r, input);
	case IN_PAYLOAD:
		return read_payload(r, data, input);
	case AT_END:
		break;
	}
	r->stage = IN_HEAD;
	if (r->frame.opcode == WS_CLOSE) {
		r->closed = true;
		if (r->frame.length == 0)
			r->close_code = WS_CLOSE_NO_CODE;
	}
	return WS_DONE;
}

void ws_mask(char *ret, struct span data, const uint8_t key[WS_KEY_OCTETS], uint64_t at)
{
	for (size_t i = 0; i < data.len; i++)
		ret[i] = (char)((uint8_t)data.ptr[i] ^ key[(at + i) % WS_KEY_OCTETS]);
}

size_t ws_head_write(char ret[WS_HEAD_OCTETS_MAX], const struct ws_frame *frame)
{
	size_t octets = frame->length < LENGTH_16 ? 0 : frame->length < 1U << 16 ? 2 : 8;
	uint64_t short_form = octets == 0 ? frame->length : octets == 2 ? LENGTH_16 : LENGTH_64;
	size_t len = 0;

	ret[len++] = (char)((frame->fin ? FIN : 0) | (frame->rsv1 ? RSV1 : 0) | (int)frame->opcode);
	ret[len++] = (char)((frame->masked ? MASK : 0) | (int)short_form);
	while (octets > 0)
		ret[len++] = (char)(frame->length >> (8 * --octets) & 0xff);
	if (frame->masked) {
		memcpy(ret + len, frame->key, WS_KEY_OCTETS);
		len += WS_KEY_OCTETS;
	}
	return len;
}

bool ws_has_deflate(struct span value)
{
	static const char name[] = "permessage-deflate";

	while (value.ptr != NULL) {
		struct span one = span_cut(&value, ','), token = span_trim(span_cut(&one, ';'));

		if (token.len == sizeof(name) - 1 && strncasecmp(token.ptr, name, token.len) == 0)
			return true;
	}
	return false;
}
