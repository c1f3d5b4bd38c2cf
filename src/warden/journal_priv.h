/* SPDX-License-Identifier: Apache-2.0 */
/* journal_priv - what the files of journal share: the log (journal.c), a line of it (journal_entry.c), what
 * comes in crowds (journal_crowd.c). */
#ifndef WARDEN_JOURNAL_PRIV_H
#define WARDEN_JOURNAL_PRIV_H

#include "audit/entry.h"
#include "base/buf.h"
#include "policy/policy.h"
#include "warden/journal.h"

/* journal_entry.c */

/* Whose journal it is. */
struct journal_actor {
	const char *sandbox; /* its id */
	const char *app;     /* NULL: none is given */
};

/* An entry and the texts it borrows. */
struct journal_line {
	struct audit_entry entry;
	char id[sizeof("req-00000000")];
	char packets[64];
	struct buf url; /* owned */
};

/**
 * journal_line_fill() - the entry of @report, from which it borrows
 * @ret:	overwritten, but for the memory of its URL
 *
 * Return: 0; -ENOMEM.
 */
MUST_USE int journal_line_fill(struct journal_line *ret, const struct egress_report *report,
			       enum audit_phase phase, const struct journal_actor *actor);

/* journal_line_count() - that @count like @report, or of all kinds (NULL), are not written each */
void journal_line_count(struct journal_line *ret, const struct egress_report *report,
			uint64_t count, const struct journal_actor *actor);

/* journal_line_octets() - about as many as it will have in the log */
MUST_USE size_t journal_line_octets(const struct audit_entry *entry);

/* journal_crowd.c */

enum { CROWD_PLACES_MAX = 64 };

/* What events are told apart by. */
struct crowd_place {
	enum egress_kind kind;
	bool blocked, is_address;
	uint16_t port;
	char host[NET_NAME_OCTETS], rule[POLICY_RULE_OCTETS];
	uint64_t count, left_out;
};

/* The events of a second. Zeroed memory is one without any. */
struct crowd {
	struct crowd_place places[CROWD_PLACES_MAX];
	size_t len, octets;
	uint64_t nameless; /* left out for want of octets */
};

/* crowd_admits() - shall @report be written by itself? Else it is counted. */
MUST_USE bool crowd_admits(struct crowd *crowd, const struct egress_report *report);

/* crowd_spend() - so many octets were written */
void crowd_spend(struct crowd *crowd, size_t octets);

#endif
