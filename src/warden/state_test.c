// SPDX-License-Identifier: Apache-2.0
#include "warden/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "warden/state_priv.h"

#define CONFIG "{\"image\":\"standard\",\"command\":[\"python\",\"x.py\"]}"
static const struct span config = { CONFIG, sizeof(CONFIG) - 1 };
static const char dead[] = "4194304 1\n"; /* PIDs end one below that */

static char folder[] = "/tmp/state_test.XXXXXX"; /* IMMURE_HOME is "s" in it */
static char home_path[sizeof(folder) + 2];

static int home_open(void)
{
	struct diag diag = { 0 };
	int home = -1;

	CHECK(state_home(&home, &diag) == 0, "%s", diag.why);
	return home;
}

/* home_clear() - no sandbox, no leftover */
static void home_clear(int home)
{
	CHECK(state_files_delete(home, "vms") == 0, "clear");
}

/* make() - a sandbox of ours in @status. Return: its folder. */
static int make(char *ret_id, int home, enum state_status status)
{
	struct diag diag = { 0 };
	int dir = -1;
	int r = state_create(&dir, ret_id, home, config, &diag);

	CHECK(r == 0, "%s", diag.why);
	CHECK(r == 0 && state_set_status(dir, status) == 0, "status");
	return dir;
}

static void put(int dir, const char *name, const char *text)
{
	CHECK(fd_replace_file(dir, name, span_of(text), 0600) == 0, "%s", name);
}

/* count() - how many names vms/ holds, hidden ones included */
static int count_one(void *context, int dir, const char *name)
{
	(void)dir;
	(void)name;
	++*(int *)context;
	return 0;
}

static int count(int home)
{
	CLEANUP_FD int vms = -1;
	int n = 0;

	if (state_files_folder(&vms, home, "vms") == 0)
		CHECK(state_files_each(vms, count_one, &n) == 0, "each");
	return n;
}

static void test_home(void)
{
	const struct {
		const char *home, *immure_home;
		mode_t mode;
		int want;
	} rows[] = {
		{ "/nowhere", "%s/s", 0700, 0 },
		{ "/nowhere", "%s/s//", 0755, 0 },
		{ "/nowhere", "%s/s", 0770, -EPERM },
		{ "/nowhere", "%s/s", 0702, -EPERM },
		{ "/nowhere", "s", 0700, -EINVAL },
		{ "/nowhere", "//", 0700, -EINVAL },
		{ "/nowhere", "%s/link", 0700, -ENOTDIR },
		{ "/nowhere", "%s/link/", 0700, -ENOTDIR },
		{ "/nowhere", "%s/no/such", 0700, -ENOENT },
		{ "/nowhere", "", 0700, -ENOENT },
		{ folder, NULL, 0700, 0 },
	};

	CHECK(symlink("s", "link") == 0, "link");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int home = -1;
		char path[128] = "";
		struct diag diag = { 0 };

		CHECK(chmod("s", rows[i].mode) == 0, "chmod");
		if (rows[i].immure_home != NULL && strchr(rows[i].immure_home, '%') != NULL)
			(void)snprintf(path, sizeof(path), "%s%s", folder, rows[i].immure_home + 2);
		else if (rows[i].immure_home != NULL)
			(void)snprintf(path, sizeof(path), "%s", rows[i].immure_home);
		(void)setenv("HOME", rows[i].home, 1);
		(void)(rows[i].immure_home != NULL ? setenv("IMMURE_HOME", path, 1)
						   : unsetenv("IMMURE_HOME"));
		int r = state_home(&home, &diag);
		CHECK(r == rows[i].want, "row %zu: %d %s", i, r, diag.why);
		CHECK((home >= 0) == (r == 0) && (diag.why[0] != '\0') == (r < 0), "row %zu", i);
	}
	CHECK(access(".immure", F_OK) == 0, "made beneath HOME");
	(void)unlink("link");

	char path[STATE_HOME_OCTETS];
	struct diag diag = { 0 };
	(void)setenv("HOME", "relative", 1);
	CHECK(state_home_path(path, sizeof(path), &diag) == 0 && path[0] == '/', "of passwd");
	if (geteuid() == 0)
		CHECK(strcmp(path, "/root/.immure") == 0, "%s", path);
	CHECK(state_home_path(path, 4, &diag) == -ENAMETOOLONG, "no room");
	CHECK(chmod("s", 0700) == 0, "chmod");
	(void)setenv("IMMURE_HOME", home_path, 1);
}

static void test_foreign_home(void)
{
	CLEANUP_FD int home = -1;
	struct diag diag = { 0 };

	if (geteuid() != 0)
		return;
	CHECK(chown("s", 65534, 65534) == 0, "chown");
	CHECK(state_home(&home, &diag) == -EPERM, "belongs to somebody else");
	CHECK(strstr(diag.why, "65534") != NULL, "%s", diag.why);
	CHECK(chown("s", 0, 0) == 0, "chown");
}

static void test_create(void)
{
	CLEANUP_FD int home = home_open();
	CLEANUP_FD int dir = -1;
	CLEANUP_FD int log = -1;
	struct state_entry entry, *all = NULL;
	struct state_process self = { 0 };
	struct diag diag = { 0 };
	char id[STATE_ID_OCTETS], text[64];
	struct span got = { 0 };
	struct stat st;
	size_t len = 0;

	CHECK(state_list(&all, &len, home) == 0 && len == 0 && all == NULL, "none yet");
	CHECK(state_create(&dir, id, home, config, &diag) == 0, "%s", diag.why);
	CHECK(state_id_valid(id), "%s", id);
	CHECK(count(home) == 1, "no leftover");
	CHECK(state_read(&entry, home, id) == 0, "read");
	CHECK(entry.status == STATE_CREATED && entry.pid == getpid(), "%d", (int)entry.status);
	CHECK(llabs(entry.created_at - clock_unix_s()) <= 2, "%lld", (long long)entry.created_at);
	CHECK(strcmp(entry.image, "standard") == 0, "%s", entry.image);
	CHECK(strcmp(entry.command, "python x.py") == 0, "%s", entry.command);
	CHECK(state_files_read(&got, text, sizeof(text), dir, "pid") == 0, "pid");
	CHECK(state_text_process(&self, got) == 0 && self.pid == getpid(), "pid");
	CHECK(fstat(dir, &st) == 0 && (st.st_mode & 07777) == 0700, "mode");
	CHECK(fstatat(dir, "config.json", &st, 0) == 0 && (st.st_mode & 07777) == 0600, "mode");
	CHECK(state_log_open(&log, dir) == 0, "log");
	CHECK(fd_write_all(log, SPAN("one")) == 0, "log");
	fd_close(&log);
	CHECK(state_log_open(&log, dir) == 0 && fd_write_all(log, SPAN("two")) == 0, "log");
	CHECK(fstat(log, &st) == 0 && st.st_size == 6 && (st.st_mode & 07777) == 0600, "appended");
	CHECK(state_remove(home, id, &diag) == -EBUSY, "it is ours and lives");
	CHECK(state_set_status(dir, STATE_STOPPED) == 0, "stopped");
	CHECK(state_remove(home, id, &diag) == 0, "%s", diag.why);
	CHECK(count(home) == 0, "all gone");
	CHECK(state_read(&entry, home, id) == -ENOENT, "gone");
}

static void test_ids(void)
{
	CLEANUP_FD int home = home_open();
	CLEANUP_FD int dir = -1;
	struct state_entry entry;
	struct diag diag = { 0 };
	int pidfd = -1;

	CHECK(state_open(&dir, home, "../../etc", &diag) == -EINVAL && diag.why[0], "no id");
	CHECK(state_open(&dir, home, "vm-00000000", &diag) == -ENOENT && diag.why[0], "none");
	CHECK(state_read(&entry, home, "vm-0000000") == -EINVAL, "no id");
	CHECK(state_read(&entry, home, "vm-00000000") == -ENOENT, "none");
	CHECK(state_pidfd(&pidfd, home, "x") == -EINVAL, "no id");
	CHECK(state_pidfd(&pidfd, home, "vm-00000000") == -ENOENT, "none");
	CHECK(state_remove(home, ".old-00000000", &diag) == -EINVAL, "no id");
	CHECK(state_remove(home, "vm-00000000", &diag) == -ENOENT, "none");
}

/* What a reader makes of each pair of files. */
static void test_status(void)
{
	const struct {
		const char *pid, *status; /* NULL: as made; "": empty */
		enum state_status want;
		const char *after; /* status on disk */
	} rows[] = {
		{ NULL, "created\n\n", STATE_CREATED, "created\n\n" },
		{ NULL, "running\n\n", STATE_RUNNING, "running\n\n" },
		{ NULL, "stopped\n\n", STATE_STOPPED, "stopped\n\n" },
		{ dead, "created\n\n", STATE_CRASHED, "crashed\n\n" },
		{ dead, "starting\n", STATE_CRASHED, "crashed\n\n" },
		{ dead, "running\n\n", STATE_CRASHED, "crashed\n\n" },
		{ dead, "stopping\n", STATE_CRASHED, "crashed\n\n" },
		{ dead, "stopped\n\n", STATE_STOPPED, "stopped\n\n" },
		{ "1 1\n", "running\n\n", STATE_CRASHED,
		  "crashed\n\n" }, /* the number was used again */
		{ "", "running\n\n", STATE_CRASHED, "crashed\n\n" },
		{ "123", "running\n\n", STATE_CRASHED, "crashed\n\n" },
		{ "not a number\n", "running\n\n", STATE_CRASHED, "crashed\n\n" },
		{ NULL, "", STATE_CRASHED, "" },
		{ NULL, "runn", STATE_CRASHED, "runn" },
		{ dead, "garbage\n", STATE_CRASHED, "garbage\n" },
	};
	CLEANUP_FD int home = home_open();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct state_entry entry;
		struct span got = { 0 };
		char id[STATE_ID_OCTETS], text[64];
		CLEANUP_FD int dir = make(id, home, STATE_RUNNING);
		bool corrected = strcmp(rows[i].status, rows[i].after) != 0;

		if (rows[i].pid != NULL)
			put(dir, "pid", rows[i].pid);
		put(dir, "status", rows[i].status);
		put(dir, "socket", "");
		CHECK(state_read(&entry, home, id) == 0, "row %zu", i);
		CHECK(entry.status == rows[i].want, "row %zu: %s", i, state_names[entry.status]);
		CHECK(state_files_read(&got, text, sizeof(text), dir, "status") == 0 &&
			  span_is(got, rows[i].after),
		      "row %zu", i);
		CHECK((faccessat(dir, "socket", F_OK, 0) < 0) == corrected, "row %zu: socket", i);
	}
	home_clear(home);
}

/* Things in the place of files: a listing neither waits nor follows nor fails. */
static void test_hostile(void)
{
	static const char *const names[] = { "pid", "status", "created_at", "config.json" };
	static char huge[STATE_CONFIG_OCTETS_MAX + 1];
	CLEANUP_FD int home = home_open();

	memset(huge, '1', sizeof(huge));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (int kind = 0; kind < 6; kind++) {
			struct state_entry entry;
			char id[STATE_ID_OCTETS];
			CLEANUP_FD int dir = make(id, home, STATE_RUNNING);
			int r = unlinkat(dir, names[i], 0);

			if (kind == 0)
				r = mkfifoat(dir, names[i], 0600);
			if (kind == 1)
				r = symlinkat("/dev/zero", dir, names[i]);
			if (kind == 2)
				r = symlinkat(names[i], dir, names[i]);
			if (kind == 3)
				r = mkdirat(dir, names[i], 0700);
			if (kind == 4)
				r = fd_replace_file(dir, names[i],
						    (struct span){ huge, sizeof(huge) }, 0600);
			CHECK(r == 0, "%s, kind %d", names[i], kind);
			CHECK(state_read(&entry, home, id) == 0, "%s, kind %d", names[i], kind);
			CHECK((entry.status == STATE_CRASHED) == (i < 2), "%s, kind %d", names[i],
			      kind);
			CHECK((entry.created_at == 0) == (i == 2), "%s, kind %d", names[i], kind);
			CHECK((entry.command[0] == '\0') == (i == 3), "%s, kind %d", names[i],
			      kind);
		}
	}
	home_clear(home);
}

/* What lies in the place of status is not written to. */
static void test_status_replaced(void)
{
	CLEANUP_FD int home = home_open();
	char id[STATE_ID_OCTETS], text[64];
	struct span got = { 0 };
	CLEANUP_FD int dir = make(id, home, STATE_RUNNING);

	put(home, "precious", "nine octe");
	for (int kind = 0; kind < 4; kind++) {
		int r = unlinkat(dir, "status", 0);

		if (kind == 0)
			r = mkfifoat(dir, "status", 0600);
		if (kind == 1)
			r = linkat(home, "precious", dir, "status", 0);
		if (kind == 2)
			r = symlinkat("../../precious", dir, "status");
		CHECK(r == 0, "kind %d", kind);
		CHECK(state_set_status(dir, STATE_STOPPING) == 0, "kind %d", kind);
		CHECK(state_files_read(&got, text, sizeof(text), dir, "status") == 0, "kind %d",
		      kind);
		CHECK(span_is(got, "stopping\n"), "kind %d", kind);
		CHECK(state_files_read(&got, text, sizeof(text), home, "precious") == 0, "kind %d",
		      kind);
		CHECK(span_is(got, "nine octe"), "kind %d", kind);
	}
	CHECK(state_files_delete(home, "precious") == 0, "clear");
	home_clear(home);
}

/* A reader beside a writer sees one status or the other. */
static void test_status_whole(void)
{
	CLEANUP_FD int home = home_open();
	char id[STATE_ID_OCTETS];
	CLEANUP_FD int dir = make(id, home, STATE_RUNNING);
	struct state_entry entry;
	pid_t child = fork();

	if (child == 0) {
		for (;;)
			if (state_set_status(dir, STATE_STOPPING) < 0 ||
			    state_set_status(dir, STATE_RUNNING) < 0)
				_exit(1);
	}
	for (int i = 0; i < 5000; i++) {
		CHECK(state_read(&entry, home, id) == 0, "read");
		CHECK(entry.status == STATE_RUNNING || entry.status == STATE_STOPPING, "%s",
		      state_names[entry.status]);
	}
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child, "end");
	home_clear(home);
}

static void test_foreign_names(void)
{
	CLEANUP_FD int home = home_open();
	CLEANUP_FD int vms = -1;
	struct state_entry *all = NULL, entry;
	struct diag diag = { 0 };
	size_t len = 0;
	char(*ids)[STATE_ID_OCTETS] = NULL;

	CHECK(mkdirat(home, "vms", 0700) == 0 && state_files_folder(&vms, home, "vms") == 0, "vms");
	CHECK(mkfifoat(vms, "vm-00000001", 0600) == 0, "FIFO");
	CHECK(symlinkat("..", vms, "vm-00000002") == 0, "link");
	put(vms, "vm-00000003", "a file");
	CHECK(mkdirat(vms, "vm-0000000A", 0700) == 0, "no id");
	CHECK(mkdirat(vms, "vm-00000004", 0700) == 0, "empty folder");
	CHECK(mkdirat(vms, ".new-x", 0700) == 0, "not one of our hidden names");
	CHECK(state_list(&all, &len, home) == 0 && len == 1, "%zu", len);
	CHECK(len == 1 && strcmp(all[0].id, "vm-00000004") == 0, "the empty one");
	CHECK(len == 1 && all[0].status == STATE_CRASHED && all[0].pid == 0, "crashed");
	CHECK(state_read(&entry, home, "vm-00000002") == -ENOENT, "a link is none");
	CHECK(state_remove(home, "vm-00000002", &diag) == -ENOENT, "a link is none");
	free(all);
	CHECK(state_prune(&ids, &len, home) == 0 && len == 1, "%zu", len);
	CHECK(len == 1 && strcmp(ids[0], "vm-00000004") == 0, "the empty one");
	free(ids);
	CHECK(count(home) == 5, "what is not ours stays");
	home_clear(home);
}

static void test_order(void)
{
	CLEANUP_FD int home = home_open();
	static const char *const times[] = { "30\n", "10\n", "20\n", "10\n", "x\n" };
	struct state_entry *all = NULL;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char id[STATE_ID_OCTETS];
		CLEANUP_FD int dir = make(id, home, STATE_RUNNING);

		put(dir, "created_at", times[i]);
	}
	CHECK(state_list(&all, &len, home) == 0 && len == ARRAY_SIZE(times), "%zu", len);
	for (size_t i = 1; i < len; i++)
		CHECK(all[i - 1].created_at < all[i].created_at ||
			  (all[i - 1].created_at == all[i].created_at &&
			   all[i - 1].created_ns <= all[i].created_ns),
		      "at %zu", i);
	free(all);
	home_clear(home);
}

/* A warden in a child: alive, killed but not yet waited for, gone. */
static void test_pidfd(void)
{
	CLEANUP_FD int home = home_open();
	CLEANUP_FD int pidfd = -1;
	struct state_entry entry;
	struct diag diag = { 0 };
	char id[STATE_ID_OCTETS] = "";
	int said[2] = { -1, -1 };
	CHECK(pipe2(said, O_CLOEXEC) == 0, "pipe");
	pid_t child = fork();

	if (child == 0) {
		int dir = make(id, home, STATE_RUNNING);

		put(dir, "socket", "");
		(void)!write(said[1], id, sizeof(id));
		for (;;)
			(void)pause();
	}
	CHECK(read(said[0], id, sizeof(id)) == sizeof(id), "id");
	CHECK(state_read(&entry, home, id) == 0 && entry.status == STATE_RUNNING, "runs");
	CHECK(entry.pid == child, "%d", (int)entry.pid);
	CHECK(state_remove(home, id, &diag) == -EBUSY, "runs");
	CHECK(state_pidfd(&pidfd, home, id) == 0, "runs");
	CHECK(kill(child, SIGKILL) == 0, "kill");
	CHECK(poll(&(struct pollfd){ pidfd, POLLIN, 0 }, 1, 10000) == 1, "it ended");
	fd_close(&pidfd);
	CHECK(state_pidfd(&pidfd, home, id) == -ESRCH, "a zombie is dead");
	CHECK(state_read(&entry, home, id) == 0 && entry.status == STATE_CRASHED,
	      "a zombie is dead");
	CHECK(waitpid(child, NULL, 0) == child, "wait");
	CHECK(state_pidfd(&pidfd, home, id) == -ESRCH, "gone");
	CHECK(state_remove(home, id, &diag) == 0, "%s", diag.why);
	fd_close(&said[0]);
	fd_close(&said[1]);
	home_clear(home);
}

static void test_prune(void)
{
	CLEANUP_FD int home = home_open();
	CLEANUP_FD int vms = -1;
	CLEANUP_FD int stopped = -1, crashed = -1, running = -1, garbled = -1, outside = -1;
	char id[4][STATE_ID_OCTETS], draft[64];
	char(*ids)[STATE_ID_OCTETS] = NULL;
	struct state_process self = { 0 };
	size_t len = 0;

	stopped = make(id[0], home, STATE_STOPPED);
	crashed = make(id[1], home, STATE_RUNNING);
	put(crashed, "pid", dead);
	running = make(id[2], home, STATE_RUNNING);
	CHECK(running >= 0, "%d", running);
	garbled = make(id[3], home, STATE_RUNNING);
	put(garbled, "status", "garbage"); /* but its warden lives */

	/* a link out of the folder, and a folder deeper than ours are */
	CHECK(mkdirat(home, "outside", 0700) == 0, "outside");
	CHECK(state_files_folder(&outside, home, "outside") == 0, "outside");
	put(outside, "precious", "");
	CHECK(symlinkat("../../outside", stopped, "out") == 0, "link");
	CHECK(mkdirat(stopped, "logs/deep", 0700) == 0 &&
		  mkdirat(stopped, "logs/deep/er", 0700) == 0,
	      "deep");

	CHECK(state_files_folder(&vms, home, "vms") == 0 && state_files_self(&self) == 0, "vms");
	CHECK(mkdirat(vms, ".old-a1b2c3d4", 0700) == 0, "half deleted");
	CHECK(mkdirat(vms, ".new-4194304-1-a1b2c3d4", 0700) == 0, "of a dead process");
	(void)snprintf(draft, sizeof(draft), ".new-%d-%llu-a1b2c3d4", (int)self.pid,
		       (unsigned long long)self.start);
	CHECK(mkdirat(vms, draft, 0700) == 0, "under way");

	CHECK(state_prune(&ids, &len, home) == 0 && len == 2, "%zu", len);
	for (size_t i = 0; i < len; i++)
		CHECK(strcmp(ids[i], id[0]) == 0 || strcmp(ids[i], id[1]) == 0, "%s", ids[i]);
	free(ids);
	CHECK(count(home) == 3, "%d: running, garbled, under way", count(home));
	CHECK(faccessat(outside, "precious", F_OK, 0) == 0, "links are not followed");
	home_clear(home);
	CHECK(state_files_delete(home, "outside") == 0, "outside");
	CHECK(state_prune(&ids, &len, home) == 0 && len == 0 && ids == NULL, "nothing there");
}

static void test_depth(void)
{
	CLEANUP_FD int home = home_open();
	char path[2 * 40] = "d";

	for (int i = 0; i < 30; i++) {
		CHECK(mkdirat(home, path, 0700) == 0, "%s", path);
		memcpy(path + strlen(path), "/d", sizeof("/d"));
	}
	CHECK(state_files_delete(home, "d") == -ELOOP, "deeper than we go");
	CHECK(state_files_delete(home, "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d") == 0, "the lower half");
	CHECK(state_files_delete(home, "d") == 0, "the upper half");
}

/* As with a full disk: no file may grow beyond so many octets, all too few for config.json. */
static void test_full(void)
{
	static const rlim_t rows[] = { 0, STATE_STATUS_OCTETS, 16, sizeof(CONFIG) - 2 };
	CLEANUP_FD int home = home_open();
	struct rlimit old, full;
	struct diag diag = { 0 };
	char id[STATE_ID_OCTETS];
	CLEANUP_FD int dir = make(id, home, STATE_RUNNING);
	struct state_entry entry;
	int other = -1;
	char other_id[STATE_ID_OCTETS] = "untouched";

	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0, "limit");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rlim_t octets = rows[i];

		full = (struct rlimit){ octets, old.rlim_max };
		CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0, "limit");
		CHECK(state_create(&other, other_id, home, config, &diag) == -EFBIG, "%s",
		      diag.why);
		CHECK(other == -1 && strcmp(other_id, "untouched") == 0, "written on success only");
		CHECK(count(home) == 1, "nothing is left");
		int r = state_set_status(dir, STATE_STOPPING);
		CHECK(r == (octets < STATE_STATUS_OCTETS ? -EFBIG : 0), "%d", r);
		CHECK(state_read(&entry, home, id) == 0, "read");
		CHECK(entry.status == (r < 0 ? STATE_RUNNING : STATE_STOPPING),
		      "old or new, whole");
		CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0, "limit");
		put(dir, "pid", "1 1\n");
		CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0, "limit");
		CHECK(state_read(&entry, home, id) == 0 && entry.status == STATE_CRASHED,
		      "right although it cannot be corrected");
		CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0, "limit");
		home_clear(home);
		fd_close(&dir);
		dir = make(id, home, STATE_RUNNING);
	}
	home_clear(home);
}

/* Out of descriptors: an error, never "crashed" for a sandbox that runs. */
static void test_no_descriptors(void)
{
	CLEANUP_FD int home = home_open();
	char id[STATE_ID_OCTETS];
	int dir = make(id, home, STATE_RUNNING);
	struct rlimit old;
	struct state_entry entry, *all = NULL;
	size_t len = 0;
	int refused = 0;

	fd_close(&dir);
	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0, "limit");
	for (rlim_t i = 3; i < 12; i++) {
		CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ i, old.rlim_max }) == 0, "limit");
		int r = state_read(&entry, home, id);
		CHECK(r == -EMFILE || (r == 0 && entry.status == STATE_RUNNING), "%d", r);
		refused += r < 0;
		r = state_list(&all, &len, home);
		CHECK(r == -EMFILE || (r == 0 && all[0].status == STATE_RUNNING), "%d", r);
		free(all);
		all = NULL;
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0, "limit");
	CHECK(refused > 0, "the limit was never felt");
	home_clear(home);
}

static void kill_one(int home, unsigned delay_us)
{
	static char long_config[8192]; /* more than one page */
	struct diag diag = { 0 };
	pid_t child = fork();

	if (child == 0) {
		memset(long_config, ' ', sizeof(long_config));
		memcpy(long_config, config.ptr, config.len);
		for (;;) {
			char id[STATE_ID_OCTETS];
			int dir = -1;

			if (state_create(&dir, id, home,
					 (struct span){ long_config, sizeof(long_config) },
					 &diag) < 0)
				_exit(1);
			for (int i = 0; i < 100; i++) /* about as long as making takes */
				if (state_set_status(dir, STATE_RUNNING) < 0 ||
				    state_set_status(dir, STATE_STOPPING) < 0)
					_exit(1);
			if (state_set_status(dir, STATE_STOPPED) < 0)
				_exit(1);
			(void)close(dir);
		}
	}
	(void)usleep(delay_us);
	CHECK(kill(child, SIGKILL) == 0, "it ended by itself");
	CHECK(waitpid(child, NULL, 0) == child, "wait");
}

static void test_kill(void)
{
	CLEANUP_FD int home = home_open();
	unsigned hidden = 0, crashed = 0;

	srandom(1);
	for (int i = 0; i < 200; i++) {
		struct state_entry *all = NULL;
		char(*ids)[STATE_ID_OCTETS] = NULL;
		size_t len = 0, pruned = 0;

		kill_one(home, 500 + (unsigned)random() % 6000);
		CHECK(state_list(&all, &len, home) == 0, "list");
		hidden += (unsigned)count(home) > len;
		for (size_t j = 0; j < len; j++) {
			crashed += all[j].status == STATE_CRASHED;
			CHECK(all[j].status == STATE_STOPPED || all[j].status == STATE_CRASHED,
			      "dead");
			CHECK(all[j].created_at > 0 && strcmp(all[j].command, "python x.py") == 0,
			      "what is visible is whole");
		}
		CHECK(state_prune(&ids, &pruned, home) == 0 && pruned == len, "prune");
		CHECK(count(home) == 0, "%d left", count(home));
		free(all);
		free(ids);
	}
	/* chance decides how often each: making is much slower on a disk that is busy */
	CHECK(hidden + crashed > 0, "always killed between two sandboxes");
	(void)printf("killed within %u drafts, %u sandboxes\n", hidden, crashed);
	(void)fflush(stdout);
}

/* Two processes remove what they see while a third makes: nobody fails, all is gone in the end. */
static void test_race(void)
{
	CLEANUP_FD int home = home_open();
	char(*ids)[STATE_ID_OCTETS] = NULL;
	size_t len = 0;
	pid_t children[3];

	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (children[i] > 0)
			continue;
		test_failures = 0; /* of its own */
		for (int j = 0; j < 100; j++) {
			char id[STATE_ID_OCTETS];

			if (i == 0) {
				CLEANUP_FD int dir = -1;
				struct diag diag = { 0 };

				CHECK(state_create(&dir, id, home, config, &diag) == 0, "%s",
				      diag.why);
				CHECK(state_set_status(dir, STATE_STOPPED) == 0,
				      "ours while it ran");
			} else {
				CHECK(state_prune(&ids, &len, home) == 0, "prune");
				free(ids);
			}
		}
		_exit(test_failures > 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		int status = 0;

		CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0, "child %zu",
		      i);
	}
	CHECK(state_prune(&ids, &len, home) == 0, "prune");
	free(ids);
	CHECK(count(home) == 0, "%d left", count(home));
}

static void show_cost(void)
{
	CLEANUP_FD int home = home_open();
	int64_t best = INT64_MAX, best_status = INT64_MAX;

	for (int i = 0; i < 200; i++) {
		CLEANUP_FD int dir = -1;
		struct diag diag = { 0 };
		char id[STATE_ID_OCTETS];
		int64_t begin = clock_mono_ns();

		CHECK(state_create(&dir, id, home, config, &diag) == 0, "%s", diag.why);
		int64_t made = clock_mono_ns();
		CHECK(state_set_status(dir, STATE_RUNNING) == 0, "status");
		int64_t set = clock_mono_ns();
		best = made - begin < best ? made - begin : best;
		best_status = set - made < best_status ? set - made : best_status;
	}
	(void)printf("state_create %lld us, state_set_status %lld us (best of 200)\n",
		     (long long)best / 1000, (long long)best_status / 1000);
	home_clear(home);
}

int main(void)
{
	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return 99;
	(void)snprintf(home_path, sizeof(home_path), "%s/s", folder);
	(void)mkdir("s", 0700);
	test_home();
	test_foreign_home();
	test_create();
	test_ids();
	test_status();
	test_hostile();
	test_status_replaced();
	test_status_whole();
	test_foreign_names();
	test_order();
	test_pidfd();
	test_prune();
	test_depth();
	test_full();
	test_no_descriptors();
	test_kill();
	test_race();
	show_cost();

	CLEANUP_FD int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(state_files_delete(tmp, folder + strlen("/tmp/")) == 0, "clean up");
	return test_failures > 0;
}
