/* SPDX-License-Identifier: Apache-2.0 */
/* audit - how entries, counts and verdicts are shown. */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include "audit/export.h"
#include "audit/index.h"
#include "audit/verify.h"

struct cli_call;

/* What is asked of the index, and by whom. */
struct audit_ask {
	struct cli_call *call;
	struct audit_filter filter;
	int (*run)(struct audit_ask *ask, struct audit_index *index);
	/* @told: logs that do not read, of whom it was said; others are said */
	int (*update)(struct audit_index *index, struct cli_call *call, unsigned *told);
	int (*put)(struct buf *ret, const struct audit_found *found); /* of an export */
	int64_t last_id; /* the highest that was looked at */
	unsigned told;   /* for update() */
};

/* These return an exit status or -errno, as commands do. */
MUST_USE int audit_show(struct audit_ask *ask, struct audit_index *index);
MUST_USE int audit_show_stats(struct audit_ask *ask, struct audit_index *index);
MUST_USE int audit_show_export(struct audit_ask *ask, struct audit_index *index);
MUST_USE int audit_show_verdict(struct cli_call *call, const struct audit_verdict *verdict,
				const char *key_from);

#endif
