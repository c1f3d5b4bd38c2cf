// SPDX-License-Identifier: Apache-2.0
/* Ends without TLS, over loopback TCP. With TLS they are tests/gateway_tls_test.c's. */
#include "gateway/ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/test_net.h"

struct bench {
	struct loop *loop;
	struct loop_timer turn;
	struct ends ends;
	int far[TLS_SIDES];
	unsigned calls;
};

static void on_ready(struct ends *ends)
{
	container_of(ends, struct bench, ends)->calls++;
}

static void turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct bench, turn)->loop, 0);
}

static void spin(struct bench *b)
{
	b->turn.fired = turn_over;
	loop_arm(b->loop, &b->turn, 2 * INT64_C(1000000));
	CHECK(loop_run(b->loop) == 0, "loop");
}

/* connect_pair() - two ends of a TCP connection, the second non-blocking */
static void connect_pair(int *ret_far, int *ret_near)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	CLEANUP_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
		  getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
		  connect(*ret_far, (struct sockaddr *)&at, len) == 0,
	      "%d", errno);
	*ret_near = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void begin(struct bench *b)
{
	int near[TLS_SIDES] = { -1, -1 };

	*b = (struct bench){ .ends.ready = on_ready };
	CHECK(loop_new(&b->loop) == 0, "loop");
	for (int i = 0; i < TLS_SIDES; i++)
		connect_pair(&b->far[i], &near[i]);
	CHECK(ends_open(&b->ends, b->loop, near[TLS_INSIDE], near[TLS_UPSTREAM]) == 0, "open");
}

static void end(struct bench *b)
{
	ends_reset(&b->ends);
	for (int i = 0; i < TLS_SIDES; i++) {
		CHECK(b->ends.fd[i] == -1, "open");
		fd_close(&b->far[i]);
	}
	loop_free(b->loop);
}

static void cut(int *fd)
{
	const struct linger reset = { 1, 0 };

	CHECK(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "%d", errno);
	fd_close(fd);
}

static enum tls_result take(struct bench *b, enum tls_side side, const char *want)
{
	char octets[64];
	size_t len = 0;

	enum tls_result r = ends_read(&len, &b->ends, side, octets, sizeof(octets));
	if (r == TLS_DONE)
		CHECK(len == strlen(want) && memcmp(octets, want, len) == 0, "%.*s", (int)len,
		      octets);
	return r;
}

static void test_read(void)
{
	struct bench b;

	begin(&b);
	CHECK(take(&b, TLS_INSIDE, "") == TLS_WANT_READ, "reads");
	CHECK(send(b.far[TLS_INSIDE], "hello", 5, 0) == 5, "%d", errno);
	CHECK(take(&b, TLS_INSIDE, "") == TLS_WANT_READ, "no event yet");
	spin(&b);
	CHECK(b.calls > 0 && take(&b, TLS_INSIDE, "hello") == TLS_DONE, "%u", b.calls);
	CHECK(b.ends.octets[TLS_INSIDE] == 5, "not counted");
	CHECK(shutdown(b.far[TLS_INSIDE], SHUT_WR) == 0, "%d", errno);
	CHECK(take(&b, TLS_INSIDE, "") == TLS_WANT_READ, "asks in vain");
	spin(&b);
	CHECK(take(&b, TLS_INSIDE, "") == TLS_CLOSED, "open");
	CHECK(take(&b, TLS_INSIDE, "") == TLS_CLOSED, "not again");
	end(&b);
}

/* What came before a reset is read first, whether or not the reset was seen before. */
static void test_reset(bool watched)
{
	struct bench b;

	begin(&b);
	ends_watch(&b.ends, (const bool[]){ watched, watched });
	CHECK(send(b.far[TLS_UPSTREAM], "last", 4, 0) == 4, "%d", errno);
	cut(&b.far[TLS_UPSTREAM]);
	spin(&b);
	CHECK(b.calls > 0 && b.ends.ended[TLS_UPSTREAM] == 0, "given up");
	CHECK(take(&b, TLS_UPSTREAM, "last") == TLS_DONE, "lost");
	ends_watch(&b.ends, (const bool[]){ watched, true });
	spin(&b);
	CHECK(take(&b, TLS_UPSTREAM, "") == TLS_TRUNCATED, "open");
	cut(&b.far[TLS_INSIDE]); /* which nobody reads from */
	spin(&b);
	CHECK(b.ends.ended[TLS_INSIDE] == TLS_TRUNCATED, "unseen");
	end(&b);
}

/* All of a write is taken; what the socket does not take follows as there is room, and the end after it. */
static void test_left(void)
{
	static char octets[ENDS_WRITE_OCTETS_MAX], got[65536];
	struct bench b;
	size_t sent = 0, came = 0;
	ssize_t n = 0;

	begin(&b);
	while (ends_flush(&b.ends, TLS_INSIDE) == TLS_DONE) {
		CHECK(ends_write(&b.ends, TLS_INSIDE, (struct span){ octets, sizeof(octets) }) ==
			  TLS_DONE,
		      "refused");
		sent += sizeof(octets);
	}
	CHECK(buf_len(&b.ends.left[TLS_INSIDE]) > 0, "nothing left");
	CHECK(ends_close(&b.ends, TLS_INSIDE) == TLS_WANT_WRITE && !b.ends.closed[TLS_INSIDE],
	      "closed before all was sent");
	while (ends_close(&b.ends, TLS_INSIDE) == TLS_WANT_WRITE) {
		ends_watch(&b.ends, (const bool[]){ false, false });
		n = recv(b.far[TLS_INSIDE], got, sizeof(got), MSG_DONTWAIT);
		came += n > 0 ? (size_t)n : 0;
		spin(&b);
	}
	while ((n = recv(b.far[TLS_INSIDE], got, sizeof(got), 0)) > 0)
		came += (size_t)n;
	CHECK(n == 0 && came == sent, "%zu of %zu", came, sent);
	end(&b);
}

/* Nobody polls in vain for a side that is not read. */
static void test_quiet(void)
{
	struct bench b;

	begin(&b);
	ends_watch(&b.ends, (const bool[]){ false, false });
	CHECK(send(b.far[TLS_INSIDE], "hello", 5, 0) == 5, "%d", errno);
	CHECK(shutdown(b.far[TLS_UPSTREAM], SHUT_RDWR) == 0, "%d", errno);
	spin(&b);
	spin(&b);
	CHECK(b.calls < 4, "%u calls", b.calls);
	ends_watch(&b.ends, (const bool[]){ true, false });
	spin(&b);
	CHECK(take(&b, TLS_INSIDE, "hello") == TLS_DONE, "lost");
	end(&b);
}

static void test_one_side(void)
{
	struct bench b;

	begin(&b);
	ends_drop(&b.ends, TLS_UPSTREAM);
	CHECK(take(&b, TLS_UPSTREAM, "") == TLS_WANT_READ, "read");
	CHECK(ends_flush(&b.ends, TLS_UPSTREAM) == TLS_DONE &&
		  ends_close(&b.ends, TLS_UPSTREAM) == TLS_DONE,
	      "not as if it took all");
	end(&b);
}

int main(void)
{
	test_read();
	test_reset(true);
	test_reset(false);
	test_left();
	test_quiet();
	test_one_side();
	return test_failures > 0;
}
