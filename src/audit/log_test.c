// SPDX-License-Identifier: Apache-2.0
/* The writer: what it acknowledged is there, whatever happens to it or its disk. */
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "audit/log_priv.h"
#include "audit/log_test_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/test_net.h"

static bool is_fine(struct rig *rig, uint64_t lines, const char *what)
{
	const struct audit_verdict *v = rig_verify(rig);

	CHECK(v->faults_all == 0, "%s: %s:%llu: %s", what, v->faults[0].file,
	      (unsigned long long)v->faults[0].line, v->faults[0].why);
	CHECK(lines == 0 || v->lines == lines, "%s: %llu lines", what,
	      (unsigned long long)v->lines);
	return v->faults_all == 0;
}

static void test_whole(void)
{
	struct rig rig = { 0 };
	struct stat st;

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	CHECK(audit_due_ns(log) == INT64_MAX, "due");
	rig_fill(log, 2500);
	CHECK(audit_due_ns(log) < INT64_MAX, "not due");
	CHECK(rig_verify(&rig)->unsigned_lines == 500, "%llu",
	      (unsigned long long)rig_verify(&rig)->unsigned_lines);
	CHECK(audit_close(log) == 0, "close");
	is_fine(&rig, 2500 + 3 + 2, "whole");
	CHECK(rig_verify(&rig)->unsigned_lines == 0, "unsigned");
	CHECK(fstat(rig_folder(&rig), &st) == 0 && (st.st_mode & 0777) == 0700, "folder");
	CHECK(fstatat(rig_folder(&rig), "one.jsonl", &st, 0) == 0 && (st.st_mode & 0777) == 0600,
	      "log");
	CHECK(fstatat(rig_folder(&rig), "key", &st, 0) == 0 && (st.st_mode & 0777) == 0600, "key");
	log = rig_log(&rig, "one", 0); /* again */
	rig_fill(log, 3);
	CHECK(audit_close(log) == 0, "close");
	is_fine(&rig, 2500 + 3 + 2 + 3 + 1 + 2, "again");
	rig_close(&rig);
}

static void test_one_writer(void)
{
	const struct audit_settings settings = { .log = "one" };
	struct rig rig = { 0 };
	struct audit_log *other = NULL;
	struct diag diag = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	CHECK(audit_open(&other, rig.home, &settings, &diag) == -EBUSY, "%s", diag.why);
	CHECK(audit_close(log) == 0, "close");
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = { "", "ledger", "../x", "Vm" };
		const struct audit_settings bad = { .log = names[i] };

		CHECK(audit_open(&other, rig.home, &bad, &diag) == -EINVAL, "%s", names[i]);
	}
	rig_close(&rig);
}

/* test_torn() - a writer that dies within a line: at every octet of it */
static void test_torn(void)
{
	struct rig rig = { 0 };
	size_t len = 0;

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	rig_fill(log, 4);
	char *text = rig_read(&rig, "one.jsonl", &len);
	CHECK(audit_close(log) == 0, "close");
	const char *last = memrchr(text, '\n', len - 1);
	size_t whole = (size_t)(last + 1 - text);
	for (size_t cut = whole; cut <= len; cut++) {
		(void)unlinkat(rig_folder(&rig), "ledger.jsonl", 0);
		rig_write(&rig, "one.jsonl", (struct span){ text, cut });
		log = rig_log(&rig, "one", 0);
		rig_fill(log, 1);
		CHECK(audit_close(log) == 0, "close");
		bool torn = cut > whole && cut < len;
		/* what was there, the repair, the new one, two checkpoints at most, the ledger's two */
		if (!is_fine(&rig, 3U + (cut == len) + torn + 1 + 1 + 2, "torn"))
			break;
		size_t now_len = 0;
		char *now = rig_read(&rig, "one.jsonl", &now_len);
		CHECK(memcmp(now, text, cut == len ? len : whole) == 0, "%zu: acknowledged", cut);
		CHECK(torn == (memmem(now, now_len, "audit.repair", 12) != NULL), "%zu", cut);
		free(now);
	}
	free(text);
	rig_close(&rig);
}

static void test_foreign_end(void)
{
	static char junk[3 * AUDIT_LINE_OCTETS_MAX];
	const struct audit_settings settings = { .log = "one" };
	struct rig rig = { 0 };
	struct audit_log *log = NULL;
	struct diag diag = { 0 };

	rig_open(&rig);
	CHECK(audit_close(rig_log(&rig, "one", 0)) == 0, "close");
	memset(junk, '\n', sizeof(junk));
	rig_write(&rig, "one.jsonl", (struct span){ junk, sizeof(junk) });
	CHECK(audit_open(&log, rig.home, &settings, &diag) == -EBADMSG, "%s", diag.why);
	rig_close(&rig);
}

/* same() - is the file as it was? */
static bool same(struct rig *rig, const char *name, struct span was)
{
	size_t len = 0;
	char *now = rig_read(rig, name, &len);
	bool is_same = len == was.len && memcmp(now, was.ptr, len) == 0;

	free(now);
	return is_same;
}

/* test_whole_lines() - what ends with a newline was acknowledged, and is never cut: it is refused */
static void test_whole_lines(void)
{
	static const struct {
		const char *file, *find, *put; /* in each line from @first on, of as many octets */
		unsigned first, torn;
	} rows[] = {
		{ "ledger.jsonl", "\"version\":1", "\"version\":2", 0, 0 },
		{ "ledger.jsonl", "\"version\":1", "\"version\":2", 1, 7 },
		{ "one.jsonl", "{", "x", 5, 0 },
		{ "one.jsonl", "{", "x", 20, 0 },
		{ "one.jsonl", "{", "x", 20, 9 },
		{ "one.jsonl", "{", "x", 0, 0 },
		{ "one.jsonl", "\"seq\"", "\n\n\n\n\n", 20, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct audit_settings settings = { .log = "one" };
		struct rig rig = { 0 };
		struct audit_log *log = NULL;
		struct diag diag = { 0 };
		size_t len = 0;

		rig_open(&rig);
		log = rig_log(&rig, "one", 0);
		rig_fill(log, 20);
		CHECK(audit_close(log) == 0, "close");
		char *text = rig_read(&rig, rows[i].file, &len);
		unsigned line = 0;
		for (char *at = text; at < text + len; at = strchr(at, '\n') + 1) {
			char *found = line++ >= rows[i].first ? strstr(at, rows[i].find) : NULL;

			if (found != NULL)
				memcpy(found, rows[i].put, strlen(rows[i].put));
		}
		char *more = malloc(len + rows[i].torn);
		memcpy(more, text, len);
		memset(more + len, '{', rows[i].torn);
		struct span now = { more, len + rows[i].torn };
		rig_write(&rig, rows[i].file, now);
		CHECK(audit_open(&log, rig.home, &settings, &diag) == -EBADMSG, "%zu: %s", i,
		      diag.why);
		CHECK(same(&rig, rows[i].file, now), "%zu: it was changed", i);
		free(more);
		free(text);
		rig_close(&rig);
	}
}

/* test_torn_length() - a torn line is shorter than a line can be */
static void test_torn_length(void)
{
	static char junk[AUDIT_LINE_OCTETS_MAX];
	const struct audit_settings settings = { .log = "one" };
	struct rig rig = { 0 };
	struct audit_log *log = NULL;
	struct diag diag = { 0 };

	memset(junk, 'x', sizeof(junk));
	for (size_t less = 0; less < 2; less++) {
		rig_open(&rig);
		log = rig_log(&rig, "one", 0);
		CHECK(audit_close(log) == 0, "close");
		for (unsigned lines = 0; lines < 2; lines++) {
			size_t len = 0;
			char *text = rig_read(&rig, "one.jsonl", &len);
			struct buf all = BUF(UINT32_MAX);

			CHECK(buf_append(&all, (struct span){ text, len }) == 0 &&
				  buf_append(&all, (struct span){ junk, sizeof(junk) - less }) == 0,
			      "buf");
			rig_write(&rig, "one.jsonl", buf_span(&all));
			int r = audit_open(&log, rig.home, &settings, &diag);
			CHECK(r == (less > 0 ? 0 : -EBADMSG), "%zu, %u: %s", less, lines, diag.why);
			if (r == 0)
				CHECK(audit_close(log) == 0, "close");
			else
				rig_write(&rig, "one.jsonl", (struct span){ text, len });
			if (r == 0) {
				is_fine(&rig, 0, "torn");
				CHECK(rig_verify(&rig)->repairs == lines + 1, "repairs");
			}
			buf_free(&all);
			free(text);
		}
		rig_close(&rig);
	}
}

/* test_torn_ledger() - of it, too: it is cut, and verify tells */
static void test_torn_ledger(void)
{
	struct rig rig = { 0 };
	size_t len = 0;

	rig_open(&rig);
	CHECK(audit_close(rig_log(&rig, "one", 0)) == 0, "close");
	CHECK(rig_verify(&rig)->repairs == 0, "repairs");
	char *text = rig_read(&rig, "ledger.jsonl", &len);
	rig_write(&rig, "ledger.jsonl", (struct span){ text, len - 1 });
	CHECK(audit_close(rig_log(&rig, "two", 0)) == 0, "close");
	is_fine(&rig, 0, "ledger");
	CHECK(rig_verify(&rig)->repairs == 1, "%llu",
	      (unsigned long long)rig_verify(&rig)->repairs);
	free(text);
	rig_close(&rig);
}

/* test_limit() - no room: the entry is refused, the file as it was; with room, the loss is told */
static void test_limit(void)
{
	struct rig rig = { 0 };
	struct rlimit limit, small;
	struct stat st;
	int r = 0;
	unsigned fine = 0, refused = 0;

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
	small = (struct rlimit){ 20000, limit.rlim_max };
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0, "limit");
	for (unsigned i = 0; i < 200; i++) {
		r = rig_append(log, "req-1");
		fine += r == 0;
		refused += r == -EFBIG;
		CHECK(r == 0 || r == -EFBIG, "%d", r);
	}
	CHECK(fine > 10 && refused > 10 && r == -EFBIG, "%u %u", fine, refused);
	CHECK(fstatat(rig_folder(&rig), "one.jsonl", &st, 0) == 0, "stat");
	CHECK(rig_verify(&rig)->lines == fine + 1 && rig_verify(&rig)->torn_octets == 0, "lines");
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
	CHECK(rig_append(log, "req-2") == 0, "again");
	CHECK(audit_close(log) == 0, "close");
	is_fine(&rig, fine + 2 + 1 + 2, "limit");
	size_t len = 0;
	char *text = rig_read(&rig, "one.jsonl", &len);
	char want[64];
	(void)snprintf(want, sizeof(want), "[\"%u entries could not be written", refused);
	CHECK(strstr(text, want) != NULL, "%s", want);
	free(text);
	rig_close(&rig);
}

static int append(struct audit_log *log)
{
	const struct audit_entry entry = { .request_id = SPAN("r"),
					   .phase = AUDIT_EVENT,
					   .action = SPAN("x") };

	return audit_append(log, &entry);
}

/* lost_is() - does the log say that @count entries are missing, and is it whole? */
static void lost_is(struct rig *rig, unsigned count)
{
	size_t len = 0;
	char *text = rig_read(rig, "one.jsonl", &len);
	char want[64];

	(void)snprintf(want, sizeof(want), "[\"%u entries could not be written", count);
	CHECK(strstr(text, want) != NULL, "%s", want);
	is_fine(rig, 0, want);
	free(text);
}

/* test_dropped() - many wait and are dropped by one append: the next flush must not say that they are there */
static void test_dropped(void)
{
	struct rig rig = { 0 };
	struct rlimit limit, small;
	unsigned count = 0;
	int r = 0;

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	CHECK(rig_append(log, "req-1") == 0, "first");
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
	small = (struct rlimit){ 4096, limit.rlim_max };
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0, "limit");
	for (; r == 0 && count < 100000; count++)
		r = append(log);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
	CHECK(r == -EFBIG, "%d after %u", r, count);
	CHECK(append(log) == 0, "append"); /* of another, who is told, too */
	CHECK(audit_flush(log) == -EFBIG, "a flush after a drop");
	CHECK(audit_flush(log) == 0, "told once");
	CHECK(rig_append(log, "req-2") == 0, "again");
	CHECK(audit_close(log) == 0, "close");
	lost_is(&rig, count + 1);
	rig_close(&rig);
}

/* test_one_dropped() - by itself: who appended it knows, and it is counted */
static void test_one_dropped(void)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	CHECK(rig_append(log, "req-1") == 0, "first");
	const size_t most = log->waiting.octets_max;
	log->waiting.octets_max = 1;
	CHECK(append(log) == -ENOBUFS, "append");
	log->waiting.octets_max = most;
	CHECK(audit_flush(log) == 0, "flush");
	CHECK(rig_append(log, "req-2") == 0, "again");
	CHECK(audit_close(log) == 0, "close");
	lost_is(&rig, 1);
	rig_close(&rig);
}

/* test_full() - the same on a disk that is full, as root of a namespace of our own */
static void test_full(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct rig rig = { 0 };
		unsigned fine = 0;

		if (!test_enter(CLONE_NEWUSER | CLONE_NEWNS) ||
		    mount("none", "/dev/shm", "tmpfs", 0, "size=96k") < 0)
			_exit(77);
		rig_open(&rig);
		struct audit_log *log = rig_log(&rig, "one", 0);
		int r = 0;
		while (fine < 2000 && (r = rig_append(log, "req-1")) == 0)
			fine++;
		CHECK(r == -ENOSPC, "%d after %u", r, fine);
		CHECK(rig_append(log, "req-1") == -ENOSPC, "still");
		CHECK(rig_verify(&rig)->faults_all == 0 && rig_verify(&rig)->torn_octets == 0,
		      "torn");
		(void)umount2("/dev/shm", MNT_DETACH);
		_exit(test_failures > 0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status), "child");
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "skipped: no tmpfs of our own\n");
	else
		CHECK(WEXITSTATUS(status) == 0, "child");
}

/* test_killed() - what was acknowledged to a process that is killed is in the log */
static void test_killed(void)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	for (unsigned i = 0; i < 20; i++) {
		int pipes[2];
		char octet = 0;
		unsigned acknowledged = 0;

		CHECK(pipe(pipes) == 0, "pipe");
		pid_t child = fork();
		if (child == 0) {
			struct audit_log *log = rig_log(&rig, i % 2 == 0 ? "one" : "two", 4000);
			for (;;)
				if (rig_append(log, "req-1") < 0 || write(pipes[1], "x", 1) != 1)
					_exit(1);
		}
		fd_close(&pipes[1]);
		for (unsigned k = 0; k < 37 * i + 1 && read(pipes[0], &octet, 1) == 1; k++)
			acknowledged++;
		(void)kill(child, SIGKILL);
		CHECK(waitpid(child, NULL, 0) == child, "wait");
		while (read(pipes[0], &octet, 1) == 1)
			acknowledged++;
		fd_close(&pipes[0]);
		const struct audit_verdict *v = rig_verify(&rig);
		CHECK(v->faults_all == 0 && v->lines >= acknowledged, "%u: %s", i,
		      v->faults[0].why);
	}
	rig_close(&rig);
}

static void test_parts(void)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 3000);
	rig_fill(log, 50);
	CHECK(audit_parts(rig_folder(&rig), "one") > 3, "parts");
	CHECK(audit_close(log) == 0, "close");
	is_fine(&rig, 0, "parts");
	/* a crash between the rename and the new file */
	unsigned parts = audit_parts(rig_folder(&rig), "one");
	char name[AUDIT_FILE_NAME_OCTETS];
	audit_file_name(name, "one", parts + 1);
	CHECK(renameat(rig_folder(&rig), "one.jsonl", rig_folder(&rig), name) == 0, "rename");
	log = rig_log(&rig, "one", 3000);
	rig_fill(log, 1);
	CHECK(audit_close(log) == 0, "close");
	is_fine(&rig, 0, "after a crash");
	rig_close(&rig);
}

/* intrude() - make a file where the log is, as soon as the name is free */
static int intrude(int folder)
{
	const int64_t end_ns = clock_mono_ns() + INT64_C(20000000000);

	while (clock_mono_ns() < end_ns) {
		int fd = openat(folder, "one.jsonl", O_WRONLY | O_CREAT | O_EXCL, 0600);

		if (fd >= 0)
			return write(fd, "theirs", 6) == 6 ? 0 : 1;
	}
	return 1;
}

/* test_intruder() - another takes the name while the file is put aside: it is not replaced, and nothing is
 * written behind it */
static void test_intruder(void)
{
	struct rig rig = { 0 };
	int status = 0, r = 0;
	size_t len = 0;

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 1000);
	int folder = rig_folder(&rig);
	pid_t child = fork();
	if (child == 0)
		_exit(intrude(folder));
	for (unsigned i = 0; r == 0 && i < 2900 * 3; i++)
		r = rig_append(log, "req-1");
	unsigned parts = audit_parts(folder, "one");
	if (r == 0)
		(void)kill(child, SIGKILL);
	CHECK(waitpid(child, &status, 0) == child, "wait");
	if (r == 0) {
		fprintf(stderr, "skipped: the name was taken at no time\n");
		CHECK(audit_close(log) == 0, "close");
		rig_close(&rig);
		return;
	}
	CHECK(r == -EBUSY && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", r);
	CHECK(rig_append(log, "req-1") == -EBUSY, "again");
	CHECK(audit_close(log) == -EBUSY, "close");
	CHECK(audit_parts(folder, "one") == parts, "parts");
	char *text = rig_read(&rig, "one.jsonl", &len);
	CHECK(len == 6 && memcmp(text, "theirs", 6) == 0, "%zu octets", len);
	free(text);
	rig_close(&rig);
}

int main(void)
{
	test_whole();
	test_one_writer();
	test_torn();
	test_foreign_end();
	test_whole_lines();
	test_torn_length();
	test_torn_ledger();
	test_limit();
	test_dropped();
	test_one_dropped();
	test_full();
	test_killed();
	test_parts();
	test_intruder();
	return test_failures > 0;
}
