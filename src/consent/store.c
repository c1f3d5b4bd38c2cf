// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one table, whose unique key is the scope of a grant. Whatever comes from elsewhere is
 * bound to statements, and what is read is judged like a packet: other programs of this user can write the
 * file as well.
 */
#include "consent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	SCHEMA = 1,
	BUSY_MS = 1500,                               /* whoever starts a sandbox waits no longer */
	ROW_OCTETS_MAX = 4 * GRANT_PACKET_OCTETS_MAX, /* more is damage */
	PATH_OCTETS = 64,
};

/* COLUMNS without id, in the order of bind_grant() */
#define SCOPE   "app, action, scheme, host, port, method, target"
#define COLUMNS SCOPE ", deny, created, expires, by, uid"

static const char schema[] =
    "PRAGMA user_version = 1;"
    "CREATE TABLE consent(id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL,"
    " action INT NOT NULL, scheme INT NOT NULL, host TEXT NOT NULL, port INT NOT NULL,"
    " method TEXT NOT NULL, target TEXT NOT NULL, deny INT NOT NULL, created INT NOT NULL,"
    " expires INT NOT NULL, by TEXT NOT NULL, uid INT NOT NULL, UNIQUE(" SCOPE "));";

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	EXPIRE,
	COUNT,
	ADD,
	LIST,
	REVOKE,
	REVOKE_APP,
	STATEMENTS
};

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): none is missing */
static const char *const texts[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[EXPIRE] = "DELETE FROM consent WHERE expires != 0 AND expires <= ?1",
	[COUNT] = "SELECT count(*) FROM consent WHERE app = ?1",
	[ADD] = "INSERT INTO consent(" COLUMNS ")"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
		" ON CONFLICT(" SCOPE ") DO UPDATE SET deny = ?8, created = ?9, expires = ?10,"
		" by = ?11, uid = ?12 RETURNING id",
	[LIST] = "SELECT " COLUMNS ", id FROM consent"
		 " WHERE (?1 IS NULL OR app = ?1) AND (expires = 0 OR expires > ?2) ORDER BY id",
	[REVOKE] = "DELETE FROM consent WHERE id = ?1",
	[REVOKE_APP] = "DELETE FROM consent WHERE app = ?1",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

struct store {
	sqlite3 *db;
	sqlite3_stmt *made[STATEMENTS];
};

/* error_of() - the -errno that fits what SQLite said, and *diag */
static int error_of(const struct store *store, struct diag *diag)
{
	int code = store->db != NULL ? sqlite3_errcode(store->db) & 0xff : SQLITE_NOMEM;
	int error = -EIO;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR ||
	    code == SQLITE_SCHEMA || code == SQLITE_MISMATCH || code == SQLITE_CONSTRAINT ||
	    code == SQLITE_TOOBIG)
		error = -EUCLEAN;
	else if (code == SQLITE_NOMEM)
		error = -ENOMEM;
	else if (code == SQLITE_FULL)
		error = -ENOSPC;
	else if (code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_CANTOPEN)
		error = -EACCES;
	else if (code == SQLITE_BUSY)
		error = -EBUSY;
	return diag_set(diag, error, GRANT_FILE ": %s%s",
			store->db != NULL ? sqlite3_errmsg(store->db) : "out of memory",
			error == -EUCLEAN ? "; it is damaged: put back a copy, or move it away"
					  : "");
}

static int damaged(struct diag *diag, const char *why)
{
	return diag_set(diag, -EUCLEAN,
			GRANT_FILE ": %s; it is damaged: put back a copy, or move it away", why);
}

/* step() - a statement with what was bound. Return: is it done, or has it given its only row? */
static bool step(struct store *store, enum statement which, int64_t *ret)
{
	sqlite3_stmt *made = store->made[which];
	int r = sqlite3_step(made);

	if (r == SQLITE_ROW && ret != NULL) {
		*ret = sqlite3_column_int64(made, 0);
		r = sqlite3_step(made);
	}
	(void)sqlite3_reset(made);
	(void)sqlite3_clear_bindings(made);
	return r == SQLITE_DONE;
}

static void bind_text(sqlite3_stmt *made, int at, struct span text)
{
	/* without room for it, the statement would fail; this allocates nothing */
	(void)sqlite3_bind_text(made, at, text.ptr != NULL ? text.ptr : "", (int)text.len,
				SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *made, int at, int64_t number)
{
	(void)sqlite3_bind_int64(made, at, number);
}

static int version_of(struct store *store)
{
	sqlite3_stmt *ask = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &ask, NULL) == SQLITE_OK &&
	    sqlite3_step(ask) == SQLITE_ROW)
		version = sqlite3_column_int(ask, 0);
	(void)sqlite3_finalize(ask);
	return version;
}

static bool run(struct store *store, const char *text)
{
	return sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* make_table() - if the file is new; another process may be doing the same */
static int make_table(struct store *store, struct diag *diag)
{
	int version = version_of(store);

	if (version == 0) {
		if (!run(store, "BEGIN IMMEDIATE") ||
		    (version_of(store) == 0 && !run(store, schema)) || !run(store, "COMMIT"))
			return error_of(store, diag);
		version = version_of(store);
	}
	if (version < 0)
		return error_of(store, diag);
	return version == SCHEMA
		   ? 0
		   : diag_set(diag, -EUCLEAN, GRANT_FILE " is of another version of immure");
}

static int open_file(struct store *store, int home, struct diag *diag)
{
	enum { FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX };
	char path[PATH_OCTETS];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/" GRANT_FILE, home);
	mode_t mask = umask(0077);
	int r = sqlite3_open_v2(path, &store->db, FLAGS, NULL);
	if (r == SQLITE_OK) {
		(void)sqlite3_busy_timeout(store->db, BUSY_MS);
		(void)sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, ROW_OCTETS_MAX);
		(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	}
	bool opened = r == SQLITE_OK &&
		      run(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				 "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
	(void)umask(mask);
	return opened ? make_table(store, diag) : error_of(store, diag);
}

int store_open(struct store **ret, int home, bool make, struct diag *diag)
{
	if (!make && faccessat(home, GRANT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			   ? diag_set(diag, -ENOENT, "nothing is kept yet")
			   : diag_set(diag, -errno, GRANT_FILE ": %s", strerrordesc_np(errno));
	struct store *store = calloc(1, sizeof(*store));
	if (store == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	int r = open_file(store, home, diag);
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		if (sqlite3_prepare_v2(store->db, texts[i], -1, &store->made[i], NULL) != SQLITE_OK)
			r = error_of(store, diag);
	if (r < 0)
		store_close(store);
	else
		*ret = store;
	return r;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(store->made[i]);
	(void)sqlite3_close(store->db);
	free(store);
}

static struct span text_at(sqlite3_stmt *made, int at)
{
	const char *text = (const char *)sqlite3_column_text(made, at);

	return (struct span){ text != NULL ? text : "", (size_t)sqlite3_column_bytes(made, at) };
}

/* number_at() - not below 0; what is too large for @most shows as a fault of the grant */
static int64_t number_at(sqlite3_stmt *made, int at, int64_t most)
{
	int64_t number = sqlite3_column_int64(made, at);

	return number >= 0 && number <= most ? number : 0;
}

/* read_row() - Return: NULL; else what is wrong with it */
static const char *read_row(struct grant *ret, sqlite3_stmt *made)
{
	int at = 0;

	*ret = (struct grant){ .app = text_at(made, at++) };
	ret->action = (enum grant_action)number_at(made, at++, GRANT_ACTIONS);
	ret->flags = (unsigned)number_at(made, at++, GRANT_HTTPS | GRANT_WEBSOCKET) & ~1U;
	ret->host = text_at(made, at++);
	ret->port = (uint16_t)number_at(made, at++, UINT16_MAX);
	ret->method = text_at(made, at++);
	ret->target = text_at(made, at++);
	/* whatever is no clear yes is a no */
	if (sqlite3_column_type(made, at) != SQLITE_INTEGER || sqlite3_column_int64(made, at) != 0)
		ret->flags |= GRANT_DENY;
	at++;
	ret->created = number_at(made, at++, INT64_MAX);
	ret->expires = number_at(made, at++, INT64_MAX);
	ret->by = text_at(made, at++);
	ret->uid = (uint32_t)number_at(made, at++, UINT32_MAX);
	ret->id = number_at(made, at, INT64_MAX);
	return grant_fault(ret);
}

static int list_rows(struct store *store, int (*each)(void *context, const struct grant *grant),
		     void *context, struct diag *diag)
{
	sqlite3_stmt *made = store->made[LIST];
	int r = 0, got = 0;

	while (r == 0 && (got = sqlite3_step(made)) == SQLITE_ROW) {
		struct grant grant;
		const char *fault = read_row(&grant, made);

		r = fault != NULL ? damaged(diag, fault) : each(context, &grant);
	}
	return r == 0 && got != SQLITE_DONE ? error_of(store, diag) : r;
}

int store_list(struct store *store, struct span app,
	       int (*each)(void *context, const struct grant *grant), void *context,
	       struct diag *diag)
{
	sqlite3_stmt *made = store->made[LIST];

	if (app.ptr != NULL)
		bind_text(made, 1, app);
	bind_number(made, 2, clock_unix_s());
	int r = list_rows(store, each, context, diag);
	(void)sqlite3_reset(made);
	(void)sqlite3_clear_bindings(made);
	return r;
}

static void bind_grant(sqlite3_stmt *made, const struct grant *grant)
{
	int at = 1;

	bind_text(made, at++, grant->app);
	bind_number(made, at++, grant->action);
	bind_number(made, at++, grant->flags & (GRANT_HTTPS | GRANT_WEBSOCKET));
	bind_text(made, at++, grant->host);
	bind_number(made, at++, grant->port);
	bind_text(made, at++, grant->method);
	bind_text(made, at++, grant->target);
	bind_number(made, at++, (grant->flags & GRANT_DENY) != 0);
	bind_number(made, at++, grant->created);
	bind_number(made, at++, grant->expires);
	bind_text(made, at++, grant->by);
	bind_number(made, at, grant->uid);
}

/* insert() - within a transaction. Return: 0 or -errno with *diag. */
static int insert(int64_t *ret_id, struct store *store, const struct grant *grant,
		  struct diag *diag)
{
	int64_t count = 0;

	bind_number(store->made[EXPIRE], 1, clock_unix_s());
	bind_text(store->made[COUNT], 1, grant->app);
	if (!step(store, EXPIRE, NULL) || !step(store, COUNT, &count))
		return error_of(store, diag);
	bind_grant(store->made[ADD], grant);
	if (!step(store, ADD, ret_id))
		return error_of(store, diag);
	int64_t now = 0;
	bind_text(store->made[COUNT], 1, grant->app);
	if (!step(store, COUNT, &now))
		return error_of(store, diag);
	if (now > count && now > GRANT_APP_MAX)
		return diag_set(diag, -ENOSPC,
				"%d are kept for this app already; revoke some: immure consent",
				GRANT_APP_MAX);
	return 0;
}

int store_add(int64_t *ret_id, struct store *store, const struct grant *grant, struct diag *diag)
{
	const char *fault = grant_fault(grant);
	int64_t id = 0;

	if (fault != NULL)
		return diag_set(diag, -EINVAL, "it cannot be kept: %s", fault);
	if (!step(store, BEGIN, NULL))
		return error_of(store, diag);
	int r = insert(&id, store, grant, diag);
	if (r == 0 && !step(store, COMMIT, NULL))
		r = error_of(store, diag);
	if (r < 0 && sqlite3_get_autocommit(store->db) == 0)
		(void)!step(store, ROLLBACK, NULL);
	if (r == 0)
		*ret_id = id;
	return r;
}

static int drop_rows(struct store *store, enum statement which, struct diag *diag)
{
	if (!step(store, which, NULL))
		return error_of(store, diag);
	return sqlite3_changes(store->db) > 0 ? 0 : diag_set(diag, -ENOENT, "there is none");
}

int store_revoke(struct store *store, int64_t id, struct diag *diag)
{
	bind_number(store->made[REVOKE], 1, id);
	return drop_rows(store, REVOKE, diag);
}

int store_revoke_app(struct store *store, struct span app, struct diag *diag)
{
	bind_text(store->made[REVOKE_APP], 1, app);
	return drop_rows(store, REVOKE_APP, diag);
}
