// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the index says where the lines are, and they are read from the logs: what is
 * shown is what was written. A row whose line is not there any more is passed over; verifying is
 * another's work.
 */
#include <errno.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "audit/files.h"
#include "audit/index_priv.h"
#include "base/buf.h"
#include "base/fd.h"

enum { FIRST_READ = 2048 };

/* The file that was read last. */
struct file {
	char log[AUDIT_LOG_NAME_OCTETS];
	unsigned part;
	int fd; /* owned */
};

struct query {
	struct audit_index *index;
	struct file file, end_file;
	char line[AUDIT_LINE_OCTETS_MAX], end_line[AUDIT_LINE_OCTETS_MAX];
	char room[AUDIT_LINE_OCTETS_MAX], end_room[AUDIT_LINE_OCTETS_MAX];
	struct audit_found found;
};

int index_where(struct buf *sql, const struct audit_filter *filter)
{
	const struct {
		bool is_set;
		const char *text;
	} rows[] = {
		{ filter->app != NULL, " AND app = (SELECT id FROM word WHERE text = ?1)" },
		{ filter->sandbox != NULL, " AND log = (SELECT id FROM log WHERE name = ?2)" },
		{ filter->host != NULL, " AND host IN (SELECT id FROM word WHERE text GLOB ?3)" },
		{ filter->kind != AUDIT_KIND_ANY, " AND kind = ?4" },
		{ filter->denied, " AND denied" },
		{ filter->since_ns > 0, " AND time >= ?5" },
		{ filter->after_id > 0, " AND effect.id > ?6" },
	};
	int r = buf_append(sql, SPAN(" WHERE 1"));

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		if (rows[i].is_set)
			r = buf_append(sql, span_of(rows[i].text));
	return r;
}

void index_bind(sqlite3_stmt *made, const struct audit_filter *filter)
{
	(void)sqlite3_bind_text(made, 1, filter->app, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(made, 2, filter->sandbox, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(made, 3, filter->host, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(made, 4, filter->kind);
	(void)sqlite3_bind_int64(made, 5, filter->since_ns);
	(void)sqlite3_bind_int64(made, 6, filter->after_id);
	(void)sqlite3_bind_int64(made, 7,
				 filter->limit < INT64_MAX ? (int64_t)filter->limit : INT64_MAX);
}

static int file_find(struct file *file, int folder, const char *log, unsigned part)
{
	if (file->fd >= 0 && file->part == part && strcmp(file->log, log) == 0)
		return 0;
	fd_close(&file->fd);
	file->fd = index_part_open(folder, log, part);
	file->part = part;
	(void)snprintf(file->log, sizeof(file->log), "%s", log);
	return file->fd < 0 ? file->fd : 0;
}

/* line_read() - at @at of @fd. Return: is one there? */
static bool line_read(struct span *ret, char *room, int fd, off_t at)
{
	size_t have = 0, want = FIRST_READ;

	while (want <= AUDIT_LINE_OCTETS_MAX) {
		ssize_t n = pread(fd, room + have, want - have, at + (off_t)have);
		if (n <= 0)
			return false;
		have += (size_t)n;
		const char *end = memchr(room, '\n', have);
		if (end != NULL) {
			*ret = (struct span){ room, (size_t)(end - room) };
			return true;
		}
		want = want * 2 > AUDIT_LINE_OCTETS_MAX && want < AUDIT_LINE_OCTETS_MAX
			   ? AUDIT_LINE_OCTETS_MAX
			   : want * 2;
	}
	return false;
}

/* found_read() - the lines of the row. Return: are they there? */
static bool found_read(struct query *query, sqlite3_stmt *row)
{
	struct audit_found *found = &query->found;
	int folder = query->index->folder;
	const char *log = (const char *)sqlite3_column_text(row, 1);
	struct diag diag;

	*found = (struct audit_found){ .id = sqlite3_column_int64(row, 0) };
	/* the index may hold anything: no name leads out of the folder */
	if (log == NULL || !audit_log_name_valid(log) ||
	    file_find(&query->file, folder, log, (unsigned)sqlite3_column_int64(row, 2)) < 0 ||
	    !line_read(&found->line, query->line, query->file.fd, sqlite3_column_int64(row, 3)) ||
	    audit_parse(&found->entry, found->line, &diag) < 0 || !audit_is_entry(&found->entry))
		return false;
	audit_unescape(&found->entry, query->room);
	if (sqlite3_column_type(row, 4) == SQLITE_NULL)
		return true;
	if (file_find(&query->end_file, folder, log, (unsigned)sqlite3_column_int64(row, 4)) < 0 ||
	    !line_read(&found->end_line, query->end_line, query->end_file.fd,
		       sqlite3_column_int64(row, 5)) ||
	    audit_parse(&found->end, found->end_line, &diag) < 0 || !audit_is_entry(&found->end)) {
		found->end_line = (struct span){ 0 };
		return true;
	}
	audit_unescape(&found->end, query->end_room);
	return true;
}

static int rows(struct query *query, sqlite3_stmt *made,
		int (*each)(void *context, const struct audit_found *found), void *context,
		struct diag *diag)
{
	int r = 0, step = SQLITE_ROW;

	while (r == 0 && (step = sqlite3_step(made)) == SQLITE_ROW)
		if (found_read(query, made))
			r = each(context, &query->found);
	return r != 0 || step == SQLITE_DONE ? r : index_error(query->index, diag);
}

static int query_sql(struct buf *sql, const struct audit_filter *filter)
{
	int r =
	    buf_append(sql, SPAN("SELECT effect.id, (SELECT name FROM log WHERE id = effect.log),"
				 " part, at, end_part, end_at FROM "));

	if (r == 0 && filter->limit > 0)
		r = buf_append(sql, SPAN("(SELECT * FROM effect"));
	else if (r == 0)
		r = buf_append(sql, SPAN("effect"));
	if (r == 0)
		r = index_where(sql, filter);
	if (r == 0 && filter->limit > 0)
		r = buf_append(sql, SPAN(" ORDER BY time DESC, id DESC LIMIT ?7) AS effect"));
	return r == 0 ? buf_append(sql, SPAN(" ORDER BY effect.time, effect.id")) : r;
}

int audit_query(struct audit_index *index, const struct audit_filter *filter,
		int (*each)(void *context, const struct audit_found *found), void *context,
		struct diag *diag)
{
	CLEANUP_BUF struct buf sql = BUF(INDEX_SQL_OCTETS);
	struct query *query = calloc(1, sizeof(*query));
	sqlite3_stmt *made = NULL;
	int r = query == NULL || query_sql(&sql, filter) < 0 ? -ENOMEM : 0;

	if (r < 0) {
		free(query);
		return diag_set(diag, r, "out of memory");
	}
	query->index = index;
	query->file.fd = query->end_file.fd = -1;
	if (sqlite3_prepare_v2(index->db, sql.ptr, (int)buf_len(&sql), &made, NULL) == SQLITE_OK) {
		index_bind(made, filter);
		r = rows(query, made, each, context, diag);
	} else {
		r = index_error(index, diag);
	}
	(void)sqlite3_finalize(made);
	fd_close(&query->file.fd);
	fd_close(&query->end_file.fd);
	free(query);
	return r;
}

int audit_index_newest(int64_t *ret, struct audit_index *index, struct diag *diag)
{
	sqlite3_stmt *made = NULL;
	int r = sqlite3_prepare_v2(index->db, "SELECT max(id) FROM effect", -1, &made, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_step(made);
	if (r == SQLITE_ROW)
		*ret = sqlite3_column_int64(made, 0);
	r = r == SQLITE_ROW ? 0 : index_error(index, diag);
	(void)sqlite3_finalize(made);
	return r;
}
