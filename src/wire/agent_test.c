// SPDX-License-Identifier: Apache-2.0
#include "wire/agent.h"

#include <errno.h>

#include "base/test.h"

enum { WORDS_MAX = 2 * AGENT_ARGS_MAX };

static struct span words[WORDS_MAX];

/* payload_of() - check the header of the one frame in @frame, and give what follows it */
static struct span payload_of(const struct buf *frame, enum agent_type type, uint32_t id,
			      uint16_t fds)
{
	struct agent_header h = { 0 };
	int r = agent_header_decode(&h, buf_span(frame));

	CHECK(r == 0, "type %d: %d", type, r);
	CHECK(h.type == type && h.id == id && h.fds == fds, "%d %u %u", h.type, h.id, h.fds);
	CHECK(h.length + AGENT_HEADER_OCTETS == buf_len(frame), "%u", h.length);
	return span_drop(buf_span(frame), AGENT_HEADER_OCTETS);
}

static void test_header(void)
{
#define HEAD(length, type, fds, id, zero)                                                          \
	{                                                                                          \
		(char)(length), (char)((length) >> 8), (char)((length) >> 16), 0, type, 0, fds, 0, \
		    id, 0, 0, 0, zero, 0, 0, 0                                                     \
	}
	static const struct {
		char head[AGENT_HEADER_OCTETS];
		size_t len;
		int want;
	} rows[] = {
		{ HEAD(0, AGENT_SHUTDOWN, 0, 0, 0), 16, 0 },
		{ HEAD(0, AGENT_EXEC, 3, 1, 0), 16, 0 }, /* the payload is judged elsewhere */
		{ HEAD(0, AGENT_EXEC, 1, 1, 0), 16, -EPROTO },
		{ HEAD(0, AGENT_EXEC, 4, 1, 0), 16, -EPROTO },
		{ HEAD(0, AGENT_EXEC, 3, 0, 0), 16, -EPROTO },     /* no id */
		{ HEAD(0, AGENT_SHUTDOWN, 0, 1, 0), 16, -EPROTO }, /* an id where none belongs */
		{ HEAD(0, AGENT_SHUTDOWN, 1, 0, 0), 16, -EPROTO },
		{ HEAD(0, AGENT_SHUTDOWN, 0, 0, 1), 16, -EPROTO },
		{ HEAD(1, AGENT_SHUTDOWN, 0, 0, 0), 16, -EPROTO }, /* longer than the frame */
		{ HEAD(0, AGENT_SHUTDOWN, 0, 0, 0), 15, -EPROTO },
		{ HEAD(0, AGENT_SHUTDOWN, 0, 0, 0), 0, -EPROTO },
		{ HEAD(0, 0, 0, 0, 0), 16, -EPROTO },
		{ HEAD(0, AGENT_SHUTDOWN + 1, 0, 1, 0), 16, -EPROTO },
		{ HEAD(0, AGENT_HELLO - 1, 0, 1, 0), 16, -EPROTO },
		{ HEAD(0, AGENT_DONE, 0, 1, 0), 16, 0 },
		{ HEAD(0, AGENT_DONE + 1, 0, 1, 0), 16, -EPROTO },
		{ HEAD(0, 127, 0, 1, 0), 16, -EPROTO },
		{ HEAD(AGENT_PAYLOAD_OCTETS_MAX + 1, AGENT_EXEC, 3, 1, 0), 16, -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_header h;
		int r = agent_header_decode(&h, (struct span){ rows[i].head, rows[i].len });

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
	}
}

static void test_exec(void)
{
	const struct span given[] = { SPAN("sh"), SPAN("-c"), SPAN(""), SPAN("A=\xff\n") };
	struct agent_exec exec = {
		.flags = AGENT_EXEC_TTY,
		.rows = 24,
		.columns = 65535,
		.working_dir = SPAN("/tmp"),
		.argc = 3,
		.envc = 1,
		.words = given,
	};
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct agent_exec got = { 0 };
	int r = agent_exec_encode(&frame, 7, &exec, 3);

	CHECK(r == 0, "%d", r);
	struct span payload = payload_of(&frame, AGENT_EXEC, 7, 3);
	r = agent_exec_decode(&got, payload, words, WORDS_MAX);
	CHECK(r == 0 && got.flags == AGENT_EXEC_TTY && got.argc == 3 && got.envc == 1, "%d", r);
	CHECK(got.rows == 24 && got.columns == 65535, "%u %u", got.rows, got.columns);
	CHECK(span_is(got.working_dir, "/tmp"), "working directory");
	CHECK(span_is(got.words[0], "sh") && got.words[2].len == 0, "words");
	CHECK(span_is(got.words[3], "A=\xff\n"), "variables follow the words");
}

static void test_exec_bounds(void)
{
	const struct span given[] = { SPAN("a"), SPAN("b"), SPAN("c=") };
	struct agent_exec exec = { .working_dir = SPAN("/"), .argc = 2, .envc = 1, .words = given };
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct agent_exec got = { 0 };
	int r = agent_exec_encode(&frame, 7, &exec, 3);

	CHECK(r == 0, "%d", r);
	struct span payload = payload_of(&frame, AGENT_EXEC, 7, 3);
	CHECK(agent_exec_decode(&got, payload, words, 3) == 0, "exactly enough room");
	CHECK(agent_exec_decode(&got, payload, words, 2) == -EPROTO, "no room for the variable");
	for (size_t len = 0; len < payload.len; len++) {
		struct span part = { payload.ptr, len };

		r = agent_exec_decode(&got, part, words, WORDS_MAX);
		CHECK(r == -EPROTO, "cut to %zu", len);
	}
}

static void test_exec_refusals(void)
{
	static char big[AGENT_PAYLOAD_OCTETS_MAX];
	static struct span many[AGENT_ARGS_MAX + 1];
	static char path[AGENT_PATH_OCTETS_MAX + 1];
	const struct span one[] = { SPAN("true") };
	const struct span nul[] = { SPAN("tr\0ue") };
	const struct span huge[] = { { big, sizeof(big) } };
	const struct {
		struct agent_exec exec;
		uint16_t fds;
		int want;
	} rows[] = {
		{ { 0, 0, 0, SPAN("/"), 1, 0, one }, 3, 0 },
		{ { 3, 0, 0, SPAN("/"), 1, 0, one }, 2, 0 },
		{ { 0, 0, 0, SPAN("/"), 1, 0, one }, 4, -EINVAL },
		{ { 0, 0, 0, SPAN("/"), 0, 0, one }, 3, -EINVAL },
		{ { 0, 0, 0, SPAN("/"), 0, 1, one }, 3, -EINVAL },
		{ { 0, 0, 0, SPAN("tmp"), 1, 0, one }, 3, -EINVAL },
		{ { 0, 0, 0, SPAN(""), 1, 0, one }, 3, -EINVAL },
		{ { 0, 0, 0, SPAN("/\0"), 1, 0, one }, 3, -EINVAL },
		{ { 0, 0, 0, { path, AGENT_PATH_OCTETS_MAX }, 1, 0, one }, 3, 0 },
		{ { 0, 0, 0, { path, sizeof(path) }, 1, 0, one }, 3, -EINVAL },
		{ { 2, 0, 0, SPAN("/"), 1, 0, one }, 3, -EINVAL }, /* TTY_STDERR without TTY */
		{ { 4, 0, 0, SPAN("/"), 1, 0, one }, 3, -EINVAL },
		{ { 0, 0, 0, SPAN("/"), 1, 0, nul }, 3, -EINVAL },
		{ { 0, 0, 0, SPAN("/"), 1, 0, huge }, 3, -E2BIG },
		{ { 0, 0, 0, SPAN("/"), AGENT_ARGS_MAX, 0, many }, 3, 0 },
		{ { 0, 0, 0, SPAN("/"), AGENT_ARGS_MAX + 1, 0, many }, 3, -E2BIG },
	};

	memset(big, 'x', sizeof(big));
	memset(path, '/', sizeof(path));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf frame = BUF((size_t)2 * AGENT_FRAME_OCTETS_MAX);
		int before = buf_append(&frame, SPAN("kept"));
		int r = agent_exec_encode(&frame, 1, &rows[i].exec, rows[i].fds);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		CHECK(before == 0 && (r == 0 || buf_len(&frame) == 4), "row %zu leaves rests", i);
	}
}

static void test_small_buffer(void)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_HEADER_OCTETS + 3);

	CHECK(agent_u32_encode(&frame, AGENT_SIGNAL, 1, 9) == -E2BIG, "one octet short");
	CHECK(buf_len(&frame) == 0, "taken back");
	CHECK(agent_plain_encode(&frame, AGENT_SHUTDOWN, 0) == 0, "fits");
}

static void test_file(void)
{
	const struct {
		struct agent_file file;
		int want;
	} rows[] = {
		{ { 0600, 1, UINT64_MAX, SPAN("/tmp/a b") }, 0 },
		{ { 0, INT64_MAX, 0, SPAN("/") }, 0 },
		{ { 0, (uint64_t)INT64_MAX + 1, 0, SPAN("/") }, -EINVAL },
		{ { 010000, 0, 0, SPAN("/") }, -EINVAL },
		{ { 0, 0, 0, SPAN("a") }, -EINVAL },
		{ { 0, 0, 0, SPAN("/a\0b") }, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
		struct agent_file got = { 0 };
		int r = agent_file_encode(&frame, AGENT_FILE_READ, 2, &rows[i].file);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		if (r < 0)
			continue;
		r = agent_file_decode(&got, payload_of(&frame, AGENT_FILE_READ, 2, 1));
		CHECK(r == 0 && got.mode == rows[i].file.mode, "row %zu: %d", i, r);
		CHECK(got.offset == rows[i].file.offset && got.length == rows[i].file.length,
		      "row %zu", i);
	}
}

static void test_hello(void)
{
	const struct {
		struct agent_hello hello;
		int want;
	} rows[] = {
		{ { AGENT_VERSION, UINT64_MAX, 1ULL << 63 }, 0 },
		{ { AGENT_VERSION, 1, 2 }, -EINVAL }, /* escaped by what was not attempted */
		{ { AGENT_VERSION + 1, 1, 0 }, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
		struct agent_hello got = { 0 };
		int r = agent_hello_encode(&frame, &rows[i].hello);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		if (r < 0)
			continue;
		r = agent_hello_decode(&got, payload_of(&frame, AGENT_HELLO, 0, 0));
		CHECK(r == 0 && got.attempted == UINT64_MAX && got.escaped == 1ULL << 63, "%d", r);
	}
}

static void test_exit(void)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct agent_exit e = { .signal = 64, .duration_ns = UINT64_MAX };
	const struct agent_exit refused[] = { { 256, 0, 0 }, { 0, 65, 0 }, { 1, 1, 0 } };
	int r = agent_exit_encode(&frame, 3, &e);

	CHECK(r == 0, "%d", r);
	r = agent_exit_decode(&e, payload_of(&frame, AGENT_EXITED, 3, 0));
	CHECK(r == 0 && e.code == 0 && e.signal == 64 && e.duration_ns == UINT64_MAX, "%d", r);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		CHECK(agent_exit_encode(&frame, 3, &refused[i]) == -EINVAL, "row %zu", i);
}

static void test_failure(void)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct agent_failure f = { .error = ENOENT, .step = AGENT_STEP_EXEC };
	const struct span refused[] = {
		SPAN("\0\0\0\0\1\0\0\0"),  /* errno 0 */
		SPAN("\1\0\0\0\0\0\0\0"),  /* step 0 */
		SPAN("\1\0\0\0\10\0\0\0"), /* step 8 */
		SPAN("\0\20\0\0\1\0\0\0"), /* errno 4096 */
		SPAN("\1\0\0\0\1\0\0\0x"), /* one octet too many */
		SPAN("\1\0\0\0\1\0\0"),
	};
	int r = agent_failure_encode(&frame, 3, &f);

	CHECK(r == 0, "%d", r);
	r = agent_failure_decode(&f, payload_of(&frame, AGENT_FAILED, 3, 0));
	CHECK(r == 0 && f.error == ENOENT && f.step == AGENT_STEP_EXEC, "%d", r);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		CHECK(agent_failure_decode(&f, refused[i]) == -EPROTO, "row %zu", i);
}

static void test_numbers(void)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	uint64_t big = 0;
	uint32_t small = 0;
	int r = agent_u64_encode(&frame, AGENT_DONE, 9, 0x0123456789abcdef);

	CHECK(r == 0, "%d", r);
	r = agent_u64_decode(&big, payload_of(&frame, AGENT_DONE, 9, 0));
	CHECK(r == 0 && big == 0x0123456789abcdef, "%llx", (unsigned long long)big);
	CHECK(agent_u32_decode(&small, SPAN("\1\2\3\xff")) == 0 && small == 0xff030201, "%x",
	      small);
	CHECK(agent_u32_decode(&small, SPAN("\1\2\3")) == -EPROTO, "short");
	CHECK(agent_u32_decode(&small, SPAN("")) == -EPROTO, "empty");
	CHECK(agent_u64_decode(&big, SPAN("\1\2\3\4\5\6\7\0\0")) == -EPROTO, "long");
}

static void test_size(void)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	uint16_t rows = 0;
	uint16_t columns = 0;
	int r = agent_size_encode(&frame, 9, 24, 80);

	CHECK(r == 0, "%d", r);
	r = agent_size_decode(&rows, &columns, payload_of(&frame, AGENT_RESIZE, 9, 0));
	CHECK(r == 0 && rows == 24 && columns == 80, "%u %u", rows, columns);
}

static void test_entries(void)
{
	CLEANUP_BUF struct buf stream = BUF(4096);
	struct agent_entry entry = { 0100644, 1ULL << 40, SPAN("a") };
	int first = agent_entry_encode(&stream, &entry);
	int second =
	    agent_entry_encode(&stream, &(struct agent_entry){ 040755, 0, SPAN("\xff\n") });
	struct span rest = buf_span(&stream);

	CHECK(first == 0 && second == 0, "%d %d", first, second);
	CHECK(agent_entry_decode(&entry, &rest) == 1 && span_is(entry.name, "a"), "first");
	CHECK(entry.mode == 0100644, "%o", entry.mode);
	for (size_t len = 0; len < rest.len; len++) {
		struct span part = { rest.ptr, len };
		int r = agent_entry_decode(&entry, &part);

		CHECK(r == 0 && part.len == len, "part %zu", len);
	}
	CHECK(agent_entry_decode(&entry, &rest) == 1 && span_is(entry.name, "\xff\n"), "second");
	CHECK(agent_entry_decode(&entry, &rest) == 0, "end");
}

static void test_entry_names(void)
{
	static const char zeros[12];
	const struct {
		struct span name;
		bool legal;
	} rows[] = {
		{ SPAN("..."), true },  { SPAN("."), false }, { SPAN(".."), false },
		{ SPAN("a/b"), false }, { SPAN("/"), false }, { SPAN("a\0b"), false },
		{ SPAN(""), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf stream = BUF(4096);
		struct agent_entry entry = { 0, 0, rows[i].name };
		int r = agent_entry_encode(&stream, &entry);

		CHECK(r == (rows[i].legal ? 0 : -EINVAL), "row %zu: %d", i, r);
		if (buf_append(&stream, (struct span){ zeros, 12 }) < 0 || r == 0)
			continue;
		stream.end = 12 + 4;
		stream.ptr[12] = (char)rows[i].name.len;
		memset(stream.ptr + 13, 0, 3);
		r = buf_append(&stream, rows[i].name);
		struct span rest = buf_span(&stream);
		CHECK(r == 0 && agent_entry_decode(&entry, &rest) == -EPROTO, "row %zu", i);
	}
	struct span rest = SPAN("\0\0\0\0"
				"\0\0\0\0\0\0\0\0"
				"\0\1\0\0"); /* a name of 256 octets */
	struct agent_entry entry;
	CHECK(agent_entry_decode(&entry, &rest) == -EPROTO, "refused before it is all there");
}

int main(void)
{
	test_header();
	test_exec();
	test_exec_bounds();
	test_exec_refusals();
	test_small_buffer();
	test_file();
	test_hello();
	test_exit();
	test_failure();
	test_numbers();
	test_size();
	test_entries();
	test_entry_names();
	return test_failures > 0;
}
