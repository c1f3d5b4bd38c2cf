// SPDX-License-Identifier: Apache-2.0
/* Logs that the writer wrote are read again: whose they are, since when, and what is no longer whole. */
#include "learn/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/files.h"
#include "base/fd.h"
#include "learn/learn_test_priv.h"

enum { SECOND_NS = 1000000000 };

static char path[] = "/dev/shm/learn-test-XXXXXX";

/* put_log() - three lookups, 1, 2 and 3 s after 1970, and an end; the last of @actor, if that is any */
static void put_log(int home, const char *name, const char *app, const char *actor)
{
	static const char *const hosts[] = { "a.test", "b.test", "c.test" };
	const struct audit_settings settings = { .log = name, .app = app, .part_octets = 500 };
	struct audit_log *log = NULL;
	struct diag diag;

	CHECK(audit_open(&log, home, &settings, &diag) == 0, "%s", diag.why);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct audit_entry entry = entry_of(AUDIT_ALLOW, "dns.query", hosts[i], 0);

		entry.time_ns = (int64_t)(i + 1) * SECOND_NS;
		if (i == 2 && actor != NULL)
			entry.actor.app = span_of(actor);
		CHECK(audit_append(log, &entry) == 0 && audit_flush(log) == 0, "append");
		entry.phase = AUDIT_END;
		entry.resource.host = SPAN("end.test");
		CHECK(audit_append(log, &entry) == 0 && audit_flush(log) == 0, "append");
	}
	CHECK(audit_close(log) == 0, "close");
}

static void check_filters(int folder)
{
	static const struct {
		struct learn_filter filter;
		uint64_t entries;
	} rows[] = {
		{ { NULL, NULL, 0 }, 9 },
		{ { "codex", NULL, 0 }, 4 }, /* three by the ledger, one by its actor */
		{ { "claw", NULL, 0 }, 0 },
		{ { NULL, "vm-a1b2c3d4", 0 }, 3 },
		{ { "codex", "vm-a1b2c3d4", 0 }, 3 },
		{ { "codex", "vm-00000003", 0 }, 3 }, /* nobody says whose that is */
		{ { "other", "vm-00000002", 0 }, 2 },
		{ { NULL, NULL, 2 * (int64_t)SECOND_NS }, 6 },
		{ { NULL, "vm-ffffffff", 0 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct learn model = { 0 };
		struct diag diag = { 0 };
		unsigned bad = 1;

		CHECK(learn_read(&bad, &model, folder, &rows[i].filter, &diag) == 0, "%s",
		      diag.why);
		CHECK(bad == 0 && model.entries == rows[i].entries, "row %zu: %llu", i,
		      (unsigned long long)model.entries);
		learn_free(&model);
	}
}

/* A damaged line ends its file, is told, and the other logs are read. */
static void check_damage(int folder)
{
	const struct learn_filter all = { 0 };
	CLEANUP_FD int fd = openat(folder, "vm-a1b2c3d4.1.jsonl", O_WRONLY | O_CLOEXEC);
	struct learn model = { 0 };
	struct diag diag = { 0 };
	unsigned bad = 0;

	CHECK(fd >= 0 && pwrite(fd, "x", 1, 0) == 1, "damage");
	CHECK(learn_read(&bad, &model, folder, &all, &diag) == 0, "%s", diag.why);
	CHECK(bad == 1 && model.entries < 9 && model.entries >= 6, "%u %llu", bad,
	      (unsigned long long)model.entries);
	learn_free(&model);
}

static void clean(int home, int folder)
{
	DIR *dir = fdopendir(dup(folder));
	const struct dirent *entry = NULL;

	CHECK(dir != NULL, "fdopendir");
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(folder, entry->d_name, 0);
	(void)closedir(dir);
	CHECK(unlinkat(home, "audit", AT_REMOVEDIR) == 0 && rmdir(path) == 0, "not empty");
}

int main(void)
{
	struct diag diag = { 0 };

	CHECK(mkdtemp(path) != NULL, "mkdtemp");
	CLEANUP_FD int home = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int folder = -1;

	put_log(home, "vm-a1b2c3d4", "codex", NULL);
	put_log(home, "vm-00000002", "other", "codex");
	put_log(home, "vm-00000003", NULL, NULL);
	CHECK(audit_folder(&folder, home, false, &diag) == 0, "%s", diag.why);
	check_filters(folder);
	check_damage(folder);
	clean(home, folder);
	return test_failures > 0;
}
