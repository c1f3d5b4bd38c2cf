// SPDX-License-Identifier: Apache-2.0
/* Standard input and output: a pipe that carries much, and terminals. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "agent/agent_test_priv.h"
#include "base/fd.h"
#include "base/test.h"

static void type(struct console *c, const char *keys)
{
	CHECK(fd_write_all(c->to, span_of(keys)) == 0, "type");
}
static void test_big_stream(const struct peer *peer)
{
	const char *argv[] = { "cat", NULL };
	int in[2];
	int out[2];
	static struct frame f;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	int fds[] = { in[0], out[1], open("/dev/null", O_RDWR | O_CLOEXEC) };
	struct stream s = { .to = in[1], .from = out[0] };
	(void)fcntl(s.to, F_SETFL, O_WRONLY | O_NONBLOCK);
	send_exec(peer, 1, 0, "/", argv, fds);
	expect(&f, peer, AGENT_STARTED, 1);
	stream_shovel(&s);
	CHECK(s.got == BIG_OCTETS && s.sum == 0, "%zu octets, %u wrong", s.got, s.sum);
	expect_exit(peer, 1, 0, 0);
}

static void test_tty(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	console_open(&c, peer, 1, AGENT_EXEC_TTY | AGENT_EXEC_TTY_STDERR,
		     "stty size; tty; echo error >&2; exit 5");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(console_read_until(&c, NULL), "%s", c.text);
	CHECK(strcmp(c.text, "33 111\r\n/dev/pts/0\r\nerror\r\n") == 0, "%s", c.text);
	expect_exit(peer, 1, 5, 0);
	console_close(&c);

	console_open(&c, peer, 2, AGENT_EXEC_TTY,
		     "echo error >&2; test -t 2 || echo apart; kill -9 $$");
	expect(&f, peer, AGENT_STARTED, 2);
	CHECK(console_read_until(&c, NULL) && strcmp(c.text, "apart\r\n") == 0, "%s", c.text);
	expect_exit(peer, 2, 0, SIGKILL);
	console_close(&c);
}

static void test_tty_keys(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	console_open(&c, peer, 1, 3,
		     "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(console_read_until(&c, "ready"), "%s", c.text);
	type(&c, "\003");
	CHECK(console_read_until(&c, "caught"), "%s", c.text);
	expect_exit(peer, 1, 9, 0);
	console_close(&c);

	console_open(&c, peer, 2, 3, "cat; echo end");
	expect(&f, peer, AGENT_STARTED, 2);
	type(&c, "one\ntwo");
	CHECK(console_read_until(&c, "two"), "%s", c.text);
	fd_close(&c.to); /* in mid-line: two Ctrl-D */
	CHECK(console_read_until(&c, "end"), "%s", c.text);
	expect_exit(peer, 2, 0, 0);
	console_close(&c);
}

static void test_tty_stop(const struct peer *peer)
{
	static struct console c;
	static struct frame f;
	uint32_t number = 0;

	console_open(&c, peer, 1, 3, "echo ready; read x; echo got $x");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(console_read_until(&c, "ready"), "%s", c.text);
	for (int i = 0; i < 2; i++) {
		type(&c, "\032");
		if (expect(&f, peer, AGENT_STOPPED, 1))
			CHECK(agent_u32_decode(&number, f.payload) == 0 && number == SIGTSTP, "%u",
			      number);
		send_signal(peer, 1, SIGCONT);
		usleep(50000);
	}
	type(&c, "word\n");
	CHECK(console_read_until(&c, "got word"), "%s", c.text);
	expect_exit(peer, 1, 0, 0);
	console_close(&c);

	console_open(&c, peer, 2, 3, "echo ready; read x");
	expect(&f, peer, AGENT_STARTED, 2);
	CHECK(console_read_until(&c, "ready"), "%s", c.text);
	type(&c, "\032");
	expect(&f, peer, AGENT_STOPPED, 2);
	send_signal(peer, 2, SIGKILL); /* a stopped one dies too */
	expect_exit(peer, 2, 0, SIGKILL);
	console_close(&c);
}

static void test_tty_resize(const struct peer *peer)
{
	static struct console c;
	static struct frame f;
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	console_open(&c, peer, 1, 3,
		     "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(console_read_until(&c, "ready"), "%s", c.text);
	send_now(peer, &frame, agent_size_encode(&frame, 1, 44, 222), NULL, 0);
	CHECK(console_read_until(&c, "44 222"), "%s", c.text);
	expect_exit(peer, 1, 0, 0);
	console_close(&c);
}

/* Output that nobody reads until after the program ended is kept; so is order. */
static void test_tty_drain(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	console_open(&c, peer, 1, 3, "seq 1 20000");
	expect(&f, peer, AGENT_STARTED, 1);
	usleep(300000);
	CHECK(console_read_until(&c, NULL), "%zu octets", c.len);
	CHECK(c.len == 108894 + 20000, "%zu octets", c.len); /* seq, with \r before each \n */
	CHECK(strstr(c.text, "\r\n19999\r\n20000\r\n") != NULL, "the end");
	expect_exit(peer, 1, 0, 0);
	console_close(&c);

	/* every buffer on the way is full when the program exits */
	console_open(&c, peer, 3, 3, "head -c 84000 /dev/zero | tr '\\000' x");
	expect(&f, peer, AGENT_STARTED, 3);
	usleep(300000);
	CHECK(console_read_until(&c, NULL) && c.len == 84000, "%zu octets", c.len);
	expect_exit(peer, 3, 0, 0);
	console_close(&c);

	/* one left behind holds the terminal open and writes on: the end is told all the same */
	console_open(&c, peer, 2, 3,
		     "trap '' HUP; (while echo x; do :; done) & sleep 0.1; echo last; exit 0");
	expect(&f, peer, AGENT_STARTED, 2);
	(void)console_read_until(&c, NULL);
	console_close(&c);
	expect_exit(peer, 2, 0, 0);
}

static void test_tty_hangup(const struct peer *peer)
{
	static struct console c;
	static struct frame f;

	console_open(&c, peer, 1, 3, "while :; do sleep 0.05; echo x; done");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(console_read_until(&c, "x"), "%s", c.text);
	fd_close(&c.from);
	expect_exit(peer, 1, 0, SIGHUP);
	console_close(&c);

	/* one that stopped its output cannot keep others waiting */
	console_open(&c, peer, 2, 3, "yes");
	expect(&f, peer, AGENT_STARTED, 2);
	send_shell(peer, 3, "true");
	expect_run(peer, 3, 0, 0);
	send_signal(peer, 2, SIGKILL);
	(void)console_read_until(&c, NULL);
	console_close(&c);
	expect_exit(peer, 2, 0, SIGKILL);
}

/* A large paste into a program that reads slowly arrives whole. */
static void test_tty_paste(const struct peer *peer)
{
	enum { PASTE_OCTETS = 300000 };
	static char paste[PASTE_OCTETS];
	static struct console c;
	static struct frame f;

	memset(paste, 'x', sizeof(paste));
	console_open(&c, peer, 1, 3,
		     "stty raw -echo; echo ready; sleep 0.2; head -c 300000 | wc -c");
	expect(&f, peer, AGENT_STARTED, 1);
	CHECK(console_read_until(&c, "ready"), "%s", c.text);
	CHECK(fd_write_all(c.to, (struct span){ paste, sizeof(paste) }) == 0, "paste");
	CHECK(console_read_until(&c, "300000"), "%s", c.text);
	expect_exit(peer, 1, 0, 0);
	console_close(&c);
}

static void test_tty_null(const struct peer *peer)
{
	const char *argv[] = { "sh", "-c", "read x || exit 4", NULL };
	int fds[3];

	nulls(fds); /* what epoll refuses */
	send_exec(peer, 1, 3, "/", argv, fds);
	expect_run(peer, 1, 4, 0);
}

static void (*const tests[])(const struct peer *peer) = {
	test_big_stream, test_tty,        test_tty_keys,  test_tty_stop, test_tty_resize,
	test_tty_drain,  test_tty_hangup, test_tty_paste, test_tty_null,
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, ARRAY_SIZE(tests));
}
