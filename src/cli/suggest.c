// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a candidate is near when at most a third of its letters differ, or when it
 * begins with what was typed: "--vol" is not accepted, but means "--volume".
 */
#include "cli/suggest.h"
#include "base/spelling.h"

void suggest_offer(struct suggestion *suggestion, const char *candidate)
{
	size_t typed = strlen(suggestion->word);
	size_t distance = spelling_distance(suggestion->word, candidate);
	bool begins = typed >= 2 && strncmp(candidate, suggestion->word, typed) == 0;

	if (begins)
		distance = 1;
	if (distance > strlen(candidate) / 3)
		return;
	if (suggestion->best == NULL || distance < suggestion->distance) {
		suggestion->best = candidate;
		suggestion->distance = distance;
	}
}
