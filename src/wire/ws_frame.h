/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws_frame - frames of WebSocket (RFC 6455 section 5.2), in one direction, as octets come.
 *
 * The reader keeps a head at most, never payload: it is told octets in whatever pieces, and says where
 * frames begin and end. It refuses what the RFC calls a fault, once and for all:
 *
 *	reserved bits and opcodes; RSV1 is for the first frame of a message that is compressed (RFC 7692
 *	section 6), if that was agreed on
 *	a frame of the client's that is not masked, one of the server's that is
 *	a length that is written longer than needed, or of 2^63 and more
 *	control frames of more than 125 octets, or in fragments
 *	a continuation of nothing, a message within another one
 *	a Close of one octet, or with a code that none may carry (section 7.4); data or another Close after it
 *
 * Whether text is UTF-8 is not looked at.
 */
#ifndef WIRE_WS_FRAME_H
#define WIRE_WS_FRAME_H

#include "base/base.h"

enum {
	WS_HEAD_OCTETS_MAX = 14,
	WS_KEY_OCTETS = 4,
	WS_CONTROL_OCTETS_MAX = 125,
	WS_CLOSE_NO_CODE = 1005, /* a Close that says none (section 7.1.5) */
};

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum ws_fault {
	WS_SOUND = 0,
	WS_BAD_RSV,
	WS_BAD_OPCODE,
	WS_BAD_MASK,
	WS_LONG_FORM,
	WS_HUGE,
	WS_CONTROL_LONG,
	WS_CONTROL_FRAGMENT,
	WS_NOTHING_TO_CONTINUE,
	WS_INTERLEAVED,
	WS_CLOSE_SHORT,
	WS_CLOSE_CODE,
	WS_AFTER_CLOSE,
};

struct ws_frame {
	enum ws_opcode opcode;
	bool fin, rsv1, masked;
	uint8_t key[WS_KEY_OCTETS]; /* if it is masked */
	uint64_t length;            /* of the payload; below 2^63 */
};

/* ws_is_control() - Close, Ping, Pong and what may come of that kind */
static inline bool ws_is_control(enum ws_opcode opcode)
{
	return (opcode & 8) != 0;
}

enum ws_step {
	WS_MORE = 0, /* all was read */
	WS_HEAD,     /* a frame begins: reader->frame */
	WS_DATA,     /* some of its payload, as it came: masked */
	WS_DONE,     /* it is whole */
	WS_REFUSED,  /* reader->fault, for ever */
};

struct ws_reader {
	bool client;  /* whose frames they are; set by the caller, the rest is 0 */
	bool deflate; /* permessage-deflate was agreed on; likewise, before the first frame */
	bool open;    /* a message has begun, and is not whole */
	bool closed;  /* a Close was read */
	uint8_t stage, have, want;
	uint8_t head[WS_HEAD_OCTETS_MAX];
	struct ws_frame frame; /* under way, or the last */
	uint64_t at;           /* octets of its payload so far */
	uint16_t close_code;   /* of a Close, when that is whole; 0: none came */
	enum ws_fault fault;
};

/**
 * ws_next() - read on
 * @data:	WS_DATA: borrowed from @input, never empty
 * @input:	what was used is taken off its front
 *
 * WS_HEAD and WS_DONE come once for each frame.
 */
MUST_USE enum ws_step ws_next(struct ws_reader *reader, struct span *data, struct span *input);

/* ws_fault_text() - for people; static. @client: whose frame it was */
const char *ws_fault_text(enum ws_fault fault, bool client);

/* ws_mask() - and unmask. @at: which octet of the payload @data begins with (section 5.3) */
void ws_mask(char *ret, struct span data, const uint8_t key[WS_KEY_OCTETS], uint64_t at);

/* ws_head_write() - Return: octets in @ret */
size_t ws_head_write(char ret[WS_HEAD_OCTETS_MAX], const struct ws_frame *frame);

/* ws_has_deflate() - does a value of Sec-WebSocket-Extensions name permessage-deflate (RFC 7692)? */
MUST_USE bool ws_has_deflate(struct span value);

#endif
