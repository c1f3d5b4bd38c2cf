// SPDX-License-Identifier: Apache-2.0
#include "wire/observe.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

static const struct observe_record sound = {
	.time_ns = 0x0123456789abcdef,
	.result = -13,
	.value = { 0x241, 0644 },
	.pid = 7,
	.tid = 8,
	.call = 257,
	.kind = OBSERVE_OPEN,
	.flags = OBSERVE_UNREAD,
	.comm = "touch",
	.path = { "/tmp/\xff", 6 },
	.more = { "x", 1 },
};

static void test_round(void)
{
	char packet[OBSERVE_RECORD_OCTETS_MAX];
	struct observe_record got;
	size_t len = 0;

	CHECK(observe_encode(&len, packet, &sound) == 0 && len == OBSERVE_RECORD_OCTETS_MIN + 7,
	      "%zu", len);
	struct span rest = { packet, len };
	CHECK(observe_decode(&got, &rest) == 0 && rest.len == 0, "decode");
	CHECK(got.time_ns == sound.time_ns && got.result == -13 && got.value[0] == 0x241 &&
		  got.value[1] == 0644 && got.pid == 7 && got.tid == 8 && got.call == 257 &&
		  got.kind == OBSERVE_OPEN && got.flags == OBSERVE_UNREAD,
	      "numbers");
	CHECK(strcmp(got.comm, "touch") == 0 && span_is(got.path, "/tmp/\xff") &&
		  span_is(got.more, "x"),
	      "texts");
	/* cut anywhere it is none; in memory of just that size */
	for (size_t cut = 0; cut < len; cut++) {
		char *part = malloc(cut > 0 ? cut : 1);

		if (part == NULL)
			continue;
		memcpy(part, packet, cut);
		rest = (struct span){ part, cut };
		CHECK(observe_decode(&got, &rest) == -EPROTO && rest.len == cut, "cut at %zu", cut);
		free(part);
	}
}

/* One octet of a sound record is another. */
static void test_malformed(void)
{
	static const struct {
		size_t at;
		char octet;
	} rows[] = {
		{ 42, 0 },   { 42, OBSERVE_KINDS },
		{ 43, 4 },   { 43, '\x80' },
		{ 59, 'x' }, { 50, 'x' },
		{ 60, 8 },   { 61, 1 },
		{ 62, 2 },   { 63, 1 },
		{ 64, 0 },   { 69, 0 },
		{ 70, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char packet[OBSERVE_RECORD_OCTETS_MAX];
		struct observe_record got;
		size_t len = 0;

		CHECK(observe_encode(&len, packet, &sound) == 0, "encode");
		packet[rows[i].at] = rows[i].octet;
		struct span rest = { packet, len };
		CHECK(observe_decode(&got, &rest) == -EPROTO, "row %zu", i);
	}
}

static void test_refused(void)
{
	static char long_text[OBSERVE_TEXT_OCTETS_MAX + 1], packet[OBSERVE_RECORD_OCTETS_MAX];
	struct observe_record rows[6];
	size_t len = 0;

	memset(long_text, 'a', sizeof(long_text));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = sound;
	rows[0].path = (struct span){ long_text, sizeof(long_text) };
	rows[1].more = (struct span){ long_text, sizeof(long_text) };
	rows[2].path = (struct span){ "a\0b", 3 };
	rows[3].kind = 0;
	rows[4].flags = 4;
	memset(rows[5].comm, 'a', sizeof(rows[5].comm));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(observe_encode(&len, packet, &rows[i]) == -EINVAL, "row %zu", i);
	rows[0].path.len--;
	rows[0].more = rows[0].path;
	CHECK(observe_encode(&len, packet, &rows[0]) == 0 && len == OBSERVE_RECORD_OCTETS_MAX,
	      "the longest: %zu", len);
}

static void test_packet(void)
{
	static char packet[OBSERVE_PACKET_OCTETS_MAX + 1];
	struct span rest;
	uint64_t lost = 0;

	observe_lost_encode(packet, 0x0102030405060708);
	CHECK(packet[0] == 8 && packet[7] == 1, "little-endian");
	CHECK(observe_lost_decode(&lost, &rest, (struct span){ packet, 9 }) == 0 &&
		  lost == 0x0102030405060708 && rest.len == 1 && rest.ptr == packet + 8,
	      "decode");
	CHECK(observe_lost_decode(&lost, &rest, (struct span){ packet, 7 }) == -EPROTO, "short");
	CHECK(observe_lost_decode(&lost, &rest, (struct span){ NULL, 0 }) == -EPROTO, "none");
	CHECK(observe_lost_decode(&lost, &rest, (struct span){ packet, sizeof(packet) }) == -EPROTO,
	      "long");
}

static void test_names(void)
{
	for (size_t i = 0; i < OBSERVE_KINDS; i++)
		CHECK(observe_kind_names[i] != NULL, "%zu has no name", i);
}

int main(void)
{
	test_round();
	test_malformed();
	test_refused();
	test_packet();
	test_names();
	return test_failures > 0;
}
