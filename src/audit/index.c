// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one row an effect, put there by its first line and completed by its last. Texts
 * that come again (apps, hosts, actions) are words with a number, so that rows and their indices are
 * small, and a pattern of hosts is matched against each host once.
 *
 * SQLite finds its WAL by name, so a file must not be replaced while another process has it open: all
 * who do hold a shared lock on index.lock, and who makes it anew an exclusive one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/files.h"
#include "audit/index_priv.h"
#include "base/fd.h"

enum { SCHEMA = 1, BUSY_MS = 10000 };

static const char schema[] =
    "PRAGMA user_version = 1;"
    "CREATE TABLE log(id INTEGER PRIMARY KEY, name TEXT UNIQUE, part INT DEFAULT 1,"
    " at INT DEFAULT 0, seq INT DEFAULT 0, hash BLOB);"
    "CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT UNIQUE);"
    "CREATE TABLE effect(id INTEGER PRIMARY KEY, log INT, time INT, kind INT, app INT, host INT,"
    " denied INT, part INT, at INT, sent INT, received INT, end_part INT, end_at INT);"
    "CREATE TABLE open(log INT, request TEXT, id INT, PRIMARY KEY(log, request)) WITHOUT ROWID;"
    "CREATE INDEX effect_time ON effect(time);"
    "CREATE INDEX effect_app ON effect(app, time);"
    "CREATE INDEX effect_kind ON effect(kind, time);"
    "CREATE INDEX effect_host ON effect(host, time);"
    "CREATE INDEX effect_log ON effect(log, time);"
    "CREATE INDEX effect_denied ON effect(time) WHERE denied;";

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): none is missing */
static const char *const texts[INDEX_STATEMENTS] = {
	[INDEX_BEGIN] = "BEGIN IMMEDIATE",
	[INDEX_COMMIT] = "COMMIT",
	[INDEX_ROLLBACK] = "ROLLBACK",
	[INDEX_LOG] = "SELECT id, part, at, seq, hash FROM log WHERE name = ?1",
	[INDEX_LOG_ADD] = "INSERT INTO log(name) VALUES(?1)",
	[INDEX_LOG_SET] = "UPDATE log SET part = ?2, at = ?3, seq = ?4, hash = ?5 WHERE id = ?1",
	[INDEX_LOG_CLEAR] = "DELETE FROM effect WHERE log = ?1",
	[INDEX_OPEN_CLEAR] = "DELETE FROM open WHERE log = ?1",
	[INDEX_WORD] = "SELECT id FROM word WHERE text = ?1",
	[INDEX_WORD_ADD] = "INSERT INTO word(text) VALUES(?1)",
	[INDEX_ADD] =
	    "INSERT INTO effect(log, time, kind, app, host, denied, part, at, sent, received)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[INDEX_END] = "UPDATE effect SET end_part = ?2, end_at = ?3, sent = ?4, received = ?5,"
		      " denied = denied OR ?6 WHERE id = ?1",
	[INDEX_OPENS] = "SELECT request, id FROM open WHERE log = ?1",
	[INDEX_OPEN_ADD] = "INSERT OR REPLACE INTO open(log, request, id) VALUES(?1, ?2, ?3)",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

const char *const audit_kinds[AUDIT_KIND_COUNT] = { "",    "net",  "fs",     "exec",
						    "dns", "data", "sandbox" };

enum audit_kind audit_kind_of(struct span action)
{
	static const struct {
		const char *begin;
		enum audit_kind kind;
	} rows[] = {
		{ "net.", AUDIT_KIND_NET },      { "http.", AUDIT_KIND_NET },
		{ "port.", AUDIT_KIND_NET },     { "dns.", AUDIT_KIND_DNS },
		{ "fs.", AUDIT_KIND_FS },        { "exec", AUDIT_KIND_EXEC },
		{ "process.", AUDIT_KIND_EXEC }, { "data.", AUDIT_KIND_DATA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (action.len >= strlen(rows[i].begin) &&
		    memcmp(action.ptr, rows[i].begin, strlen(rows[i].begin)) == 0)
			return rows[i].kind;
	return AUDIT_KIND_SANDBOX;
}

int index_error(const struct audit_index *index, struct diag *diag)
{
	int code = index->db != NULL ? sqlite3_errcode(index->db) & 0xff : SQLITE_NOMEM;
	int error = -EIO;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR ||
	    code == SQLITE_SCHEMA || code == SQLITE_MISMATCH || code == SQLITE_CONSTRAINT)
		error = -EUCLEAN;
	else if (code == SQLITE_NOMEM)
		error = -ENOMEM;
	else if (code == SQLITE_FULL)
		error = -ENOSPC;
	else if (code == SQLITE_READONLY || code == SQLITE_PERM)
		error = -EACCES;
	else if (code == SQLITE_BUSY)
		error = -EBUSY;
	return diag_set(diag, error, "the index of the audit logs: %s",
			index->db != NULL ? sqlite3_errmsg(index->db) : "out of memory");
}

int index_step(struct audit_index *index, enum statement which)
{
	sqlite3_stmt *made = index->made[which];
	int r = sqlite3_step(made);

	(void)sqlite3_reset(made);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : -1;
}

static void shut(struct audit_index *index)
{
	for (size_t i = 0; i < INDEX_STATEMENTS; i++) {
		(void)sqlite3_finalize(index->made[i]);
		index->made[i] = NULL;
	}
	(void)sqlite3_close(index->db);
	index->db = NULL;
}

static int version_of(struct audit_index *index)
{
	sqlite3_stmt *ask = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(index->db, "PRAGMA user_version", -1, &ask, NULL) == SQLITE_OK &&
	    sqlite3_step(ask) == SQLITE_ROW)
		version = sqlite3_column_int(ask, 0);
	(void)sqlite3_finalize(ask);
	return version;
}

/* make_tables() - if it is new; another process may be doing the same */
static int make_tables(struct audit_index *index, struct diag *diag)
{
	int version = version_of(index);

	if (version == 0) {
		if (sqlite3_exec(index->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
		    (version_of(index) == 0 &&
		     sqlite3_exec(index->db, schema, NULL, NULL, NULL) != SQLITE_OK) ||
		    sqlite3_exec(index->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			return index_error(index, diag);
		version = version_of(index);
	}
	if (version < 0)
		return index_error(index, diag);
	return version == SCHEMA ? 0 : diag_set(diag, -EUCLEAN, "the index is of another version");
}

static int open_file(struct audit_index *index, struct diag *diag)
{
	enum { FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX };
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/index.db", index->folder);
	mode_t mask = umask(0077);
	int r = sqlite3_open_v2(path, &index->db, FLAGS, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(index->db,
				 "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				 "PRAGMA cache_size = -65536; PRAGMA trusted_schema = OFF;"
				 "PRAGMA cell_size_check = ON",
				 NULL, NULL, NULL);
	(void)umask(mask);
	if (r != SQLITE_OK)
		return index_error(index, diag);
	(void)sqlite3_busy_timeout(index->db, BUSY_MS);
	r = make_tables(index, diag);
	for (size_t i = 0; r == 0 && i < INDEX_STATEMENTS; i++)
		if (sqlite3_prepare_v3(index->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &index->made[i], NULL) != SQLITE_OK)
			r = index_error(index, diag);
	return r;
}

static int lock(struct audit_index *index, int how, struct diag *diag)
{
	int r = audit_lock(index->lock, how);

	if (r == 0)
		return 0;
	if (r != -ETIMEDOUT)
		return diag_set(diag, r, "the index of the audit logs cannot be locked: %s",
				strerrordesc_np(-r));
	return diag_set(diag, -EBUSY, "the index of the audit logs is in use; try again");
}

int audit_index_rebuild(struct audit_index *index, struct diag *diag)
{
	static const char *const names[] = { "index.db", "index.db-wal", "index.db-shm" };
	int r = 0;

	shut(index);
	r = lock(index, LOCK_EX, diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unlinkat(index->folder, names[i], 0) < 0 && errno != ENOENT)
			return diag_set(diag, -errno, "%s cannot be removed: %s", names[i],
					strerrordesc_np(errno));
	r = lock(index, LOCK_SH, diag);
	return r == 0 ? open_file(index, diag) : r;
}

int audit_index_open(struct audit_index **ret, int folder, struct diag *diag)
{
	struct audit_index *index = calloc(1, sizeof(*index));
	int r = 0;

	if (index == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	index->folder = folder;
	index->lock = openat(folder, "index.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (index->lock < 0)
		r = diag_set(diag, -errno, "index.lock: %s", strerrordesc_np(errno));
	if (r == 0)
		r = lock(index, LOCK_SH, diag);
	if (r == 0)
		r = open_file(index, diag);
	if (r == -EUCLEAN)
		r = audit_index_rebuild(index, diag);
	if (r < 0)
		audit_index_close(index);
	else
		*ret = index;
	return r;
}

void audit_index_close(struct audit_index *index)
{
	if (index == NULL)
		return;
	shut(index);
	fd_close(&index->lock);
	free(index);
}

/* is_first() - of the files of a log, is this the one by which it is known? The last, or the first if that
 * is being put aside. */
static bool is_first(int folder, const char *log, unsigned part)
{
	char name[AUDIT_FILE_NAME_OCTETS];
	struct stat st;

	audit_file_name(name, log, 0);
	return part == 0 || (part == 1 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0);
}

/* fill_all() - every log that is there. Return: as index_fill(). */
static int fill_all(unsigned *bad, struct audit_index *index, DIR *all)
{
	char log[AUDIT_LOG_NAME_OCTETS];
	unsigned part = 0;

	for (struct dirent *one = NULL; errno = 0, (one = readdir(all)) != NULL;) {
		if (!audit_file_split(log, &part, one->d_name) || strcmp(log, AUDIT_LEDGER) == 0 ||
		    !is_first(index->folder, log, part))
			continue;
		int r = index_fill(index, log);
		if (r < 0)
			return r;
		*bad += r == 1;
	}
	return errno != 0 ? -EIO : 0; /* whatever it is: -1 would be of SQLite */
}

int audit_index_update(unsigned *ret_bad, struct audit_index *index, struct diag *diag)
{
	int copy = openat(index->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = copy >= 0 ? fdopendir(copy) : NULL;
	unsigned bad = 0;

	if (all == NULL) {
		int error = -errno;

		fd_close(&copy);
		return diag_set(diag, error, "the audit logs do not read: %s",
				strerrordesc_np(-error));
	}
	int r = index_step(index, INDEX_BEGIN);
	if (r == 0)
		r = fill_all(&bad, index, all);
	if (r == 0)
		r = index_step(index, INDEX_COMMIT);
	if (r == -1)
		r = index_error(index, diag);
	else if (r < 0)
		(void)diag_set(diag, r, "the audit logs do not read: %s", strerrordesc_np(-r));
	if (r < 0 && sqlite3_get_autocommit(index->db) == 0)
		(void)!index_step(index, INDEX_ROLLBACK);
	(void)closedir(all);
	if (r == 0)
		*ret_bad = bad;
	return r;
}
