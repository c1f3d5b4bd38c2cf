// SPDX-License-Identifier: Apache-2.0
/* How much is held and when it ends: limits, back-pressure, lost notifications, ends of both kinds.
 */
#include "rpc/rpc_test_priv.h"

#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "rpc/rpc_priv.h"

#define RESULT(value, id) "{\"jsonrpc\":\"2.0\",\"result\":" value ",\"id\":" id "}"
#define CALL(method, id)  "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"id\":" id "}\n"
#define BIG(octets, id) \
	"{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[" octets "],\"id\":" id "}\n"
#define INVALID                                                                                    \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},\"id\":" \
	"null}"
#define TOO_LONG(id)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32004,\"message\":\"the answer is too " \
	"long\"},\"id\":" id "}"

/* memory_of() - octets of buffers a peer holds */
static size_t memory_of(const struct rig *rig)
{
	return rig->peer->stream.lines.capacity + rig->peer->stream.queue.capacity;
}

/* A line of exactly the limit is served, one octet more is not; nothing of it stays. */
static void test_oversized(void)
{
	static char blanks[1 << 20];
	const struct span call = SPAN("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1}");

	memset(blanks, ' ', sizeof(blanks));
	for (size_t over = 0; over <= 2; over++) {
		CLEANUP(rig_deletep) struct rig *rig = rig_new();
		size_t left = RPC_LINE_OCTETS_MAX - call.len + over;

		if (over == 2)
			left += 100 << 20; /* three times the limit */
		rig_send(rig, call);
		for (size_t n = 0; left > 0; left -= n) {
			n = left < sizeof(blanks) ? left : sizeof(blanks);
			rig_send(rig, (struct span){ blanks, n });
		}
		rig_send(rig, SPAN("\n" CALL("sum", "2")));
		rig_settle(rig);
		rig_expect(rig, over ? INVALID : RESULT("0", "1"), "long");
		rig_expect(rig, RESULT("0", "2"), "next");
		rig_expect(rig, NULL, "once");
		CHECK(memory_of(rig) <= RPC_READ_OCTETS + RPC_KEEP_OCTETS, "%zu", memory_of(rig));
	}
}

/* A long request and its long answer leave no memory behind, and none stays that is half used. */
static void test_idle_memory(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	size_t len = 40 << 20;
	char *text = malloc(len);

	memset(text, 'x', len);
	rig_send(rig, SPAN("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1,\"params\":[\""));
	rig_send(rig, (struct span){ text, len });
	rig_send(rig, SPAN("\"]}\n{\"the next"));
	rig_settle(rig);
	json_t *value = rig_line(rig);
	CHECK(json_string_length(json_array_get(json_object_get(value, "result"), 0)) == len,
	      "len");
	CHECK(memory_of(rig) <= RPC_READ_OCTETS + RPC_KEEP_OCTETS, "%zu", memory_of(rig));
	json_decref(value);
	free(text);
}

static void test_long_answers(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	rig_send(rig, SPAN(BIG("60000000", "1") BIG("10", "2")));
	rig_settle(rig);
	rig_expect(rig, TOO_LONG("1"), "over a line");
	rig_expect(rig, RESULT("\"xxxxxxxxxx\"", "2"), "short");
	rig_expect(rig, NULL, "no more");
}

/* A batch's answers are held while it is not done: over the bound they become errors. */
static void test_long_batch(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	rig_send(rig,
		 SPAN("[{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[40000000],\"id\":1},"
		      "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[20000000],\"id\":2},"
		      "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[9],\"id\":3}]\n"));
	rig_settle(rig);
	json_t *value = rig_line(rig);
	CHECK(json_array_size(value) == 3, "%zu", json_array_size(value));
	CHECK(json_string_length(json_object_get(json_array_get(value, 0), "result")) == 40000000,
	      "the first fits");
	CHECK(json_object_get(json_array_get(value, 1), "error") != NULL, "the second does not");
	CHECK(json_object_get(json_array_get(value, 2), "result") != NULL, "the third does");
	CHECK(rig->peer->held == 0, "%zu", rig->peer->held);
	json_decref(value);
}

/* A client that sends and does not read: requests stop being read, and go on when it reads. */
static void test_back_pressure(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	const struct span call = SPAN(BIG("50000", "1"));
	size_t sent = 0;

	for (int idle = 0; idle < 5;) {
		ssize_t n = send(rig->fd, call.ptr, call.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		CHECK(n < 0 || (size_t)n == call.len, "small messages go whole");
		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0;
		(void)rig_round(rig->loop);
	}
	CHECK(rpc_peer_congested(rig->peer), "congested");
	CHECK(buf_len(&rig->peer->stream.queue) < RPC_DEAF_OCTETS + 100000, "bounded: %zu",
	      buf_len(&rig->peer->stream.queue));
	CHECK(buf_len(&rig->peer->stream.lines) <= (size_t)2 * RPC_READ_OCTETS, "bounded");
	CHECK(rig->drained == 0, "not yet");
	rig_settle(rig);
	CHECK(rig->drained > 0 && !rpc_peer_congested(rig->peer), "drained");
	size_t got = 0;
	for (json_t *value = NULL; (value = rig_line(rig)) != NULL; json_decref(value))
		got++;
	CHECK(got == sent && sent > 30, "%zu of %zu", got, sent);
}

/* Notifications are dropped when too much is queued; how many is said where the gap is. */
static void test_dropped(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	char text[10001];
	int count = 0, n = 2000;

	memset(text, 'e', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < n; i++)
		rpc_notify(rig->peer, "event", json_pack("{s:s,s:i}", "t", text, "n", i));
	CHECK(buf_len(&rig->peer->stream.queue) < RPC_EVENTS_OCTETS_MAX + 20000, "bounded");
	rig_settle(rig);
	rpc_notify(rig->peer, "event", json_pack("{s:i}", "n", n));
	rig_settle(rig);

	json_t *value = NULL;
	for (; (value = rig_line(rig)) != NULL; json_decref(value)) {
		json_t *params = json_object_get(value, "params");
		json_t *type = json_object_get(params, "type");

		CHECK(json_object_get(value, "id") == NULL, "a notification");
		if (type != NULL) {
			CHECK(strcmp(json_string_value(type), "dropped") == 0, "type");
			count += (int)json_integer_value(json_object_get(params, "count"));
			continue;
		}
		CHECK(json_integer_value(json_object_get(params, "n")) == count, "in order: %d",
		      count);
		count++;
	}
	CHECK(count == n + 1, "each was delivered or counted: %d", count);
}

/* A queue that overflows in spite of congestion breaks the connection: no answer is lost quietly.
 */
static void test_overflow(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	char *data = calloc(1, 30 << 20);

	rig_send(rig, SPAN(CALL("later", "1")));
	rig_settle(rig);
	for (int i = 0; i < 3; i++)
		rpc_part_base64(rig->waiting[0], "stdout", (struct span){ data, 30 << 20 });
	CHECK(memory_of(rig) < RPC_QUEUE_OCTETS_MAX, "let go at once");
	CHECK(rig->closed == 0, "not from within a call");
	rig_settle(rig);
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
	free(data);
}

/* After the end of its input a client still gets what it asked for; then finished() is called. */
static void test_half_closed(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	rig_send(rig, SPAN(CALL("later", "1") "{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":2}"));
	(void)shutdown(rig->fd, SHUT_WR);
	rig_settle(rig);
	rig_expect(rig, RESULT("0", "2"), "a last line without its newline");
	CHECK(rig->closed == 1 && rig->finished == 0, "%d %d", rig->closed, rig->finished);
	rpc_reply(rig->waiting[0], json_true());
	rig->waiting[0] = NULL;
	rig_settle(rig);
	rig_expect(rig, RESULT("true", "1"), "late");
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
}

/* A client that goes away: told once, whatever is written later; its last requests are served. */
static void test_gone(void)
{
	for (int mode = 0; mode < 4; mode++) {
		CLEANUP(rig_deletep) struct rig *rig = rig_new();

		rig->free_when_closed = mode == 1;
		rig->free_when_finished = mode == 2;
		rig_send(rig, SPAN(CALL("sum", "1") CALL("later", "2")));
		if (mode == 3) /* leaves without reading its answer: a reset, then the rest */
			rig_settle(rig);
		rig_send(rig, SPAN(CALL("later", "3")));
		fd_close(&rig->fd);
		rig_settle(rig);
		CHECK(rig->waiting_len == 2, "mode %d: %zu", mode, rig->waiting_len);
		CHECK(rig->closed == 1, "mode %d: %d", mode, rig->closed);
		CHECK(rig->finished == (mode != 1), "mode %d: %d", mode, rig->finished);
		CHECK((rig->peer == NULL) == (mode == 1 || mode == 2), "mode %d", mode);
		if (rig->peer != NULL)
			rpc_notify(rig->peer, "event", json_object());
		rpc_reply(rig->waiting[0], NULL);
		rig->waiting[0] = NULL;
		rig_settle(rig);
		CHECK(rig->closed == 1 && rig->finished == (mode != 1), "mode %d", mode);
	}
}

/* A client that stays but shuts its reading side: writing fails, and that is the end. */
static void test_deaf(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	(void)shutdown(rig->fd, SHUT_RD);
	rig_send(rig, SPAN(CALL("sum", "1")));
	rig_settle(rig);
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
}

static void test_stop(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct rig_timer guard = { .timer.fired = rig_stop, .loop = rig->loop };

	rig_send(rig, SPAN(BIG("3000000", "1")));
	(void)rig_round(rig->loop);
	(void)rig_round(rig->loop);
	rpc_peer_flush_and_stop(rig->peer, 5);
	rig_send(rig, SPAN(CALL("sum", "2")));
	CHECK(rig_round(rig->loop) == 77, "not while something is queued");
	int r = 77;
	for (int i = 0; i < 1000 && r == 77; i++) {
		(void)rig_receive(rig);
		r = rig_round(rig->loop);
	}
	CHECK(r == 5, "stopped: %d", r);
	(void)rig_receive(rig);
	json_t *value = rig_line(rig);
	CHECK(json_string_length(json_object_get(value, "result")) == 3000000, "whole");
	json_decref(value);
	rig_settle(rig);
	rig_expect(rig, NULL, "no request is read any more");

	rpc_peer_flush_and_stop(rig->peer, 6); /* nothing queued: at once */
	loop_arm(rig->loop, &guard.timer, 2000000000);
	CHECK(loop_run(rig->loop) == 6, "at once");
	loop_disarm(&guard.timer);
}

/* pipe_ends() - replace the rig's socket by two pipes; ours are *@in (to write) and *@out (to read)
 */
static void pipe_ends(struct rig *rig, int *in, int *out)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };

	rpc_peer_free(rig->peer);
	rig->peer = NULL;
	CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0, "pipes");
	CHECK(rpc_peer_new(&rig->peer, rig->loop, to[0], from[1], &rig->config) == 0, "peer");
	*in = to[1];
	*out = from[0];
}

#define THREE (SPAN(CALL("sum", "1") CALL("stream", "2") CALL("sum", "3")))
enum { THREE_ANSWERS_OCTETS = 226 };

/* Two pipes instead of a socket; their flags are as they were afterwards. */
static void test_pipes(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	int in = -1, out = -1;
	char got[4096];

	pipe_ends(rig, &in, &out);
	int keeper = fcntl(rig->peer->stream.in_fd, F_DUPFD_CLOEXEC, 3);
	CHECK(fd_write_all(in, THREE) == 0, "write");
	rig_settle(rig);
	CHECK(rig->closed == 0, "open");
	CHECK((fcntl(keeper, F_GETFL) & O_NONBLOCK) != 0, "non-blocking");
	fd_close(&in);
	rig_settle(rig);
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
	rpc_peer_free(rig->peer);
	rig->peer = NULL;
	CHECK((fcntl(keeper, F_GETFL) & O_NONBLOCK) == 0, "as it was");
	CHECK(read(out, got, sizeof(got)) == THREE_ANSWERS_OCTETS, "answers");
	fd_close(&keeper);
	fd_close(&out);
}

/* Input and output that epoll does not take: files, and /dev/null. */
static void test_files(void)
{
	for (int mode = 0; mode < 2; mode++) {
		CLEANUP(rig_deletep) struct rig *rig = rig_new();
		char name[] = "/tmp/rpc_flow_test.XXXXXX", name_out[] = "/tmp/rpc_flow_test.XXXXXX";
		int file = mkostemp(name, O_CLOEXEC), out = mkostemp(name_out, O_CLOEXEC);
		int in = open(mode == 0 ? name : "/dev/null", O_RDONLY | O_CLOEXEC);
		struct stat st = { 0 };

		(void)unlink(name);
		(void)unlink(name_out);
		CHECK(fd_write_all(file, THREE) == 0, "write");
		fd_close(&file);
		rpc_peer_free(rig->peer);
		rig->peer = NULL;
		int keeper = fcntl(out, F_DUPFD_CLOEXEC, 3);
		CHECK(rpc_peer_new(&rig->peer, rig->loop, in, out, &rig->config) == 0, "peer");
		rig_settle(rig);
		CHECK(rig->closed == 1 && rig->finished == 1, "mode %d", mode);
		CHECK(fstat(keeper, &st) == 0 &&
			  st.st_size == (mode == 0 ? THREE_ANSWERS_OCTETS : 0),
		      "mode %d: %lld", mode, (long long)st.st_size);
		fd_close(&keeper);
	}
}

/* The reader of a pipe goes, while requests may still come: closed at once, even if all was
 * written. */
static void test_dead_reader(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	int in = -1, out = -1;

	pipe_ends(rig, &in, &out);
	rig_settle(rig);
	fd_close(&out);
	rig_settle(rig);
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
	fd_close(&in);
	rig_settle(rig);
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
}

/* A writer that hangs up while we are congested must not make the loop spin. */
static void test_no_spin(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	int in = -1, out = -1;

	pipe_ends(rig, &in, &out);
	CHECK(fd_write_all(in, SPAN(BIG("9000000", "1"))) == 0, "write");
	rig_settle(rig);
	CHECK(rpc_peer_congested(rig->peer), "congested");
	CHECK(fd_write_all(in, SPAN(CALL("sum", "2"))) == 0, "write");
	fd_close(&in);
	rig_settle(rig);
	CHECK(rig->peer->stream.in.loop == NULL && rig->peer->stream.turn.loop == NULL, "asleep");
	CHECK(rig->closed == 0, "what it sent is still to be served");

	char *room = NULL;
	for (int idle = 0; idle < 5; idle++) {
		CHECK(buf_reserve(&room, &rig->got, 1 << 20) == 0, "room");
		(void)fcntl(out, F_SETFL, O_NONBLOCK);
		ssize_t n = read(out, room, 1 << 20);
		if (n > 0) {
			buf_commit(&rig->got, (size_t)n);
			idle = 0;
		}
		(void)rig_round(rig->loop);
	}
	json_decref(rig_line(rig));
	rig_expect(rig, RESULT("0", "2"), "served");
	CHECK(rig->closed == 1 && rig->finished == 1, "%d %d", rig->closed, rig->finished);
	fd_close(&out);
}

static void test_bad_descriptors(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct rpc_peer *peer = NULL;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(rpc_peer_new(&peer, rig->loop, -1, -1, &rig->config) == -EBADF, "none");
	CHECK(rpc_peer_new(&peer, rig->loop, fd, -1, &rig->config) == -EBADF, "one");
	CHECK(fcntl(fd, F_GETFD) < 0, "consumed");
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	test_oversized();
	test_idle_memory();
	test_long_answers();
	test_long_batch();
	test_back_pressure();
	test_dropped();
	test_overflow();
	test_half_closed();
	test_gone();
	test_deaf();
	test_stop();
	test_pipes();
	test_files();
	test_dead_reader();
	test_no_spin();
	test_bad_descriptors();
	return test_failures > 0;
}
