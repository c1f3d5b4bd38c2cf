// SPDX-License-Identifier: Apache-2.0
/* Each way to change a log is told, with its place. */
#include <sys/wait.h>
#include <time.h>

#include "audit/log_test_priv.h"

enum { LINES = 12 };

/* line_at() - the @n-th of @text, from 1, with its newline */
static struct span line_at(const char *text, unsigned n)
{
	while (--n > 0)
		text = strchr(text, '\n') + 1;
	return (struct span){ text, (size_t)(strchr(text, '\n') + 1 - text) };
}

struct made {
	char text[64 * 1024];
	size_t len;
};

static void add(struct made *made, struct span text)
{
	memcpy(made->text + made->len, text.ptr, text.len);
	made->len += text.len;
}

/* make() - the lines of @text that @order names, 'a' the first; a capital letter: changed */
static void make(struct made *made, const char *text, const char *order)
{
	made->len = 0;
	for (; *order != '\0'; order++) {
		bool changed = *order < 'a';
		size_t start = made->len;

		add(made, line_at(text, (unsigned)(*order - (changed ? 'A' : 'a') + 1)));
		char *host =
		    changed ? memmem(made->text + start, made->len - start, "example", 7) : NULL;
		if (host != NULL)
			host[0] = 'X';
	}
}

static void expect(struct rig *rig, const char *what, const char *file, uint64_t line,
		   const char *why)
{
	const struct audit_verdict *v = rig_verify(rig);

	CHECK(v->faults_all > 0, "%s: not noticed", what);
	CHECK(v->faults_all == 0 ||
		  (strcmp(v->faults[0].file, file) == 0 && v->faults[0].line == line),
	      "%s: %s:%llu", what, v->faults[0].file, (unsigned long long)v->faults[0].line);
	CHECK(v->faults_all == 0 || strstr(v->faults[0].why, why) != NULL, "%s: %s", what,
	      v->faults[0].why);
}

static char *build(struct rig *rig, size_t *len)
{
	rig_open(rig);
	struct audit_log *log = rig_log(rig, "one", 0);
	rig_fill(log, LINES - 1);
	CHECK(audit_close(log) == 0, "close");
	log = rig_log(rig, "two", 0);
	rig_fill(log, LINES - 1);
	CHECK(audit_close(log) == 0, "close");
	return rig_read(rig, "one.jsonl", len);
}

/* Of a log of twelve lines, the last a checkpoint. */
static void test_changed(void)
{
	static const struct {
		const char *order;
		uint64_t line;
		const char *why;
	} rows[] = {
		{ "aBcdefghijkl", 3, "was changed" },
		{ "Abcdefghijkl", 2, "was changed" },
		{ "abcdefghijKl", 12, "was changed" }, /* the last entry: the checkpoint tells */
		{ "bcdefghijkl", 1, "seq is 1" },
		{ "abcdfghijkl", 5, "seq is 5, not 4" },
		{ "abccdefghijkl", 4, "seq is 2, not 3" },
		{ "abdcefghijkl", 3, "seq is 3, not 2" },
		{ "abcdefghijk", 11, "closed with 12 lines, and has 11" },
		{ "abc", 3, "closed with 12 lines, and has 3" },
		{ "", 0, "closed with 12 lines, and has 0" },
		{ "abcdefghijkll", 13, "seq is 11, not 12" },
	};
	struct rig rig = { 0 };
	struct made made;
	size_t len = 0;
	char *text = build(&rig, &len);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(&made, text, rows[i].order);
		rig_write(&rig, "one.jsonl", (struct span){ made.text, made.len });
		expect(&rig, rows[i].order, "one.jsonl", rows[i].line, rows[i].why);
	}
	rig_write(&rig, "one.jsonl", (struct span){ text, len - 1 });
	expect(&rig, "no newline", "one.jsonl", 11, "closed with");
	text[len - 2] = ' ';
	rig_write(&rig, "one.jsonl", (struct span){ text, len });
	expect(&rig, "spelling", "one.jsonl", 12, "no line of a log");
	free(text);
	rig_close(&rig);
}

static void swap(struct rig *rig, const char *a, const char *b)
{
	CHECK(renameat2(rig_folder(rig), a, rig_folder(rig), b, RENAME_EXCHANGE) == 0, "%s %s", a,
	      b);
}

static void test_files(void)
{
	struct rig rig = { 0 };
	size_t len = 0, ledger_len = 0;
	struct made made;
	char *text = build(&rig, &len);
	char *ledger = rig_read(&rig, "ledger.jsonl", &ledger_len);

	swap(&rig, "one.jsonl", "two.jsonl");
	expect(&rig, "swapped", "one.jsonl", LINES, "checkpoint of another log");
	swap(&rig, "one.jsonl", "two.jsonl");
	CHECK(unlinkat(rig_folder(&rig), "one.jsonl", 0) == 0, "unlink");
	expect(&rig, "removed", "one.jsonl", 0, "the file is gone");
	rig_write(&rig, "one.jsonl", (struct span){ text, len });
	CHECK(rig_verify(&rig)->faults_all == 0, "as it was");

	make(&made, ledger, "ab"); /* without the second log */
	rig_write(&rig, "ledger.jsonl", (struct span){ made.text, made.len });
	expect(&rig, "a cut ledger", "two.jsonl", 0, "does not know");
	make(&made, ledger, "acd");
	rig_write(&rig, "ledger.jsonl", (struct span){ made.text, made.len });
	expect(&rig, "a line of the ledger", "ledger.jsonl", 2, "seq is 2, not 1");
	CHECK(unlinkat(rig_folder(&rig), "ledger.jsonl", 0) == 0, "unlink");
	expect(&rig, "no ledger", "ledger.jsonl", 0, "is gone");
	char *app = strstr(ledger, "\"app\":\"test");
	app[7] = 'b';
	rig_write(&rig, "ledger.jsonl", (struct span){ ledger, ledger_len });
	expect(&rig, "an edited ledger", "ledger.jsonl", 1, "signature");
	app[7] = 't';
	rig_write(&rig, "ledger.jsonl", (struct span){ text, len });
	expect(&rig, "another file as ledger", "ledger.jsonl", 1, "does not belong");
	rig_write(&rig, "ledger.jsonl", (struct span){ ledger, ledger_len });
	CHECK(rig_verify(&rig)->faults_all == 0, "as it was");
	free(ledger);
	free(text);
	rig_close(&rig);
}

/* go_on() - a writer that opens the log anew, and adds @lines entries */
static void go_on(struct rig *rig, unsigned lines)
{
	struct audit_log *log = rig_log(rig, "one", 0);

	rig_fill(log, lines);
	CHECK(audit_close(log) == 0, "close");
}

/* test_continued() - a closed log that is cut, and then has a writer again: it closes as if nothing were */
static void test_continued(void)
{
	static const struct {
		unsigned before, keep,
		    after;       /* entries; lines that stay, 99: the file goes; entries */
		const char *why; /* NULL: it is fine */
		uint64_t line;
	} rows[] = {
		{ 20, 21, 1, NULL, 0 },
		{ 20, 5, 1, "closed with 21 lines, and has 7", 7 },
		{ 20, 5, 14, "closed with 21 lines, and has 20", 20 },
		{ 20, 5, 15, "not the line with which", 21 },
		{ 20, 5, 40, "not the line with which", 21 },
		{ 20, 0, 1, "closed with 21 lines, and has 2", 2 },
		{ 20, 99, 1, "closed with 21 lines, and has 2", 2 },
		{ 20, 99, 40, "not the line with which", 21 },
		{ 0, 0, 3, NULL, 0 }, /* it was closed with no line */
		{ 0, 0, 0, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig = { 0 };
		size_t len = 0, kept = 0;

		rig_open(&rig);
		go_on(&rig, rows[i].before);
		char *text = rig_read(&rig, "one.jsonl", &len);
		for (unsigned k = 0; k < rows[i].keep && kept < len; k++)
			kept += strcspn(text + kept, "\n") + 1;
		rig_write(&rig, "one.jsonl", (struct span){ text, kept });
		if (rows[i].keep == 99)
			CHECK(unlinkat(rig_folder(&rig), "one.jsonl", 0) == 0, "unlink");
		for (unsigned times = 0; times < 2; times++) {
			go_on(&rig, times == 0 ? rows[i].after : 0);
			if (rows[i].why != NULL)
				expect(&rig, rows[i].why, "one.jsonl", rows[i].line, rows[i].why);
			else
				CHECK(rig_verify(&rig)->faults_all == 0, "%zu: %s", i,
				      rig_verify(&rig)->faults[0].why);
		}
		struct audit_log *log = rig_log(&rig, "one", 0); /* while it is open */
		CHECK((rig_verify(&rig)->faults_all == 0) == (rows[i].why == NULL), "%zu", i);
		CHECK(audit_close(log) == 0, "close");
		free(text);
		rig_close(&rig);
	}
}

/* test_other_key() - one who has the file, not the key, makes all of it anew */
static void test_other_key(void)
{
	struct rig rig = { 0 }, forger = { 0 };
	size_t len = 0;

	free(build(&rig, &len));
	free(build(&forger, &len));
	char *text = rig_read(&forger, "one.jsonl", &len);
	rig_write(&rig, "one.jsonl", (struct span){ text, len });
	expect(&rig, "forged", "one.jsonl", LINES, "signature");
	free(text);
	text = rig_read(&forger, "key.pub", &len);
	rig_write(&rig, "key.pub", (struct span){ text, len });
	expect(&rig, "key", "ledger.jsonl", 1, "signature");
	const struct audit_settings settings = { .log = "two" };
	struct audit_log *log = NULL;
	struct diag diag = { 0 };
	CHECK(audit_open(&log, rig.home, &settings, &diag) == -EKEYREJECTED, "%s", diag.why);
	free(text);
	rig_close(&rig);
	rig_close(&forger);
}

static void test_parts(void)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 3000);
	rig_fill(log, 50);
	CHECK(audit_close(log) == 0, "close");
	swap(&rig, "one.1.jsonl", "one.2.jsonl");
	expect(&rig, "swapped", "one.1.jsonl", 1, "seq is");
	swap(&rig, "one.1.jsonl", "one.2.jsonl");
	CHECK(renameat(rig_folder(&rig), "one.2.jsonl", rig_folder(&rig), "two.jsonl") == 0,
	      "rename");
	expect(&rig, "a part is gone", "one.jsonl", 1, "seq is");
	CHECK(renameat(rig_folder(&rig), "two.jsonl", rig_folder(&rig), "one.2.jsonl") == 0,
	      "rename");
	CHECK(rig_verify(&rig)->faults_all == 0, "as it was");
	rig_close(&rig);
}

static void test_one_file(void)
{
	static struct audit_verdict verdict;
	struct rig rig = { 0 };
	size_t len = 0;
	uint8_t key[AUDIT_KEY_OCTETS];
	struct diag diag;

	free(build(&rig, &len));
	char *hex = rig_read(&rig, "key.pub", &len);
	CHECK(audit_unhex(key, sizeof(key), (struct span){ hex, len - 1 }), "key");
	CHECK(audit_verify_file(&verdict, rig_folder(&rig), "one.jsonl", key, &diag) == 0 &&
		  verdict.faults_all == 0 && verdict.lines == LINES,
	      "%s", verdict.faults[0].why);
	CHECK(audit_verify_file(&verdict, rig_folder(&rig), "ledger.jsonl", key, &diag) == 0 &&
		  verdict.faults_all == 0 && verdict.lines == 4,
	      "%s", verdict.faults[0].why);
	key[0] ^= 1;
	CHECK(audit_verify_file(&verdict, rig_folder(&rig), "one.jsonl", key, &diag) == 0 &&
		  verdict.faults_all == 1,
	      "another key");
	CHECK(audit_verify_file(&verdict, rig_folder(&rig), "none.jsonl", key, &diag) == -ENOENT,
	      "none");
	free(hex);
	rig_close(&rig);
}

/* test_no_file() - one that does not open is a fault, and the others are looked at */
static void test_no_file(void)
{
	static const char *const names[] = { "one.jsonl", "one.1.jsonl", "ledger.jsonl" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct rig rig = { 0 };

		rig_open(&rig);
		struct audit_log *log = rig_log(&rig, "one", 2000);
		rig_fill(log, 20);
		CHECK(audit_close(log) == 0, "close");
		log = rig_log(&rig, "two", 0);
		rig_fill(log, 20);
		CHECK(audit_close(log) == 0, "close");
		CHECK(unlinkat(rig_folder(&rig), names[i], 0) == 0 &&
			  symlinkat("/dev/null", rig_folder(&rig), names[i]) == 0,
		      "%s", names[i]);
		const struct audit_verdict *v = rig_verify(&rig);
		CHECK(v->faults_all >= 1 && strcmp(v->faults[0].file, names[i]) == 0 &&
			  v->faults[0].line == 0 && strstr(v->faults[0].why, "not open") != NULL,
		      "%s: %s: %s", names[i], v->faults[0].file, v->faults[0].why);
		CHECK(i == 2 || (v->faults_all == 1 && v->logs == 2 && v->lines > 20), "%s",
		      names[i]);
		rig_close(&rig);
	}
}

/* rotates() - a writer that fills one small file after the other */
static void rotates(struct rig *rig)
{
	struct audit_log *log = rig_log(rig, "two", 3000);

	for (unsigned i = 0; i < 300; i++)
		rig_fill(log, 4);
	CHECK(audit_close(log) == 0, "close");
}

/* opens() - a writer that goes on with a log while the one before it is looked at */
static void opens(struct rig *rig)
{
	static const struct timespec pause = { 0, 10000000 };

	(void)nanosleep(&pause, NULL);
	struct audit_log *log = rig_log(rig, "two", 0);
	rig_fill(log, 4);
	CHECK(audit_close(log) == 0, "close");
}

/* beside() - while @writer is at it, no look finds a fault. The ledger grows twice meanwhile, so that the
 * third try at the latest must be right. */
static void beside(struct rig *rig, void (*writer)(struct rig *))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		writer(rig);
		_exit(test_failures > 0);
	}
	do {
		const struct audit_verdict *v = rig_verify(rig);

		CHECK(v->faults_all == 0, "%s:%llu %s", v->faults[0].file,
		      (unsigned long long)v->faults[0].line, v->faults[0].why);
	} while (waitpid(child, &status, WNOHANG) == 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the writer");
	CHECK(rig_verify(rig)->faults_all == 0, "%s", rig_verify(rig)->faults[0].why);
}

/* test_beside_writers() - what is being written meanwhile is no fault */
static void test_beside_writers(void)
{
	struct rig rig = { 0 };

	rig_open(&rig);
	struct audit_log *log = rig_log(&rig, "one", 0);
	rig_fill(log, 10000);
	CHECK(audit_close(log) == 0, "close");
	(void)rig_folder(&rig);
	for (unsigned i = 0; i < 4; i++) /* a new log, and one that goes on */
		beside(&rig, opens);
	beside(&rig, rotates);
	rig_close(&rig);
}

int main(void)
{
	test_changed();
	test_files();
	test_continued();
	test_other_key();
	test_parts();
	test_one_file();
	test_no_file();
	test_beside_writers();
	return test_failures > 0;
}
