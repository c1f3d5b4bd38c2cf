// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.h"

#include <errno.h>

#include "base/test.h"

static void test_vectors(void)
{
	const struct {
		struct span octets, text;
	} rows[] = {
		/* RFC 4648 section 10 */
		{ SPAN(""), SPAN("") },
		{ SPAN("f"), SPAN("Zg==") },
		{ SPAN("fo"), SPAN("Zm8=") },
		{ SPAN("foo"), SPAN("Zm9v") },
		{ SPAN("foob"), SPAN("Zm9vYg==") },
		{ SPAN("fooba"), SPAN("Zm9vYmE=") },
		{ SPAN("foobar"), SPAN("Zm9vYmFy") },
		/* the whole alphabet, and octets above 127 */
		{ SPAN("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97"
		       "\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf"
		       "\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"),
		  SPAN("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") },
		{ SPAN("\xff\xff\xff\xff"), SPAN("/////w==") },
		{ SPAN("\0\0"), SPAN("AAA=") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf text = BUF(1024), octets = BUF(1024);

		CHECK(base64_encode(&text, rows[i].octets) == 0, "row %zu", i);
		CHECK(buf_len(&text) == BASE64_OCTETS(rows[i].octets.len), "row %zu", i);
		CHECK(buf_len(&text) == rows[i].text.len &&
			  (text.ptr == NULL ||
			   memcmp(text.ptr, rows[i].text.ptr, rows[i].text.len) == 0),
		      "row %zu: %.*s", i, (int)buf_len(&text), text.ptr);
		CHECK(base64_decode(&octets, rows[i].text) == 0, "row %zu", i);
		CHECK(buf_len(&octets) == rows[i].octets.len &&
			  (octets.ptr == NULL ||
			   memcmp(octets.ptr, rows[i].octets.ptr, rows[i].octets.len) == 0),
		      "row %zu", i);
	}
}

static void test_refused(void)
{
	const struct span rows[] = {
		SPAN("Z"),
		SPAN("Zg"),
		SPAN("Zg="),
		SPAN("Zm8"),
		SPAN("Zm9vY"), /* cut */
		SPAN("Zg==="),
		SPAN("Zg=====") /* too much padding */,
		SPAN("===="),
		SPAN("A==="),
		SPAN("Zh=="),
		SPAN("Zgb="),
		SPAN("Zm9=") /* unused bits set */,
		SPAN("//=="),
		SPAN("Zg==Zg=="),
		SPAN("Zm8=Zm9v"),
		SPAN("Z=g="),
		SPAN("=Zm9"),
		SPAN("Zm=v"),
		SPAN("Zm9v\n"),
		SPAN("Zm 9"),
		SPAN("Zm9\n"),
		SPAN("\nm9v"),
		SPAN("Zm9v    "),
		SPAN("Zm-_"),
		SPAN("Zm9\0"),
		SPAN("\0\0\0\0"),
		SPAN("Z\xc3\xa9v"),
		SPAN("Zm9\xff"),
		SPAN("!m9vZm9v"),
		SPAN("Z!9vZm9v"),
		SPAN("Zm!vZm9v"),
		SPAN("Zm9!Zm9v"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf octets = BUF(1024);
		int r = buf_append(&octets, SPAN("kept"));

		CHECK(r == 0 && base64_decode(&octets, rows[i]) == -EINVAL, "row %zu", i);
		CHECK(span_is(buf_span(&octets), "kept"), "row %zu", i);
	}
}

/* Every octet value in each place of a quantum: exactly the 64 (and '=' at the end) are good. */
static void test_alphabet(void)
{
	for (int place = 0; place < 4; place++) {
		int good = 0;

		for (int c = 0; c < 256; c++) {
			CLEANUP_BUF struct buf octets = BUF(16);
			char text[] = "AAAAAAAA";

			text[place] = (char)c;
			good += base64_decode(&octets, (struct span){ text, 8 }) == 0;
		}
		CHECK(good == 64, "place %d: %d", place, good);
	}
}

static void test_round_trips(void)
{
	char data[1021];
	unsigned state = 1;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)((state = state * 1103515245 + 12345) >> 16);
	for (size_t len = 0; len <= sizeof(data); len++) {
		CLEANUP_BUF struct buf text = BUF(2048), octets = BUF(2048);
		int r = base64_encode(&text, (struct span){ data, len });

		CHECK(r == 0 && base64_decode(&octets, buf_span(&text)) == 0, "%zu", len);
		CHECK(buf_len(&octets) == len && (len == 0 || memcmp(octets.ptr, data, len) == 0),
		      "%zu", len);
	}
}

static void test_limits(void)
{
	CLEANUP_BUF struct buf eight = BUF(8);

	CHECK(base64_encode(&eight, SPAN("sevenoc")) == -ENOBUFS, "12 characters");
	CHECK(base64_encode(&eight, (struct span){ "", SIZE_MAX }) == -ENOBUFS, "overflow");
	CHECK(base64_encode(&eight, SPAN("sixoct")) == 0 && buf_len(&eight) == 8, "8 characters");
	CHECK(base64_decode(&eight, SPAN("AAAA")) == -ENOBUFS, "full");
}

int main(void)
{
	test_vectors();
	test_refused();
	test_alphabet();
	test_round_trips();
	test_limits();
	return test_failures > 0;
}
