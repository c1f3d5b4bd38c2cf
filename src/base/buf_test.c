// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/test.h"

static void test_limit(void)
{
	CLEANUP_BUF struct buf b = BUF(8);

	CHECK(buf_append(&b, SPAN("12345678")) == 0, "fits");
	CHECK(buf_append(&b, SPAN("9")) == -ENOBUFS, "over the limit");
	buf_drop(&b, 3);
	CHECK(buf_append(&b, SPAN("abc")) == 0, "dropped octets make room");
	CHECK(span_is(buf_span(&b), "45678abc"), "order");
}

static void test_growth(void)
{
	CLEANUP_BUF struct buf b = BUF(1 << 20);
	int r = 0;

	for (int i = 0; i < 10000 && r == 0; i++)
		r = buf_printf(&b, "%05d", i);
	CHECK(r == 0 && buf_len(&b) == 50000, "%d %zu", r, buf_len(&b));
	buf_drop(&b, 49995);
	CHECK(span_is(buf_span(&b), "09999"), "the end");
}

/* is_left() - is @word in memory that was let go? */
static bool is_left(uintptr_t was, size_t len, const char *word)
{
	char octets[1024];
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, octets, len < sizeof(octets) ? len : sizeof(octets), (off_t)was);

	close(fd);
	CHECK(n > 0, "%d", errno);
	return n > 0 && memmem(octets, (size_t)n, word, strlen(word)) != NULL;
}

/* One that may hold secrets leaves none behind when it grows. */
static void test_wiping(void)
{
	static const char secret[] = "the secret is in here";
	struct buf b = BUF_SECRET(1 << 20);
	char *room = NULL;

	CHECK(buf_append(&b, SPAN("................................")) == 0 &&
		  buf_append(&b, span_of(secret)) == 0,
	      "memory");
	uintptr_t first = (uintptr_t)b.ptr;
	size_t was = b.capacity;
	CHECK(buf_reserve(&room, &b, 100000) == 0, "memory");
	CHECK(!is_left(first, was, secret), "after growth");
	CHECK(span_is(span_drop(buf_span(&b), 32), secret), "kept");
	buf_free(&b);
	CHECK(b.wipes && b.octets_max == 1 << 20, "its kind");
}

int main(void)
{
	test_wiping();
	test_limit();
	test_growth();
	return test_failures > 0;
}
