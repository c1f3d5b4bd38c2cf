// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the log is opened with the first effect. A beginning is flushed at once, and takes
 * along what waits; the rest waits for one, or for a timer. Another timer is for checkpoints, a third ends
 * the second of a crowd.
 *
 * A log that cannot be opened is tried again with the next effect, but not more often than each
 * JOURNAL_RETRY_NS: it costs files and locks, and a program decides how often there is an effect. What
 * was not written meanwhile is told by the log's first entry. As long as nothing can be written nothing is
 * left to a crowd either, for an effect is allowed only if it is on record.
 */
#include "warden/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "warden/journal_priv.h"

enum { URL_ROOM_OCTETS = 64 * 1024 };
static const int64_t RETRY_NS = 100000000, SECOND_NS = 1000000000;

struct journal {
	struct loop *loop;
	int home;                   /* borrowed */
	struct journal_actor actor; /* borrows */
	struct audit_log *log;      /* owned; NULL: not open yet */
	int error;                  /* of the last try to open it, or to write; 0: none */
	int64_t retry_ns;           /* when it may be opened again: clock_mono_ns() */
	uint64_t unwritten;         /* while it could not be opened */
	struct loop_timer late;     /* something waits */
	struct loop_timer due;      /* a checkpoint is */
	struct loop_timer over;     /* the crowd's second is */
	struct crowd *crowd;        /* owned; NULL before the first event */
	struct journal_line line;
};

static int64_t at_least(int64_t delay_ns, int64_t least_ns)
{
	return delay_ns > least_ns ? delay_ns : least_ns;
}

/* expect_checkpoint() - one that cannot be written is tried each second */
static void expect_checkpoint(struct journal *journal)
{
	int64_t due_ns = audit_due_ns(journal->log);

	if (due_ns == INT64_MAX)
		loop_disarm(&journal->due);
	else if (journal->due.loop == NULL)
		loop_arm(journal->loop, &journal->due,
			 at_least(due_ns - clock_mono_ns(), journal->error < 0 ? SECOND_NS : 0));
}

static int flush(struct journal *journal)
{
	loop_disarm(&journal->late);
	journal->error = audit_flush(journal->log);
	expect_checkpoint(journal);
	return journal->error;
}

static void late_fired(struct loop_timer *timer)
{
	(void)!flush(container_of(timer, struct journal, late));
}

static void due_fired(struct loop_timer *timer)
{
	(void)!flush(container_of(timer, struct journal, due));
}

/* tell_unwritten() - before the log was open; one that is lost again is told by the log itself */
static int tell_unwritten(struct journal *journal, int error)
{
	char reason[128];
	const struct audit_entry entry = {
		.request_id = SPAN("-"),
		.phase = AUDIT_EVENT,
		.action = SPAN("audit.lost"),
		.actor = { .sandbox = span_of(journal->actor.sandbox) },
		.reasons = { { { reason, (size_t)snprintf(reason, sizeof(reason),
							  "%llu entries could not be written: %s",
							  (unsigned long long)journal->unwritten,
							  strerrordesc_np(-error)) } },
			     1 },
	};

	journal->unwritten = 0;
	return audit_append(journal->log, &entry);
}

/* open_log() - if it is not open. Return: 0 or -errno */
static int open_log(struct journal *journal)
{
	const struct audit_settings settings = { .log = journal->actor.sandbox,
						 .app = journal->actor.app };
	int64_t now_ns = clock_mono_ns();
	int before = journal->error;
	struct diag diag;

	if (journal->log != NULL)
		return 0;
	if (before < 0 && now_ns < journal->retry_ns)
		return before;
	journal->error = audit_open(&journal->log, journal->home, &settings, &diag);
	journal->retry_ns = now_ns + RETRY_NS;
	if (journal->error == 0 && journal->unwritten > 0)
		return tell_unwritten(journal, before);
	return journal->error;
}

static int append(struct journal *journal)
{
	int r = audit_append(journal->log, &journal->line.entry);

	if (r == 0 && journal->late.loop == NULL)
		loop_arm(journal->loop, &journal->late, JOURNAL_BATCH_NS);
	return r;
}

static int put(struct journal *journal, const struct egress_report *report, enum audit_phase phase)
{
	int r = 0;

	if (report->kind == EGRESS_DROPPED) /* nothing is known of them */
		journal_line_count(&journal->line, NULL, report->count, &journal->actor);
	else
		r = journal_line_fill(&journal->line, report, phase, &journal->actor);
	return r == 0 ? append(journal) : r;
}

/* count_place() - what was left out of a place */
static void count_place(struct journal *journal, const struct crowd_place *place)
{
	const struct egress_report report = {
		.kind = place->kind,
		.host = place->host,
		.is_address = place->is_address,
		.port = place->port,
		.blocked = place->blocked,
		.rule = place->rule,
	};

	if (place->left_out == 0)
		return;
	journal_line_count(&journal->line, &report, place->left_out, &journal->actor);
	(void)!append(journal); /* the log counts what it loses */
}

/* end_second() - write what was left out, and begin anew */
static void end_second(struct journal *journal)
{
	struct crowd *crowd = journal->crowd;

	loop_disarm(&journal->over);
	if (crowd == NULL)
		return;
	for (size_t i = 0; i < crowd->len; i++)
		count_place(journal, &crowd->places[i]);
	if (crowd->nameless > 0) {
		journal_line_count(&journal->line, NULL, crowd->nameless, &journal->actor);
		(void)!append(journal);
	}
	crowd->len = crowd->octets = 0;
	crowd->nameless = 0;
}

static void over_fired(struct loop_timer *timer)
{
	end_second(container_of(timer, struct journal, over));
}

/* admits() - is there room for one more of the crowd? */
static bool admits(struct journal *journal, const struct egress_report *report)
{
	if (journal->crowd == NULL)
		journal->crowd = calloc(1, sizeof(*journal->crowd));
	if (journal->crowd == NULL || journal->error < 0)
		return true;
	if (journal->over.loop == NULL)
		loop_arm(journal->loop, &journal->over, SECOND_NS);
	return crowd_admits(journal->crowd, report);
}

/* put_event() - Return: 1: it is counted; 0: it waits; -errno */
static int put_event(struct journal *journal, const struct egress_report *report)
{
	if (!admits(journal, report))
		return 1;
	int r = put(journal, report, AUDIT_EVENT);
	if (r == 0 && journal->crowd != NULL)
		crowd_spend(journal->crowd, journal_line_octets(&journal->line.entry));
	return r;
}

/* explain() - to the program as well: nothing of the host is named */
static void explain(char why[EGRESS_WHY_OCTETS], int error)
{
	const char *more = "";

	if (error == -ENOSPC || error == -EDQUOT)
		more = "; free some in ~/.immure/audit";
	else if (error == -EBADMSG || error == -EKEYREJECTED)
		more = "; see 'immure audit verify'";
	(void)snprintf(why, EGRESS_WHY_OCTETS, "the audit log cannot be written: %s%s",
		       error == -EBUSY ? "another process writes it" : strerrordesc_np(-error),
		       more);
}

bool journal_begin(struct journal *journal, const struct egress_report *report,
		   char why[EGRESS_WHY_OCTETS])
{
	int r = open_log(journal);

	if (r == 0)
		r = report->kind == EGRESS_NAME ? put_event(journal, report)
						: put(journal, report, AUDIT_BEGIN);
	else
		journal->unwritten++;
	if (r == 0)
		r = flush(journal);
	if (r >= 0)
		return true;
	journal->error = r;
	explain(why, r);
	return false;
}

void journal_note(struct journal *journal, const struct egress_report *report)
{
	if (report->begun && report->kind == EGRESS_NAME) /* it is an event, and written */
		return;
	if (open_log(journal) < 0)
		journal->unwritten++;
	else if (report->begun)
		(void)!put(journal, report, AUDIT_END); /* the log counts what it loses */
	else
		(void)!put_event(journal, report);
}

int journal_new(struct journal **ret, struct loop *loop, int home, const char *sandbox,
		const char *app)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal == NULL)
		return -ENOMEM;
	*journal = (struct journal){
		.loop = loop,
		.home = home,
		.actor = { sandbox, app },
		.late = { .fired = late_fired },
		.due = { .fired = due_fired },
		.over = { .fired = over_fired },
		.line = { .url = BUF(URL_ROOM_OCTETS) },
	};
	*ret = journal;
	return 0;
}

void journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	if (journal->log != NULL)
		end_second(journal);
	loop_disarm(&journal->late);
	loop_disarm(&journal->due);
	loop_disarm(&journal->over);
	(void)audit_close(
	    journal->log); /* the end is missing then: 'immure audit verify' says so */
	buf_free(&journal->line.url);
	free(journal->crowd);
	free(journal);
}
