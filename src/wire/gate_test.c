// SPDX-License-Identifier: Apache-2.0
#include "wire/gate.h"

#include <errno.h>

#include "base/test.h"

#define L63 "abcdefghijklmnopqrstuvwxyz-0123456789_abcdefghijklmnopqrstuvwxy"
#define N253                    \
	L63 "." L63 "." L63 "." \
	    "abcdefghijklmnopqrstuvwxyz-0123456789_abcdefghijklmnopqrstuvw"

static const struct gate_message sound[] = {
	{ .kind = GATE_ASK_NAME, .id = 1, .qtype = 28, .name = "a_b.x-1.example" },
	{ .kind = GATE_ASK_NAME, .id = UINT32_MAX, .qtype = 0, .name = N253 },
	{ .kind = GATE_ASK_FLOW, .id = 7, .port = 443, .name = "x" },
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
};

static bool same(const struct gate_message *a, const struct gate_message *b)
{
	return a->kind == b->kind && a->id == b->id && a->family == b->family &&
	       a->port == b->port && a->qtype == b->qtype && a->verdict == b->verdict &&
	       a->up == b->up && a->down == b->down &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

static void test_round(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		char packet[GATE_OCTETS];
		struct gate_message got = { 0 };

		CHECK(gate_message_encode(packet, &sound[i]) == 0, "row %zu", i);
		CHECK(gate_message_decode(&got, (struct span){ packet, sizeof(packet) }) == 0,
		      "row %zu", i);
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
	char packet[GATE_OCTETS];

	CHECK(gate_message_encode(packet, &ask) == 0, "ask");
	CHECK(memcmp(packet, "\2\0\2\0\1\2\3\4\4\0\x34\x12\0\0\0\0\0\0", 18) == 0, "ask");
	CHECK(memcmp(packet + 40, "\x9\x8\7\6\0", 5) == 0, "address");
	CHECK(gate_message_encode(packet, &end) == 0, "end");
	CHECK(packet[14] == 5 && packet[24] == 5 && packet[33] == 1, "end");
	CHECK(gate_message_encode(packet, &sound[2]) == 0, "name");
	CHECK(packet[16] == 1 && packet[56] == 'x', "name");
}

static void test_unsound(void)
{
	const struct gate_message rows[] = {
		{ 0 },
		{ .kind = GATE_FLOW + 1, .id = 1, .verdict = GATE_ALLOW },
		{ .kind = GATE_ASK_NAME, .name = "a" },
		{ .kind = GATE_ASK_NAME, .id = 1 },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "A" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a\nb" },
		{ .kind = GATE_ASK_NAME, .id = 1, .name = "a\0b" },
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
	};
	struct gate_message full = { .kind = GATE_ASK_NAME, .id = 1 };
	char packet[GATE_OCTETS] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(gate_message_encode(packet, &rows[i]) == -EINVAL, "row %zu", i);
	memset(full.name, 'a', sizeof(full.name));
	CHECK(gate_message_encode(packet, &full) == -EINVAL, "no NUL");
}

/* Each row changes one octet of a sound packet, which has a name of 15 octets. */
static void test_hostile(void)
{
	const struct {
		size_t at;
		char value;
	} rows[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ 2, 0 },
		{ 2, 2 }, /* a flow of a type of query */
		{ 2, 8 },
		{ 3, 1 },
		{ 4, 0 }, /* the id */
		{ 8, 4 },
		{ 9, 1 },
		{ 10, 1 },
		{ 14, 1 },
		{ 14, 6 },
		{ 15, 1 },
		{ 16, 14 },
		{ 17, 1 },
		{ 18, 1 },
		{ 23, 1 },
		{ 24, 1 },
		{ 39, 1 },
		{ 40, 1 },
		{ 56, 'A' },
		{ 56, 0 },
		{ 56, '.' },
		{ 56, '\x80' },
		{ GATE_OCTETS - 1, 'a' },
		{ GATE_OCTETS - 2, 'a' },
	};
	char packet[GATE_OCTETS + 1] = { 0 };
	struct gate_message got;

	CHECK(gate_message_encode(packet, &sound[0]) == 0, "sound");
	CHECK(gate_message_decode(&got, (struct span){ packet, GATE_OCTETS - 1 }) == -EPROTO,
	      "cut");
	CHECK(gate_message_decode(&got, (struct span){ packet, GATE_OCTETS + 1 }) == -EPROTO,
	      "long");
	CHECK(gate_message_decode(&got, (struct span){ 0 }) == -EPROTO, "empty");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char saved = packet[rows[i].at];

		packet[rows[i].at] = rows[i].value;
		CHECK(gate_message_decode(&got, (struct span){ packet, GATE_OCTETS }) == -EPROTO,
		      "row %zu", i);
		packet[rows[i].at] = saved;
	}
	CHECK(gate_message_decode(&got, (struct span){ packet, GATE_OCTETS }) == 0, "restored");
}

int main(void)
{
	test_round();
	test_layout();
	test_unsound();
	test_hostile();
	return test_failures > 0;
}
