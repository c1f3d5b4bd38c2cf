// SPDX-License-Identifier: Apache-2.0
#include "cli/conduit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

/* A caller's pipe, a conduit, and the program's end of its own pipe. */
struct rig {
	struct loop *loop;
	struct loop_timer end;
	struct conduit conduit;
	int caller[2];
	int program;
	unsigned changes;
};

static void changed(void *context)
{
	((struct rig *)context)->changes++;
}

static void end_fired(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, end)->loop, 0);
}

/* let_run() - the loop, until nothing has moved for a while */
static void let_run(struct rig *rig)
{
	unsigned before = 0;

	do {
		before = rig->changes;
		rig->end.fired = end_fired;
		loop_arm(rig->loop, &rig->end, 2000000);
		CHECK(loop_run(rig->loop) == 0, "loop");
	} while (rig->changes != before);
}

static void set_up(struct rig *rig, bool inwards)
{
	*rig = (struct rig){ .caller = { -1, -1 }, .program = -1 };
	rig->conduit.changed = changed;
	rig->conduit.context = rig;
	if (loop_new(&rig->loop) < 0 || pipe2(rig->caller, O_CLOEXEC) < 0 ||
	    conduit_open(&rig->conduit, &rig->program, rig->loop, rig->caller[inwards ? 0 : 1],
			 inwards) < 0)
		abort();
}

static void tear_down(struct rig *rig)
{
	conduit_close(&rig->conduit);
	loop_disarm(&rig->end);
	loop_free(rig->loop);
	fd_close(&rig->caller[0]);
	fd_close(&rig->caller[1]);
	fd_close(&rig->program);
}

/* put() - write at most @piece at a time, while there is room. Return: octets written. */
static size_t put(int fd, const char *data, size_t len, size_t piece)
{
	size_t done = 0;

	while (done < len) {
		size_t want = len - done < piece ? len - done : piece;
		ssize_t n = write(fd, data + done, want);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* take() - read what there is. Return: octets read. */
static size_t take(int fd, char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, data + done, len - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* check_through() - what goes in at @from, in pieces, comes out at @to */
static void check_through(struct rig *rig, int from, int to, size_t piece, size_t len)
{
	char *sent = malloc(len), *got = malloc(len);
	size_t in = 0, out = 0;

	if (sent == NULL || got == NULL)
		abort();
	for (size_t i = 0; i < len; i++)
		sent[i] = (char)(i * 2654435761U >> 11);
	(void)fcntl(from, F_SETFL, O_NONBLOCK);
	(void)fcntl(to, F_SETFL, O_NONBLOCK);
	for (int idle = 0; out < len && idle < 20; idle++) {
		in += put(from, sent + in, len - in, piece);
		let_run(rig);
		size_t more = take(to, got + out, len - out);
		out += more;
		idle = more > 0 ? 0 : idle;
	}
	CHECK(out == len && memcmp(sent, got, len) == 0, "by %zu: %zu of %zu", piece, out, len);
	free(sent);
	free(got);
}

static void test_through(void)
{
	const struct {
		size_t piece, len;
		bool inwards, copied;
	} rows[] = {
		{ 1, 3000, false, false },          { 100, 300000, false, false },
		{ 5000, 3000000, false, false },    { 1 << 20, 20 << 20, false, false },
		{ 1 << 20, 3 << 20, false, true },  { 1, 3000, true, false },
		{ 1 << 20, 20 << 20, true, false }, { 70000, 3 << 20, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;

		set_up(&rig, rows[i].inwards);
		rig.conduit.no_splice = rows[i].copied;
		if (rows[i].inwards)
			check_through(&rig, rig.caller[1], rig.program, rows[i].piece, rows[i].len);
		else
			check_through(&rig, rig.program, rig.caller[0], rows[i].piece, rows[i].len);
		tear_down(&rig);
	}
}

/* test_end_of_file() - closing the writing end closes the other, once all is through */
static void test_end_of_file(void)
{
	for (int inwards = 0; inwards < 2; inwards++) {
		struct rig rig;
		char text[8];

		set_up(&rig, inwards == 1);
		int *from = inwards ? &rig.caller[1] : &rig.program;
		int to = inwards ? rig.program : rig.caller[0];
		if (!inwards) /* the caller's own copy would keep it open */
			(void)fcntl(to, F_SETFL, O_NONBLOCK);
		CHECK(write(*from, "end", 3) == 3, "write");
		fd_close(from);
		let_run(&rig);
		CHECK(!conduit_is_open(&rig.conduit), "open after the end of file");
		CHECK(read(to, text, sizeof(text)) == 3, "the last words");
		if (inwards)
			CHECK(read(to, text, sizeof(text)) == 0, "no end of file");
		tear_down(&rig);
	}
}

/* test_reader_gone() - the writer learns of it by EPIPE, though it had nothing under way */
static void test_reader_gone(void)
{
	for (int inwards = 0; inwards < 2; inwards++) {
		struct rig rig;

		set_up(&rig, inwards == 1);
		fd_close(inwards ? &rig.program : &rig.caller[0]);
		let_run(&rig);
		CHECK(!conduit_is_open(&rig.conduit), "open without a reader");
		if (inwards)
			fd_close(&rig.caller[0]); /* as our process does by ending */
		ssize_t n = write(inwards ? rig.caller[1] : rig.program, "x", 1);
		CHECK(n < 0 && errno == EPIPE, "the writer does not learn of it");
		tear_down(&rig);
	}
}

/* test_slow_reader() - what is taken from the writer has a bound, and none of it is lost */
static void test_slow_reader(void)
{
	static char data[65536];
	struct rig rig;
	size_t in = 0, out = 0, more = 1;

	set_up(&rig, false);
	(void)fcntl(rig.program, F_SETFL, O_NONBLOCK);
	for (; more > 0; in += more) {
		more = put(rig.program, data, sizeof(data), sizeof(data));
		let_run(&rig);
	}
	CHECK(in <= 2 * (1 << 20) + PIPE_BUF, "%zu octets were taken", in);
	(void)fcntl(rig.caller[0], F_SETFL, O_NONBLOCK);
	conduit_finish(&rig.conduit);
	CHECK(conduit_is_open(&rig.conduit), "finished with a full pipe");
	for (more = 1; more > 0; out += more) {
		more = take(rig.caller[0], data, sizeof(data));
		let_run(&rig);
	}
	CHECK(in == out && !conduit_is_open(&rig.conduit), "%zu in, %zu out", in, out);
	tear_down(&rig);
}

/* test_finish() - what was written before it comes through; a writer that goes on holds nobody up */
static void test_finish(void)
{
	struct rig rig;
	char text[8];

	set_up(&rig, false);
	CHECK(write(rig.program, "last", 4) == 4, "write");
	conduit_finish(&rig.conduit);
	CHECK(!conduit_is_open(&rig.conduit), "waits for a writer that is still there");
	CHECK(read(rig.caller[0], text, sizeof(text)) == 4, "the last words");
	conduit_finish(&rig.conduit);
	tear_down(&rig);
}

/* test_many_small() - a reader that comes late finds many small writes, as in a pipe of its own */
static void test_many_small(void)
{
	static const char line[50] = "a line of output, flushed at its end";
	struct rig rig;
	int octets = 0;

	set_up(&rig, false);
	for (int i = 0; i < 1200; i++) {
		CHECK(write(rig.program, line, sizeof(line)) == sizeof(line), "write");
		if (i % 4 == 0)
			let_run(&rig);
	}
	conduit_finish(&rig.conduit);
	CHECK(!conduit_is_open(&rig.conduit), "small writes fill the caller's pipe");
	CHECK(ioctl(rig.caller[0], FIONREAD, &octets) == 0 && octets == 60000, "%d", octets);
	tear_down(&rig);
}

/* test_flags() - nothing done to the program's end shows in the caller's */
static void test_flags(void)
{
	struct rig rig;
	int before = 0;

	set_up(&rig, false);
	before = fcntl(rig.caller[1], F_GETFL);
	(void)fcntl(rig.program, F_SETFL, O_NONBLOCK | O_DIRECT);
	let_run(&rig);
	CHECK(fcntl(rig.caller[1], F_GETFL) == before && (before & O_NONBLOCK) == 0, "flags");
	tear_down(&rig);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	test_through();
	test_end_of_file();
	test_reader_gone();
	test_slow_reader();
	test_finish();
	test_many_small();
	test_flags();
	return test_failures != 0;
}
