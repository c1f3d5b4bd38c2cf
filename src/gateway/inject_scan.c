// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what goes out as it is need not wait until it can be told whether a placeholder
 * begins at its end: it is enough that the whole of none gets out. So a copy of that end is kept, and
 * looked at again with what follows it.
 */
#include "gateway/inject_priv.h"

/* scan_tail() - what began before @data. Return: octets of @data that need not be looked at again */
static size_t scan_tail(struct inject_scan *scan, struct span data)
{
	char joint[2 * sizeof(scan->tail)];
	size_t len = scan->tail_len;
	size_t more = data.len < sizeof(scan->tail) ? data.len : sizeof(scan->tail);

	memcpy(joint, scan->tail, len);
	memcpy(joint + len, data.ptr, more);
	size_t done = inject_find(&scan->why, scan->inject, (struct span){ joint, len + more });
	if (scan->why != NULL)
		return 0;
	if (done >= len) {
		scan->tail_len = 0;
		return done - len;
	}
	scan->tail_len = len + more - done; /* then @data was shorter than what may follow */
	memcpy(scan->tail, joint + done, scan->tail_len);
	return data.len;
}

bool inject_scan(struct inject_scan *scan, struct span data)
{
	if (scan->why == NULL && scan->tail_len > 0 && data.len > 0)
		data = span_drop(data, scan_tail(scan, data));
	if (scan->why != NULL || data.len == 0)
		return scan->why == NULL;
	data = span_drop(data, inject_find(&scan->why, scan->inject, data));
	if (scan->why == NULL && data.len > 0) {
		memcpy(scan->tail, data.ptr, data.len);
		scan->tail_len = data.len;
	}
	return scan->why == NULL;
}
