// SPDX-License-Identifier: Apache-2.0
/* The index finds what is there, goes on where it stopped, and is made anew when it is no good. */
#include <sqlite3.h>

#include "audit/index.h"
#include "audit/log_test_priv.h"

struct seen {
	unsigned count, ended;
	char hosts[1024]; /* one after the other */
};

static int each(void *context, const struct audit_found *found)
{
	struct seen *seen = context;
	size_t len = strlen(seen->hosts);

	seen->count++;
	seen->ended += found->end_line.ptr != NULL;
	(void)snprintf(seen->hosts + len, sizeof(seen->hosts) - len, "%.*s ",
		       (int)found->entry.resource.host.len, found->entry.resource.host.ptr);
	return 0;
}

static int put(struct audit_log *log, const char *id, const char *action, const char *host,
	       enum audit_phase phase)
{
	const struct audit_entry entry = {
		.request_id = span_of(id),
		.phase = phase,
		.action = span_of(action),
		.actor = { .app = SPAN("app-1"), .sandbox = SPAN("one") },
		.resource = { .host = span_of(host) },
		.decision = phase == AUDIT_EVENT ? AUDIT_DENY : AUDIT_ALLOW,
		.request_bytes = AUDIT_NUMBER(phase == AUDIT_END ? 10 : 0),
		.response_bytes = AUDIT_NUMBER(phase == AUDIT_END ? 20 : 0),
	};
	int r = audit_append(log, &entry);

	return r == 0 ? audit_flush(log) : r;
}

static struct seen ask(struct rig *rig, const struct audit_filter *filter, unsigned *bad)
{
	struct seen seen = { 0 };
	struct audit_index *index = NULL;
	struct diag diag = { 0 };
	unsigned unread = 0;
	int r = audit_index_open(&index, rig_folder(rig), &diag);

	CHECK(r == 0, "%s", diag.why);
	if (r < 0)
		return seen;
	r = audit_index_update(&unread, index, &diag);
	CHECK(r == 0, "%s", diag.why);
	r = audit_query(index, filter, each, &seen, &diag);
	CHECK(r == 0, "%s", diag.why);
	audit_index_close(index);
	if (bad != NULL)
		*bad = unread;
	else
		CHECK(unread == 0, "%u", unread);
	return seen;
}

static void expect(struct rig *rig, const struct audit_filter *filter, unsigned count,
		   unsigned ended, const char *hosts)
{
	struct seen seen = ask(rig, filter, NULL);

	CHECK(seen.count == count && seen.ended == ended, "%s: %u, %u ended", hosts, seen.count,
	      seen.ended);
	CHECK(strcmp(seen.hosts, hosts) == 0, "'%s' not '%s'", seen.hosts, hosts);
}

static struct audit_log *some(struct rig *rig)
{
	rig_open(rig);
	struct audit_log *log = rig_log(rig, "one", 0);
	CHECK(put(log, "r1", "http.request", "a.test", AUDIT_BEGIN) == 0, "put");
	CHECK(put(log, "r2", "dns.query", "b.test", AUDIT_BEGIN) == 0, "put");
	CHECK(put(log, "r3", "net.connect", "c.other", AUDIT_EVENT) == 0, "put");
	CHECK(put(log, "r1", "http.request", "a.test", AUDIT_END) == 0, "put");
	return log;
}

static void test_filters(void)
{
	struct rig rig = { 0 };
	struct audit_log *log = some(&rig);

	expect(&rig, &(struct audit_filter){ 0 }, 3, 1, "a.test b.test c.other ");
	expect(&rig, &(struct audit_filter){ .app = "app-1" }, 3, 1, "a.test b.test c.other ");
	expect(&rig, &(struct audit_filter){ .app = "app-2" }, 0, 0, "");
	expect(&rig, &(struct audit_filter){ .sandbox = "one", .limit = 2 }, 2, 0,
	       "b.test c.other ");
	expect(&rig, &(struct audit_filter){ .sandbox = "two" }, 0, 0, "");
	expect(&rig, &(struct audit_filter){ .host = "*.test" }, 2, 1, "a.test b.test ");
	expect(&rig, &(struct audit_filter){ .kind = AUDIT_KIND_NET }, 2, 1, "a.test c.other ");
	expect(&rig, &(struct audit_filter){ .denied = true }, 1, 0, "c.other ");
	expect(&rig, &(struct audit_filter){ .since_ns = INT64_MAX }, 0, 0, "");
	/* it ends after the index has seen it begin, in another part */
	CHECK(put(log, "r2", "dns.query", "b.test", AUDIT_END) == 0, "put");
	expect(&rig, &(struct audit_filter){ .host = "b.*" }, 1, 1, "b.test ");
	CHECK(audit_close(log) == 0, "close");
	rig_close(&rig);
}

static int sum(void *context, const struct audit_count *count)
{
	uint64_t *sums = context;

	if (count->what == NULL) {
		sums[0] = count->effects;
		sums[1] = count->denied;
		sums[2] = count->sent + count->received;
	}
	sums[3]++;
	return 0;
}

static void test_stats(void)
{
	uint64_t sums[4] = { 0 };
	struct rig rig = { 0 };
	struct audit_log *log = some(&rig);
	struct audit_index *index = NULL;
	struct diag diag = { 0 };
	unsigned bad = 0;

	CHECK(audit_index_open(&index, rig_folder(&rig), &diag) == 0 &&
		  audit_index_update(&bad, index, &diag) == 0,
	      "%s", diag.why);
	CHECK(audit_stats(index, &(struct audit_filter){ 0 }, sum, sums, &diag) == 0, "%s",
	      diag.why);
	CHECK(sums[0] == 3 && sums[1] == 1 && sums[2] == 30 && sums[3] == 1 + 2 + 1 + 3 + 1,
	      "%d %d %d %d", (int)sums[0], (int)sums[1], (int)sums[2], (int)sums[3]);
	audit_index_close(index);
	CHECK(audit_close(log) == 0, "close");
	rig_close(&rig);
}

static void test_parts(void)
{
	struct rig rig = { 0 };
	struct seen seen;

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 3000);
	for (unsigned i = 1; i <= 5; i++) {
		rig_fill(log, 20);
		seen = ask(&rig, &(struct audit_filter){ .host = "example.com" }, NULL);
		CHECK(seen.count == 20 * i, "%u: %u", i, seen.count);
	}
	CHECK(audit_close(log) == 0, "close");
	rig_close(&rig);
}

/* test_replaced() - the log is another than the one that was read */
static void test_replaced(void)
{
	struct rig rig = { 0 };
	struct audit_log *log = some(&rig);

	expect(&rig, &(struct audit_filter){ .limit = 1 }, 1, 0, "c.other ");
	CHECK(audit_close(log) == 0, "close");
	CHECK(unlinkat(rig_folder(&rig), "one.jsonl", 0) == 0, "unlink");
	log = rig_log(&rig, "one", 0);
	for (unsigned i = 0; i < 10; i++)
		CHECK(put(log, "r9", "net.connect", "d", AUDIT_EVENT) == 0, "put");
	expect(&rig, &(struct audit_filter){ 0 }, 10, 0, "d d d d d d d d d d ");
	CHECK(audit_close(log) == 0, "close");
	size_t len = 0;
	char *text = rig_read(&rig, "one.jsonl", &len);
	CHECK(unlinkat(rig_folder(&rig), "index.db", 0) == 0, "unlink");
	strstr(strstr(text, "\"seq\":5"), "net.conn")[0] = 'N'; /* the next one notices */
	rig_write(&rig, "one.jsonl", (struct span){ text, len });
	unsigned bad = 0;
	struct seen seen = ask(&rig, &(struct audit_filter){ 0 }, &bad);
	CHECK(seen.count == 6 && bad == 1, "%u %u", seen.count, bad);
	free(text);
	rig_close(&rig);
}

/* newest() - after an update that finds @bad logs bad */
static int64_t newest(struct rig *rig, unsigned bad)
{
	struct audit_index *index = NULL;
	struct diag diag = { 0 };
	unsigned got = 0;
	int64_t id = -1;

	CHECK(audit_index_open(&index, rig_folder(rig), &diag) == 0 &&
		  audit_index_update(&got, index, &diag) == 0 &&
		  audit_index_newest(&id, index, &diag) == 0,
	      "%s", diag.why);
	CHECK(got == bad, "%u bad, not %u", got, bad);
	audit_index_close(index);
	return id;
}

static void add_text(struct rig *rig, const char *name, struct span more)
{
	int fd = openat(rig_folder(rig), name, O_WRONLY | O_APPEND | O_CLOEXEC);

	CHECK(fd >= 0 && fd_write_all(fd, more) == 0, "%s", name);
	fd_close(&fd);
}

/* change() - the octet at @at, or where @find is, to @c. Return: where. */
static off_t change(struct rig *rig, const char *name, const char *find, off_t at, char c)
{
	static char text[65536];
	CLEANUP_FD int fd = openat(rig_folder(rig), name, O_RDWR | O_CLOEXEC);
	ssize_t len = pread(fd, text, sizeof(text), 0);

	CHECK(len > 0, "%s", name);
	if (find != NULL)
		at = (char *)memmem(text, (size_t)len, find, strlen(find)) - text;
	CHECK(pwrite(fd, &c, 1, at) == 1, "%s", name);
	return at;
}

/* test_bad_line() - the rows before it are not made anew each time, also if the file grows */
static void test_bad_line(void)
{
	static const struct {
		uint64_t part_octets;
		const char *file, *find;
		int64_t effects; /* before it */
	} rows[] = {
		{ 0, "one.jsonl", "\"seq\":9", 9 },
		{ 0, "one.jsonl", "\"seq\":0", 0 },
		{ 4000, "one.2.jsonl", "audit.continue", -1 },
		{ 4000, "one.2.jsonl", "req-", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig = { 0 };

		rig_open(&rig);
		struct audit_log *log = rig_log(&rig, "one", rows[i].part_octets);
		rig_fill(log, 60);
		CHECK(audit_close(log) == 0, "close");
		off_t at = change(&rig, rows[i].file, rows[i].find, 0, '}');
		int64_t id = newest(&rig, 1);
		CHECK(rows[i].effects < 0 ? id > 10 && id < 60 : id == rows[i].effects, "%zu: %lld",
		      i, (long long)id);
		log = rig_log(&rig, "two",
			      0); /* its id is behind theirs, and the next would be higher */
		rig_fill(log, 1);
		CHECK(audit_close(log) == 0, "close");
		CHECK(newest(&rig, 1) == ++id, "%zu: again", i);
		add_text(&rig, rows[i].file, SPAN("{}"));
		CHECK(newest(&rig, 1) == id, "%zu: it grew", i);
		(void)change(&rig, rows[i].file, NULL, at, rows[i].find[0]);
		if (rows[i].part_octets == 0) /* else the file does not end as it should */
			CHECK(newest(&rig, 0) == 61, "%zu: it is good again", i);
		rig_close(&rig);
	}
}

/* test_no_file() - a log that does not open is bad; what was read of it stays, and the others are read */
static void test_no_file(void)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	rig_fill(log, 5);
	CHECK(audit_close(log) == 0, "close");
	CHECK(newest(&rig, 0) == 5, "newest");
	CHECK(renameat(rig_folder(&rig), "one.jsonl", rig_folder(&rig), "kept") == 0 &&
		  symlinkat("kept", rig_folder(&rig), "one.jsonl") == 0,
	      "symlink");
	log = rig_log(&rig, "two", 0);
	rig_fill(log, 5);
	CHECK(audit_close(log) == 0, "close");
	CHECK(newest(&rig, 1) == 10, "newest");
	CHECK(renameat(rig_folder(&rig), "kept", rig_folder(&rig), "one.jsonl") == 0, "rename");
	CHECK(newest(&rig, 0) == 10, "newest");
	CHECK(ask(&rig, &(struct audit_filter){ 0 }, NULL).count == 10, "all");
	rig_close(&rig);
}

/* test_nul() - a NUL in a request's id ends nothing: an end with such an id is an effect of its own */
static void test_nul(void)
{
	const struct span ids[] = { SPAN("a\0b"), SPAN("a\0c"), SPAN("a\0b"), SPAN("a") };
	struct rig rig = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct audit_entry entry = {
			.request_id = ids[i],
			.phase = i < 2 ? AUDIT_BEGIN : AUDIT_END,
			.action = SPAN("x"),
			.resource = { .host = SPAN("h") },
		};

		CHECK(audit_append(log, &entry) == 0 && audit_flush(log) == 0, "append");
		CHECK(newest(&rig, 0) == (int64_t)i + 1, "%zu", i); /* what has begun is kept */
	}
	CHECK(audit_close(log) == 0, "close");
	expect(&rig, &(struct audit_filter){ 0 }, 4, 0, "h h h h ");
	rig_close(&rig);
}

/* test_names() - the index says that a log is outside of the folder: it is not read */
static void test_names(void)
{
	static const char *const names[] = { "../one", "./one", "ONE", "", "one" };
	struct rig rig = { 0 };
	sqlite3 *db = NULL;
	char sql[128], path[128];

	struct audit_log *log = some(&rig);
	CHECK(audit_close(log) == 0, "close");
	expect(&rig, &(struct audit_filter){ .limit = 1 }, 1, 0, "c.other ");
	CHECK(linkat(rig_folder(&rig), "one.jsonl", rig.home, "one.jsonl", 0) == 0, "link");
	(void)snprintf(path, sizeof(path), "%s/audit/index.db", rig.path);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct seen seen = { 0 };
		struct audit_index *index = NULL;
		struct diag diag = { 0 };

		(void)snprintf(sql, sizeof(sql), "UPDATE log SET name = '%s'", names[i]);
		CHECK(sqlite3_open(path, &db) == SQLITE_OK &&
			  sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
		      "%s", names[i]);
		(void)sqlite3_close(db);
		CHECK(audit_index_open(&index, rig_folder(&rig), &diag) == 0 &&
			  audit_query(index, &(struct audit_filter){ 0 }, each, &seen, &diag) == 0,
		      "%s", diag.why);
		audit_index_close(index);
		CHECK(seen.count == (strcmp(names[i], "one") == 0 ? 3 : 0), "%s: %u", names[i],
		      seen.count);
	}
	(void)unlinkat(rig.home, "one.jsonl", 0);
	rig_close(&rig);
}

/* test_damaged() - every octet of its first page, and a file that is none */
static void test_damaged(void)
{
	struct rig rig = { 0 };
	struct audit_log *log = some(&rig);

	expect(&rig, &(struct audit_filter){ .limit = 1 }, 1, 0, "c.other ");
	rig_write(&rig, "index.db",
		  SPAN("this is no database, but a text of some length: it is to be made anew"));
	expect(&rig, &(struct audit_filter){ .limit = 1 }, 1, 0, "c.other ");
	size_t len = 0;
	char *text = rig_read(&rig, "index.db", &len);
	memset(text + 60, 7, 4); /* user_version: https://sqlite.org/fileformat2.html 1.3 */
	rig_write(&rig, "index.db", (struct span){ text, len });
	expect(&rig, &(struct audit_filter){ .limit = 1 }, 1, 0, "c.other ");
	free(text);
	CHECK(audit_close(log) == 0, "close");
	rig_close(&rig);
}

int main(void)
{
	test_filters();
	test_stats();
	test_parts();
	test_replaced();
	test_bad_line();
	test_no_file();
	test_nul();
	test_names();
	test_damaged();
	return test_failures > 0;
}
