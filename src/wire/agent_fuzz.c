// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a frame, else (not a frame) a stream of folder entries. Property: what decodes encodes to
 * the very same octets, so there is one spelling of each message and no octet goes unread.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span words[2 * AGENT_ARGS_MAX];

static int again_exec(struct buf *out, const struct agent_header *h, struct span payload)
{
	struct agent_exec exec;

	if (agent_exec_decode(&exec, payload, words, ARRAY_SIZE(words)) < 0)
		return 1;
	return agent_exec_encode(out, h->id, &exec, h->fds);
}

static int again_file(struct buf *out, const struct agent_header *h, struct span payload)
{
	struct agent_file file;

	if (agent_file_decode(&file, payload) < 0)
		return 1;
	return agent_file_encode(out, h->type, h->id, &file);
}

static int again_u32(struct buf *out, const struct agent_header *h, struct span payload)
{
	uint32_t value;

	if (agent_u32_decode(&value, payload) < 0)
		return 1;
	return agent_u32_encode(out, h->type, h->id, value);
}

static int again_size(struct buf *out, const struct agent_header *h, struct span payload)
{
	uint16_t rows;
	uint16_t columns;

	if (agent_size_decode(&rows, &columns, payload) < 0)
		return 1;
	return agent_size_encode(out, h->id, rows, columns);
}

static int again_hello(struct buf *out, const struct agent_header *h, struct span payload)
{
	struct agent_hello hello;

	(void)h;
	if (agent_hello_decode(&hello, payload) < 0)
		return 1;
	return agent_hello_encode(out, &hello);
}

static int again_exit(struct buf *out, const struct agent_header *h, struct span payload)
{
	struct agent_exit exited;

	if (agent_exit_decode(&exited, payload) < 0)
		return 1;
	return agent_exit_encode(out, h->id, &exited);
}

static int again_failure(struct buf *out, const struct agent_header *h, struct span payload)
{
	struct agent_failure failure;

	if (agent_failure_decode(&failure, payload) < 0)
		return 1;
	return agent_failure_encode(out, h->id, &failure);
}

static int again_u64(struct buf *out, const struct agent_header *h, struct span payload)
{
	uint64_t value;

	if (agent_u64_decode(&value, payload) < 0)
		return 1;
	return agent_u64_encode(out, h->type, h->id, value);
}

static int again_plain(struct buf *out, const struct agent_header *h, struct span payload)
{
	return payload.len > 0 ? 1 : agent_plain_encode(out, h->type, h->id);
}

/* Each decodes a payload and encodes it anew. Return: 1 if it does not decode, else the encoder's.
 */
static int (*const again[])(struct buf *, const struct agent_header *, struct span) = {
	[AGENT_EXEC] = again_exec,       [AGENT_SIGNAL] = again_u32,
	[AGENT_RESIZE] = again_size,     [AGENT_FILE_READ] = again_file,
	[AGENT_FILE_WRITE] = again_file, [AGENT_FILE_LIST] = again_file,
	[AGENT_SHUTDOWN] = again_plain,  [AGENT_HELLO] = again_hello,
	[AGENT_STARTED] = again_u32,     [AGENT_EXITED] = again_exit,
	[AGENT_STOPPED] = again_u32,     [AGENT_FAILED] = again_failure,
	[AGENT_DONE] = again_u64,
};

static void check_same(struct span want, const struct buf *got)
{
	if (buf_len(got) != want.len || memcmp(got->ptr, want.ptr, want.len) != 0)
		abort();
}

static void entries(struct span stream)
{
	CLEANUP_BUF struct buf out = BUF(stream.len + 1);
	struct agent_entry entry;
	struct span rest = stream;

	while (agent_entry_decode(&entry, &rest) == 1)
		if (agent_entry_encode(&out, &entry) < 0)
			abort();
	if (buf_len(&out) > 0)
		check_same((struct span){ stream.ptr, stream.len - rest.len }, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf out = BUF(AGENT_FRAME_OCTETS_MAX);
	struct span frame = { (const char *)data, size };
	struct agent_header h;

	if (agent_header_decode(&h, frame) < 0) {
		entries(frame);
		return 0;
	}
	int r = again[h.type](&out, &h, span_drop(frame, AGENT_HEADER_OCTETS));
	if (r < 0)
		abort();
	if (r == 0)
		check_same(frame, &out);
	return 0;
}
