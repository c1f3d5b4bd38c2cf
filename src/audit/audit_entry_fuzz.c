// SPDX-License-Identifier: Apache-2.0
/* What parses as a line encodes to the same octets, and whatever is put into an entry parses. */
#include <stdlib.h>

#include "audit/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char line[AUDIT_LINE_OCTETS_MAX], room[AUDIT_LINE_OCTETS_MAX];

static void check(struct span text)
{
	struct audit_entry entry;
	struct diag diag;

	if (audit_parse(&entry, text, &diag) < 0)
		return;
	audit_unescape(&entry, room);
	size_t len = audit_encode(line, &entry);
	if (len != text.len + 1 || memcmp(line, text.ptr, text.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char copy[AUDIT_LINE_OCTETS_MAX];
	struct span input = { (const char *)data, size };
	struct audit_entry entry = { .request_id = input, .phase = AUDIT_EVENT, .action = input };
	struct diag diag;

	check(input);
	if (size == 0)
		return 0;
	entry.actor.app = entry.resource.path = entry.reasons.items[0] = input;
	entry.reasons.len = 1;
	size_t len = audit_encode(copy, &entry);
	if (len > sizeof(copy) || audit_parse(&entry, (struct span){ copy, len - 1 }, &diag) < 0)
		abort();
	check((struct span){ copy, len - 1 });
	return 0;
}
