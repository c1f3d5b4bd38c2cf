/* SPDX-License-Identifier: Apache-2.0 */
/* index_priv - the open index, for the files that it is in. */
#ifndef AUDIT_INDEX_PRIV_H
#define AUDIT_INDEX_PRIV_H

#include <sqlite3.h>

#include "audit/index.h"
#include "base/buf.h"

enum { INDEX_SQL_OCTETS = 1024 };

enum statement {
	INDEX_BEGIN,
	INDEX_COMMIT,
	INDEX_ROLLBACK,
	INDEX_LOG,       /* log: name */
	INDEX_LOG_ADD,   /* name */
	INDEX_LOG_SET,   /* part, at, seq, hash, id */
	INDEX_LOG_CLEAR, /* id */
	INDEX_OPEN_CLEAR,
	INDEX_WORD,
	INDEX_WORD_ADD,
	INDEX_ADD,
	INDEX_END,
	INDEX_OPENS,    /* log */
	INDEX_OPEN_ADD, /* log, request, id */
	INDEX_STATEMENTS,
};

struct audit_index {
	int folder; /* borrowed */
	int lock;   /* owned: shared while the file is in use, exclusive while it is made anew */
	sqlite3 *db;
	sqlite3_stmt *made[INDEX_STATEMENTS];
};

/* index_error() - the -errno that fits what SQLite said, and *diag */
int index_error(const struct audit_index *index, struct diag *diag);

/* index_step() - one that gives no row, with what was bound. Return: 0 or -1: see index_error(). */
MUST_USE int index_step(struct audit_index *index, enum statement which);

/* index_fill() - one log. Return: 0; 1: it does not read from some line on; -1: see index_error();
 * -errno below -1: another error */
MUST_USE int index_fill(struct audit_index *index, const char *log);

/* index_part_open() - the file in which part @part of @log is. Return: owned; -errno. */
MUST_USE int index_part_open(int folder, const char *log, unsigned part);

/* index_where() - the conditions of @filter; what they need is bound by index_bind() */
MUST_USE int index_where(struct buf *sql, const struct audit_filter *filter);
void index_bind(sqlite3_stmt *made, const struct audit_filter *filter);

#endif
