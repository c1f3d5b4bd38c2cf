// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: of each log the index remembers how far it was read and the hash of the line
 * before. If the next line does not fit, and the one before is not there any more, it is not the log of
 * then, and all rows of it are made anew; if it is there, the log is bad from here on and its rows stay.
 * Effects that have begun and not ended are held in a table in memory while
 * a log is read, since nearly all of them end soon, and the rest is kept in the table "open".
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/files.h"
#include "audit/index_priv.h"
#include "base/fd.h"
#include "base/hash.h"

enum { OPEN_FIRST = 4096, OPEN_MAX = 1024 * 1024 };

/* An effect that has not ended. */
struct begun {
	char request[64]; /* with a NUL; "" : a free place */
	int64_t id;
};

struct opens {
	struct begun *all; /* owned; of a power of two, at most half of them in use */
	size_t size, len;
};

struct filling {
	struct audit_index *index;
	int64_t log;
	unsigned part;
	off_t at; /* of the line */
	uint64_t seq;
	uint8_t hash[AUDIT_HASH_OCTETS];
	bool has_hash;
	struct opens opens;
	struct {
		char text[256];
		int64_t id;
	} words[64]; /* found last, by hash */
	char room[AUDIT_LINE_OCTETS_MAX];
};

static size_t place_of(const struct opens *opens, struct span request)
{
	size_t i = (size_t)hash_octets64(request) & (opens->size - 1);

	while (opens->all[i].request[0] != '\0' && !span_is(request, opens->all[i].request))
		i = (i + 1) & (opens->size - 1);
	return i;
}

static int opens_grow(struct opens *opens)
{
	struct opens more = { .size = opens->size > 0 ? 2 * opens->size : OPEN_FIRST };

	more.all = calloc(more.size, sizeof(more.all[0]));
	if (more.all == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < opens->size; i++)
		if (opens->all[i].request[0] != '\0')
			more.all[place_of(&more, span_of(opens->all[i].request))] = opens->all[i];
	more.len = opens->len;
	free(opens->all);
	*opens = more;
	return 0;
}

static int opens_add(struct opens *opens, struct span request, int64_t id)
{
	/* beyond the bound an end is a row of its own; and "a" is not to end what "a", NUL, "b" began */
	if (request.len == 0 || request.len >= sizeof(opens->all[0].request) ||
	    memchr(request.ptr, '\0', request.len) != NULL || opens->len * 2 >= OPEN_MAX)
		return 0;
	if (opens->len * 2 >= opens->size) {
		int r = opens_grow(opens);

		if (r < 0)
			return r;
	}
	struct begun *place = &opens->all[place_of(opens, request)];
	opens->len += place->request[0] == '\0';
	memcpy(place->request, request.ptr, request.len);
	place->request[request.len] = '\0';
	place->id = id;
	return 0;
}

/* opens_take() - out of the table, the row of @request; 0: there is none */
static int64_t opens_take(struct opens *opens, struct span request)
{
	if (opens->len == 0 || request.len == 0)
		return 0;
	size_t hole = place_of(opens, request), mask = opens->size - 1;
	int64_t id = opens->all[hole].id;
	if (opens->all[hole].request[0] == '\0')
		return 0;
	opens->len--;
	/* those behind it that would be looked for from here or before move up */
	for (size_t i = (hole + 1) & mask; opens->all[i].request[0] != '\0'; i = (i + 1) & mask) {
		size_t home = (size_t)hash_octets64(span_of(opens->all[i].request)) & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		opens->all[hole] = opens->all[i];
		hole = i;
	}
	opens->all[hole].request[0] = '\0';
	return id;
}

static void bind_text(sqlite3_stmt *made, int at, struct span text)
{
	(void)sqlite3_bind_text(made, at, text.ptr, (int)text.len, SQLITE_STATIC);
}

static int word_find(int64_t *ret, struct audit_index *index, struct span text)
{
	sqlite3_stmt *find = index->made[INDEX_WORD];

	bind_text(find, 1, text);
	int r = sqlite3_step(find);
	*ret = r == SQLITE_ROW ? sqlite3_column_int64(find, 0) : 0;
	(void)sqlite3_reset(find);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return -1;
	if (*ret != 0)
		return 0;
	bind_text(index->made[INDEX_WORD_ADD], 1, text);
	r = index_step(index, INDEX_WORD_ADD);
	*ret = sqlite3_last_insert_rowid(index->db);
	return r;
}

/* word() - the number of @text; 0 for none */
static int word(int64_t *ret, struct filling *fill, struct span text)
{
	size_t i = hash_octets64(text) % ARRAY_SIZE(fill->words);

	*ret = 0;
	if (text.ptr == NULL || text.len == 0)
		return 0;
	if (fill->words[i].id != 0 && span_is(text, fill->words[i].text)) {
		*ret = fill->words[i].id;
		return 0;
	}
	int r = word_find(ret, fill->index, text);
	if (r == 0 && text.len < sizeof(fill->words[i].text) &&
	    memchr(text.ptr, 0, text.len) == NULL) {
		memcpy(fill->words[i].text, text.ptr, text.len);
		fill->words[i].text[text.len] = '\0';
		fill->words[i].id = *ret;
	}
	return r;
}

static void bind_counts(sqlite3_stmt *made, int at, const struct audit_entry *entry)
{
	(void)sqlite3_bind_int64(made, at, (int64_t)entry->request_bytes.value);
	(void)sqlite3_bind_int64(made, at + 1, (int64_t)entry->response_bytes.value);
}

static int add_effect(struct filling *fill, const struct audit_entry *entry)
{
	sqlite3_stmt *made = fill->index->made[INDEX_ADD];
	int64_t app = 0, host = 0;

	if (word(&app, fill, entry->actor.app) < 0 || word(&host, fill, entry->resource.host) < 0)
		return -1;
	(void)sqlite3_bind_int64(made, 1, fill->log);
	(void)sqlite3_bind_int64(made, 2, entry->time_ns);
	(void)sqlite3_bind_int64(made, 3, audit_kind_of(entry->action));
	(void)sqlite3_bind_int64(made, 4, app);
	(void)sqlite3_bind_int64(made, 5, host);
	(void)sqlite3_bind_int64(made, 6, entry->decision == AUDIT_DENY);
	(void)sqlite3_bind_int64(made, 7, fill->part);
	(void)sqlite3_bind_int64(made, 8, fill->at);
	bind_counts(made, 9, entry);
	int r = index_step(fill->index, INDEX_ADD);
	if (r == 0 && entry->phase == AUDIT_BEGIN)
		r = opens_add(&fill->opens, entry->request_id,
			      sqlite3_last_insert_rowid(fill->index->db));
	return r;
}

static int end_effect(struct filling *fill, const struct audit_entry *entry)
{
	sqlite3_stmt *made = fill->index->made[INDEX_END];
	int64_t id = opens_take(&fill->opens, entry->request_id);

	if (id == 0) /* its beginning is not on record */
		return add_effect(fill, entry);
	(void)sqlite3_bind_int64(made, 1, id);
	(void)sqlite3_bind_int64(made, 2, fill->part);
	(void)sqlite3_bind_int64(made, 3, fill->at);
	bind_counts(made, 4, entry);
	(void)sqlite3_bind_int64(made, 6, entry->decision == AUDIT_DENY);
	return index_step(fill->index, INDEX_END);
}

/* fill_line() - Return: 0; 1: it does not belong there; below: as index_fill() */
static int fill_line(struct filling *fill, struct span line)
{
	struct audit_entry entry;
	struct diag diag;
	int r = 0;

	if (audit_parse(&entry, line, &diag) < 0 || entry.seq != fill->seq ||
	    (fill->has_hash && memcmp(entry.prev, fill->hash, sizeof(fill->hash)) != 0))
		return 1;
	audit_unescape(&entry, fill->room);
	if (audit_is_entry(&entry))
		r = entry.phase == AUDIT_END ? end_effect(fill, &entry) : add_effect(fill, &entry);
	sha256(fill->hash, line);
	fill->has_hash = true;
	fill->seq++;
	return r;
}

int index_part_open(int folder, const char *log, unsigned part)
{
	char name[AUDIT_FILE_NAME_OCTETS];

	audit_file_name(name, log, part);
	int fd = audit_file_open(folder, name);
	if (fd != -ENOENT)
		return fd;
	/* the one that is written to, unless it was put aside between these two steps */
	audit_file_name(name, log, 0);
	fd = audit_file_open(folder, name);
	if (fd >= 0 && audit_parts(folder, log) + 1 != part) {
		fd_close(&fd);
		return -EAGAIN;
	}
	return fd;
}

/* fill_part() - Return: 0: to its end; 1: a line does not read; below: as index_fill() */
static int fill_part(struct filling *fill, int fd)
{
	struct audit_lines lines = { 0 };
	struct span line = { 0 };
	int r = audit_lines_open(&lines, fd, fill->at);

	if (r < 0)
		return r;
	while ((r = audit_lines_next(&line, &lines)) == 1) {
		r = fill_line(fill, line);
		if (r != 0)
			break;
		fill->at = lines.at;
	}
	audit_lines_close(&lines);
	return r == -E2BIG || r == -EIO ? 1 : r;
}

/* fill_parts() - from where it is. Return: as fill_part(). */
static int fill_parts(struct filling *fill, const char *log)
{
	for (;;) {
		unsigned parts = audit_parts(fill->index->folder, log);
		CLEANUP_FD int fd = index_part_open(fill->index->folder, log, fill->part);
		struct stat st;

		if (fd == -ENOENT || fd == -EAGAIN) /* it is put aside just now: next time */
			return 0;
		if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE)
			return fd;
		if (fd < 0 || fstat(fd, &st) < 0) /* the other logs are read all the same */
			return 1;
		int r = st.st_size < fill->at ? 1 : fill_part(fill, fd);
		if (r != 0 || fill->part > parts)
			return r;
		fill->part++;
		fill->at = 0;
	}
}

/* log_find() - where it was read to; it is made if need be */
static int log_find(struct filling *fill, const char *log)
{
	struct audit_index *index = fill->index;
	sqlite3_stmt *find = index->made[INDEX_LOG];

	bind_text(find, 1, span_of(log));
	int r = sqlite3_step(find);
	if (r == SQLITE_ROW) {
		fill->log = sqlite3_column_int64(find, 0);
		fill->part = (unsigned)sqlite3_column_int64(find, 1);
		fill->at = sqlite3_column_int64(find, 2);
		fill->seq = (uint64_t)sqlite3_column_int64(find, 3);
		fill->has_hash = sqlite3_column_bytes(find, 4) == AUDIT_HASH_OCTETS;
		if (fill->has_hash)
			memcpy(fill->hash, sqlite3_column_blob(find, 4), AUDIT_HASH_OCTETS);
	}
	(void)sqlite3_reset(find);
	if (r != SQLITE_DONE)
		return r == SQLITE_ROW ? 0 : -1;
	bind_text(index->made[INDEX_LOG_ADD], 1, span_of(log));
	r = index_step(index, INDEX_LOG_ADD);
	fill->log = sqlite3_last_insert_rowid(index->db);
	return r;
}

static int log_keep(struct filling *fill)
{
	sqlite3_stmt *set = fill->index->made[INDEX_LOG_SET];

	(void)sqlite3_bind_int64(set, 1, fill->log);
	(void)sqlite3_bind_int64(set, 2, fill->part);
	(void)sqlite3_bind_int64(set, 3, fill->at);
	(void)sqlite3_bind_int64(set, 4, (int64_t)fill->seq);
	(void)sqlite3_bind_blob(set, 5, fill->hash, fill->has_hash ? AUDIT_HASH_OCTETS : 0,
				SQLITE_STATIC);
	return index_step(fill->index, INDEX_LOG_SET);
}

/* log_forget() - all rows of it */
static int log_forget(struct filling *fill)
{
	(void)sqlite3_bind_int64(fill->index->made[INDEX_LOG_CLEAR], 1, fill->log);
	(void)sqlite3_bind_int64(fill->index->made[INDEX_OPEN_CLEAR], 1, fill->log);
	free(fill->opens.all);
	fill->opens = (struct opens){ 0 };
	fill->part = 1;
	fill->at = 0;
	fill->seq = 0;
	fill->has_hash = false;
	return index_step(fill->index, INDEX_LOG_CLEAR) < 0 ||
		       index_step(fill->index, INDEX_OPEN_CLEAR) < 0
		   ? -1
		   : 0;
}

/* opens_load() - those of before, out of the table */
static int opens_load(struct filling *fill)
{
	sqlite3_stmt *ask = fill->index->made[INDEX_OPENS];
	int step = 0, r = 0;

	(void)sqlite3_bind_int64(ask, 1, fill->log);
	while (r == 0 && (step = sqlite3_step(ask)) == SQLITE_ROW) {
		struct span request = { (const char *)sqlite3_column_text(ask, 0),
					(size_t)sqlite3_column_bytes(ask, 0) };

		r = opens_add(&fill->opens, request, sqlite3_column_int64(ask, 1));
	}
	(void)sqlite3_reset(ask);
	if (r < 0 || step != SQLITE_DONE)
		return r < 0 ? r : -1;
	(void)sqlite3_bind_int64(fill->index->made[INDEX_OPEN_CLEAR], 1, fill->log);
	return index_step(fill->index, INDEX_OPEN_CLEAR);
}

static int opens_keep(struct filling *fill)
{
	sqlite3_stmt *add = fill->index->made[INDEX_OPEN_ADD];
	int r = 0;

	for (size_t i = 0; r == 0 && i < fill->opens.size; i++) {
		if (fill->opens.all[i].request[0] == '\0')
			continue;
		(void)sqlite3_bind_int64(add, 1, fill->log);
		bind_text(add, 2, span_of(fill->opens.all[i].request));
		(void)sqlite3_bind_int64(add, 3, fill->opens.all[i].id);
		r = index_step(fill->index, INDEX_OPEN_ADD);
	}
	return r;
}

/* is_current() - is there nothing new? */
static bool is_current(const struct filling *fill, const char *log)
{
	CLEANUP_FD int fd = index_part_open(fill->index->folder, log, fill->part);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_size == fill->at &&
	       audit_parts(fill->index->folder, log) < fill->part;
}

/* is_same() - is the line still there behind which it goes on? */
static bool is_same(const struct filling *fill, const char *log)
{
	unsigned part = fill->at > 0 ? fill->part : fill->part - 1;
	CLEANUP_FD int fd = index_part_open(fill->index->folder, log, part);
	struct audit_tail tail;

	if (fd < 0) /* none can tell */
		return fd != -ENOENT;
	int r = fill->at > 0 ? audit_tail_before(&tail, fd, fill->at) : audit_tail_find(&tail, fd);
	return r == 0 && tail.torn == 0 && tail.seq == fill->seq && fill->has_hash &&
	       memcmp(tail.hash, fill->hash, sizeof(fill->hash)) == 0;
}

static int fill_log(struct filling *fill, const char *log)
{
	int r = log_find(fill, log);

	if (r < 0 || is_current(fill, log))
		return r;
	bool is_new = fill->seq == 0;
	uint64_t before = fill->seq;
	r = opens_load(fill);
	if (r == 0)
		r = fill_parts(fill, log);
	if (r == 1 && !is_new && fill->seq == before && !is_same(fill, log)) {
		r = log_forget(fill);
		if (r == 0)
			r = fill_parts(fill, log);
	}
	if (r >= 0 && (opens_keep(fill) < 0 || log_keep(fill) < 0))
		r = -1;
	return r;
}

int index_fill(struct audit_index *index, const char *log)
{
	struct filling *fill = calloc(1, sizeof(*fill));

	if (fill == NULL)
		return -ENOMEM;
	fill->index = index;
	fill->part = 1;
	int r = fill_log(fill, log);
	free(fill->opens.all);
	free(fill);
	return r;
}
