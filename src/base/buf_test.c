// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>

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

int main(void)
{
	test_limit();
	test_growth();
	return test_failures > 0;
}
