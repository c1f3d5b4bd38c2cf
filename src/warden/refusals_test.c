// SPDX-License-Identifier: Apache-2.0
/* What is written is read again, bounded; what is damaged is not taken for more than it is. */
#include "warden/refusals.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "warden/refusals_text.h"
#include "warden/remedy.h"

static char folder[] = "/tmp/refusals_test.XXXXXX";
static struct loop *the_loop;
static int dir = -1;

static const struct egress_report name = {
	.kind = EGRESS_NAME, .host = "a.test", .blocked = true, .rule = "default", .why = "no"
};

static const struct egress_report request = {
	.kind = EGRESS_REQUEST,
	.host = "a.test",
	.port = 443,
	.https = true,
	.method = { "PUT", 3 },
	.target = { "/x?y", 4 },
	.status = 403,
	.blocked = true,
	.rule = "rules[0]",
	.why = "not \"PUT\"",
	.id = 0x2a,
};

static struct refusals *open_one(void)
{
	struct refusals *refusals = NULL;

	(void)unlinkat(dir, "refused.jsonl", 0);
	(void)unlinkat(dir, "refused.jsonl.1", 0);
	CHECK(refusals_open(&refusals, the_loop, dir) == 0, "open");
	return refusals;
}

/* expect() - so many entries, the last one told @count times; so many dropped */
static void expect(const char *what, size_t len, int count, int dropped)
{
	json_auto_t *value = NULL;

	CHECK(refusals_read(&value, dir) == 0, "%s", what);
	const json_t *refused = json_object_get(value, "refused");
	const json_t *last = json_array_get(refused, json_array_size(refused) - 1);
	CHECK(json_array_size(refused) == len, "%s: %zu entries", what, json_array_size(refused));
	CHECK(json_integer_value(json_object_get(last, "count")) == count, "%s: %d times", what,
	      (int)json_integer_value(json_object_get(last, "count")));
	CHECK(json_integer_value(json_object_get(value, "dropped")) == dropped, "%s: %d dropped",
	      what, (int)json_integer_value(json_object_get(value, "dropped")));
}

static void test_keeps(void)
{
	struct refusals *refusals = open_one();
	struct egress_report allowed = name, second = request;
	struct stat st;

	allowed.blocked = false;
	second.id = 0x2b;
	expect("nothing", 0, 0, 0);
	refusals_note(refusals, &allowed);
	CHECK(fstatat(dir, "refused.jsonl", &st, 0) < 0, "a file for nothing");
	refusals_note(refusals, &name);
	expect("at once", 1, 1, 0);
	CHECK(fstatat(dir, "refused.jsonl", &st, 0) == 0 && (st.st_mode & 07777) == 0600, "mode");
	refusals_note(refusals, &request);
	refusals_note(refusals, &second);
	refusals_note(refusals, &second);
	expect("the rest is counted", 2, 1, 0);
	CHECK(refusals_count(refusals) == 4, "%u", (unsigned)refusals_count(refusals));
	refusals_flush(refusals);
	expect("and written at the end", 2, 3, 0);
	refusals_close(refusals);
	json_auto_t *value = NULL;
	CHECK(refusals_read(&value, dir) == 0, "read");
	char *text = json_dumps(
	    json_object_get(json_array_get(json_object_get(value, "refused"), 1), "request_ids"),
	    JSON_COMPACT);
	CHECK(strcmp(text, "[\"req-0000002a\",\"req-0000002b\",\"req-0000002b\"]") == 0, "%s",
	      text);
	free(text);
}

static void over(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(the_loop, 0);
}

/* What repeats is written each second, with its count. */
static void test_repeats(void)
{
	struct refusals *refusals = open_one();
	struct loop_timer end = { .fired = over };

	for (int i = 0; i < 5; i++)
		refusals_note(refusals, &name);
	loop_arm(the_loop, &end, 1200000000);
	CHECK(loop_run(the_loop) == 0, "loop");
	expect("after a second", 1, 5, 0);
	refusals_close(refusals);
}

/* More things than there is room for in a second, and a report of what had none. */
static void test_floods(void)
{
	struct refusals *refusals = open_one();
	const struct egress_report dropped = { .kind = EGRESS_DROPPED, .rule = "", .count = 7 };
	struct egress_report one = name;
	char host[32];

	one.host = host;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(host, sizeof(host), "a%d.test", i);
		refusals_note(refusals, &one);
	}
	refusals_note(refusals, &dropped);
	refusals_close(refusals);
	expect("a flood", 64, 1, 1000 - 64 + 7);
}

/* Each field tells things apart, and what is equal in all is one; ids do not. */
static void test_what_is_equal(void)
{
	struct refusals *refusals = open_one();
	struct egress_report several[] = { request, request, request, request,
					   request, request, request, request };

	several[0].id = 7;
	several[1].host = "b.test";
	several[2].port = 444;
	several[3].method = (struct span){ "POST", 4 };
	several[4].target = (struct span){ "/x?z", 4 };
	several[5].rule = "rules[1]";
	several[6].why = "other";
	several[7].https = false;
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < ARRAY_SIZE(several); i++)
			refusals_note(refusals, &several[i]);
	refusals_close(refusals);
	expect("each field", 8, 2, 0);
}

static off_t size_of(const char *file)
{
	struct stat st;

	return fstatat(dir, file, &st, 0) == 0 ? st.st_size : -1;
}

/* The older half goes, and what was in it is counted. */
static void test_is_bounded(void)
{
	struct refusals *refusals = open_one();
	char target[4000];
	struct egress_report one = request;

	memset(target, 'x', sizeof(target));
	target[0] = '/';
	one.target = (struct span){ target, sizeof(target) };
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(target + 1, 8, "%06d", i);
		refusals_note(refusals, &one);
		refusals_flush(refusals);
	}
	CHECK(size_of("refused.jsonl") > 0 && size_of("refused.jsonl.1") > 0, "two halves");
	CHECK(size_of("refused.jsonl") + size_of("refused.jsonl.1") <= REFUSALS_OCTETS_MAX, "%d",
	      (int)(size_of("refused.jsonl") + size_of("refused.jsonl.1")));
	refusals_close(refusals);
	json_auto_t *value = NULL;
	CHECK(refusals_read(&value, dir) == 0, "read");
	size_t kept = json_array_size(json_object_get(value, "refused"));
	size_t lost = (size_t)json_integer_value(json_object_get(value, "dropped"));
	CHECK(kept > 300 && kept + lost == 3000, "%zu kept, %zu lost", kept, lost);
}

/* What lies there already is neither written to nor followed, and no reason to fail. */
static void test_foreign_files(void)
{
	struct refusals *refusals = open_one();

	CHECK(symlinkat("victim", dir, "refused.jsonl") == 0, "link");
	CHECK(fd_replace_file(dir, "victim", SPAN("its own\n"), 0600) == 0, "victim");
	refusals_note(refusals, &name);
	refusals_close(refusals);
	CHECK(size_of("victim") == 8, "it was followed");
	expect("through a link", 0, 0, 0);
	(void)unlinkat(dir, "refused.jsonl", 0);
	CHECK(mkfifoat(dir, "refused.jsonl", 0600) == 0, "fifo");
	expect("of a fifo", 0, 0, 0);
}

#define NETWORK(more)                                                                              \
	"\"network\":{\"method\":\"M\",\"url\":\"u\",\"status_code\":0,\"reason\":\"r\",\"rule\":" \
	"\"\"" more "}"
#define LINE(more) "{\"type\":\"network\",\"timestamp\":5," NETWORK(more) "}\n"
#define REST       ",\"blocked\":true,\"count\":2,\"request_ids\":[]"
#define WITH(remedy) \
	"{\"type\":\"network\",\"timestamp\":5,\"remedy\":" remedy "," NETWORK(REST) "}\n"

static void test_lines(void)
{
	static const struct {
		const char *text;
		size_t len;
		int dropped;
	} rows[] = {
		{ "", 0, 0 },
		{ LINE(REST), 1, 0 },
		{ LINE(REST) LINE(REST), 1, 0 },
		{ "{\"type\":\"network\",\"timest", 0, 1 },
		{ LINE(REST) "{\"type", 1, 1 },
		{ "\n\n[]\nnull\n1\n", 0, 5 },
		{ LINE(",\"blocked\":false,\"count\":2,\"request_ids\":[]"), 0, 1 },
		{ LINE(",\"blocked\":true,\"count\":0,\"request_ids\":[]"), 0, 1 },
		{ LINE(",\"blocked\":true,\"count\":-1,\"request_ids\":[]"), 0, 1 },
		{ LINE(",\"blocked\":true,\"count\":9000000000000000000,\"request_ids\":[]"), 0,
		  1 },
		{ LINE(",\"blocked\":true,\"count\":2,\"request_ids\":[\"req-0000002A\"]"), 0, 1 },
		{ LINE(",\"blocked\":true,\"count\":2,\"request_ids\":[3]"), 0, 1 },
		{ LINE(",\"blocked\":true,\"count\":2"), 0, 1 },
		{ LINE(REST ",\"url\":\"v\""), 0, 1 },
		{ WITH("null"), 1, 0 },
		{ WITH("{\"allow_host\":\"a.test:22\"}"), 1, 0 },
		{ WITH("{\"allow_host\":\"; rm -rf\"}"), 0, 1 },
		{ WITH("{\"allow_host\":\"a\\u001b[2J\"}"), 0, 1 },
		{ WITH("{\"other\":\"a.test\"}"), 0, 1 },
		{ WITH("{\"rule\":{\"host\":\"a.test\",\"method\":\"PUT\",\"path\":\"/x\"}}"), 1,
		  0 },
		{ WITH("{\"rule\":{\"host\":\"a.test\",\"method\":\"put\"}}"), 0, 1 },
		{ WITH("{\"rule\":{\"host\":\"a.test\",\"path\":\"/x y\"}}"), 0, 1 },
		{ WITH("{\"rule\":{\"method\":\"PUT\"}}"), 0, 1 },
		{ WITH("{\"rule\":{\"host\":\"a.test\",\"method\":\"PUT\"}}"), 0, 1 },
		{ WITH("{\"rule\":{\"host\":\"a.test\",\"method\":\"PUT\",\"path\":\"/*\"}}"), 0,
		  1 },
		{ "{\"type\":\"dropped\",\"timestamp\":5,\"dropped\":{\"count\":3}}\n"
		  "{\"type\":\"dropped\",\"timestamp\":5,\"dropped\":{\"count\":8}}\n",
		  0, 8 },
		{ "{\"type\":\"dropped\",\"timestamp\":5,\"dropped\":{\"count\":-3}}\n", 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct refusals_list list = { 0 };

		CHECK(refusals_text_add(&list, span_of(rows[i].text)) == 0, "row %zu", i);
		json_auto_t *value = refusals_text_json(&list);
		CHECK(json_array_size(json_object_get(value, "refused")) == rows[i].len,
		      "row %zu: %zu", i, json_array_size(json_object_get(value, "refused")));
		CHECK(json_integer_value(json_object_get(value, "dropped")) == rows[i].dropped,
		      "row %zu: %d", i, (int)json_integer_value(json_object_get(value, "dropped")));
	}
}

int main(void)
{
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0 && loop_new(&the_loop) == 0, "open");
	test_keeps();
	test_repeats();
	test_floods();
	test_what_is_equal();
	test_is_bounded();
	test_foreign_files();
	test_lines();
	static const char *const files[] = { "refused.jsonl", "refused.jsonl.1", "victim" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(dir, files[i], 0);
	(void)rmdir(folder);
	loop_free(the_loop);
	fd_close(&dir);
	return test_failures > 0;
}
