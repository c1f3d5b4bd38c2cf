// SPDX-License-Identifier: Apache-2.0
/* Programs that init starts: how they begin and end, signals, limits, and what disturbs init itself. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "agent/agent_test_priv.h"
#include "base/fd.h"
#include "base/test.h"

static void test_exits(const struct peer *peer)
{
	const struct {
		const char *script;
		uint32_t code, number;
	} rows[] = {
		{ "true", 0, 0 },
		{ "false", 1, 0 },
		{ "exit 255", 255, 0 },
		{ "kill -9 $$", 0, SIGKILL },
		{ "kill -PIPE $$", 0, SIGPIPE },   /* not inherited as ignored */
		{ "kill -CHLD $$; exit 3", 3, 0 }, /* nor as blocked, for then sh would not reap */
		{ "test $(ls /proc/self/fd | wc -l) = 4", 0, 0 },     /* 0, 1, 2 and that of ls */
		{ "test $$ = $(cut -d' ' -f6 /proc/$$/stat)", 0, 0 }, /* leads a session */
		{ "grep -q 'SigBlk:.0000000000000000' /proc/self/status", 0, 0 },
		{ "grep -q 'SigIgn:.0000000000000000' /proc/self/status", 0, 0 },
		{ "test $TERM$PWD = dumb/", 0, 0 },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		send_shell(peer, i + 1, rows[i].script);
		expect_run(peer, i + 1, rows[i].code, rows[i].number);
	}
}

static void test_refused_programs(const struct peer *peer)
{
	const struct {
		const char *dir, *program;
		enum agent_step step;
		int error;
	} rows[] = {
		{ "/", "no-such-program", AGENT_STEP_EXEC, ENOENT },
		{ "/", "/no/such", AGENT_STEP_EXEC, ENOENT },
		{ "/", "", AGENT_STEP_EXEC, ENOENT },
		{ "/", "/etc/passwd", AGENT_STEP_EXEC, EACCES },
		{ "/", "/", AGENT_STEP_EXEC, EACCES },
		{ "/no/such", "true", AGENT_STEP_CHDIR, ENOENT },
		{ "/etc/passwd", "true", AGENT_STEP_CHDIR, ENOTDIR },
	};

	for (unsigned flags = 0; flags <= 3; flags += 3)
		for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const char *argv[] = { rows[i].program, NULL };
			int fds[3];

			nulls(fds);
			send_exec(peer, i + 1, flags, rows[i].dir, argv, fds);
			expect_failure(peer, i + 1, rows[i].step, rows[i].error);
		}
}

static void test_concurrent(const struct peer *peer)
{
	enum { COUNT = 100 };
	static struct frame f;
	unsigned started = 0;
	unsigned exited = 0;

	for (uint32_t i = 1; i <= COUNT; i++)
		send_shell(peer, i, "exit 7");
	while (exited < COUNT && receive(&f, peer, WAIT_MS)) {
		struct agent_exit e = { 0 };

		started += f.h.type == AGENT_STARTED;
		if (f.h.type == AGENT_EXITED && agent_exit_decode(&e, f.payload) == 0 &&
		    e.code == 7)
			exited++;
	}
	CHECK(started == COUNT && exited == COUNT, "%u %u", started, exited);
}

/* The 257th operation is refused; the others are not disturbed. */
static void test_limit(const struct peer *peer)
{
	enum { COUNT = 256 };
	static struct frame f;

	for (uint32_t i = 1; i <= COUNT; i++) {
		send_shell(peer, i, "exec sleep 100");
		expect(&f, peer, AGENT_STARTED, i);
	}
	send_shell(peer, COUNT + 1, "true");
	expect_failure(peer, COUNT + 1, AGENT_STEP_LIMIT, EAGAIN);
	for (uint32_t i = 1; i <= COUNT; i++) {
		send_signal(peer, i, SIGTERM);
		expect_exit(peer, i, 0, SIGTERM);
	}
	send_shell(peer, COUNT + 1, "true");
	expect_run(peer, COUNT + 1, 0, 0);
}

static void test_signals(const struct peer *peer)
{
	static struct frame f;

	send_shell(peer, 1, "sleep 100 & sleep 100"); /* the group gets it, not sh alone */
	expect(&f, peer, AGENT_STARTED, 1);
	send_signal(peer, 1, SIGTERM);
	expect_exit(peer, 1, 0, SIGTERM);
	send_signal(peer, 1, SIGTERM); /* too late: ignored */

	/* SIGKILL reaches other groups of the session */
	send_shell(peer, 2, "exec bash -c 'set -m; sleep 1234 & wait'");
	expect(&f, peer, AGENT_STARTED, 2);
	usleep(200000);
	send_signal(peer, 2, SIGKILL);
	expect_exit(peer, 2, 0, SIGKILL);
	send_shell(peer, 3,
		   "usleep 1 2>/dev/null; sleep 0.1; ! grep -qa [1]234 /proc/[0-9]*/cmdline");
	expect_run(peer, 3, 0, 0);
}

static unsigned count_frames(const struct peer *peer, enum agent_type type, unsigned wanted)
{
	static struct frame f;
	unsigned count = 0;

	while (count < wanted && receive(&f, peer, WAIT_MS))
		count += f.h.type == type;
	return count;
}

/* try_exec() - ask for a program that is not there. Return: 0, or -EAGAIN when init does not read.
 */
static int try_exec(const struct peer *peer, uint32_t id)
{
	CLEANUP_BUF struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);
	struct span words[] = { SPAN("/no/such") };
	struct agent_exec exec = { .working_dir = SPAN("/"), .argc = 1, .words = words };
	int fds[3];

	nulls(fds);
	int r = agent_exec_encode(&frame, id, &exec, 3);
	if (r == 0)
		r = fd_send(peer->fd, buf_span(&frame), fds, 3);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	return r;
}

/* A warden that does not read: nothing is lost. */
static void test_deaf_warden(const struct peer *peer)
{
	enum { ROUNDS = 2000, COUNT = 200 };
	unsigned ends = 0;
	unsigned full = 0;

	for (uint32_t i = 1; i <= COUNT; i++)
		send_shell(peer, i, "sleep 0.2");
	usleep(500000);
	ends = count_frames(peer, AGENT_EXITED, COUNT);
	CHECK(ends == COUNT, "%u", ends);

	ends = 0;
	for (uint32_t i = 1; i <= ROUNDS;) {
		int r = try_exec(peer, i);

		i += r == 0;
		if (r == -EAGAIN) { /* init has stopped reading, as it should; so take an answer */
			full++;
			ends += count_frames(peer, AGENT_FAILED, 1);
		}
	}
	ends += count_frames(peer, AGENT_FAILED, ROUNDS - ends);
	CHECK(ends == ROUNDS && full > 0, "%u, %u times full", ends, full);
}

static void test_orphans(const struct peer *peer)
{
	send_shell(peer, 1, "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.1 &) ; done");
	expect_run(peer, 1, 0, 0);
	send_shell(peer, 2, "sleep 0.5; ! grep -q 'State:.Z' /proc/[0-9]*/status");
	expect_run(peer, 2, 0, 0);
}

static void test_disturbance(const struct peer *peer)
{
	/* all signals but those that stop the sender itself, many times: init lives */
	send_shell(peer, 1,
		   "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 34 63; do "
		   "kill -$n 1; kill -$n 1; done; exit 0");
	expect_run(peer, 1, 0, 0);
	send_shell(peer, 2, "true");
	expect_run(peer, 2, 0, 0);
}

static void (*const tests[])(const struct peer *peer) = {
	test_exits,   test_refused_programs, test_concurrent, test_limit,
	test_signals, test_deaf_warden,      test_orphans,    test_disturbance,
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, ARRAY_SIZE(tests));
}
