/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - the audit log of a sandbox, as its warden writes it (docs/audit.md).
 *
 * An effect that is allowed is written before it takes place, or it must not take place; its end, and
 * what was denied, follow within JOURNAL_BATCH_NS. Nothing is made, opened or waited for before the
 * first of them.
 *
 * What is denied, and names, a program can cause without end and at no cost: of the same kind, place and
 * rule JOURNAL_EACH_MAX a second are written each, of all together JOURNAL_OCTETS_MAX a second; the
 * others are counted, and their number written when the second is over.
 */
#ifndef WARDEN_JOURNAL_H
#define WARDEN_JOURNAL_H

#include "loop/loop.h"
#include "warden/egress.h"

enum {
	JOURNAL_EACH_MAX = 10,
	JOURNAL_OCTETS_MAX = 1024 * 1024,
};
static const int64_t JOURNAL_BATCH_NS = 5000000;

struct journal;

/**
 * journal_new() - of the sandbox with the id @sandbox
 * @ret:	owned by the caller
 * @home:	folder of all state; borrowed, as are @sandbox and @app, until journal_close()
 * @app:	NULL: none is given
 */
MUST_USE int journal_new(struct journal **ret, struct loop *loop, int home, const char *sandbox,
			 const char *app);

/* journal_begin() - write that @report, which is allowed, is about to take place
 * Return: false: it cannot be written, so it must not take place; @why says why. */
MUST_USE bool journal_begin(struct journal *journal, const struct egress_report *report,
			    char why[EGRESS_WHY_OCTETS]);

/* journal_note() - what came of it (report->begun), or what was denied. What cannot be written is
 * counted, and the log says so once it can be written again. */
void journal_note(struct journal *journal, const struct egress_report *report);

/* journal_close() - write all that waits, and that it was closed. NULL is fine. */
void journal_close(struct journal *journal);

#endif
