// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a struct reader walks a payload, a struct writer builds a frame, and each
 * remembers its first failure, so that a codec is a plain list of fields with one check at its end.
 * What a type carries besides its payload - its descriptors, whether it has an id - is the table
 * types[], which encoders and agent_header_decode() both obey. A failed encoder leaves the buffer
 * as it found it.
 */
#include "wire/agent.h"

#include <errno.h>

enum {
	ERRNO_MAX = 4095, /* MAX_ERRNO, include/linux/err.h */
	SIGNAL_MAX = 64,  /* _NSIG, include/uapi/asm-generic/signal.h */
	EXIT_CODE_MAX = 255,
	MODE_BITS = 07777,
	TYPES_END = AGENT_DONE + 1,
};

/* What a frame of a type must look like. Types with known = false do not exist. */
static const struct {
	bool known, has_id;
	uint16_t fds_min, fds_max;
} types[TYPES_END] = {
	[AGENT_EXEC] = { true, true, 2, 3 },       [AGENT_SIGNAL] = { true, true, 0, 0 },
	[AGENT_RESIZE] = { true, true, 0, 0 },     [AGENT_FILE_READ] = { true, true, 1, 1 },
	[AGENT_FILE_WRITE] = { true, true, 1, 1 }, [AGENT_FILE_LIST] = { true, true, 1, 1 },
	[AGENT_SHUTDOWN] = { true, false, 0, 0 },  [AGENT_HELLO] = { true, false, 0, 0 },
	[AGENT_STARTED] = { true, true, 0, 0 },    [AGENT_EXITED] = { true, true, 0, 0 },
	[AGENT_STOPPED] = { true, true, 0, 0 },    [AGENT_FAILED] = { true, true, 0, 0 },
	[AGENT_DONE] = { true, true, 0, 0 },
};

static bool header_is_legal(const struct agent_header *h)
{
	size_t type = (size_t)h->type;

	return type < TYPES_END && types[type].known && types[type].has_id == (h->id != 0) &&
	       h->fds >= types[type].fds_min && h->fds <= types[type].fds_max &&
	       h->length <= AGENT_PAYLOAD_OCTETS_MAX;
}

struct reader {
	struct span rest;
	bool failed;
};

/* take() - the next @len octets, or NULL (and failed for good) if they are not there */
static const char *take(struct reader *r, size_t len)
{
	const char *at = r->rest.ptr;

	if (r->failed || len > r->rest.len) {
		r->failed = true;
		return NULL;
	}
	r->rest = span_drop(r->rest, len);
	return at;
}

static uint64_t take_number(struct reader *r, size_t octets)
{
	const char *at = take(r, octets);
	uint64_t value = 0;

	for (size_t i = octets; at != NULL && i > 0; i--)
		value = value << 8 | (unsigned char)at[i - 1];
	return value;
}

static uint16_t take_u16(struct reader *r)
{
	return (uint16_t)take_number(r, 2);
}

static uint32_t take_u32(struct reader *r)
{
	return (uint32_t)take_number(r, 4);
}

static uint64_t take_u64(struct reader *r)
{
	return take_number(r, 8);
}

static bool has_nul(struct span s)
{
	return s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

static struct span take_text(struct reader *r)
{
	size_t len = take_u32(r);
	const char *at = take(r, len);
	struct span text = { at, at != NULL ? len : 0 };

	if (has_nul(text))
		r->failed = true;
	return text;
}

/* take_list() - texts to @words, of which there is room for @room. Return: how many. */
static uint32_t take_list(struct reader *r, struct span *words, size_t room)
{
	uint32_t count = take_u32(r);

	if (count > AGENT_ARGS_MAX || count > room)
		r->failed = true;
	for (uint32_t i = 0; i < count && !r->failed; i++)
		words[i] = take_text(r);
	return r->failed ? 0 : count;
}

/* verdict() - is the payload read to its end, without a failure and with @legal values? */
static int verdict(const struct reader *r, bool legal)
{
	return !r->failed && r->rest.len == 0 && legal ? 0 : -EPROTO;
}

static bool is_path(struct span path)
{
	return path.len > 0 && path.len <= AGENT_PATH_OCTETS_MAX && path.ptr[0] == '/';
}

static bool is_entry_name(struct span name)
{
	return name.len > 0 && name.len <= AGENT_NAME_OCTETS_MAX && !has_nul(name) &&
	       memchr(name.ptr, '/', name.len) == NULL && !span_is(name, ".") &&
	       !span_is(name, "..");
}

static bool exec_is_legal(const struct agent_exec *exec)
{
	const uint32_t known = AGENT_EXEC_TTY | AGENT_EXEC_TTY_STDERR;

	return (exec->flags & ~known) == 0 && exec->flags != AGENT_EXEC_TTY_STDERR &&
	       exec->argc > 0 && is_path(exec->working_dir);
}

static bool file_is_legal(const struct agent_file *file)
{
	return (file->mode & ~(uint32_t)MODE_BITS) == 0 && file->offset <= INT64_MAX &&
	       is_path(file->path);
}

static bool hello_is_legal(const struct agent_hello *hello)
{
	return hello->version == AGENT_VERSION && (hello->escaped & ~hello->attempted) == 0;
}

static bool exit_is_legal(const struct agent_exit *exited)
{
	return exited->code <= EXIT_CODE_MAX && exited->signal <= SIGNAL_MAX &&
	       (exited->code == 0 || exited->signal == 0);
}

static bool failure_is_legal(const struct agent_failure *failure)
{
	return failure->error > 0 && failure->error <= ERRNO_MAX &&
	       failure->step >= AGENT_STEP_LIMIT && failure->step <= AGENT_STEP_COPY;
}

int agent_header_decode(struct agent_header *ret, struct span frame)
{
	struct reader r = { .rest = frame };
	struct agent_header h = { .length = take_u32(&r) };

	h.type = (enum agent_type)take_u16(&r);
	h.fds = take_u16(&r);
	h.id = take_u32(&r);
	uint32_t zero = take_u32(&r);
	if (r.failed || zero != 0 || r.rest.len != h.length || !header_is_legal(&h))
		return -EPROTO;
	*ret = h;
	return 0;
}

int agent_exec_decode(struct agent_exec *ret, struct span payload, struct span *words,
		      size_t words_max)
{
	struct reader r = { .rest = payload };
	struct agent_exec exec = { .flags = take_u32(&r), .words = words };

	exec.rows = take_u16(&r);
	exec.columns = take_u16(&r);
	exec.working_dir = take_text(&r);
	exec.argc = take_list(&r, words, words_max);
	exec.envc = take_list(&r, words + exec.argc, words_max - exec.argc);
	if (verdict(&r, !r.failed && exec_is_legal(&exec)) < 0)
		return -EPROTO;
	*ret = exec;
	return 0;
}

int agent_file_decode(struct agent_file *ret, struct span payload)
{
	struct reader r = { .rest = payload };
	struct agent_file file = { .mode = take_u32(&r) };

	file.offset = take_u64(&r);
	file.length = take_u64(&r);
	file.path = take_text(&r);
	if (verdict(&r, !r.failed && file_is_legal(&file)) < 0)
		return -EPROTO;
	*ret = file;
	return 0;
}

int agent_hello_decode(struct agent_hello *ret, struct span payload)
{
	struct reader r = { .rest = payload };
	struct agent_hello hello = { .version = take_u32(&r) };

	hello.attempted = take_u64(&r);
	hello.escaped = take_u64(&r);
	if (verdict(&r, hello_is_legal(&hello)) < 0)
		return -EPROTO;
	*ret = hello;
	return 0;
}

int agent_exit_decode(struct agent_exit *ret, struct span payload)
{
	struct reader r = { .rest = payload };
	struct agent_exit exited = { .code = take_u32(&r) };

	exited.signal = take_u32(&r);
	exited.duration_ns = take_u64(&r);
	if (verdict(&r, exit_is_legal(&exited)) < 0)
		return -EPROTO;
	*ret = exited;
	return 0;
}

int agent_failure_decode(struct agent_failure *ret, struct span payload)
{
	struct reader r = { .rest = payload };
	struct agent_failure failure = { .error = take_u32(&r) };

	failure.step = (enum agent_step)take_u32(&r);
	if (verdict(&r, failure_is_legal(&failure)) < 0)
		return -EPROTO;
	*ret = failure;
	return 0;
}

int agent_u64_decode(uint64_t *ret, struct span payload)
{
	struct reader r = { .rest = payload };
	uint64_t value = take_u64(&r);

	if (verdict(&r, true) < 0)
		return -EPROTO;
	*ret = value;
	return 0;
}

int agent_u32_decode(uint32_t *ret, struct span payload)
{
	struct reader r = { .rest = payload };
	uint32_t value = take_u32(&r);

	if (verdict(&r, true) < 0)
		return -EPROTO;
	*ret = value;
	return 0;
}

int agent_size_decode(uint16_t *ret_rows, uint16_t *ret_columns, struct span payload)
{
	struct reader r = { .rest = payload };
	uint16_t rows = take_u16(&r);
	uint16_t columns = take_u16(&r);

	if (verdict(&r, true) < 0)
		return -EPROTO;
	*ret_rows = rows;
	*ret_columns = columns;
	return 0;
}

int agent_entry_decode(struct agent_entry *ret, struct span *rest)
{
	struct reader r = { .rest = *rest };
	struct agent_entry entry = { .mode = take_u32(&r) };

	entry.size = take_u64(&r);
	entry.name.len = take_u32(&r);
	if (!r.failed && (entry.name.len == 0 || entry.name.len > AGENT_NAME_OCTETS_MAX))
		return -EPROTO;
	entry.name.ptr = take(&r, entry.name.len);
	if (r.failed)
		return 0;
	if (!is_entry_name(entry.name))
		return -EPROTO;
	*ret = entry;
	*rest = r.rest;
	return 1;
}

struct writer {
	struct buf *out;
	size_t start; /* of what we write, in octets after the front of @out */
	int error;    /* the first, or 0 */
};

static struct writer writer_on(struct buf *out)
{
	return (struct writer){ .out = out, .start = buf_len(out) };
}

static void put(struct writer *w, struct span data)
{
	if (w->error == 0)
		w->error = buf_append(w->out, data);
}

static void put_number(struct writer *w, uint64_t value, size_t octets)
{
	char text[8];

	for (size_t i = 0; i < octets; i++)
		text[i] = (char)(value >> 8 * i & 0xff);
	put(w, (struct span){ text, octets });
}

static void put_u16(struct writer *w, uint16_t value)
{
	put_number(w, value, 2);
}

static void put_u32(struct writer *w, uint32_t value)
{
	put_number(w, value, 4);
}

static void put_u64(struct writer *w, uint64_t value)
{
	put_number(w, value, 8);
}

static void put_text(struct writer *w, struct span text)
{
	if (text.len > AGENT_PAYLOAD_OCTETS_MAX)
		w->error = w->error < 0 ? w->error : -E2BIG;
	else if (has_nul(text))
		w->error = w->error < 0 ? w->error : -EINVAL;
	put_u32(w, (uint32_t)text.len);
	put(w, text);
}

static void put_list(struct writer *w, const struct span *words, uint32_t count)
{
	if (count > AGENT_ARGS_MAX)
		w->error = w->error < 0 ? w->error : -E2BIG;
	put_u32(w, count);
	for (uint32_t i = 0; i < count && w->error == 0; i++)
		put_text(w, words[i]);
}

/* finish() - keep what was written, or take it back. @legal: the values may be sent. */
static int finish(struct writer *w, bool legal)
{
	if (w->error == 0 && !legal)
		w->error = -EINVAL;
	if (w->error < 0)
		w->out->end = w->out->start + w->start;
	return w->error == -ENOBUFS ? -E2BIG : w->error;
}

/* frame_on() - start a frame; its length is filled in by frame_finish() */
static struct writer frame_on(struct buf *out, enum agent_type type, uint32_t id, uint16_t fds)
{
	struct writer w = writer_on(out);

	put_u32(&w, 0);
	put_u16(&w, (uint16_t)type);
	put_u16(&w, fds);
	put_u32(&w, id);
	put_u32(&w, 0);
	return w;
}

static int frame_finish(struct writer *w, bool legal)
{
	if (w->error < 0)
		return finish(w, legal);

	unsigned char *head = (unsigned char *)w->out->ptr + w->out->start + w->start;
	size_t len = buf_len(w->out) - w->start - AGENT_HEADER_OCTETS;
	if (len > AGENT_PAYLOAD_OCTETS_MAX) {
		w->error = -E2BIG;
		return finish(w, legal);
	}
	for (size_t i = 0; i < 4; i++)
		head[i] = (unsigned char)(len >> 8 * i);

	struct agent_header h;
	struct span frame = { (const char *)head, len + AGENT_HEADER_OCTETS };
	return finish(w, legal && agent_header_decode(&h, frame) == 0);
}

int agent_plain_encode(struct buf *frame, enum agent_type type, uint32_t id)
{
	struct writer w = frame_on(frame, type, id, 0);

	return frame_finish(&w, true);
}

int agent_u32_encode(struct buf *frame, enum agent_type type, uint32_t id, uint32_t value)
{
	struct writer w = frame_on(frame, type, id, 0);

	put_u32(&w, value);
	return frame_finish(&w, true);
}

int agent_u64_encode(struct buf *frame, enum agent_type type, uint32_t id, uint64_t value)
{
	struct writer w = frame_on(frame, type, id, 0);

	put_u64(&w, value);
	return frame_finish(&w, true);
}

int agent_size_encode(struct buf *frame, uint32_t id, uint16_t rows, uint16_t columns)
{
	struct writer w = frame_on(frame, AGENT_RESIZE, id, 0);

	put_u16(&w, rows);
	put_u16(&w, columns);
	return frame_finish(&w, true);
}

int agent_exec_encode(struct buf *frame, uint32_t id, const struct agent_exec *exec, uint16_t fds)
{
	struct writer w = frame_on(frame, AGENT_EXEC, id, fds);

	put_u32(&w, exec->flags);
	put_u16(&w, exec->rows);
	put_u16(&w, exec->columns);
	put_text(&w, exec->working_dir);
	put_list(&w, exec->words, exec->argc);
	put_list(&w, exec->words + exec->argc, exec->envc);
	return frame_finish(&w, exec_is_legal(exec));
}

int agent_file_encode(struct buf *frame, enum agent_type type, uint32_t id,
		      const struct agent_file *file)
{
	struct writer w = frame_on(frame, type, id, 1);

	put_u32(&w, file->mode);
	put_u64(&w, file->offset);
	put_u64(&w, file->length);
	put_text(&w, file->path);
	return frame_finish(&w, file_is_legal(file));
}

int agent_hello_encode(struct buf *frame, const struct agent_hello *hello)
{
	struct writer w = frame_on(frame, AGENT_HELLO, 0, 0);

	put_u32(&w, hello->version);
	put_u64(&w, hello->attempted);
	put_u64(&w, hello->escaped);
	return frame_finish(&w, hello_is_legal(hello));
}

int agent_exit_encode(struct buf *frame, uint32_t id, const struct agent_exit *exited)
{
	struct writer w = frame_on(frame, AGENT_EXITED, id, 0);

	put_u32(&w, exited->code);
	put_u32(&w, exited->signal);
	put_u64(&w, exited->duration_ns);
	return frame_finish(&w, exit_is_legal(exited));
}

int agent_failure_encode(struct buf *frame, uint32_t id, const struct agent_failure *failure)
{
	struct writer w = frame_on(frame, AGENT_FAILED, id, 0);

	put_u32(&w, failure->error);
	put_u32(&w, failure->step);
	return frame_finish(&w, failure_is_legal(failure));
}

int agent_entry_encode(struct buf *stream, const struct agent_entry *entry)
{
	struct writer w = writer_on(stream);

	put_u32(&w, entry->mode);
	put_u64(&w, entry->size);
	put_text(&w, entry->name);
	return finish(&w, is_entry_name(entry->name));
}
