/* SPDX-License-Identifier: Apache-2.0 */
/* log_test_priv - a home in memory with a log in it, for tests. */
#ifndef AUDIT_LOG_TEST_PRIV_H
#define AUDIT_LOG_TEST_PRIV_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/verify.h"
#include "base/fd.h"
#include "base/test.h"

struct rig {
	char path[64];
	int home, folder; /* folder: -1 before the first log */
};

static inline void rig_open(struct rig *rig)
{
	(void)snprintf(rig->path, sizeof(rig->path), "/dev/shm/audit-test-XXXXXX");
	CHECK(mkdtemp(rig->path) != NULL, "mkdtemp");
	rig->home = open(rig->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rig->folder = -1;
}

static inline int rig_folder(struct rig *rig)
{
	struct diag diag;

	if (rig->folder < 0)
		CHECK(audit_folder(&rig->folder, rig->home, false, &diag) == 0, "%s", diag.why);
	return rig->folder;
}

static inline void rig_close(struct rig *rig)
{
	static const char *const names[] = { "key",       "key.pub",      "ledger.jsonl",
					     "index.db",  "index.db-wal", "index.db-shm",
					     "index.lock" };
	static const char *const logs[] = { "one", "two" };
	char name[AUDIT_FILE_NAME_OCTETS];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(rig_folder(rig), names[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
		for (unsigned part = 0; part < 3000; part++) {
			audit_file_name(name, logs[i], part);
			(void)unlinkat(rig_folder(rig), name, 0);
		}
	CHECK(unlinkat(rig->home, "audit", AT_REMOVEDIR) == 0, "audit/ is not empty");
	fd_close(&rig->folder);
	fd_close(&rig->home);
	CHECK(rmdir(rig->path) == 0, "%s is not empty", rig->path);
}

static inline struct audit_log *rig_log(struct rig *rig, const char *name, uint64_t part_octets)
{
	const struct audit_settings settings = {
		.log = name, .app = "test", .sync = AUDIT_SYNC_NONE, .part_octets = part_octets
	};
	struct audit_log *log = NULL;
	struct diag diag = { 0 };
	int r = audit_open(&log, rig->home, &settings, &diag);

	CHECK(r == 0, "%s: %s", name, diag.why);
	return log;
}

static inline int rig_append(struct audit_log *log, const char *id)
{
	const struct audit_entry entry = {
		.request_id = span_of(id),
		.phase = AUDIT_EVENT,
		.action = SPAN("net.connect"),
		.resource = { .host = SPAN("example.com"), .port = AUDIT_NUMBER(443) },
		.decision = AUDIT_DENY,
	};
	int r = audit_append(log, &entry);

	return r < 0 ? r : audit_flush(log);
}

static inline void rig_fill(struct audit_log *log, unsigned count)
{
	char id[32];

	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(id, sizeof(id), "req-%08x", i);
		CHECK(rig_append(log, id) == 0, "%s", id);
	}
}

/* rig_verify() - of all; owned by nobody, valid until the next call */
static inline const struct audit_verdict *rig_verify(struct rig *rig)
{
	static struct audit_verdict verdict;
	struct diag diag = { 0 };
	int r = audit_verify(&verdict, rig_folder(rig), &diag);

	CHECK(r == 0, "%s", diag.why);
	return &verdict;
}

static inline char *rig_read(struct rig *rig, const char *name, size_t *len)
{
	char *text = NULL;

	CHECK(fd_read_file(&text, len, rig_folder(rig), name, 1U << 30) == 0, "%s", name);
	return text;
}

static inline void rig_write(struct rig *rig, const char *name, struct span text)
{
	CHECK(fd_replace_file(rig_folder(rig), name, text, 0600) == 0, "%s", name);
}

#endif
