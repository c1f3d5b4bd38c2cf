// SPDX-License-Identifier: Apache-2.0
#include "wire/gate.h"

#include <errno.h>

#include "base/test.h"

#define L63 "abcdefghijklmnopqrstuvwxyz-0123456789_abcdefghijklmnopqrstuvwxy"
#define N253                    \
	L63 "." L63 "." L63 "." \
	    "abcdefghijklmnopqrstuvwxyz-0123456789_abcdefghijklmnopqrstuvw"

#define DATA(text) .data = { text, sizeof(text) - 1 }

static const char pins[GATE_PINS_MAX * GATE_PIN_OCTETS] = { 1 };
static const char key[GATE_KEY_OCTETS] = { 4, 1, 2 };
static const char socket_octets[GATE_SOCKET_OCTETS + 3] = { 1, [26] = 2 };
static const char huge_socket[GATE_SOCKET_OCTETS] = { [7] = (char)0x80 };

static const struct gate_message sound[] = {
	{ .kind = GATE_ASK_NAME, .id = 1, .qtype = 28, .name = "a_b.x-1.example" },
	{ .kind = GATE_ASK_NAME, .id = UINT32_MAX, .qtype = 0, .name = N253 },
	{ .kind = GATE_ASK_FLOW, .id = 7, .port = 443, .name = "x" },
	{ .kind = GATE_ASK_FLOW, .id = 7, .name = "x", .data = { pins, GATE_ENDS_OCTETS } },
	{ .kind = GATE_ASK_FLOW,
	  .id = 7,
	  .family = 4,
	  .port = 443,
	  .address = { 198, 51, 100, 7 } },
	{ .kind = GATE_ASK_FLOW,
	  .id = 7,
	  .family = 6,
	  .port = 65535,
	  .address = { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
	{ .kind = GATE_ASK_FLOW, .id = 7, .family = 6 }, /* "::" port 0 */
	{ .kind = GATE_END, .id = 7, .verdict = GATE_CLOSED, .up = INT64_MAX, .down = 3 },
	{ .kind = GATE_END, .id = 7, .verdict = GATE_RESET },
	{ .kind = GATE_MALFORMED, .family = 4, .port = 53, .address = { 8, 8, 8, 8 } },
	{ .kind = GATE_DROPPED, .up = INT64_MAX },
	{ .kind = GATE_NAME, .id = 7, .verdict = GATE_ALLOW },
	{ .kind = GATE_NAME, .id = 7, .verdict = GATE_DENY },
	{ .kind = GATE_FLOW, .id = 0x01020304, .verdict = GATE_UNREACHABLE },
	{ .kind = GATE_LAST },
	{ .kind = GATE_FLOW,
	  .id = 7,
	  .verdict = GATE_ALLOW,
	  .flags = GATE_RAW | GATE_PASSTHROUGH | GATE_SECRETS },
	{ .kind = GATE_FLOW, .id = 7, .verdict = GATE_DENY, DATA("x.example is not allowed") },
	{ .kind = GATE_ASK_LEAF, .id = 7, .flow = 8, .data = { key, sizeof(key) } },
	{ .kind = GATE_LEAF, .id = 7, .verdict = GATE_ALLOW, DATA("\x30\0\xff") },
	{ .kind = GATE_LEAF, .id = 7, .verdict = GATE_UNREACHABLE },
	{ .kind = GATE_ASK_REQUEST, .id = 7, .flow = 8, .flags = GATE_HTTPS, DATA("GET /a?b~c") },
	{ .kind = GATE_ASK_REQUEST,
	  .id = 7,
	  .flow = 8,
	  .flags = GATE_HTTPS | GATE_WEBSOCKET,
	  DATA("OPTIONS *") },
	{ .kind = GATE_REQUEST, .id = 7, .verdict = GATE_ALLOW },
	{ .kind = GATE_REQUEST, .id = 7, .verdict = GATE_DENY, DATA("no") },
	{ .kind = GATE_END_REQUEST,
	  .id = 7,
	  .verdict = GATE_CLOSED,
	  .status = 999,
	  .up = 1,
	  .down = 2 },
	{ .kind = GATE_END_REQUEST, .id = 7, .verdict = GATE_RESET, DATA("why") },
	{ .kind = GATE_REFUSED, .flow = 7, .status = 421, DATA("why") },
	{ .kind = GATE_FLOW, .id = 7, .verdict = GATE_ALLOW, .up = 1000, .data = { pins, 32 } },
	{ .kind = GATE_FLOW,
	  .id = 7,
	  .verdict = GATE_ALLOW,
	  .flags = GATE_RAW,
	  .data = { pins, sizeof(pins) } },
	{ .kind = GATE_FLOW, .id = 7, .verdict = GATE_DENY, .status = 429, .up = 60, DATA("why") },
	{ .kind = GATE_REQUEST, .id = 7, .verdict = GATE_ALLOW, .up = 1, .down = INT64_MAX },
	{ .kind = GATE_REQUEST, .id = 7, .verdict = GATE_DENY, .status = 429, .up = 1, DATA("no") },
	{ .kind = GATE_END_REQUEST, .id = 7, .verdict = GATE_DENY, .status = 413, DATA("why") },
	{ .kind = GATE_REQUEST, .id = 7, .verdict = GATE_ALLOW, .message = INT64_MAX },
	{ .kind = GATE_REQUEST, .id = 7, .verdict = GATE_ALLOW, .rate = UINT32_MAX, .rule = 65535 },
	{ .kind = GATE_END_REQUEST,
	  .id = 7,
	  .verdict = GATE_RESET,
	  .flags = GATE_WEBSOCKET,
	  .data = { socket_octets, GATE_SOCKET_OCTETS } },
	{ .kind = GATE_END_REQUEST,
	  .id = 7,
	  .verdict = GATE_RESET,
	  .flags = GATE_WEBSOCKET,
	  .data = { socket_octets, sizeof(socket_octets) } },
};

static bool same(const struct gate_message *a, const struct gate_message *b)
{
	return a->kind == b->kind && a->id == b->id && a->family == b->family &&
	       a->port == b->port && a->qtype == b->qtype && a->verdict == b->verdict &&
	       a->flow == b->flow && a->status == b->status && a->flags == b->flags &&
	       a->data.len == b->data.len &&
	       (a->data.len == 0 || memcmp(a->data.ptr, b->data.ptr, a->data.len) == 0) &&
	       a->up == b->up && a->down == b->down && a->message == b->message &&
	       a->rate == b->rate && a->rule == b->rule &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

static char packet[GATE_OCTETS_MAX + 1];

/* decode() - what must be the only message of @octets */
static int decode(struct gate_message *ret, struct span octets)
{
	int r = gate_message_decode(ret, &octets);

	return r == 0 && octets.len > 0 ? -EPROTO : r;
}

static void test_round(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		struct gate_message got = { 0 };
		size_t len = 0;

		CHECK(gate_message_encode(&len, packet, &sound[i]) == 0, "row %zu", i);
		CHECK(decode(&got, (struct span){ packet, len }) == 0, "row %zu", i);
		CHECK(same(&got, &sound[i]), "row %zu", i);
	}
}

/* The format is as gate.h says, octet by octet: both sides having the same fault would not show. */
static void test_layout(void)
{
	const struct gate_message ask = { .kind = GATE_ASK_FLOW,
					  .id = 0x04030201,
					  .family = 4,
					  .port = 0x1234,
					  .address = { 9, 8, 7, 6 } };
	const struct gate_message end = {
		.kind = GATE_END, .id = 1, .verdict = GATE_RESET, .up = 5, .down = 256
	};
	const struct gate_message request = { .kind = GATE_END_REQUEST,
					      .id = 1,
					      .verdict = GATE_RESET,
					      .status = 0x0203,
					      DATA("why") };
	const struct gate_message refused = { .kind = GATE_REFUSED, .flow = 0x04030201, DATA("x") };
	const struct gate_message flow = {
		.kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .flags = GATE_RAW
	};
	const struct gate_message caps = { .kind = GATE_REQUEST,
					   .id = 1,
					   .verdict = GATE_ALLOW,
					   .message = 258,
					   .rate = 3,
					   .rule = 4 };
	size_t len = 0;

	CHECK(gate_message_encode(&len, packet, &ask) == 0 && len == 74, "ask");
	CHECK(memcmp(packet, "\6\0\2\0\1\2\3\4\0\0\0\0\4\0\x34\x12\0\0\0\0\0\0", 22) == 0, "ask");
	CHECK(memcmp(packet + 44, "\x9\x8\7\6\0", 5) == 0, "address");
	CHECK(gate_message_encode(&len, packet, &end) == 0, "end");
	CHECK(packet[18] == 5 && packet[28] == 5 && packet[37] == 1, "end");
	CHECK(gate_message_encode(&len, packet, &sound[2]) == 0, "name");
	CHECK(packet[24] == 1 && packet[74] == 'x', "name");
	CHECK(gate_message_encode(&len, packet, &request) == 0 && len == 77, "request");
	CHECK(memcmp(packet + 20, "\3\2\0\0\0\0\3", 7) == 0, "request");
	CHECK(memcmp(packet + 74, "why", 3) == 0, "request");
	CHECK(gate_message_encode(&len, packet, &refused) == 0, "refused");
	CHECK(memcmp(packet + 8, "\1\2\3\4", 4) == 0, "refused");
	CHECK(gate_message_encode(&len, packet, &flow) == 0 && packet[22] == 4, "flow");
	CHECK(gate_message_encode(&len, packet, &caps) == 0, "caps");
	CHECK(memcmp(packet + 60, "\2\1\0\0\0\0\0\0\3\0\0\0\4\0", 14) == 0, "caps");
}

/* What went over a WebSocket. */
static void test_socket(void)
{
	const struct gate_socket socket = { .up = { 1, 2, INT64_MAX, 1000 },
					    .down = { 4, 5, 6, 65535 } };
	struct gate_socket got = { 0 };
	char octets[GATE_SOCKET_OCTETS + 1] = { 0 };
	struct span rest = { octets, sizeof(octets) };

	gate_socket_put(octets, &socket);
	CHECK(octets[0] == 1 && octets[8] == 2 && octets[24] == (char)0xe8 && octets[26] == 4,
	      "layout");
	CHECK(gate_socket_take(&got, &rest) && rest.len == 1, "%zu", rest.len);
	CHECK(got.up.frames == 1 && got.up.messages == 2 && got.up.octets == INT64_MAX &&
		  got.up.close_code == 1000,
	      "up");
	CHECK(got.down.frames == 4 && got.down.messages == 5 && got.down.octets == 6 &&
		  got.down.close_code == 65535,
	      "down");
	CHECK(!gate_socket_take(&got, &rest) && rest.len == 1, "there is none");
}

static void test_unsound(void)
{
	const struct gate_message rows[] = {
		{ 0 },
		{ .kind = GATE_LAST + 1, .id = 1, .verdict = GATE_ALLOW },
		{ .kind = GATE_ASK_NAME, .name = "a" },
		{ .kind = GATE_ASK_NAME, .id = 1 },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "A" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a\nb" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a..b" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = ".a" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a." },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = L63 "a" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = N253 "x" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a", .port = 1 },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a", .family = 4 },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a", .verdict = GATE_ALLOW },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a", .up = 1 },
		{ .kind = GATE_ASK_FLOW, .family = 4 },
		{ .kind = GATE_ASK_FLOW, .id = 1 },
		{ .kind = GATE_ASK_FLOW, .id = 1, .family = 5 },
		{ .kind = GATE_ASK_FLOW, .id = 1, .family = 4, .address = { [4] = 1 } },
		{ .kind = GATE_ASK_FLOW, .id = 1, .family = 4, .name = "a" },
		{ .kind = GATE_ASK_FLOW, .id = 1, .address = { 1 }, .name = "a" },
		{ .kind = GATE_ASK_FLOW, .id = 1, .family = 4, .qtype = 1 },
		{ .kind = GATE_ASK_FLOW, .id = 1, .family = 4, .verdict = GATE_DENY },
		{ .kind = GATE_ASK_FLOW, .id = 1, .family = 4, .down = 1 },
		{ .kind = GATE_ASK_FLOW, .id = 1, .name = "a", .data = { pins, 33 } },
		{ .kind = GATE_ASK_FLOW, .id = 1, .name = "a", .data = { pins, 35 } },
		{ .kind = GATE_END, .verdict = GATE_RESET },
		{ .kind = GATE_END, .id = 1 },
		{ .kind = GATE_END, .id = 1, .verdict = GATE_ALLOW },
		{ .kind = GATE_END, .id = 1, .verdict = GATE_RESET, .name = "a" },
		{ .kind = GATE_MALFORMED, .port = 53 },
		{ .kind = GATE_MALFORMED, .id = 1, .family = 4, .port = 53 },
		{ .kind = GATE_DROPPED },
		{ .kind = GATE_DROPPED, .up = 1, .port = 1 },
		{ .kind = GATE_DROPPED, .up = 1, .down = 1 },
		{ .kind = GATE_NAME, .verdict = GATE_ALLOW },
		{ .kind = GATE_NAME, .id = 1 },
		{ .kind = GATE_NAME, .id = 1, .verdict = GATE_CLOSED },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_RESET },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_RESET + 1 },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .name = "a" },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .flow = 1 },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .flags = GATE_HTTPS },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .flags = 32 },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_DENY, .flags = GATE_RAW },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, DATA("why") },
		{ .kind = GATE_ASK_LEAF, .id = 1, .flow = 2, .data = { key, 64 } },
		{ .kind = GATE_ASK_LEAF, .id = 1, .flow = 2 },
		{ .kind = GATE_ASK_LEAF, .id = 1, .data = { key, sizeof(key) } },
		{ .kind = GATE_LEAF, .id = 1, .verdict = GATE_ALLOW },
		{ .kind = GATE_LEAF, .id = 1, .verdict = GATE_DENY, DATA("x") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2 },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET ") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA(" /x") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET  /x") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET /x y") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET /\n") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET /\0") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GET /\x80") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, DATA("GE\x7fT /") },
		{ .kind = GATE_ASK_REQUEST, .flow = 2, DATA("GET /") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, DATA("GET /") },
		{ .kind = GATE_ASK_REQUEST, .id = 1, .flow = 2, .flags = GATE_RAW, DATA("GET /") },
		{ .kind = GATE_REFUSED, .flow = 1 },
		{ .kind = GATE_REFUSED, .status = 400, DATA("why") },
		{ .kind = GATE_REFUSED, .flow = 1, .status = 1000, DATA("why") },
		{ .kind = GATE_REFUSED, .flow = 1, .data = { packet, GATE_WHY_OCTETS_MAX + 1 } },
		{ .kind = GATE_END_REQUEST, .id = 1, .verdict = GATE_ALLOW },
		{ .kind = GATE_END_REQUEST, .id = 1, .flow = 1, .verdict = GATE_RESET },
		{ .kind = GATE_END, .id = 1, .verdict = GATE_RESET, .status = 200 },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .status = 429 },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .down = 1 },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .data = { pins, 33 } },
		{ .kind = GATE_FLOW,
		  .id = 1,
		  .verdict = GATE_ALLOW,
		  .data = { packet, (size_t)33 * 32 } },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_DENY, .up = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_DENY, .up = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_DENY, .status = 429, .down = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_ALLOW, .status = 429 },
		{ .kind = GATE_END, .id = 1, .verdict = GATE_DENY },
		{ .kind = GATE_NAME, .id = 1, .verdict = GATE_ALLOW, .up = 1 },
		{ .kind = GATE_REQUEST,
		  .id = 1,
		  .verdict = GATE_ALLOW,
		  .data = { packet, GATE_DATA_OCTETS_MAX + 1 } },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_DENY, .message = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_DENY, .rate = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_DENY, .rule = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_ALLOW, .message = UINT64_MAX },
		{ .kind = GATE_FLOW, .id = 1, .verdict = GATE_ALLOW, .message = 1 },
		{ .kind = GATE_REQUEST, .id = 1, .verdict = GATE_ALLOW, .flags = GATE_WEBSOCKET },
		{ .kind = GATE_END_REQUEST, .id = 1, .verdict = GATE_RESET, .rate = 1 },
		{ .kind = GATE_END_REQUEST,
		  .id = 1,
		  .verdict = GATE_RESET,
		  .flags = GATE_WEBSOCKET,
		  .data = { socket_octets, GATE_SOCKET_OCTETS - 1 } },
		{ .kind = GATE_END_REQUEST,
		  .id = 1,
		  .verdict = GATE_RESET,
		  .flags = GATE_WEBSOCKET,
		  .data = { huge_socket, sizeof(huge_socket) } },
		{ .kind = GATE_END_REQUEST,
		  .id = 1,
		  .verdict = GATE_RESET,
		  .data = { packet, GATE_WHY_OCTETS_MAX + 1 } },
	};
	struct gate_message full = { .kind = GATE_ASK_NAME, .id = 1 };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(gate_message_encode(&len, packet, &rows[i]) == -EINVAL, "row %zu", i);
	memset(full.name, 'a', sizeof(full.name));
	CHECK(gate_message_encode(&len, packet, &full) == -EINVAL, "no NUL");
}

/* Each row changes one octet of a sound packet, which has a name of 15 octets. */
static void test_hostile(void)
{
	const struct {
		size_t at;
		char value;
	} rows[] = {
		{ 0, 1 },   { 1, 1 },       { 2, 0 },    { 2, 2 }, /* a flow of a type of query */
		{ 2, 15 },  { 3, 1 },       { 4, 0 },              /* the id */
		{ 8, 4 },   { 11, 4 },      { 12, 4 },   { 13, 1 }, { 14, 1 },   { 18, 1 },
		{ 18, 6 },  { 19, 1 },      { 20, 1 },   { 22, 1 }, { 24, 14 },  { 25, 1 },
		{ 26, 1 },  { 27, 1 },      { 28, 1 },   { 43, 1 }, { 44, 1 },   { 60, 1 },
		{ 68, 1 },  { 72, 1 },      { 74, 'A' }, { 74, 0 }, { 74, '.' }, { 74, '\x80' },
		{ 24, 16 }, { 74 + 14, 0 },
	};
	struct gate_message got;
	size_t len = 0;

	CHECK(gate_message_encode(&len, packet, &sound[0]) == 0, "sound");
	for (size_t cut = 0; cut < len; cut++)
		CHECK(decode(&got, (struct span){ packet, cut }) == -EPROTO, "cut at %zu", cut);
	CHECK(decode(&got, (struct span){ packet, len + 1 }) == -EPROTO, "long");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char saved = packet[rows[i].at];

		packet[rows[i].at] = rows[i].value;
		CHECK(decode(&got, (struct span){ packet, len }) == -EPROTO, "row %zu", i);
		packet[rows[i].at] = saved;
	}
	CHECK(decode(&got, (struct span){ packet, len }) == 0, "restored");
}

/* Those of a packet come one after the other; what is none is left where it is. */
static void test_some(void)
{
	static char some[3 * GATE_OCTETS_MAX];
	struct gate_message got = { 0 };
	size_t len = 0, used = 0;

	for (size_t i = 0; i < 3; i++) {
		CHECK(gate_message_encode(&len, some + used, &sound[i]) == 0, "row %zu", i);
		used += len;
	}
	struct span rest = { some, used + 5 };
	memset(some + used, 0, 5);
	for (size_t i = 0; i < 3; i++)
		CHECK(gate_message_decode(&got, &rest) == 0 && same(&got, &sound[i]), "row %zu", i);
	CHECK(gate_message_decode(&got, &rest) == -EPROTO && rest.len == 5, "%zu", rest.len);
}

int main(void)
{
	test_round();
	test_some();
	test_layout();
	test_socket();
	test_unsound();
	test_hostile();
	return test_failures > 0;
}
