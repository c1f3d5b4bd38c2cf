// SPDX-License-Identifier: Apache-2.0
/* The document has these members and no others, reads back, and no text of a sandbox leaves its quotes. */
#include "policy/input.h"

#include <errno.h>
#include <jansson.h>

#include "base/test.h"

#define HEAD                                                                           \
	"{\"version\":1,\"request_id\":\"req-1\",\"timestamp\":\"2024-01-15T10:30:00." \
	"000000007Z\",\"policy_hash\":\"ab\",\"mode\":\"ask\",\"request_summary\":{\"action\":"
#define TAIL                                                                                 \
	"},\"caller_identity\":{\"app\":\"agent\",\"sandbox\":\"vm-00000000\",\"process\":{" \
	"\"pid\":12,\"program\":\"/bin/curl\"}},\"workspace_root\":\"/tmp/workspace\","      \
	"\"caps\":{},\"time_window\":{\"started\":\"2024-01-15T10:29:59.000000000Z\"}}"

static struct policy_input question(enum policy_action action)
{
	return (struct policy_input){
		.request_id = SPAN("req-1"),
		.policy_hash = SPAN("ab"),
		.timestamp_ns = INT64_C(1705314600000000007),
		.started_ns = INT64_C(1705314599000000000),
		.mode = POLICY_MODE_ASK,
		.app = SPAN("agent"),
		.sandbox = SPAN("vm-00000000"),
		.pid = 12,
		.program = SPAN("/bin/curl"),
		.workspace_root = SPAN("/tmp/workspace"),
		.action = action,
	};
}

static void test_rows(void)
{
	static const struct span arguments[] = { { "-c", 2 }, { "x \"y\"\n", 6 } };
	static const char *const flags[] = { "read", "create" };
	static const struct {
		enum policy_action action;
		struct policy_resource resource;
		const char *want;
	} rows[] = {
		{ POLICY_ACTION_DNS_QUERY,
		  { .host = { "a.test", 6 } },
		  "\"dns.query\",\"resource\":{\"host\":\"a.test\",\"is_address\":false}" },
		{ POLICY_ACTION_NET_CONNECT,
		  { .host = { "10.0.0.1", 8 }, .is_address = true, .port = 65535 },
		  "\"net.connect\",\"resource\":{\"host\":\"10.0.0.1\",\"is_address\":true,"
		  "\"port\":65535}" },
		{ POLICY_ACTION_HTTP_REQUEST,
		  { .host = { "a.test", 6 },
		    .port = 443,
		    .scheme = { "https", 5 },
		    .method = { "GET", 3 },
		    .target = { "/a?b?c", 6 } },
		  "\"http.request\",\"resource\":{\"host\":\"a.test\",\"is_address\":false,"
		  "\"port\":443,\"scheme\":\"https\",\"method\":\"GET\",\"path\":\"/a\","
		  "\"query\":\"b?c\",\"websocket\":false}" },
		{ POLICY_ACTION_HTTP_REQUEST,
		  { .method = { "GET", 3 }, .target = { "/?", 2 }, .websocket = true },
		  "\"http.request\",\"resource\":{\"method\":\"GET\",\"path\":\"/\","
		  "\"query\":\"\",\"websocket\":true}" },
		{ POLICY_ACTION_PORT_PUBLISH,
		  { .host = { "127.0.0.1", 9 }, .is_address = true, .port = 80 },
		  "\"port.publish\",\"resource\":{\"host\":\"127.0.0.1\",\"is_address\":true,"
		  "\"port\":80}" },
		{ POLICY_ACTION_EXEC,
		  { .program = { "/bin/sh", 7 }, .arguments = arguments, .arguments_len = 2 },
		  "\"exec\",\"resource\":{\"program\":\"/bin/sh\",\"arguments\":[\"-c\","
		  "\"x \\u0022y\\u0022\\u000a\"]}" },
		{ POLICY_ACTION_EXEC,
		  { .program = { "/bin/sh", 7 } },
		  "\"exec\",\"resource\":{\"program\":\"/bin/sh\",\"arguments\":[]}" },
		{ POLICY_ACTION_FS_WRITE,
		  { .file = { "/etc/passwd", 11 }, .flags = flags, .flags_len = 2 },
		  "\"fs.write\",\"resource\":{\"file\":\"/etc/passwd\",\"flags\":[\"read\","
		  "\"create\"]}" },
		{ POLICY_ACTION_DATA_READ,
		  { .file = { "mail", 4 } },
		  "\"data.read\",\"resource\":{\"file\":\"mail\",\"flags\":[]}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf got = BUF(4096);
		char want[2048];
		struct policy_input input = question(rows[i].action);

		input.resource = rows[i].resource;
		snprintf(want, sizeof(want), HEAD "%s" TAIL, rows[i].want);
		CHECK(policy_input_put(&got, &input) == 0, "row %zu", i);
		CHECK(span_is(buf_span(&got), want), "row %zu: %.*s", i, (int)buf_len(&got),
		      got.ptr);
	}
}

/* text_of() - the file of a question about @file, as a reader of JSON has it; owned */
static char *text_of(struct span file)
{
	CLEANUP_BUF struct buf buf = BUF(65536);
	struct policy_input input = question(POLICY_ACTION_FS_OPEN);
	char *text = NULL;

	input.resource.file = file;
	CHECK(policy_input_put(&buf, &input) == 0, "%.*s", (int)file.len, file.ptr);
	json_t *json = json_loadb(buf.ptr, buf_len(&buf), JSON_REJECT_DUPLICATES, NULL);
	CHECK(json != NULL, "%.*s", (int)buf_len(&buf), buf.ptr);
	json_t *summary = json_object_get(json, "request_summary");
	json_t *got = json_object_get(json_object_get(summary, "resource"), "file");
	if (json_string_value(got) != NULL)
		text = strdup(json_string_value(got));
	json_decref(json);
	return text;
}

static void test_hostile(void)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ "/a\"},\"mode\":\"audit\"", "/a\"},\"mode\":\"audit\"" },
		{ "\\", "\\" },
		{ "\\u0022", "\\u0022" },
		{ "\x7f\x1b[2J\r", "\x7f\x1b[2J\r" },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80" },
		{ "\xff/\xc0\xaf", "\xef\xbf\xbd/\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* is cut */
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *got = text_of(span_of(rows[i].file));

		CHECK(got != NULL && strcmp(got, rows[i].want) == 0, "row %zu: %s", i,
		      got != NULL ? got : "none");
		free(got);
	}
	for (int c = 1; c < 256; c++) {
		char *got = text_of((struct span){ &(char){ (char)c }, 1 });

		CHECK(got != NULL && (c < 0x80 ? got[0] == (char)c && got[1] == '\0'
					       : strcmp(got, "\xef\xbf\xbd") == 0),
		      "octet %d", c);
		free(got);
	}
}

/* What does not fit is refused, wherever it ends. */
static void test_bound(void)
{
	CLEANUP_BUF struct buf whole = BUF(4096);
	struct policy_input input = question(POLICY_ACTION_NET_CONNECT);

	CHECK(policy_input_put(&whole, &input) == 0, "it fits");
	for (size_t max = 0; max < buf_len(&whole); max++) {
		CLEANUP_BUF struct buf buf = BUF(max);

		CHECK(policy_input_put(&buf, &input) == -ENOBUFS, "%zu octets", max);
	}
	input.action = POLICY_ACTION_NONE;
	CHECK(policy_input_put(&whole, &input) == -EINVAL, "no action");
	input.action = POLICY_ACTIONS;
	CHECK(policy_input_put(&whole, &input) == -EINVAL, "no action");
}

static void test_names(void)
{
	char stamp[POLICY_STAMP_OCTETS + 1];

	for (size_t i = 1; i < POLICY_ACTIONS; i++)
		CHECK(policy_action_find(span_of(policy_action_name((enum policy_action)i))) == i,
		      "action %zu", i);
	CHECK(policy_action_find(SPAN("nothing")) == POLICY_ACTION_NONE, "nothing");
	CHECK(policy_action_name(POLICY_ACTION_NONE) == NULL, "none");
	CHECK(strcmp(policy_mode_name(POLICY_MODE_AUDIT), "audit") == 0, "audit");
	CHECK(strcmp(policy_mode_name(POLICY_MODE_ENFORCE), "enforce") == 0, "enforce");
	policy_stamp(stamp, -1);
	CHECK(strcmp(stamp, "1970-01-01T00:00:00.000000000Z") == 0, "%s", stamp);
	policy_stamp(stamp, INT64_MAX);
	CHECK(strcmp(stamp, "2262-04-11T23:47:16.854775807Z") == 0, "%s", stamp);
}

int main(void)
{
	test_rows();
	test_hostile();
	test_bound();
	test_names();
	return test_failures > 0;
}
