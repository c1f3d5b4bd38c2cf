// SPDX-License-Identifier: Apache-2.0
/*
 * The channel: what init says first, what it makes of bad frames, and its end. Most walls are missing
 * here, so its self-test reports escapes; that it reports them is part of the test.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_test_priv.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "wire/selftest.h"

static void test_hello(const struct peer *peer)
{
	static struct frame f;
	struct agent_hello hello = { 0 };
	const uint64_t all = ((uint64_t)1 << SELFTEST_COUNT) - 1;
	const uint64_t missing =
	    (uint64_t)1 << SELFTEST_SECCOMP | (uint64_t)1 << SELFTEST_NO_NEW_PRIVS |
	    (uint64_t)1 << SELFTEST_CAPABILITIES | (uint64_t)1 << SELFTEST_TIOCSTI |
	    (uint64_t)1 << SELFTEST_IO_URING | (uint64_t)1 << SELFTEST_UNSHARE;
	const uint64_t standing = (uint64_t)1 << SELFTEST_PROCESSES | (uint64_t)1 << SELFTEST_PROC |
				  (uint64_t)1 << SELFTEST_ROOT_WRITE |
				  (uint64_t)1 << SELFTEST_INTERFACES;

	if (!expect(&f, peer, AGENT_HELLO, 0))
		return;
	CHECK(agent_hello_decode(&hello, f.payload) == 0 && hello.attempted == all, "attempts");
	CHECK((hello.escaped & missing) == missing, "missing walls: %llx",
	      (unsigned long long)hello.escaped);
	CHECK((hello.escaped & standing) == 0, "walls that stand: %llx",
	      (unsigned long long)hello.escaped);
}

static void test_bad_frames(void)
{
	const struct {
		struct span frame;
		int fds;
	} rows[] = {
		{ SPAN("x"), 0 },
		{ SPAN("\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\1"), 0 },
		{ SPAN("\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0"), 1 }, /* a descriptor too many */
		{ SPAN("\1\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0x"), 0 },
		{ SPAN("\0\0\0\0\1\0\3\0\1\0\0\0\0\0\0\0"), 3 },           /* an EXEC of nothing */
		{ SPAN("\4\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\x41\0\0\0"), 0 }, /* signal 65 */
		{ SPAN("\24\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		       "\0"),
		  0 }, /* a HELLO of ours */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct frame f;
		struct peer peer;
		int fds[3];
		int r = start_init(&peer);

		CHECK(r == 0 && receive(&f, &peer, WAIT_MS), "row %zu: %d", i, r);
		nulls(fds);
		r = fd_send(peer.fd, rows[i].frame, fds, (size_t)rows[i].fds);
		CHECK(r == 0 && !receive(&f, &peer, WAIT_MS), "row %zu: %d", i, r);
		int status = end_init(&peer);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "row %zu: %x", i, status);
		for (int k = 0; k < 3; k++)
			(void)close(fds[k]);
	}
}

/* Whatever runs ends with the channel, or on SHUTDOWN; init says it was in order. */
static void test_end(bool shutdown)
{
	static struct frame f;
	static struct console c;
	struct peer peer;
	int r = start_init(&peer);

	CHECK(r == 0 && receive(&f, &peer, WAIT_MS), "%d", r);
	console_open(&c, &peer, 1, 3,
		     "trap '' HUP TERM; setsid sleep 100 & (sleep 100 &); sleep 100");
	expect(&f, &peer, AGENT_STARTED, 1);
	if (shutdown) {
		struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

		send_now(&peer, &frame, agent_plain_encode(&frame, AGENT_SHUTDOWN, 0), NULL, 0);
		CHECK(!receive(&f, &peer, WAIT_MS), "a frame after SHUTDOWN");
	}
	int64_t start = clock_mono_ns();
	int status = end_init(&peer);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
	CHECK(clock_mono_ns() - start < 5000000000, "took long");
	console_close(&c);
}

static void test_blob(void)
{
	CHECK(agent_init_image_len > 4096 && agent_init_image_len < 80000, "%zu octets",
	      agent_init_image_len);
	CHECK(memcmp(agent_init_image, "\177ELF", 4) == 0, "not a program");
}

int main(int argc, char **argv)
{
	struct peer peer = { .fd = -1 };
	int r = begin_test(&peer, argc, argv);

	if (r != 0)
		return r;
	test_hello(&peer);
	int status = end_init(&peer);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
	test_bad_frames();
	test_end(false);
	test_end(true);
	test_blob();
	return test_failures > 0;
}
