// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/test.h"
#include "warden/state_priv.h"

static void test_ids(void)
{
	const struct {
		const char *id;
		bool want;
	} rows[] = {
		{ "vm-a1b2c3d4", true },    { "vm-00000000", true },
		{ "vm-a1b2c3d", false },    { "vm-a1b2c3d45", false },
		{ "vm-A1B2C3D4", false },   { "vm-a1b2c3g4", false },
		{ "wm-a1b2c3d4", false },   { "", false },
		{ "vm-../../..", false },   { "vm-a1b2c3d4/", false },
		{ ".old-a1b2c3d4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(state_id_valid(rows[i].id) == rows[i].want, "row %zu", i);
}

static void test_process(void)
{
	const struct {
		struct span text;
		int want;
		pid_t pid;
		uint64_t start;
	} rows[] = {
		{ SPAN("12345 67890\n"), 0, 12345, 67890 },
		{ SPAN("1 18446744073709551615\n"), 0, 1, UINT64_MAX },
		{ SPAN("12345 6789"), -EINVAL, 0, 0 }, /* cut */
		{ SPAN("12345\n"), -EINVAL, 0, 0 },
		{ SPAN("12345 \n"), -EINVAL, 0, 0 },
		{ SPAN(" 5\n"), -EINVAL, 0, 0 },
		{ SPAN("0 5\n"), -EINVAL, 0, 0 },
		{ SPAN("-1 5\n"), -EINVAL, 0, 0 },
		{ SPAN("4194305 5\n"), -EINVAL, 0, 0 },
		{ SPAN("1 18446744073709551616\n"), -EINVAL, 0, 0 },
		{ SPAN("1 5 6\n"), -EINVAL, 0, 0 },
		{ SPAN("1 5\n6\n"), -EINVAL, 0, 0 },
		{ SPAN("1\0 5\n"), -EINVAL, 0, 0 },
		{ SPAN("\n"), -EINVAL, 0, 0 },
		{ SPAN(""), -EINVAL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct state_process got = { 0 };
		int r = state_text_process(&got, rows[i].text);

		CHECK(r == rows[i].want && got.pid == rows[i].pid && got.start == rows[i].start,
		      "row %zu: %d", i, r);
	}
}

static void test_draft(void)
{
	const struct {
		struct span name;
		int want;
	} rows[] = {
		{ SPAN(".new-12-345-a1b2c3d4"), 0 },   { SPAN(".new-12-345-a1b2c3d"), -EINVAL },
		{ SPAN(".new-12-345-"), -EINVAL },     { SPAN(".new-12-345"), -EINVAL },
		{ SPAN(".new--345-a1b2"), -EINVAL },   { SPAN(".new"), -EINVAL },
		{ SPAN("new-1-2-a1b2c3d4"), -EINVAL }, { SPAN(".new-1-2-a1b2c3d4-x"), -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct state_process got = { 0 };

		CHECK(state_text_draft(&got, rows[i].name) == rows[i].want, "row %zu", i);
	}
}

static void test_status(void)
{
	const struct {
		struct span text;
		int want;
		enum state_status status;
	} rows[] = {
		{ SPAN("created\n\n"), 0, STATE_CREATED },
		{ SPAN("running\n\n"), 0, STATE_RUNNING },
		{ SPAN("crashed\n\n"), 0, STATE_CRASHED },
		{ SPAN("stopped\n\n"), 0, STATE_STOPPED },
		{ SPAN("running"), -EINVAL, STATE_COUNT },
		{ SPAN("run\n"), -EINVAL, STATE_COUNT },
		{ SPAN("starting\n"), 0, STATE_STARTING },
		{ SPAN("running\n"), -EINVAL, STATE_COUNT },
		{ SPAN("stoppeng\n"), -EINVAL, STATE_COUNT },
		{ SPAN("running\n\n\n"), -EINVAL, STATE_COUNT },
		{ SPAN("\n\n\n\n\n\n\n\n\n"), -EINVAL, STATE_COUNT },
		{ SPAN("\n"), -EINVAL, STATE_COUNT },
		{ SPAN(""), -EINVAL, STATE_COUNT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum state_status got = STATE_COUNT;
		int r = state_text_status(&got, rows[i].text);

		CHECK(r == rows[i].want && got == rows[i].status, "row %zu: %d", i, r);
	}
}

static void test_seconds(void)
{
	int64_t got = -1;

	CHECK(state_text_seconds(&got, SPAN("1700000000\n")) == 0 && got == 1700000000, "plain");
	CHECK(state_text_seconds(&got, SPAN("9223372036854775807\n")) == 0, "largest");
	CHECK(state_text_seconds(&got, SPAN("9223372036854775808\n")) == -EINVAL, "too large");
	CHECK(state_text_seconds(&got, SPAN("17000")) == -EINVAL, "cut");
	CHECK(got == INT64_MAX, "untouched on failure");
}

#define TO_START "1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 "

static void test_stat(void)
{
	const struct {
		struct span text;
		int want;
	} rows[] = {
		{ SPAN("7 (sh) S " TO_START "777 100 3\n"), 0 },
		{ SPAN("7 (a) R 1 (b) S " TO_START "777 100 3\n"),
		  0 }, /* the name is "a) R 1 (b" */
		{ SPAN("7 (\n) ) S " TO_START "777 100 3\n"), 0 },
		{ SPAN("7 (sh) Z " TO_START "777 100 3\n"), -ESRCH },
		{ SPAN("7 (sh) X " TO_START "777 100 3\n"), -ESRCH },
		{ SPAN("7 (sh) S " TO_START "777"), -EINVAL },
		{ SPAN("7 (sh) S 1 1"), -EINVAL },
		{ SPAN("7 sh"), -EINVAL },
		{ SPAN(""), -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t start = 0;
		int r = state_text_stat(&start, rows[i].text);

		CHECK(r == rows[i].want && start == (r == 0 ? 777 : 0), "row %zu: %d", i, r);
	}
}

static void test_escape(void)
{
	const struct {
		struct span text;
		const char *want; /* in 12 octets of room */
	} rows[] = {
		{ SPAN(""), "" },
		{ SPAN("plain text!"), "plain text!" }, /* fits exactly */
		{ SPAN("plain text!!"), "plain te..." },
		{ SPAN("a\033b"), "a\\x1bb" },
		{ SPAN("a\nb"), "a\\x0ab" },
		{ SPAN("\0"), "\\x00" },
		{ SPAN("\x7f"), "\\x7f" },
		{ SPAN("h\xc3\xa9llo"), "h\xc3\xa9llo" },
		{ SPAN("\xc2\x9b"), "\\xc2\\x9b" }, /* CSI in one character */
		{ SPAN("\xff\x80"), "\\xff\\x80" },
		{ SPAN("\xc0\xaf"), "\\xc0\\xaf" },        /* overlong */
		{ SPAN("\xed\xa0"), "\\xed\\xa0" },        /* a surrogate's front, cut */
		{ SPAN("\xe2\x80\xae"), "\\xe2\\x80..." }, /* right-to-left override */
		{ SPAN("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80" },
		{ SPAN("\xf4\x90\x80\x80"), "\\xf4\\x90..." }, /* above U+10FFFF */
		{ SPAN("\xf8\x90\x80\x80"),
		  "\\xf8\\x90..." }, /* no lead, though its lowest bits fit */
		{ SPAN("aaaaaaa\xe2\x82\xac\xe2\x82\xac"),
		  "aaaaaaa..." }, /* not within a character */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char got[12];

		state_text_escape(got, sizeof(got), rows[i].text);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu: %s", i, got);
	}
	for (size_t size = 1; size < 12; size++) {
		char got[12];

		memset(got, '#', sizeof(got));
		state_text_escape(got, size, SPAN("\x01\x02\x03\x04"));
		CHECK(strnlen(got, size) < size && got[size] == '#', "in %zu octets", size);
	}
}

static void test_config(void)
{
	const struct {
		struct span json;
		const char *image, *command;
	} rows[] = {
		{ SPAN("{\"image\":\"standard\",\"command\":[\"sh\",\"-c\",\"a b\"]}"), "standard",
		  "sh -c a b" },
		{ SPAN("{\"command\":\"bash\"}"), "", "bash" },
		{ SPAN("{\"command\":[\"a\",1,{},\"\\u0000\\u001b\"]}"), "", "a   \\x00\\x1b" },
		{ SPAN("{\"image\":[],\"command\":{}}"), "", "" },
		{ SPAN("{\"image\":\"a\",\"image\":\"b\"}"), "", "" },
		{ SPAN("{\"image\":\"stand"), "", "" },
		{ SPAN("[\"image\"]"), "", "" },
		{ SPAN("null"), "", "" },
		{ SPAN("\xff"), "", "" },
		{ SPAN(""), "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct state_entry got = { 0 };

		state_text_config(&got, rows[i].json);
		CHECK(strcmp(got.image, rows[i].image) == 0, "row %zu: %s", i, got.image);
		CHECK(strcmp(got.command, rows[i].command) == 0, "row %zu: %s", i, got.command);
	}
}

int main(void)
{
	test_ids();
	test_process();
	test_draft();
	test_status();
	test_seconds();
	test_stat();
	test_escape();
	test_config();
	return test_failures > 0;
}
