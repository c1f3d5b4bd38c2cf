// SPDX-License-Identifier: Apache-2.0
/* Input: a datagram. Property: reading it ends, and each listener has a family, a port and clean padding. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct diag_listener *listener)
{
	static const uint8_t zeros[12];

	if ((listener->family != 4 && listener->family != 6) || listener->port == 0)
		abort();
	if (listener->family == 4 && memcmp(listener->address + 4, zeros, sizeof(zeros)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	(void)diag_socket(rest, 7);
	struct diag_listener listener;
	enum diag_item item = DIAG_NOTHING;
	size_t before = size;

	while ((item = diag_next(&listener, &rest, 7)) != DIAG_NOTHING) {
		if (rest.len >= before || (item == DIAG_FAILED && rest.len != 0))
			abort();
		before = rest.len;
		if (item == DIAG_LISTENER)
			check(&listener);
	}
	return 0;
}
