/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index - finds entries in a million. A SQLite file beside the logs, filled by its readers; it holds
 * where each effect's lines are and what is asked for, never what is not in a log. Nothing relies on
 * it: one that is damaged, of another version or not of these logs is made anew.
 */
#ifndef AUDIT_INDEX_H
#define AUDIT_INDEX_H

#include "audit/entry.h"

enum audit_kind {
	AUDIT_KIND_ANY,
	AUDIT_KIND_NET,
	AUDIT_KIND_FS,
	AUDIT_KIND_EXEC,
	AUDIT_KIND_DNS,
	AUDIT_KIND_DATA,
	AUDIT_KIND_SANDBOX,
	AUDIT_KIND_COUNT,
};

extern const char *const audit_kinds[AUDIT_KIND_COUNT];

/* audit_kind_of() - of an action: "http.request" is of the kind net */
MUST_USE enum audit_kind audit_kind_of(struct span action);

/* What is looked for; zeros and NULL: anything. */
struct audit_filter {
	const char *app, *sandbox;
	const char *host; /* with *, ? and [] as in a shell */
	enum audit_kind kind;
	bool denied;
	int64_t since_ns;
	uint64_t limit;   /* only so many, the latest */
	int64_t after_id; /* only what was indexed after this */
};

/* An effect that was found. Borrowed for the call that gets it. */
struct audit_found {
	int64_t id;
	struct span line, end_line; /* as they stand in the log; end_line.ptr NULL: there is none */
	struct audit_entry entry, end; /* the same, unescaped */
};

struct audit_index;

/* audit_index_open() - @folder: borrowed. @ret: owned. Return: 0; -errno and *diag. */
MUST_USE int audit_index_open(struct audit_index **ret, int folder, struct diag *diag);
void audit_index_close(struct audit_index *index); /* NULL is fine */

/* audit_index_update() - take in what the logs have by now. A log that does not read is left out from
 * there on and counted in @ret_bad. Return: 0; -EUCLEAN: the index is damaged; another -errno. */
MUST_USE int audit_index_update(unsigned *ret_bad, struct audit_index *index, struct diag *diag);

/* audit_index_rebuild() - from nothing; the next update reads all */
MUST_USE int audit_index_rebuild(struct audit_index *index, struct diag *diag);

/**
 * audit_query() - call @each for what @filter lets through, the oldest first
 *
 * Return: 0; what @each returned, if that was not 0; -EUCLEAN; another -errno.
 */
MUST_USE int audit_query(struct audit_index *index, const struct audit_filter *filter,
			 int (*each)(void *context, const struct audit_found *found), void *context,
			 struct diag *diag);

/* audit_index_newest() - the highest id there is; 0: none. Ids only rise, unless rows are made anew.
 * Return: 0; -EUCLEAN; another -errno. */
MUST_USE int audit_index_newest(int64_t *ret, struct audit_index *index, struct diag *diag);

/* One line of what audit_stats() says. */
struct audit_count {
	const char *what; /* kind, app, host or log; NULL: all. Borrowed for the call. */
	const char *name; /* "" for all */
	uint64_t effects, denied, sent, received;
	int64_t first_ns, last_ns;
};

/* audit_stats() - all, then kinds, apps, hosts and logs, ten of each, those with the most effects first
 * Return: as audit_query(). */
MUST_USE int audit_stats(struct audit_index *index, const struct audit_filter *filter,
			 int (*each)(void *context, const struct audit_count *count), void *context,
			 struct diag *diag);

#endif
