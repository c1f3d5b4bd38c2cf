// SPDX-License-Identifier: Apache-2.0
/* What is kept is found again, in a file of its own each; what is not as it should be is an error. */
#include "consent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"

struct rig {
	char path[64];
	int home;
	struct store *store;
	struct diag diag;
};

static void rig_open(struct rig *rig)
{
	*rig = (struct rig){ .path = "/tmp/immure-consent-XXXXXX", .home = -1 };
	CHECK(mkdtemp(rig->path) != NULL, "no folder");
	rig->home = open(rig->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(store_open(&rig->store, rig->home, false, &rig->diag) == -ENOENT, "there is one");
	CHECK(store_open(&rig->store, rig->home, true, &rig->diag) == 0, "%s", rig->diag.why);
}

static void rig_close(struct rig *rig)
{
	static const char *const names[] = { GRANT_FILE, GRANT_FILE "-wal", GRANT_FILE "-shm" };

	store_close(rig->store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(rig->home, names[i], 0);
	fd_close(&rig->home);
	(void)rmdir(rig->path);
}

static struct grant connect_to(const char *app, const char *host, uint16_t port)
{
	return (struct grant){ .app = span_of(app),
			       .action = GRANT_NET_CONNECT,
			       .host = span_of(host),
			       .port = port,
			       .created = 1700000000,
			       .by = SPAN("cli"),
			       .uid = 1000 };
}

static int64_t keep(struct rig *rig, const struct grant *grant)
{
	int64_t id = 0;
	int r = store_add(&id, rig->store, grant, &rig->diag);

	CHECK(r == 0, "%d %s", r, rig->diag.why);
	return id;
}

struct text {
	char octets[2048];
};

static int write_down(void *context, const struct grant *grant)
{
	struct text *text = context;
	size_t len = strlen(text->octets);

	(void)snprintf(text->octets + len, sizeof(text->octets) - len,
		       "%lld:%.*s>%.*s:%u%.*s%.*s/%u ", (long long)grant->id, (int)grant->app.len,
		       grant->app.ptr, (int)grant->host.len, grant->host.ptr, grant->port,
		       (int)grant->method.len, grant->method.ptr, (int)grant->target.len,
		       grant->target.ptr, grant->flags);
	return 0;
}

static void expect(struct rig *rig, const char *app, const char *all)
{
	struct text text = { "" };
	int r = store_list(rig->store, app != NULL ? span_of(app) : (struct span){ 0 }, write_down,
			   &text, &rig->diag);

	CHECK(r == 0 && strcmp(text.octets, all) == 0, "%d '%s' not '%s'", r, text.octets, all);
}

static void test_keeps(void)
{
	struct rig rig;
	struct stat st;

	rig_open(&rig);
	struct grant one = connect_to("one", "a.test", 443), two = connect_to("two", "a.test", 443);
	struct grant request = connect_to("one", "a.test", 443);
	request.action = GRANT_HTTP_REQUEST;
	request.flags = GRANT_HTTPS;
	request.method = SPAN("GET");
	request.target = SPAN("/x?y=');DROP/**/TABLE/**/consent;--");
	CHECK(keep(&rig, &one) == 1 && keep(&rig, &two) == 2 && keep(&rig, &request) == 3, "ids");
	expect(&rig, "one",
	       "1:one>a.test:443/0 3:one>a.test:443GET/x?y=');DROP/**/TABLE/**/consent;--/2 ");
	expect(&rig, "two", "2:two>a.test:443/0 ");
	expect(&rig, "On", "");
	/* the same scope */
	one.flags = GRANT_DENY;
	CHECK(keep(&rig, &one) == 1, "another id");
	expect(&rig, NULL,
	       "1:one>a.test:443/1 2:two>a.test:443/0 3:one>a.test:443GET/"
	       "x?y=');DROP/**/TABLE/**/consent;--/2 ");
	/* another process */
	store_close(rig.store);
	rig.store = NULL;
	CHECK(store_open(&rig.store, rig.home, false, &rig.diag) == 0, "%s", rig.diag.why);
	expect(&rig, "two", "2:two>a.test:443/0 ");
	CHECK(fstatat(rig.home, GRANT_FILE, &st, 0) == 0 && (st.st_mode & 0777) == 0600, "mode");
	rig_close(&rig);
}

/* Each differs from the first in one thing alone. */
static void test_scopes(void)
{
	struct rig rig;
	struct grant rows[8];

	rig_open(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i] = connect_to("one", "a.test", 443);
		rows[i].action = GRANT_HTTP_REQUEST;
		rows[i].method = SPAN("GET");
		rows[i].target = SPAN("/a");
	}
	rows[1].app = SPAN("two");
	rows[2].host = SPAN("b.test");
	rows[3].port = 444;
	rows[4].method = SPAN("get");
	rows[5].target = SPAN("/a?");
	rows[6].flags = GRANT_HTTPS;
	rows[7].flags = GRANT_WEBSOCKET;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(keep(&rig, &rows[i]) == (int64_t)i + 1, "row %zu", i);
	rig_close(&rig);
}

static void test_revokes(void)
{
	struct rig rig;

	rig_open(&rig);
	for (unsigned port = 1; port <= 4; port++) {
		struct grant grant = connect_to(port < 4 ? "one" : "two", "a.test", (uint16_t)port);

		(void)keep(&rig, &grant);
	}
	CHECK(store_revoke(rig.store, 2, &rig.diag) == 0, "%s", rig.diag.why);
	CHECK(store_revoke(rig.store, 2, &rig.diag) == -ENOENT, "again");
	expect(&rig, NULL, "1:one>a.test:1/0 3:one>a.test:3/0 4:two>a.test:4/0 ");
	CHECK(store_revoke_app(rig.store, SPAN("one"), &rig.diag) == 0, "%s", rig.diag.why);
	CHECK(store_revoke_app(rig.store, SPAN("one"), &rig.diag) == -ENOENT, "again");
	expect(&rig, NULL, "4:two>a.test:4/0 ");
	CHECK(store_revoke(rig.store, 4, &rig.diag) == 0, "%s", rig.diag.why);
	struct grant grant = connect_to("one", "a.test", 9);
	CHECK(keep(&rig, &grant) == 5, "an id came again");
	rig_close(&rig);
}

static void test_expires(void)
{
	struct rig rig;

	rig_open(&rig);
	struct grant gone = connect_to("one", "a.test", 1), later = connect_to("one", "a.test", 2);
	gone.expires = clock_unix_s();
	later.expires = clock_unix_s() + 3600;
	(void)keep(&rig, &gone);
	expect(&rig, NULL, "");
	(void)keep(&rig, &later);
	expect(&rig, NULL, "2:one>a.test:2/0 ");
	CHECK(store_revoke(rig.store, 1, &rig.diag) == -ENOENT, "it is still there");
	rig_close(&rig);
}

static void test_bounds(void)
{
	struct rig rig;
	int64_t id = 0;

	rig_open(&rig);
	for (unsigned port = 1; port <= GRANT_APP_MAX; port++) {
		struct grant grant = connect_to("one", "a.test", (uint16_t)port);

		(void)keep(&rig, &grant);
	}
	struct grant more = connect_to("one", "a.test", GRANT_APP_MAX + 1);
	CHECK(store_add(&id, rig.store, &more, &rig.diag) == -ENOSPC, "%s", rig.diag.why);
	struct grant same = connect_to("one", "a.test", 5), other = connect_to("two", "a.test", 5);
	CHECK(keep(&rig, &same) == 5 && keep(&rig, &other) > GRANT_APP_MAX, "ids");
	other.host = SPAN("a\n.test");
	CHECK(store_add(&id, rig.store, &other, &rig.diag) == -EINVAL, "%s", rig.diag.why);
	rig_close(&rig);
}

/* alter() - what another program might do to the file */
static void alter(struct rig *rig, const char *text)
{
	char path[128];
	sqlite3 *db = NULL;

	store_close(rig->store);
	rig->store = NULL;
	(void)snprintf(path, sizeof(path), "%s/" GRANT_FILE, rig->path);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK &&
		  sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK,
	      "%s", text);
	(void)sqlite3_close(db);
}

static void test_damage(void)
{
	static const char *const rows[] = {
		"UPDATE consent SET host = 'a' || char(27) || '[2Jb'",
		"UPDATE consent SET host = ''",
		"UPDATE consent SET action = 3",
		"UPDATE consent SET action = 'x'",
		"UPDATE consent SET port = 65979",
		"UPDATE consent SET port = -1",
		"UPDATE consent SET target = '/'",
		"UPDATE consent SET host = hex(zeroblob(1000000))",
		"DROP TABLE consent",
		"PRAGMA user_version = 2",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;
		struct text text = { "" };

		rig_open(&rig);
		struct grant grant = connect_to("one", "a.test", 443);
		(void)keep(&rig, &grant);
		alter(&rig, rows[i]);
		int r = store_open(&rig.store, rig.home, false, &rig.diag);
		if (r == 0)
			r = store_list(rig.store, SPAN("one"), write_down, &text, &rig.diag);
		CHECK(r == -EUCLEAN && rig.diag.why[0] != '\0', "row %zu: %d %s", i, r,
		      text.octets);
		rig_close(&rig);
	}
}

static void test_no_database(void)
{
	struct rig rig;

	rig_open(&rig);
	store_close(rig.store);
	rig.store = NULL;
	CHECK(fd_replace_file(rig.home, GRANT_FILE, SPAN("no database, but a text of some length"),
			      0600) == 0,
	      "replace");
	CHECK(store_open(&rig.store, rig.home, true, &rig.diag) == -EUCLEAN, "%s", rig.diag.why);
	rig_close(&rig);
}

/* What is no clear yes is a no. */
static void test_doubt(void)
{
	struct rig rig;

	rig_open(&rig);
	struct grant grant = connect_to("one", "a.test", 443);
	(void)keep(&rig, &grant);
	alter(&rig, "UPDATE consent SET deny = 'x'");
	CHECK(store_open(&rig.store, rig.home, false, &rig.diag) == 0, "%s", rig.diag.why);
	expect(&rig, NULL, "1:one>a.test:443/1 ");
	rig_close(&rig);
}

int main(void)
{
	test_keeps();
	test_scopes();
	test_revokes();
	test_expires();
	test_bounds();
	test_damage();
	test_no_database();
	test_doubt();
	return test_failures > 0;
}
