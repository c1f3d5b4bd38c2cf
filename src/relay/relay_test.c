// SPDX-License-Identifier: Apache-2.0
/*
 * Each row of life is a program and a server at the ends of two loopback connections, and the relay
 * between them, all in this thread: what they do is tried until it works, and the loop runs between.
 */
#include "relay/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"
#include "base/test.h"
#include "base/test_net.h"

enum { TURN_NS = 1000 * 1000, BULK = 20 * 1000 * 1000, STEP = 256 * 1024 };

struct rig {
	struct loop *loop;
	struct loop_timer turn;
	struct pipes pipes;
	struct relay relay;
	int program, server; /* their ends */
	bool over, clean;
	unsigned active;
};

static void active(struct relay *relay)
{
	container_of(relay, struct rig, relay)->active++;
}

static void ended(struct relay *relay, bool clean)
{
	struct rig *rig = container_of(relay, struct rig, relay);

	rig->over = true;
	rig->clean = clean;
}

static void turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig, turn)->loop, 0);
}

/* spin() - let the relay work for a moment */
static void spin(struct rig *rig)
{
	rig->turn.fired = turn_over;
	loop_arm(rig->loop, &rig->turn, TURN_NS);
	CHECK(loop_run(rig->loop) == 0, "loop");
}

/* pair() - a TCP connection: [0] is a blocking end, [1] a non-blocking one */
static void pair(int ret[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	CLEANUP_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(bind(listener, (struct sockaddr *)&a, len) == 0 && listen(listener, 1) == 0 &&
		  getsockname(listener, (struct sockaddr *)&a, &len) == 0,
	      "%d", errno);
	ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(ret[0], (struct sockaddr *)&a, len) == 0, "%d", errno);
	ret[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(ret[1] >= 0, "%d", errno);
}

static void begin(struct rig *rig, bool with_pipes)
{
	int inside[2] = { -1, -1 }, outside[2] = { -1, -1 };

	memset(rig, 0, sizeof(*rig));
	CHECK(loop_new(&rig->loop) == 0 && pipes_open(&rig->pipes) == 0, "set-up");
	while (!with_pipes && pipes_take(&rig->pipes) >= 0)
		;
	pair(inside);
	pair(outside);
	rig->program = inside[0];
	rig->server = outside[0];
	rig->relay = (struct relay){ .pipes = &rig->pipes, .active = active, .ended = ended };
	CHECK(relay_start(&rig->relay, rig->loop, inside[1], outside[1]) == 0, "start");
}

/* finish() - all was given back */
static void finish(struct rig *rig, bool with_pipes)
{
	if (!rig->over)
		relay_stop(&rig->relay);
	CHECK(rig->relay.fd[0] == -1 && rig->relay.fd[1] == -1, "sockets");
	CHECK(rig->pipes.free_count == (with_pipes ? PIPES_MAX : 0), "%u pipes",
	      rig->pipes.free_count);
	char octet = 0;
	for (unsigned i = 0; i < rig->pipes.free_count; i++)
		CHECK(read(rig->pipes.ends[rig->pipes.free[i]][0], &octet, 1) < 0 &&
			  errno == EAGAIN,
		      "octets left in pipe %u", i);
	for (unsigned i = 0; !with_pipes && i < PIPES_MAX; i++)
		pipes_give_back(&rig->pipes, (int)i, 0);
	pipes_close(&rig->pipes);
	fd_close(&rig->program);
	fd_close(&rig->server);
	loop_free(rig->loop);
}

static ssize_t take(struct rig *rig, int fd, char *octets, size_t max)
{
	for (int i = 0; i < 1000; i++) {
		ssize_t n = recv(fd, octets, max, MSG_DONTWAIT);

		if (n >= 0 || errno != EAGAIN)
			return n;
		spin(rig);
	}
	errno = ETIMEDOUT;
	return -1;
}

static void check_gets(struct rig *rig, int fd, const char *want)
{
	char octets[64] = "";
	ssize_t n = take(rig, fd, octets, sizeof(octets) - 1);

	CHECK(n == (ssize_t)strlen(want) && strcmp(octets, want) == 0, "%s: %zd %d", want, n,
	      errno);
}

static void say(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "%d", errno);
}

static void test_talk(bool with_pipes)
{
	struct rig rig;

	begin(&rig, with_pipes);
	for (int i = 0; i < 3; i++) {
		say(rig.program, "ask");
		check_gets(&rig, rig.server, "ask");
		say(rig.server, "answer");
		check_gets(&rig, rig.program, "answer");
		CHECK(!with_pipes || rig.pipes.free_count == PIPES_MAX, "idle, with a pipe");
	}
	CHECK(rig.active >= 6 && !rig.over, "%u", rig.active);
	CHECK(rig.relay.way[0].octets == 9 && rig.relay.way[1].octets == 18, "counts");
	finish(&rig, with_pipes);
}

/*
 * At urgent data splice() stops for ever, and says that the flow ended if its end comes next. Nothing
 * is lost, no end is faked, and the relay does not spin.
 */
static void test_urgent(bool with_pipes, bool by_server)
{
	const int on = 1;
	struct rig rig;

	begin(&rig, with_pipes);
	int from = by_server ? rig.server : rig.program, to = by_server ? rig.program : rig.server;
	for (int i = 0; i < 2; i++) /* as the listener and the broker set it */
		CHECK(setsockopt(rig.relay.fd[i], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) == 0,
		      "%d", errno);
	CHECK(setsockopt(to, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) == 0, "%d", errno);
	CHECK(send(from, "abcX", 4, MSG_OOB) == 4, "%d", errno);
	say(from, "efgh");
	CHECK(shutdown(from, SHUT_WR) == 0, "%d", errno);
	char got[16] = "";
	for (size_t len = 0; len < 8;) {
		ssize_t n = take(&rig, to, got + len, sizeof(got) - 1 - len);

		CHECK(n > 0, "%zd after \"%s\": %d", n, got, errno);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	CHECK(strcmp(got, "abcXefgh") == 0, "%s", got);
	check_gets(&rig, to, "");
	CHECK(!rig.over, "half-closed only");
	finish(&rig, with_pipes);
}

/* The program ends its way; the server's goes on for long, then ends. */
static void test_half_close(bool with_pipes, bool server_first)
{
	struct rig rig;
	begin(&rig, with_pipes);
	int first = server_first ? rig.server : rig.program;
	int second = server_first ? rig.program : rig.server;

	say(first, "last words");
	CHECK(shutdown(first, SHUT_WR) == 0, "%d", errno);
	check_gets(&rig, second, "last words");
	check_gets(&rig, second, "");
	unsigned before = rig.active;
	for (int i = 0; i < 5; i++)
		spin(&rig);
	CHECK(!rig.over && rig.active == before, "over, or busy");
	say(second, "more");
	check_gets(&rig, first, "more");
	say(second, "and more");
	CHECK(shutdown(second, SHUT_WR) == 0, "%d", errno);
	check_gets(&rig, first, "and more");
	check_gets(&rig, first, "");
	for (int i = 0; i < 100 && !rig.over; i++)
		spin(&rig);
	CHECK(rig.over && rig.clean, "not in order");
	finish(&rig, with_pipes);
}

/* A reset on one side is one on the other, never an end. */
static void test_reset(bool with_pipes, bool server)
{
	struct rig rig;
	begin(&rig, with_pipes);
	char octets[64];

	say(server ? rig.server : rig.program, "part");
	check_gets(&rig, server ? rig.program : rig.server, "part");
	relay_reset(server ? &rig.server : &rig.program);
	ssize_t n = take(&rig, server ? rig.program : rig.server, octets, sizeof(octets));
	CHECK(n == -1 && errno == ECONNRESET, "%zd %d", n, errno);
	CHECK(rig.over && !rig.clean, "goes on");
	finish(&rig, with_pipes);
}

/* Both ended, but one with octets unread on the way: its close is a reset, and shows as one. */
static void test_reset_after_end(void)
{
	struct rig rig;
	begin(&rig, true);

	CHECK(shutdown(rig.program, SHUT_WR) == 0, "%d", errno);
	check_gets(&rig, rig.server, "");
	relay_reset(&rig.program);
	for (int i = 0; i < 100 && !rig.over; i++)
		spin(&rig);
	CHECK(rig.over && !rig.clean, "goes on");
	finish(&rig, true);
}

static char octet_at(size_t i)
{
	return (char)(i * 2654435761U >> 13);
}

/* fill() - send what of @total octets the socket takes; @at: of them what was sent */
static void fill(int fd, size_t *at, size_t total)
{
	static char octets[64 * 1024];

	while (*at < total) {
		size_t n = total - *at < sizeof(octets) ? total - *at : sizeof(octets);

		for (size_t i = 0; i < n; i++)
			octets[i] = octet_at(*at + i);
		ssize_t sent = send(fd, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return;
		*at += (size_t)sent;
	}
}

static void drain(int fd, size_t *at, size_t max)
{
	static char octets[64 * 1024];

	while (max > 0) {
		size_t want = max < sizeof(octets) ? max : sizeof(octets);
		ssize_t n = recv(fd, octets, want, MSG_DONTWAIT);

		if (n <= 0)
			return;
		for (ssize_t i = 0; i < n; i++)
			if (octets[i] != octet_at(*at + (size_t)i)) {
				CHECK(false, "octet %zu differs", *at + (size_t)i);
				return;
			}
		*at += (size_t)n;
		max -= (size_t)n;
	}
}

/* The receiver reads nothing: the sender is held up. Then it does, and gets all, both ways. */
static void test_back_pressure(bool with_pipes)
{
	size_t up = 0, down = 0, got_up = 0, got_down = 0, stalled = 0;
	struct rig rig;
	begin(&rig, with_pipes);

	for (int i = 0, same = 0; same < 20 && i < 2000; i++) {
		size_t before = up;

		fill(rig.program, &up, BULK);
		spin(&rig);
		same = up == before ? same + 1 : 0;
	}
	CHECK(up < BULK, "nothing held it up");
	CHECK(rig.relay.way[0].blocked, "not blocked");
	unsigned before = rig.active;
	for (int i = 0; i < 5; i++)
		spin(&rig);
	CHECK(rig.active == before, "busy while it is blocked");
	CHECK(!with_pipes || rig.pipes.free_count >= PIPES_MAX - 1, "%u", rig.pipes.free_count);
	stalled = up;
	for (int i = 0; i < 4000 && (got_up < BULK || got_down < BULK); i++) {
		fill(rig.program, &up, BULK);
		fill(rig.server, &down, BULK);
		spin(&rig);
		drain(rig.server, &got_up, STEP);
		drain(rig.program, &got_down, STEP);
	}
	CHECK(got_up == BULK && got_down == BULK, "%zu %zu, stalled at %zu", got_up, got_down,
	      stalled);
	CHECK(rig.relay.way[0].octets == BULK && rig.relay.way[1].octets == BULK, "counts");
	finish(&rig, with_pipes);
}

static int64_t cpu_ns(void)
{
	struct timespec used = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* The end of a way comes while octets before it are held up: they arrive, then the end; no spin. */
static void test_end_behind_octets(bool with_pipes)
{
	size_t up = 0, got = 0;
	struct rig rig;
	begin(&rig, with_pipes);
	char octet = 0;

	CHECK(shutdown(rig.server, SHUT_WR) == 0, "%d", errno);
	check_gets(&rig, rig.program, "");
	/* in small steps, so that there is room for the end to arrive behind what is held up */
	for (int i = 0; i < 4000 && !rig.relay.way[0].blocked; i++) {
		fill(rig.program, &up, up + 16 * 1024UL);
		spin(&rig);
	}
	CHECK(rig.relay.way[0].blocked, "not blocked");
	CHECK(shutdown(rig.program, SHUT_WR) == 0, "%d", errno);
	for (int i = 0; i < 5; i++)
		spin(&rig);
	CHECK(!rig.over, "cut");
	int64_t before_ns = cpu_ns();
	for (int i = 0; i < 50; i++)
		spin(&rig);
	CHECK(cpu_ns() - before_ns < INT64_C(25) * TURN_NS, "busy while it waits: EPOLLHUP");
	for (int i = 0; i < 4000 && got < up; i++) {
		drain(rig.server, &got, STEP);
		spin(&rig);
	}
	CHECK(got == up && take(&rig, rig.server, &octet, 1) == 0, "%zu of %zu", got, up);
	CHECK(rig.over && rig.clean, "not in order");
	finish(&rig, with_pipes);
}

/* A stalled flow is reset: what its pipe held must not come out of another one. */
static void test_pipe_is_emptied(void)
{
	size_t up = 0;
	struct rig rig;
	begin(&rig, true);

	for (int i = 0, same = 0; same < 20 && i < 2000; i++) {
		size_t before = up;

		fill(rig.program, &up, BULK);
		spin(&rig);
		same = up == before ? same + 1 : 0;
	}
	CHECK(rig.relay.way[0].held > 0 && rig.pipes.free_count == PIPES_MAX - 1, "nothing held");
	relay_reset(&rig.server);
	for (int i = 0; i < 100 && !rig.over; i++)
		spin(&rig);
	CHECK(rig.over && !rig.clean, "goes on");
	finish(&rig, true);
}

/* Counts go beyond 32 bits. */
static void test_counts(void)
{
	struct rig rig;
	begin(&rig, true);

	rig.relay.way[0].octets = UINT32_MAX - 1;
	say(rig.program, "four");
	check_gets(&rig, rig.server, "four");
	CHECK(rig.relay.way[0].octets == UINT64_C(0x100000002), "%llx",
	      (unsigned long long)rig.relay.way[0].octets);
	finish(&rig, true);
}

int main(void)
{
	for (int with_pipes = 0; with_pipes < 2; with_pipes++) {
		test_talk(with_pipes);
		test_half_close(with_pipes, false);
		test_half_close(with_pipes, true);
		test_reset(with_pipes, false);
		test_reset(with_pipes, true);
		test_back_pressure(with_pipes);
		test_end_behind_octets(with_pipes);
		test_urgent(with_pipes, false);
		test_urgent(with_pipes, true);
	}
	test_reset_after_end();
	test_pipe_is_emptied();
	test_counts();
	return test_failures > 0;
}
