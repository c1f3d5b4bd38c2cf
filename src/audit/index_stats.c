// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one pass over the rows, and sums in tables by number: of kinds, apps, hosts and
 * logs. Sorting and names are for the ten that are shown; SQLite, asked to group by each, would go
 * through all rows and sort them five times.
 */
#include <errno.h>
#include <stdlib.h>

#include "audit/index_priv.h"

enum { TABLES = 5, TOP = 10, SUMS_MAX = 16 * 1024 * 1024 };

struct sums {
	struct audit_count *all; /* owned, by number */
	size_t len;
};

/* What a row is counted under, by the column with its number; names: where such a number has one. */
static const struct {
	const char *what;
	const char *names;
	bool has_zero; /* 0 is a number as any other */
} tables[TABLES] = {
	{ NULL, NULL, true },
	{ "kind", NULL, false },
	{ "app", "SELECT text FROM word WHERE id = ?1", false },
	{ "host", "SELECT text FROM word WHERE id = ?1", false },
	{ "log", "SELECT name FROM log WHERE id = ?1", false },
};

static int sums_grow(struct sums *sums, size_t number)
{
	size_t len = sums->len > 0 ? sums->len : 64;

	while (len <= number)
		len *= 2;
	struct audit_count *more =
	    number < SUMS_MAX ? reallocarray(sums->all, len, sizeof(*more)) : NULL;
	if (more == NULL)
		return -ENOMEM;
	memset(more + sums->len, 0, (len - sums->len) * sizeof(*more));
	sums->all = more;
	sums->len = len;
	return 0;
}

/* add() - one row: denied, sent, received, time */
static int add(struct sums *sums, int64_t number, const int64_t row[4])
{
	if (number < 0 || ((size_t)number >= sums->len && sums_grow(sums, (size_t)number) < 0))
		return -ENOMEM;
	struct audit_count *count = &sums->all[number];
	if (count->effects == 0 || row[3] < count->first_ns)
		count->first_ns = row[3];
	if (row[3] > count->last_ns)
		count->last_ns = row[3];
	count->effects++;
	count->denied += row[0] != 0;
	count->sent += (uint64_t)row[1];
	count->received += (uint64_t)row[2];
	return 0;
}

static int add_row(struct sums sums[TABLES], sqlite3_stmt *made)
{
	int64_t row[4];
	int r = 0;

	for (int i = 0; i < 4; i++)
		row[i] = sqlite3_column_int64(made, TABLES + i);
	for (int i = 0; r == 0 && i < TABLES; i++)
		r = add(&sums[i], sqlite3_column_int64(made, i), row);
	return r;
}

static int by_effects(const void *a, const void *b)
{
	const struct audit_count *one = *(const struct audit_count *const *)a;
	const struct audit_count *other = *(const struct audit_count *const *)b;

	return (one->effects < other->effects) - (one->effects > other->effects);
}

/* tell_one() - with its name */
static int tell_one(struct audit_index *index, size_t table, const struct audit_count *count,
		    size_t number, int (*each)(void *context, const struct audit_count *count),
		    void *context)
{
	struct audit_count told = *count;
	sqlite3_stmt *made = NULL;

	told.what = tables[table].what;
	told.name = number < AUDIT_KIND_COUNT ? audit_kinds[number] : "";
	if (tables[table].names != NULL) {
		told.name = "";
		if (sqlite3_prepare_v2(index->db, tables[table].names, -1, &made, NULL) ==
			SQLITE_OK &&
		    sqlite3_bind_int64(made, 1, (int64_t)number) == SQLITE_OK &&
		    sqlite3_step(made) == SQLITE_ROW && sqlite3_column_text(made, 0) != NULL)
			told.name = (const char *)sqlite3_column_text(made, 0);
	}
	int r = each(context, &told);
	(void)sqlite3_finalize(made);
	return r;
}

/* tell() - those of a table, the most first */
static int tell(struct audit_index *index, size_t table, struct sums *sums,
		int (*each)(void *context, const struct audit_count *count), void *context)
{
	struct audit_count **order = calloc(sums->len + 1, sizeof(void *));
	size_t len = 0;
	int r = 0;

	if (order == NULL)
		return -ENOMEM;
	for (size_t i = tables[table].has_zero ? 0 : 1; i < sums->len; i++)
		if (sums->all[i].effects > 0 || (i == 0 && tables[table].has_zero))
			order[len++] = &sums->all[i];
	qsort((void *)order, len, sizeof(void *), by_effects);
	for (size_t i = 0; r == 0 && i < len && i < TOP; i++)
		r = tell_one(index, table, order[i], (size_t)(order[i] - sums->all), each, context);
	free((void *)order);
	return r;
}

static int count_all(struct sums sums[TABLES], struct audit_index *index,
		     const struct audit_filter *filter, struct diag *diag)
{
	CLEANUP_BUF struct buf sql = BUF(INDEX_SQL_OCTETS);
	sqlite3_stmt *made = NULL;
	int r = buf_append(&sql, SPAN("SELECT 0, kind, app, host, log, denied, sent, received, time"
				      " FROM effect"));
	int step = SQLITE_ROW;

	if (r == 0)
		r = index_where(&sql, filter);
	if (r < 0)
		return diag_set(diag, r, "out of memory");
	if (sqlite3_prepare_v2(index->db, sql.ptr, (int)buf_len(&sql), &made, NULL) != SQLITE_OK)
		return index_error(index, diag);
	index_bind(made, filter);
	while (r == 0 && (step = sqlite3_step(made)) == SQLITE_ROW)
		r = add_row(sums, made);
	if (r < 0)
		(void)diag_set(diag, r, "out of memory");
	else if (step != SQLITE_DONE)
		r = index_error(index, diag);
	(void)sqlite3_finalize(made);
	return r;
}

int audit_stats(struct audit_index *index, const struct audit_filter *filter,
		int (*each)(void *context, const struct audit_count *count), void *context,
		struct diag *diag)
{
	struct sums sums[TABLES] = { 0 };
	int r = sums_grow(&sums[0], 0) < 0 ? diag_set(diag, -ENOMEM, "out of memory")
					   : count_all(sums, index, filter, diag);

	for (size_t i = 0; r == 0 && i < TABLES; i++)
		r = tell(index, i, &sums[i], each, context);
	for (size_t i = 0; i < TABLES; i++)
		free(sums[i].all);
	return r;
}
