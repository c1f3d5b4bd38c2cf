// SPDX-License-Identifier: Apache-2.0
#include "wire/jks.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"
#include "wire/sha1.h"

#define HEAD(count) "\xfe\xed\xfe\xed\0\0\0\2\0\0\0" count
#define ENTRY       "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\5X.509\0\0\0\3der"
#define SUM         "12345678901234567890"
#define READ(text)                             \
	{                                      \
		text SUM, sizeof(text SUM) - 1 \
	}

static const struct jks_entry entry = { { "a", 1 }, 1000, { "der", 3 } };

/* read_all() - Return: as jks_read() and jks_next(), -ENOENT when all is well */
static int read_all(size_t *ret_count, struct span store)
{
	struct jks_reader reader;
	struct jks_entry got = { 0 };
	int r = jks_read(&reader, store);

	for (*ret_count = 0; r == 0; (*ret_count)++)
		r = jks_next(&got, &reader);
	return r;
}

static void test_read(void)
{
	static const struct {
		struct span store;
		int want;
	} rows[] = {
		{ READ(HEAD("\0")), -ENOENT },
		{ READ(HEAD("\1") ENTRY), -ENOENT },
		{ READ(HEAD("\2") ENTRY ENTRY), -ENOENT },
		/* more or fewer than it says; something after them */
		{ READ(HEAD("\1")), -EINVAL },
		{ READ(HEAD("\2") ENTRY), -EINVAL },
		{ READ(HEAD("\1") ENTRY ENTRY), -EINVAL },
		{ READ("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\0y"), -EINVAL },
		/* heads */
		{ READ("\xfe\xed\xfe\xed\0\0\0\1\0\0\0\0"), -EINVAL },
		{ READ("\xce\xce\xce\xce\0\0\0\2\0\0\0\0"), -EINVAL }, /* JCEKS */
		{ READ("\x30\x82\x01\x02\0\0\0\2\0\0\0\0"), -EINVAL }, /* PKCS #12 */
		{ READ("\xfe\xed\xfe\xed\0\0\0\2\0\0\x10\1"), -EINVAL },
		{ READ("\xfe\xed\xfe\xed\0\0\0\2\0\0\0"), -EINVAL },
		{ { "", 0 }, -EINVAL },
		/* entries: a private key, no alias, another type, no certificate, too long a one */
		{ READ(HEAD("\1") "\0\0\0\1\0\1a\0\0\0\0\0\0\3\xe8\0\5X.509\0\0\0\3der"), -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\0\0\0\0\0\0\0\3\xe8\0\5X.509\0\0\0\3der"), -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\5X.508\0\0\0\3der"), -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\4X.50\0\0\0\3der"), -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\6X.509x\0\0\0\3der"),
		  -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\5X.509\0\0\0\0"), -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\5X.509\0\0\0\4der"), -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\0\1a\0\0\0\0\0\0\3\xe8\0\5X.509\xff\xff\xff\xff"),
		  -EINVAL },
		{ READ(HEAD("\1") "\0\0\0\2\xff\xff"), -EINVAL },
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = read_all(&count, rows[i].store);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
	}
}

/* Each beginning of a store is none. */
static void test_cut(void)
{
	static const char whole[] = HEAD("\2") ENTRY ENTRY SUM;
	size_t count = 0;

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *copy = malloc(len + 1); /* of its length, for the address sanitizer */

		CHECK(copy != NULL, "memory");
		if (copy == NULL)
			return;
		memcpy(copy, whole, len);
		CHECK(read_all(&count, (struct span){ copy, len }) == -EINVAL, "%zu octets", len);
		free(copy);
	}
}

/* The sum is of coreutils' sha1sum. */
static void test_write(void)
{
	static const char want[] = HEAD("\1") ENTRY
	    "\x72\x66\x6c\x4e\xfe\x68\xf2\x64\x5b\x1b\xab\x75\x84\x03\x5a\xdf\xcc\xf8\xed\x49";
	CLEANUP_BUF struct buf store = BUF(JKS_OCTETS_MAX);

	CHECK(jks_write(&store) == 0 && jks_add(&store, &entry) == 0 && jks_end(&store) == 0,
	      "write");
	CHECK(buf_len(&store) == sizeof(want) - 1, "%zu octets", buf_len(&store));
	if (buf_len(&store) != sizeof(want) - 1 || store.ptr == NULL)
		return;
	CHECK(memcmp(buf_span(&store).ptr, want, sizeof(want) - 1 - SHA1_OCTETS) == 0, "the entry");
	CHECK(memcmp(buf_span(&store).ptr, want, sizeof(want) - 1) == 0, "the sum");
}

static void test_bounds(void)
{
	static char zeros[JKS_DER_OCTETS_MAX + 1];
	const struct {
		struct jks_entry entry;
		int want;
	} rows[] = {
		{ { SPAN(""), 0, SPAN("der") }, -EINVAL },
		{ { SPAN("a"), 0, SPAN("") }, -EINVAL },
		{ { SPAN("a"), 0, { zeros, JKS_DER_OCTETS_MAX } }, 0 },
		{ { SPAN("a"), 0, { zeros, JKS_DER_OCTETS_MAX + 1 } }, -ENOBUFS },
		{ { { zeros, 1024 }, 0, SPAN("der") }, 0 },
		{ { { zeros, 1025 }, 0, SPAN("der") }, -ENOBUFS },
	};
	CLEANUP_BUF struct buf store = BUF(JKS_OCTETS_MAX), small = BUF(40), none = BUF(99);
	size_t count = 0;

	CHECK(jks_write(&store) == 0 && jks_write(&small) == 0, "write");
	CHECK(jks_add(&none, &entry) == -EINVAL, "no store");
	CHECK(jks_add(&small, &entry) == -ENOBUFS, "more than the buffer may hold");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = jks_add(&store, &rows[i].entry);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
	}
	for (count = 2; count < JKS_ENTRIES_MAX; count++)
		CHECK(jks_add(&store, &entry) == 0, "entry %zu", count);
	CHECK(jks_add(&store, &entry) == -ENOBUFS, "one more");
	CHECK(jks_end(&store) == 0 && read_all(&count, buf_span(&store)) == -ENOENT &&
		  count == JKS_ENTRIES_MAX + 1,
	      "%zu", count);
}

int main(void)
{
	test_read();
	test_cut();
	test_write();
	test_bounds();
	return test_failures > 0;
}
