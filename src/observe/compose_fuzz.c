// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an event as the ring holds it. Property: what it becomes can be sent, and an absolute path is
 * one unless the event says that it was cut.
 */
#include <stdint.h>
#include <stdlib.h>

#include "observe/observe_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char packet[OBSERVE_RECORD_OCTETS_MAX];
	static struct compose_texts texts;
	struct observe_record record;
	size_t len = 0;

	if (compose_record(&record, &texts, (struct span){ (const char *)data, size }) < 0)
		return 0;
	if (observe_encode(&len, packet, &record) < 0)
		abort();
	bool is_path = record.kind != OBSERVE_CONNECT && record.kind != OBSERVE_BIND;
	if (is_path && record.path.len > 0 && (record.flags & OBSERVE_CUT) == 0 &&
	    record.path.ptr[0] != '/')
		abort();
	return 0;
}
