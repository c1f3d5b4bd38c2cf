// SPDX-License-Identifier: Apache-2.0
/* Input: a glob, a newline, a path. The matcher agrees with one that tries everything. */
#include <stdint.h>
#include <stdlib.h>

#include "net/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 100000 };

/* tries() - the plain definition. Return: 1, 0; -1: it took too long. */
static int tries(struct span glob, struct span path, unsigned *steps)
{
	if (++*steps > STEPS_MAX)
		return -1;
	if (glob.len == 0)
		return path.len == 0;
	if (glob.ptr[0] != '*')
		return path.len > 0 && glob.ptr[0] == path.ptr[0]
			   ? tries(span_drop(glob, 1), span_drop(path, 1), steps)
			   : 0;
	bool all = glob.len > 1 && glob.ptr[1] == '*';
	int r = tries(span_drop(glob, all ? 2 : 1), path, steps);

	if (r != 0 || path.len == 0 || (!all && path.ptr[0] == '/'))
		return r;
	return tries(glob, span_drop(path, 1), steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span path = { (const char *)data, size };
	struct span glob = span_cut(&path, '\n');
	unsigned steps = 0;

	if (glob_fault(glob) != NULL || path.ptr == NULL || path.len > 512)
		return 0;
	bool got = glob_match(glob, path);
	int want = tries(glob, path, &steps);
	if (want >= 0 && got != (want == 1))
		abort();
	return 0;
}
