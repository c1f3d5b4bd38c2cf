/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent - the frames between the warden and init (PID 1 of a sandbox), as pure bytes.
 *
 * A frame is a 16-octet header and a payload, all numbers little-endian:
 *
 *	u32 length	octets of payload, at most AGENT_PAYLOAD_OCTETS_MAX
 *	u16 type	enum agent_type
 *	u16 fds		descriptors that go with it (the transport carries them), at most 3
 *	u32 id		the exec or file operation it is about, chosen by the warden; 0: none
 *	u32 zero	must be 0
 *
 * In a payload, u8/u16/u32/u64 are plain, a text is u32 length + octets without NUL inside, and a
 * list is u32 count + texts. Descriptors flow only inwards: the warden never accepts one.
 *
 *	to init			payload				descriptors
 *	EXEC			struct agent_exec		stdin, stdout, stderr
 *	SIGNAL			u32 signal			-
 *	RESIZE			u16 rows, u16 columns		-
 *	FILE_READ		struct agent_file		pipe to write the content to
 *	FILE_WRITE		struct agent_file		pipe to read the content from
 *	FILE_LIST		struct agent_file		pipe for struct agent_entry records
 *	SHUTDOWN		-				-
 *
 *	from init
 *	HELLO			struct agent_hello		first frame, once
 *	STARTED			u32 pid inside
 *	EXITED			struct agent_exit		last frame of an EXEC that started
 *	STOPPED			u32 signal			a tty program stopped (Ctrl-Z)
 *	FAILED			struct agent_failure		last frame of one that failed
 *	DONE			u64 octets moved		last frame of a FILE_* that worked
 *
 * Both sides treat the other as hostile: a frame that does not decode ends the connection.
 */
#ifndef WIRE_AGENT_H
#define WIRE_AGENT_H

#include "base/base.h"
#include "base/buf.h"

enum {
	AGENT_VERSION = 1,
	AGENT_HEADER_OCTETS = 16,
	AGENT_PAYLOAD_OCTETS_MAX = 128 * 1024,
	AGENT_FRAME_OCTETS_MAX = AGENT_HEADER_OCTETS + AGENT_PAYLOAD_OCTETS_MAX,
	AGENT_ARGS_MAX = 4096, /* words of a command line, and variables of an environment */
	AGENT_FDS_MAX = 3,
	AGENT_NAME_OCTETS_MAX = 255,  /* NAME_MAX */
	AGENT_PATH_OCTETS_MAX = 4095, /* PATH_MAX without its NUL */
};

enum agent_type {
	AGENT_EXEC = 1,
	AGENT_SIGNAL,
	AGENT_RESIZE,
	AGENT_FILE_READ,
	AGENT_FILE_WRITE,
	AGENT_FILE_LIST,
	AGENT_SHUTDOWN,
	AGENT_HELLO = 64,
	AGENT_STARTED,
	AGENT_EXITED,
	AGENT_STOPPED,
	AGENT_FAILED,
	AGENT_DONE,
};

struct agent_header {
	uint32_t length;
	enum agent_type type;
	uint16_t fds;
	uint32_t id;
};

enum agent_exec_flags {
	AGENT_EXEC_TTY = 1 << 0,        /* a private terminal; init relays it to stdin and stdout */
	AGENT_EXEC_TTY_STDERR = 1 << 1, /* with TTY: stderr is the terminal too; 2 descriptors do */
};

/* Lists point into one array of @argc + @envc texts: first the words, then the variables. */
struct agent_exec {
	uint32_t flags;
	uint16_t rows, columns;  /* of the terminal; 0: unknown */
	struct span working_dir; /* absolute, inside */
	uint32_t argc, envc;
	const struct span *words; /* argc + envc */
};

struct agent_file {
	uint32_t mode;    /* permission bits of a new file; 0: 0644 */
	uint64_t offset;  /* octets to skip (FILE_READ) */
	uint64_t length;  /* octets to read at most (FILE_READ) */
	struct span path; /* absolute, inside */
};

enum { AGENT_SELFTEST_MAX = 64 }; /* attempts; one bit each */

struct agent_hello {
	uint32_t version;
	uint64_t attempted; /* bit per selftest attempt, in the order of agent_selftest_names[] */
	uint64_t escaped;   /* those that were not refused; 0 or the sandbox must not run */
};

struct agent_exit {
	uint32_t code;        /* exit code, if signal is 0 */
	uint32_t signal;      /* the signal that ended it, or 0 */
	uint64_t duration_ns; /* from start to exit */
};

/* Which step of an operation failed. */
enum agent_step {
	AGENT_STEP_LIMIT = 1, /* too many at once */
	AGENT_STEP_CHDIR,
	AGENT_STEP_TTY,
	AGENT_STEP_FORK,
	AGENT_STEP_EXEC,
	AGENT_STEP_OPEN,
	AGENT_STEP_COPY,
};

struct agent_failure {
	uint32_t error; /* errno */
	enum agent_step step;
};

/* One entry of a folder, as FILE_LIST streams them: u32 mode, u64 size, text name. */
struct agent_entry {
	uint32_t mode; /* st_mode, type bits included */
	uint64_t size; /* octets */
	struct span name;
};

/*
 * Decoders return 0, or -EPROTO for anything but a well-formed value; spans borrow from @payload.
 * agent_header_decode() wants the whole frame, and judges its length, descriptor count and whether
 * its type has an id (all but SHUTDOWN and HELLO).
 */
MUST_USE int agent_header_decode(struct agent_header *ret, struct span frame);
MUST_USE int agent_exec_decode(struct agent_exec *ret, struct span payload, struct span *words,
			       size_t words_max);
MUST_USE int agent_file_decode(struct agent_file *ret, struct span payload);
MUST_USE int agent_hello_decode(struct agent_hello *ret, struct span payload);
MUST_USE int agent_exit_decode(struct agent_exit *ret, struct span payload);
MUST_USE int agent_failure_decode(struct agent_failure *ret, struct span payload);
MUST_USE int agent_u64_decode(uint64_t *ret, struct span payload); /* DONE */
MUST_USE int agent_u32_decode(uint32_t *ret, struct span payload); /* SIGNAL, STARTED, STOPPED */
MUST_USE int agent_size_decode(uint16_t *ret_rows, uint16_t *ret_columns, struct span payload);

/**
 * agent_entry_decode() - take one folder entry off the front of @rest
 *
 * Return: 1: *@ret is set and @rest moved on; 0: @rest is empty or holds only a part of an entry;
 * -EPROTO: not an entry (a name of 0 or over 255 octets, with a slash or a NUL, or "." or "..").
 */
MUST_USE int agent_entry_decode(struct agent_entry *ret, struct span *rest);

/*
 * Encoders append a whole frame to @frame. Return: 0; -E2BIG: does not fit a frame or the buffer;
 * -EINVAL: a text holds a NUL, a path is not absolute, or another value that no decoder takes;
 * -ENOMEM. On failure @frame is as before.
 */
MUST_USE int agent_plain_encode(struct buf *frame, enum agent_type type,
				uint32_t id); /* SHUTDOWN */
MUST_USE int agent_u32_encode(struct buf *frame, enum agent_type type, uint32_t id, uint32_t value);
MUST_USE int agent_u64_encode(struct buf *frame, enum agent_type type, uint32_t id, uint64_t value);
MUST_USE int agent_size_encode(struct buf *frame, uint32_t id, uint16_t rows, uint16_t columns);
MUST_USE int agent_exec_encode(struct buf *frame, uint32_t id, const struct agent_exec *exec,
			       uint16_t fds);
MUST_USE int agent_file_encode(struct buf *frame, enum agent_type type, uint32_t id,
			       const struct agent_file *file);
MUST_USE int agent_hello_encode(struct buf *frame, const struct agent_hello *hello);
MUST_USE int agent_exit_encode(struct buf *frame, uint32_t id, const struct agent_exit *exited);
MUST_USE int agent_failure_encode(struct buf *frame, uint32_t id,
				  const struct agent_failure *failure);
MUST_USE int agent_entry_encode(struct buf *stream, const struct agent_entry *entry);

#endif
