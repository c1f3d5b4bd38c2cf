// SPDX-License-Identifier: Apache-2.0
/* Homes in memory; a log that cannot be written is one of a process whose files may not grow. */
#include "warden/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/files.h"
#include "audit/verify.h"
#include "base/fd.h"
#include "base/test.h"
#include "warden/journal_priv.h"

enum { LINES_MAX = 8192, TEXT_OCTETS = 8 * 1024 * 1024 };

#define LOG "vm-0000000a"

struct rig {
	char path[64];
	int home;
	struct loop *loop;
	struct journal *journal;
	char why[EGRESS_WHY_OCTETS];
	char *text; /* of the log */
	struct span lines[LINES_MAX];
	size_t len;
};

static void rig_open(struct rig *rig)
{
	*rig = (struct rig){ .path = "/dev/shm/journal-test-XXXXXX", .home = -1 };
	CHECK(mkdtemp(rig->path) != NULL, "mkdtemp");
	rig->home = open(rig->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rig->text = malloc(TEXT_OCTETS);
	CHECK(rig->text != NULL && loop_new(&rig->loop) == 0, "loop");
	CHECK(journal_new(&rig->journal, rig->loop, rig->home, LOG, NULL) == 0, "new");
	CHECK(faccessat(rig->home, "audit", F_OK, 0) < 0,
	      "nothing is made before the first effect");
}

/* rig_read() - entries of the log, as they are in the file now, without checkpoints */
static void rig_read(struct rig *rig)
{
	CLEANUP_FD int fd = openat(rig->home, "audit/" LOG ".jsonl", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, rig->text, TEXT_OCTETS) : 0;
	struct span rest = { rig->text, len > 0 ? (size_t)len : 0 };

	rig->len = 0;
	CHECK(len < TEXT_OCTETS, "too long");
	while (rest.len > 0 && rig->len < LINES_MAX) {
		struct span line = span_cut(&rest, '\n');

		if (memmem(line.ptr, line.len, "\"checkpoint\"", 12) == NULL)
			rig->lines[rig->len++] = line;
		if (rest.ptr == NULL)
			break;
	}
}

static void remove_folder(const struct rig *rig)
{
	static const char *const names[] = { "key", "key.pub", "ledger.jsonl", LOG ".jsonl" };
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(name, sizeof(name), "audit/%s", names[i]);
		(void)unlinkat(rig->home, name, 0);
	}
	(void)unlinkat(rig->home, "audit", AT_REMOVEDIR);
}

/* rig_end() - close the journal, look at the log as a whole */
static void rig_end(struct rig *rig)
{
	static struct audit_verdict verdict;
	CLEANUP_FD int folder = -1;
	struct diag diag;

	journal_close(rig->journal);
	rig->journal = NULL;
	rig_read(rig);
	CHECK(audit_folder(&folder, rig->home, false, &diag) == 0, "%s", diag.why);
	CHECK(audit_verify(&verdict, folder, &diag) == 0, "%s", diag.why);
	CHECK(verdict.faults_all == 0 && verdict.unsigned_lines == 0, "%s", verdict.faults[0].why);
	remove_folder(rig);
}

static void rig_close(struct rig *rig)
{
	loop_free(rig->loop);
	fd_close(&rig->home);
	free(rig->text);
	CHECK(rmdir(rig->path) == 0, "%s is not empty", rig->path);
}

static bool has(struct span line, const char *text)
{
	return memmem(line.ptr, line.len, text, strlen(text)) != NULL;
}

/* count() - lines that have @text */
static size_t count(const struct rig *rig, const char *text)
{
	size_t found = 0;

	for (size_t i = 0; i < rig->len; i++)
		found += has(rig->lines[i], text);
	return found;
}

struct patience {
	struct loop_timer timer;
	struct loop *loop;
};

static void patience_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct patience, timer)->loop, 0);
}

/* rig_run() - the loop, for @ms */
static void rig_run(struct rig *rig, int ms)
{
	struct patience patience = { .timer.fired = patience_over, .loop = rig->loop };

	loop_arm(rig->loop, &patience.timer, (int64_t)ms * 1000000);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

static const struct owner curl = { .pid = 7, .program = "/usr/bin/curl" };

#define GET(path) \
	.kind = EGRESS_REQUEST, .method = { "GET", 3 }, .target = { (path), sizeof(path) - 1 }
#define AT .host = "a.test", .rule = "rules[3]"

/* What becomes of each report. */
static const struct {
	struct egress_report report;
	bool begins; /* else it is noted */
	const char *wanted;
} rows[] = {
	{ { .kind = EGRESS_NAME, AT, .why = "" },
	  true,
	  "\"request_id\":\"-\",\"phase\":\"event\",\"action\":\"dns.query\",\"actor\":{"
	  "\"sandbox\":"
	  "\"vm-0000000a\"},\"resource\":{\"protocol\":\"dns\",\"host\":\"a.test\"},"
	  "\"decision\":\"allow\",\"rule\":\"rules[3]\",\"mode\":\"enforce\",\"seen_by\":"
	  "\"gateway\"}" },
	{ { .kind = EGRESS_NAME, AT, .blocked = true, .why = "no \"host\"" },
	  false,
	  "\"decision\":\"deny\",\"rule\":\"rules[3]\",\"reasons\":[\"no \\\"host\\\"\"],\"mode\":"
	  "\"enforce\",\"seen_by\":\"gateway\",\"error_code\":\"policy_denied\"}" },
	{ { .kind = EGRESS_FLOW, AT, .port = 443, .id = 0x2a, .owner = &curl, .why = "" },
	  true,
	  "\"request_id\":\"req-0000002a\",\"phase\":\"begin\",\"action\":\"net.connect\","
	  "\"actor\":{"
	  "\"sandbox\":\"vm-0000000a\",\"pid\":7,\"program\":\"/usr/bin/curl\"},\"resource\":{"
	  "\"protocol\":\"tcp\",\"host\":\"a.test\",\"port\":443},\"decision\":\"allow\"" },
	{ { GET("/a/b?x=1&token=hush&y#z"), AT, .port = 443, .https = true, .id = 0x2b, .why = "" },
	  true,
	  "\"resource\":{\"protocol\":\"https\",\"host\":\"a.test\",\"port\":443,\"method\":"
	  "\"GET\","
	  "\"url\":\"https://a.test/a/b?x=1&token=[redacted]&y#z\",\"path\":\"/a/b\"},"
	  "\"decision\":\"allow\",\"rule\":\"rules[3]\",\"mode\":\"enforce\",\"seen_by\":"
	  "\"gateway\",\"redactions\":[\"query:token\"]}" },
	{ { GET("/"), AT, .port = 80, .websocket = true, .id = 0x2c, .why = "" },
	  true,
	  "\"protocol\":\"ws\",\"host\":\"a.test\",\"port\":80,\"method\":\"GET\",\"url\":\"http:/"
	  "/" },
	{ { GET("/"), AT, .port = 80, .id = 0x2d, .blocked = true, .status = 403, .why = "no" },
	  false,
	  "\"phase\":\"event\",\"action\":\"http.request\"" },
	{ { GET("/"), AT, .port = 80, .blocked = true, .status = 429, .why = "too many" },
	  false,
	  "\"error_code\":\"rate_limited\",\"status_code\":429}" },
	{ { GET("/"), AT, .port = 80, .id = 0x2b, .begun = true, .status = 200, .why = "", .up = 5,
	    .down = 6, .duration_ns = 1234567 },
	  false,
	  "\"request_id\":\"req-0000002b\",\"phase\":\"end\",\"action\":\"http.request\",\"actor\":"
	  "{"
	  "\"sandbox\":\"vm-0000000a\"},\"mode\":\"enforce\",\"seen_by\":\"gateway\",\"latency_"
	  "ms\":"
	  "1.234,\"request_bytes\":5,\"response_bytes\":6,\"status_code\":200}" },
	{ { GET("/"), AT, .port = 80, .id = 0x2c, .begun = true, .blocked = true, .why = "long" },
	  false,
	  "\"phase\":\"end\",\"action\":\"http.request\",\"actor\":{\"sandbox\":\"vm-0000000a\"},"
	  "\"decision\":\"deny\",\"reasons\":[\"long\"]" },
	{ { .kind = EGRESS_FLOW, AT, .begun = true, .id = 0x2a, .why = "reset", .up = 1 },
	  false,
	  "\"reasons\":[\"reset\"],\"mode\":\"enforce\",\"seen_by\":\"gateway\",\"latency_ms\":0."
	  "000,"
	  "\"error_code\":\"failed\",\"request_bytes\":1,\"response_bytes\":0}" },
	{ { .kind = EGRESS_REFUSED,
	    AT,
	    .id = 0x2a,
	    .blocked = true,
	    .status = 400,
	    .why = "no HTTP" },
	  false,
	  "\"error_code\":\"malformed_request\",\"status_code\":400}" },
	{ { .kind = EGRESS_MALFORMED,
	    .host = "1.1.1.1",
	    .port = 53,
	    .blocked = true,
	    .rule = "",
	    .why = "no DNS" },
	  false,
	  "\"action\":\"dns.query\",\"actor\":{\"sandbox\":\"vm-0000000a\"},\"resource\":{"
	  "\"protocol\":\"dns\",\"host\":\"1.1.1.1\",\"port\":53},\"decision\":\"deny\","
	  "\"reasons\"" },
	{ { .kind = EGRESS_ACCEPTED,
	    .host = "127.0.0.1",
	    .port = 80,
	    .number = 1,
	    .rule = "publish[0]",
	    .why = "" },
	  true,
	  "\"request_id\":\"in-00000001\",\"phase\":\"begin\",\"action\":\"port.publish\"" },
	{ { .kind = EGRESS_ACCEPTED,
	    .host = "127.0.0.1",
	    .port = 80,
	    .number = 1,
	    .begun = true,
	    .rule = "publish[0]",
	    .why = "" },
	  false,
	  "\"phase\":\"end\",\"action\":\"port.publish\",\"actor\":{\"sandbox\":\"vm-0000000a\"},"
	  "\"mode\":\"enforce\",\"seen_by\":\"warden\"" },
	{ { .kind = EGRESS_PACKETS,
	    .host = "192.0.2.1",
	    .protocol = "UDP",
	    .port = 443,
	    .blocked = true,
	    .rule = "",
	    .why = "only TCP",
	    .count = 7 },
	  false,
	  "\"action\":\"net.packet\",\"actor\":{\"sandbox\":\"vm-0000000a\"},\"resource\":{"
	  "\"protocol\":\"UDP\",\"host\":\"192.0.2.1\",\"port\":443},\"decision\":\"deny\","
	  "\"reasons\":[\"only TCP\",\"7 packets\"]" },
	{ { .kind = EGRESS_DROPPED, .rule = "", .count = 9 },
	  false,
	  "\"action\":\"net.dropped\",\"actor\":{\"sandbox\":\"vm-0000000a\"},\"decision\":"
	  "\"deny\","
	  "\"reasons\":[\"9 more; which they were is not recorded\"]" },
};

static void test_entries(void)
{
	struct rig rig;

	rig_open(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].begins) {
			journal_note(rig.journal, &rows[i].report);
			continue;
		}
		CHECK(journal_begin(rig.journal, &rows[i].report, rig.why), "row %zu: %s", i,
		      rig.why);
		rig_read(&rig); /* it is there, and all before it */
		CHECK(rig.len == i + 1, "row %zu: %zu lines", i, rig.len);
	}
	rig_end(&rig);
	CHECK(rig.len == ARRAY_SIZE(rows), "%zu lines", rig.len);
	for (size_t i = 0; i < rig.len; i++)
		CHECK(has(rig.lines[i], rows[i].wanted), "row %zu: %.*s", i, (int)rig.lines[i].len,
		      rig.lines[i].ptr);
	rig_close(&rig);
}

/* What nobody waits for is written soon all the same; a checkpoint is only due. */
static void test_late(void)
{
	const struct egress_report report = {
		.kind = EGRESS_NAME, AT, .blocked = true, .why = "no"
	};
	struct rig rig;

	rig_open(&rig);
	journal_note(rig.journal, &report);
	rig_read(&rig);
	CHECK(rig.len == 0, "%zu lines", rig.len);
	rig_run(&rig, 50);
	rig_read(&rig);
	CHECK(rig.len == 1, "%zu lines", rig.len);
	rig_end(&rig);
	rig_close(&rig);
}

static void test_long(void)
{
	static char target[16 * 1024];
	struct egress_report report = { GET(""), AT, .id = 1, .why = "" };
	struct rig rig;

	memset(target, 'x', sizeof(target));
	target[0] = '/';
	memcpy(target + 100, "?key=", 5);
	report.target = (struct span){ target, sizeof(target) };
	rig_open(&rig);
	CHECK(journal_begin(rig.journal, &report, rig.why), "%s", rig.why);
	target[100] = 'x';
	CHECK(journal_begin(rig.journal, &report, rig.why), "%s", rig.why);
	rig_end(&rig);
	CHECK(rig.len == 2 && has(rig.lines[0], "?key=[redacted]...\""), "redacted");
	CHECK(rig.lines[1].len < 5000 && has(rig.lines[1], "xxx...\""), "%zu", rig.lines[1].len);
	rig_close(&rig);
}

/* A crowd at one place: the first few, and how many more. */
static void test_crowd(void)
{
	struct egress_report report = {
		.kind = EGRESS_FLOW, AT, .port = 1, .blocked = true, .why = "no"
	};
	struct rig rig;

	rig_open(&rig);
	for (uint32_t i = 0; i < 1000; i++) {
		report.id = i + 1;
		journal_note(rig.journal, &report);
	}
	report.port = 2;
	journal_note(rig.journal, &report); /* another place still has its own */
	for (size_t i = 0; i < 100; i++)    /* a name that is allowed is no effect */
		CHECK(journal_begin(rig.journal,
				    &(struct egress_report){ .kind = EGRESS_NAME, AT, .why = "" },
				    rig.why),
		      "%s", rig.why);
	rig_run(&rig, 1100);
	rig_read(&rig);
	CHECK(rig.len == 2 * JOURNAL_EACH_MAX + 3, "%zu lines", rig.len);
	CHECK(count(&rig, "\"port\":2}") == 1, "the other place");
	CHECK(count(&rig,
		    "\"port\":1},\"decision\":\"deny\",\"rule\":\"rules[3]\",\"reasons\":[\"990 "
		    "more like this within a second\"]") == 1,
	      "how many");
	CHECK(count(&rig, "\"decision\":\"allow\",\"rule\":\"rules[3]\",\"reasons\":[\"90 more") ==
		  1,
	      "how many names");
	report.port = 1;
	journal_note(rig.journal, &report); /* in the next second */
	rig_end(&rig);
	CHECK(rig.len == 2 * JOURNAL_EACH_MAX + 4, "%zu lines", rig.len);
	rig_close(&rig);
}

/* Each at another place: so many octets, and how many more. */
static void test_scan(void)
{
	static char why[301];
	char host[64];
	struct egress_report report = {
		.kind = EGRESS_NAME, .rule = "default", .host = host, .blocked = true, .why = why
	};
	struct rig rig;
	size_t octets = 0;

	memset(why, '"', sizeof(why) - 1); /* two octets each */
	rig_open(&rig);
	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(host, sizeof(host), "%u.test", i);
		journal_note(rig.journal, &report);
	}
	rig_end(&rig);
	for (size_t i = 0; i < rig.len; i++)
		octets += rig.lines[i].len;
	CHECK(octets > JOURNAL_OCTETS_MAX / 2 && octets < JOURNAL_OCTETS_MAX * 5 / 4, "%zu octets",
	      octets);
	CHECK(has(rig.lines[rig.len - 1], " more; which they were is not recorded"), "how many");
	rig_close(&rig);
}

static void limit_files(rlim_t octets)
{
	struct rlimit limit = { 0 };

	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
	limit.rlim_cur = octets;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
}

/* What cannot be written must not take place; afterwards it goes on, and says what is missing. */
static void test_full(void)
{
	const struct egress_report flow = { .kind = EGRESS_FLOW, AT, .id = 1, .why = "" };
	const struct egress_report name = { .kind = EGRESS_NAME, AT, .why = "" };
	struct rig rig;

	rig_open(&rig);
	CHECK(journal_begin(rig.journal, &flow, rig.why), "%s", rig.why);
	limit_files(700);
	CHECK(!journal_begin(rig.journal, &flow, rig.why), "it took place");
	CHECK(strcmp(rig.why, "the audit log cannot be written: File too large") == 0, "%s",
	      rig.why);
	for (size_t i = 0; i < 3UL * JOURNAL_EACH_MAX; i++)
		CHECK(!journal_begin(rig.journal, &name, rig.why), "a crowd got through");
	journal_note(rig.journal, &(struct egress_report){
				      .kind = EGRESS_FLOW, AT, .blocked = true, .why = rig.why });
	rig_run(&rig, 20);
	limit_files(RLIM_INFINITY);
	CHECK(journal_begin(rig.journal, &flow, rig.why), "%s", rig.why);
	rig_end(&rig);
	CHECK(rig.len == 3 && has(rig.lines[1], "\"audit.lost\"") &&
		  has(rig.lines[1], "32 entries could not be written: File too large"),
	      "%zu lines: %.*s", rig.len, (int)rig.lines[1].len, rig.lines[1].ptr);
	rig_close(&rig);
}

/* A log that cannot be opened is no other case; it is not tried at each effect. */
static void test_closed(void)
{
	const struct egress_report flow = { .kind = EGRESS_FLOW, AT, .id = 1, .why = "" };
	struct rig rig;

	rig_open(&rig);
	CLEANUP_FD int file = openat(rig.home, "audit", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(file >= 0, "a file in its place");
	CHECK(!journal_begin(rig.journal, &flow, rig.why), "it took place");
	CHECK(strncmp(rig.why, "the audit log cannot be written: ", 33) == 0, "%s", rig.why);
	CHECK(unlinkat(rig.home, "audit", 0) == 0, "unlink");
	CHECK(!journal_begin(rig.journal, &flow, rig.why), "at once");
	rig_run(&rig, 120);
	CHECK(journal_begin(rig.journal, &flow, rig.why), "%s", rig.why);
	rig_end(&rig);
	CHECK(rig.len == 2 && has(rig.lines[0], "\"audit.lost\"") &&
		  has(rig.lines[0], "\"2 entries could not be written: "),
	      "%zu lines: %.*s", rig.len, (int)rig.lines[0].len, rig.lines[0].ptr);
	rig_close(&rig);
}

/* One that had no effect leaves nothing. */
static void test_nothing(void)
{
	struct rig rig;

	rig_open(&rig);
	journal_close(rig.journal);
	journal_close(NULL);
	CHECK(faccessat(rig.home, "audit", F_OK, 0) < 0, "a folder");
	rig_close(&rig);
}

int main(void)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	test_entries();
	test_late();
	test_long();
	test_crowd();
	test_scan();
	test_full();
	test_closed();
	test_nothing();
	return test_failures > 0;
}
