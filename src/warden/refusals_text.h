/* SPDX-License-Identifier: Apache-2.0 */
/* refusals_text - the lines of refused.jsonl (refusals.h), judged without a system call. */
#ifndef WARDEN_REFUSALS_TEXT_H
#define WARDEN_REFUSALS_TEXT_H

#include <jansson.h>

#include "base/base.h"

/* Refusals, equal ones together. */
struct refusals_list {
	json_t *by_key; /* owned: what was refused and why, to the entry of refusals_read() */
	uint64_t dropped;
};

/* refusals_text_add() - all lines of @text. What is no line as it was written is counted as dropped.
 * Return: 0; -ENOMEM. */
MUST_USE int refusals_text_add(struct refusals_list *list, struct span text);

/* refusals_text_json() - as refusals_read(), and @list is freed. NULL: out of memory. */
json_t *refusals_text_json(struct refusals_list *list);

#endif
