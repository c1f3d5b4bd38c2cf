/* SPDX-License-Identifier: Apache-2.0 */
/* suggest - which known word was probably meant by a mistyped one. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include "base/base.h"

struct suggestion {
	const char *word; /* borrowed: as it was typed */
	const char *best; /* the nearest word offered so far; NULL: none is near enough */
	size_t distance;  /* of best */
};

static inline struct suggestion suggest_for(const char *word)
{
	return (struct suggestion){ .word = word };
}

/* suggest_offer() - consider @candidate, which must outlive the suggestion */
void suggest_offer(struct suggestion *suggestion, const char *candidate);

#endif
