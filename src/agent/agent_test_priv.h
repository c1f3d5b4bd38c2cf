/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_test_priv - what the tests of init share: they start the real one (its path is the first
 * argument), play the warden over a socket pair, and look at what comes back. What fails is said by
 * CHECK.
 */
#ifndef AGENT_AGENT_TEST_PRIV_H
#define AGENT_AGENT_TEST_PRIV_H

#include <sys/types.h>

#include "base/buf.h"
#include "wire/agent.h"

enum {
	WAIT_MS = 15000, /* for a frame or octets that must come */
	BIG_OCTETS = 64 << 20,
};

struct peer {
	pid_t pid;
	int fd; /* owned; our end of the channel */
};

struct frame {
	struct agent_header h;
	struct span payload; /* borrowed from octets */
	char octets[AGENT_FRAME_OCTETS_MAX];
};

/* ---- the program ---- */

/* run_tests() - start init, and run @tests with it until one fails. Return: the exit status. */
int run_tests(int argc, char **argv, void (*const *tests)(const struct peer *peer), size_t count);

/* begin_test() - start the init that argv names, whose HELLO comes next. Return: 0; or the exit
 * status: of a test that is skipped, where namespaces may not be had. */
MUST_USE int begin_test(struct peer *ret, int argc, char **argv);

/* start_init() - another one, after begin_test(). Return: 0 or -errno. */
MUST_USE int start_init(struct peer *ret);

/* end_init() - close the channel. Return: the exit status of init, as waitpid() says it. */
int end_init(struct peer *peer);

/* ---- frames to init ---- */

/* send_now() - send a frame, waiting while init does not read; takes the buffer and closes @fds */
void send_now(const struct peer *peer, struct buf *frame, int encoded, const int *fds,
	      size_t count);

/* send_exec() - @argv ends with NULL; @fds, three, are consumed */
void send_exec(const struct peer *peer, uint32_t id, unsigned flags, const char *dir,
	       const char *const *argv, const int *fds);
void send_shell(const struct peer *peer, uint32_t id, const char *script); /* on /dev/null */
void send_signal(const struct peer *peer, uint32_t id, int number);

/* nulls() - three descriptors of /dev/null, owned by the caller */
void nulls(int *fds);

/* ---- frames from init ---- */

/* receive() - Return: false: none came in time, or one that is no frame */
bool receive(struct frame *ret, const struct peer *peer, int wait_ms);

/* expect() - the next frame must be this one. Return: is it? */
bool expect(struct frame *ret, const struct peer *peer, enum agent_type type, uint32_t id);
void expect_exit(const struct peer *peer, uint32_t id, uint32_t code, uint32_t number);
void expect_run(const struct peer *peer, uint32_t id, uint32_t code, uint32_t number);
void expect_failure(const struct peer *peer, uint32_t id, enum agent_step step, int error);

/* ---- octets into and out of a program ---- */

/* BIG_OCTETS of a pattern that go in, and are counted and compared as they come out */
struct stream {
	int to, from; /* owned */
	size_t sent, got;
	uint32_t sum; /* of octets that came out wrong */
};

void stream_feed(struct stream *s);   /* write some; closes @to after the last */
void stream_shovel(struct stream *s); /* all of it in and out, then close both */

/* text that is typed, and what the program shows */
struct console {
	int to, from; /* owned */
	size_t len;
	char text[256 * 1024];
};

/* console_open() - start a shell with pipes of @c; @flags of AGENT_EXEC */
void console_open(struct console *c, const struct peer *peer, uint32_t id, unsigned flags,
		  const char *script);
void console_close(struct console *c);

/* console_read_until() - read output until it holds @text; NULL: until its end. Return: did it? */
bool console_read_until(struct console *c, const char *text);

#endif
