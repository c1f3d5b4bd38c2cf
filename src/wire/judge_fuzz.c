// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a packet. Property: an answer that decodes encodes to the very same; and so do the parts of a load,
 * of which none reaches beyond it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(const char *octets, size_t len, struct span in)
{
	if (len > in.len || memcmp(octets, in.ptr, len) != 0)
		abort();
}

static void try_answer(struct span in)
{
	char packet[JUDGE_ANSWER_OCTETS_MAX];
	struct judge_answer answer;
	size_t len = 0;

	if (judge_answer_decode(&answer, in) < 0)
		return;
	if (judge_answer_encode(&len, packet, &answer) < 0 || len != in.len)
		abort();
	must_be(packet, len, in);
}

static void try_parts(struct span load)
{
	char head[JUDGE_PART_HEAD_OCTETS];
	struct judge_part part;

	while (load.len > 0) {
		struct span before = load;

		if (judge_part_take(&part, &load) < 0)
			return;
		if (judge_part_head(head, &part) < 0 ||
		    before.len - load.len != sizeof(head) + part.name.len + part.octets.len)
			abort();
		must_be(head, sizeof(head), before);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { (const char *)data, size };

	try_answer(in);
	try_parts(in);
	return 0;
}
