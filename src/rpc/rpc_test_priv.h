/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_test_priv - what the tests of rpc/ share: a peer on one end of a socket pair, and a few
 * methods behind it.
 */
#ifndef RPC_RPC_TEST_PRIV_H
#define RPC_RPC_TEST_PRIV_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "rpc/rpc.h"

enum { RIG_WAITING_MAX = 20000, RIG_OUTPUT_MAX = 200 * 1024 * 1024 };

struct rig {
	struct loop *loop;
	struct rpc_peer *peer;
	struct rpc_config config;
	int fd;         /* the client's end */
	struct buf got; /* what it received */
	struct rpc_call *waiting[RIG_WAITING_MAX];
	size_t waiting_len;
	int closed, drained, finished;
	bool free_when_closed, free_when_finished;
};

static void rig_subtract(void *context, struct rpc_call *call, json_t *params)
{
	json_int_t a = 0, b = 0;

	(void)context;
	if (json_unpack(params, "[I,I!]", &a, &b) == 0 ||
	    json_unpack(params, "{s:I,s:I!}", "minuend", &a, "subtrahend", &b) == 0)
		rpc_reply(call, json_integer(a - b));
	else
		rpc_fail(call, RPC_INVALID_PARAMS, "two numbers, \xff \"please\"\n");
}

static void rig_sum(void *context, struct rpc_call *call, json_t *params)
{
	json_int_t sum = 0;

	(void)context;
	for (size_t i = 0; i < json_array_size(params); i++)
		sum += json_integer_value(json_array_get(params, i));
	rpc_reply(call, json_integer(sum));
}

static void rig_get_data(void *context, struct rpc_call *call, json_t *params)
{
	(void)context;
	(void)params;
	rpc_reply(call, json_pack("[s,i]", "hello", 5));
}

static void rig_echo(void *context, struct rpc_call *call, json_t *params)
{
	(void)context;
	rpc_reply(call, json_incref(params));
}

/* later: not answered until the test does */
static void rig_later(void *context, struct rpc_call *call, json_t *params)
{
	struct rig *rig = context;

	(void)params;
	rig->waiting[rig->waiting_len++] = call;
}

static void rig_parts(void *context, struct rpc_call *call, json_t *params)
{
	(void)context;
	(void)params;
	rpc_part_base64(call, "stdout", SPAN("foobar"));
	rpc_part(call, json_pack("{s:s}", "stderr", ""));
	rpc_reply(call, json_pack("{s:i}", "exit_code", 0));
}

/* big: an answer of so many octets */
static void rig_big(void *context, struct rpc_call *call, json_t *params)
{
	size_t len = (size_t)json_integer_value(json_array_get(params, 0));
	char *text = malloc(len + 1);

	(void)context;
	memset(text, 'x', len);
	rpc_reply(call, json_stringn(text, len));
	free(text);
}

static void rig_bad(void *context, struct rpc_call *call, json_t *params)
{
	(void)context;
	(void)params;
	rpc_reply(call, json_string_nocheck("\xff"));
}

static void rig_free(void *context, struct rpc_call *call, json_t *params)
{
	struct rig *rig = context;

	(void)params;
	rpc_peer_free(rig->peer);
	rig->peer = NULL;
	rpc_reply(call, NULL);
}

static const struct rpc_method rig_methods[] = {
	{ .name = "subtract", .run = rig_subtract },
	{ .name = "sum", .run = rig_sum },
	{ .name = "update", .run = rig_sum },
	{ .name = "notify_sum", .run = rig_sum },
	{ .name = "notify_hello", .run = rig_echo },
	{ .name = "get_data", .run = rig_get_data },
	{ .name = "echo", .run = rig_echo },
	{ .name = "later", .run = rig_later },
	{ .name = "stream", .run = rig_parts, .streams = true },
	{ .name = "careless", .run = rig_parts },
	{ .name = "big", .run = rig_big },
	{ .name = "bad", .run = rig_bad },
	{ .name = "free", .run = rig_free },
	{ .name = "forbidden", .run = rig_later, .terms = "on these terms" },
};

/* rig_admit() - methods without terms run, others are refused with them */
static bool rig_admit(void *context, const struct rpc_method *method, struct rpc_call *call,
		      json_t *params)
{
	(void)context;
	(void)params;
	if (method->terms != NULL)
		rpc_fail(call, RPC_CLOSED, "%s", (const char *)method->terms);
	return method->terms == NULL;
}

static void rig_closed(void *context, struct rpc_peer *peer)
{
	struct rig *rig = context;

	rig->closed++;
	if (rig->free_when_closed) {
		rpc_peer_free(peer);
		rig->peer = NULL;
	}
}

static void rig_drained(void *context, struct rpc_peer *peer)
{
	struct rig *rig = context;

	rig->drained++;
	CHECK(!rpc_peer_congested(peer), "drained");
}

static void rig_finished(void *context, struct rpc_peer *peer)
{
	struct rig *rig = context;

	CHECK(rig->closed == 1, "closed() comes before finished()");
	rig->finished++;
	if (rig->free_when_finished) {
		rpc_peer_free(peer);
		rig->peer = NULL;
	}
}

static struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	int fds[2] = { -1, -1 };

	rig->got = BUF(RIG_OUTPUT_MAX);
	rig->config = (struct rpc_config){
		.methods = rig_methods,
		.methods_len = ARRAY_SIZE(rig_methods),
		.context = rig,
		.admit = rig_admit,
		.closed = rig_closed,
		.drained = rig_drained,
		.finished = rig_finished,
	};
	CHECK(loop_new(&rig->loop) == 0, "loop");
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
	CHECK(rpc_peer_new(&rig->peer, rig->loop, fds[0], fds[0], &rig->config) == 0, "peer");
	rig->fd = fds[1];
	return rig;
}

static void rig_delete(struct rig *rig)
{
	rpc_peer_free(rig->peer);
	for (size_t i = 0; i < rig->waiting_len; i++)
		if (rig->waiting[i] != NULL)
			rpc_reply(rig->waiting[i], NULL);
	fd_close(&rig->fd);
	loop_free(rig->loop);
	buf_free(&rig->got);
	free(rig);
}

static void rig_deletep(struct rig **rig)
{
	rig_delete(*rig);
}

struct rig_timer {
	struct loop_timer timer;
	struct loop *loop;
};

static void rig_stop(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct rig_timer, timer)->loop, 77);
}

/* rig_round() - one round of a loop, which does what it can without waiting */
static inline int rig_round(struct loop *loop)
{
	struct rig_timer stop = { .timer.fired = rig_stop, .loop = loop };

	loop_arm(loop, &stop.timer, 0);
	int r = loop_run(loop);
	loop_disarm(&stop.timer);
	return r;
}

/* rig_receive() - move what arrived to rig->got. Return: octets, 0 at the end or if there is none.
 */
static inline size_t rig_receive(struct rig *rig)
{
	char *room = NULL;

	if (buf_reserve(&room, &rig->got, 1 << 20) < 0)
		return 0;
	ssize_t n = rig->fd < 0 ? 0 : recv(rig->fd, room, 1 << 20, MSG_DONTWAIT);
	if (n > 0)
		buf_commit(&rig->got, (size_t)n);
	return n > 0 ? (size_t)n : 0;
}

/* rig_settle() - run until nothing happens any more */
static inline void rig_settle(struct rig *rig)
{
	for (int idle = 0; idle < 30;) { /* a socket's buffer is 13 reads */
		(void)rig_round(rig->loop);
		idle = rig_receive(rig) > 0 ? 0 : idle + 1;
	}
}

/* rig_send() - send all of @text, receiving answers meanwhile */
static inline void rig_send(struct rig *rig, struct span text)
{
	while (text.len > 0) {
		ssize_t n = send(rig->fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			text = span_drop(text, (size_t)n);
			continue;
		}
		if (n < 0 && errno != EAGAIN)
			return;
		(void)rig_round(rig->loop);
		(void)rig_receive(rig);
	}
}

/* rig_line() - the next line that was received, as JSON without error.data; NULL: there is none */
static inline json_t *rig_line(struct rig *rig)
{
	struct span all = buf_span(&rig->got);
	const char *end = all.ptr != NULL ? memchr(all.ptr, '\n', all.len) : NULL;

	if (end == NULL)
		return NULL;
	size_t len = (size_t)(end - all.ptr);
	json_t *value = json_loadb(all.ptr, len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(value != NULL, "a line that is not JSON: %.*s", (int)len, all.ptr);
	buf_drop(&rig->got, len + 1);
	(void)json_object_del(json_object_get(value, "error"), "data");
	for (size_t i = 0; i < json_array_size(value); i++)
		(void)json_object_del(json_object_get(json_array_get(value, i), "error"), "data");
	return value;
}

/* rig_expect() - the next line is @want; NULL: there is no further line */
static inline void rig_expect(struct rig *rig, const char *want, const char *what)
{
	json_t *wanted = want != NULL ? json_loads(want, 0, NULL) : NULL;
	json_t *value = rig_line(rig);
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

	CHECK((want == NULL) == (value == NULL), "%s: %.300s", what, text ? text : "nothing");
	CHECK(want == NULL || value == NULL || json_equal(value, wanted), "%s: %.300s", what, text);
	free(text);
	json_decref(value);
	json_decref(wanted);
}

#endif
