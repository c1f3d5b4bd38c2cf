/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusals - what a sandbox was refused, kept in its folder for `immure why`.
 *
 *	refused.jsonl, refused.jsonl.1	the newer and the older half, a JSON object a line:
 *
 *	{"type": "network", "timestamp": S, "network": {as in the event, "count": N,
 *	 "request_ids": ["req-0000002a"]}, "remedy": {see warden/remedy.h}}
 *	{"type": "dropped", "timestamp": S, "dropped": {"count": N}}
 *
 * "dropped" is how many refusals are not in it, since the sandbox began. The same thing that is refused
 * again within a second is told once more at its end, with the count. Who reads trusts none of it:
 * other processes of its owner may have changed it.
 */
#ifndef WARDEN_REFUSALS_H
#define WARDEN_REFUSALS_H

#include <jansson.h>

#include "loop/loop.h"
#include "warden/egress.h"

enum {
	REFUSALS_OCTETS_MAX = 1024 * 1024, /* of both halves */
	REFUSALS_LINE_OCTETS_MAX = 8 * 1024,
	REFUSALS_URL_OCTETS_MAX = 1024, /* a longer one is cut with "..." */
	REFUSALS_IDS_MAX = 16,          /* of one line; the newest */
};

struct refusals;

/**
 * refusals_open() - nothing is made before the first refusal
 * @ret:	owned by the caller
 * @dir:	folder of the sandbox; borrowed until refusals_close()
 */
MUST_USE int refusals_open(struct refusals **ret, struct loop *loop, int dir);

/* refusals_note() - if @report is of something that was blocked, keep it. What cannot be written is
 * counted as dropped: the sandbox goes on. */
void refusals_note(struct refusals *refusals, const struct egress_report *report);

/* refusals_count() - how many there were. NULL is fine: none. */
uint64_t refusals_count(const struct refusals *refusals);

/* refusals_flush() - write down what was counted by now. NULL is fine. */
void refusals_flush(struct refusals *refusals);

void refusals_close(struct refusals *refusals); /* flushes; NULL is fine */

/**
 * refusals_read() - those of the sandbox with the folder @dir, equal ones together, the latest last
 * @ret:	owned: {"refused": [{"method", "url", "status_code", "reason", "rule", "count",
 *		"first", "last" (Unix seconds), "request_ids", "remedy" (or null), "process" (the last
 *		one, if one was found)}], "dropped": N}
 *
 * Return: 0, also if nothing was refused; -ENOMEM; another -errno: a descriptor cannot be had.
 */
MUST_USE int refusals_read(json_t **ret, int dir);

#endif
