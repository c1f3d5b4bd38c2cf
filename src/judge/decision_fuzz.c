// SPDX-License-Identifier: Apache-2.0
/* Input: what a policy decided. Property: it is an answer that can be told, and what it does not say it denies. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json_heap.h"
#include "judge/decision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decision decision; /* as in the judge, used again and again */
	const struct span json = { (const char *)data, size };
	char packet[JUDGE_ANSWER_OCTETS_MAX];
	struct judge_answer answer, again;
	size_t len = 0;

	json_heap_watch();
	decision_read(&answer, &decision, json);
	if (judge_answer_encode(&len, packet, &answer) < 0 ||
	    judge_answer_decode(&again, (struct span){ packet, len }) < 0)
		abort();
	if (again.verdict == JUDGE_ALLOW && memmem(json.ptr, json.len, "allow", 5) == NULL &&
	    memmem(json.ptr, json.len, "\\u", 2) == NULL)
		abort();
	decision_free(&decision);
	return 0;
}
