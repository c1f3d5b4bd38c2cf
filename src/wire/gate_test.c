// SPDX-License-Identifier: Apache-2.0
#include "wire/gate.h"

#include <errno.h>

#include "base/test.h"

static const struct gate_report sound[] = {
	{ .kind = GATE_FLOW, .family = 4, .port = 443, .address = { 198, 51, 100, 7 } },
	{ .kind = GATE_FLOW,
	  .family = 6,
	  .port = 65535,
	  .address = { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
	{ .kind = GATE_FLOW, .family = 6 }, /* "::" port 0 */
	{ .kind = GATE_DNS, .family = 4, .port = 53, .qtype = 28, .name = "a_b.x-1.example" },
	{ .kind = GATE_DNS, .family = 4, .port = 53, .name = "" }, /* the root */
	{ .kind = GATE_DNS_MALFORMED, .family = 4, .port = 53, .address = { 8, 8, 8, 8 } },
	{ .kind = GATE_DROPPED, .count = UINT64_MAX },
};

static void test_round(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		char packet[GATE_OCTETS];
		struct gate_report got = { 0 };

		CHECK(gate_report_encode(packet, &sound[i]) == 0, "row %zu", i);
		CHECK(gate_report_decode(&got, (struct span){ packet, sizeof(packet) }) == 0,
		      "row %zu", i);
		CHECK(got.kind == sound[i].kind && got.family == sound[i].family &&
			  got.port == sound[i].port && got.qtype == sound[i].qtype &&
			  got.count == sound[i].count &&
			  memcmp(got.address, sound[i].address, sizeof(got.address)) == 0 &&
			  strcmp(got.name, sound[i].name) == 0,
		      "row %zu", i);
	}
}

static void test_unsound(void)
{
	const struct gate_report rows[] = {
		{ 0 },
		{ .kind = GATE_DROPPED + 1, .count = 1 },
		{ .kind = GATE_FLOW, .port = 1 },
		{ .kind = GATE_FLOW, .family = 5 },
		{ .kind = GATE_FLOW, .family = 4, .address = { [4] = 1 } },
		{ .kind = GATE_FLOW, .family = 4, .qtype = 1 },
		{ .kind = GATE_FLOW, .family = 4, .name = "a" },
		{ .kind = GATE_FLOW, .family = 4, .count = 1 },
		{ .kind = GATE_DNS, .family = 4, .name = "A" },
		{ .kind = GATE_DNS, .family = 4, .name = "a\nb" },
		{ .kind = GATE_DNS, .family = 4, .name = "a\0b" },
		{ .kind = GATE_DNS, .name = "a" },
		{ .kind = GATE_DROPPED },
		{ .kind = GATE_DROPPED, .count = 1, .port = 1 },
	};
	struct gate_report full = { .kind = GATE_DNS, .family = 4 };
	char packet[GATE_OCTETS] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(gate_report_encode(packet, &rows[i]) == -EINVAL, "row %zu", i);
	memset(full.name, 'a', sizeof(full.name));
	CHECK(gate_report_encode(packet, &full) == -EINVAL, "no NUL");
}

/* Each row changes one octet of a sound packet. */
static void test_hostile(void)
{
	const struct {
		size_t at;
		char value;
	} rows[] = {
		{ 0, 2 },
		{ 1, 1 },
		{ 2, 0 },
		{ 2, 5 },
		{ 3, 1 },
		{ 4, 0 },
		{ 4, 5 },
		{ 5, 1 },
		{ 10, 14 },
		{ 11, 1 },
		{ 12, 1 },
		{ 15, 1 },
		{ 16, 1 },
		{ 39, 1 },
		{ 40, 'A' },
		{ 40, 0 },
		{ 40, '\x80' },
		{ GATE_OCTETS - 1, 'a' },
		{ GATE_OCTETS - 2, 'a' },
	};
	char packet[GATE_OCTETS + 1] = { 0 };
	struct gate_report got;

	CHECK(gate_report_encode(packet, &sound[3]) == 0, "sound");
	CHECK(gate_report_decode(&got, (struct span){ packet, GATE_OCTETS - 1 }) == -EPROTO, "cut");
	CHECK(gate_report_decode(&got, (struct span){ packet, GATE_OCTETS + 1 }) == -EPROTO,
	      "long");
	CHECK(gate_report_decode(&got, (struct span){ 0 }) == -EPROTO, "empty");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char saved = packet[rows[i].at];

		packet[rows[i].at] = rows[i].value;
		CHECK(gate_report_decode(&got, (struct span){ packet, GATE_OCTETS }) == -EPROTO,
		      "row %zu", i);
		packet[rows[i].at] = saved;
	}
	CHECK(gate_report_decode(&got, (struct span){ packet, GATE_OCTETS }) == 0, "restored");
}

int main(void)
{
	test_round();
	test_unsound();
	test_hostile();
	return test_failures > 0;
}
