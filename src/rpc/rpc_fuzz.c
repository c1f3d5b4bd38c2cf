// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an octet that says how the rest is cut and how calls are answered, then what a client
 * sends. Properties: every line is answered as an independent reading of it says (each request
 * once, in a batch one array, notifications never); what comes out is JSON, a message a line.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "rpc/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALLS_MAX = 4096, PARTS = 2, DEPTH_MAX = 64, INPUT_MAX = 32 * 1024 };

struct world {
	struct loop *loop;
	struct rpc_peer *peer;
	struct loop_timer answer, feed;
	struct rpc_call *waiting[CALLS_MAX];
	size_t waiting_len;
	struct span unsent;
	size_t step; /* octets sent at once */
	struct buf got;
	int fd;
	bool is_freed, frees;
};

static void answer(struct loop_timer *timer)
{
	struct world *w = container_of(timer, struct world, answer);

	while (w->waiting_len > 0) /* the last one first */
		rpc_reply(w->waiting[--w->waiting_len], json_string("late"));
}

static void later(void *context, struct rpc_call *call, json_t *params)
{
	struct world *w = context;

	(void)params;
	if (w->waiting_len == CALLS_MAX)
		abort(); /* RPC_CALLS_MAX holds */
	w->waiting[w->waiting_len++] = call;
	if (w->answer.loop == NULL)
		loop_arm(w->loop, &w->answer, 0);
}

static void echo(void *context, struct rpc_call *call, json_t *params)
{
	(void)context;
	rpc_reply(call, json_incref(params));
}

static void fail(void *context, struct rpc_call *call, json_t *params)
{
	const char *text = json_string_value(json_array_get(params, 0));

	(void)context;
	rpc_fail(call, RPC_FAILED, "%s", text != NULL ? text : "\xc3");
}

static void stream(void *context, struct rpc_call *call, json_t *params)
{
	const char *text = json_string_value(json_array_get(params, 0));

	(void)context;
	rpc_part_base64(call, "stdout", span_of(text != NULL ? text : "x"));
	rpc_part(call, json_object());
	rpc_reply(call, json_true());
}

static void leave(void *context, struct rpc_call *call, json_t *params)
{
	struct world *w = context;

	if (w->frees && !w->is_freed) {
		w->is_freed = true;
		rpc_peer_free(w->peer);
	}
	later(context, call, params);
}

static const struct rpc_method methods[] = {
	{ .name = "a", .run = echo },  { .name = "b", .run = later },
	{ .name = "c", .run = fail },  { .name = "d", .run = stream, .streams = true },
	{ .name = "e", .run = leave },
};

/* depth() - how deep arrays and objects nest */
static size_t depth(json_t *value)
{
	size_t deepest = 0;

	for (size_t i = 0; i < json_array_size(value); i++) {
		size_t here = depth(json_array_get(value, i));
		deepest = here > deepest ? here : deepest;
	}
	for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
		size_t here = depth(json_object_iter_value(i));
		deepest = here > deepest ? here : deepest;
	}
	return deepest + (json_is_array(value) || json_is_object(value));
}

static bool is_request(json_t *value)
{
	json_t *params = json_object_get(value, "params"), *id = json_object_get(value, "id");
	const char *version = json_string_value(json_object_get(value, "jsonrpc"));

	return version != NULL && strcmp(version, "2.0") == 0 &&
	       json_is_string(json_object_get(value, "method")) &&
	       (params == NULL || json_is_null(params) || json_is_array(params) ||
		json_is_object(params)) &&
	       (id == NULL || json_is_null(id) || json_is_number(id) ||
		(json_is_string(id) && json_string_length(id) <= 255));
}

/* answers_to() - answers to one member of a batch, or one line; parts apart */
static size_t answers_to(json_t *value)
{
	return !is_request(value) || json_object_get(value, "id") != NULL;
}

static bool has_parts(json_t *value)
{
	return is_request(value) && json_object_get(value, "id") != NULL &&
	       strcmp(json_string_value(json_object_get(value, "method")), "d") == 0;
}

struct tally {
	size_t lines;   /* of answers */
	size_t answers; /* those within arrays counted one by one */
};

/* expect() - what @line has to be answered with */
static void expect(struct tally *tally, struct span line)
{
	json_t *value =
	    json_loadb(line.ptr, line.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	size_t answers = 0, members = json_array_size(value);

	if (span_trim(line).len == 0)
		return;
	for (size_t i = 0; i < members; i++)
		answers += answers_to(json_array_get(value, i));
	if (value == NULL || depth(value) > DEPTH_MAX ||
	    (json_is_array(value) && (members == 0 || members > RPC_BATCH_MAX)))
		answers = 1;
	else if (!json_is_array(value))
		answers = answers_to(value) + (has_parts(value) ? PARTS : 0);
	else if (answers > 0)
		tally->lines -= answers - 1;
	tally->lines += answers;
	tally->answers += answers;
	json_decref(value);
}

/* check_answer() - section 5: exactly one of result and error, and an id */
static void check_answer(json_t *answer)
{
	json_t *error = json_object_get(answer, "error");

	if (json_object_size(answer) != 3 || json_object_get(answer, "id") == NULL ||
	    !json_is_string(json_object_get(answer, "jsonrpc")) ||
	    (json_object_get(answer, "result") == NULL) == (error == NULL))
		abort();
	if (error != NULL && (!json_is_integer(json_object_get(error, "code")) ||
			      !json_is_string(json_object_get(error, "message"))))
		abort();
}

static void check_line(struct tally *tally, struct span line)
{
	json_t *value = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);

	tally->lines++;
	tally->answers += json_is_array(value) ? json_array_size(value) : 1;
	if (value == NULL || (json_is_array(value) && json_array_size(value) == 0))
		abort();
	for (size_t i = 0; i < json_array_size(value); i++)
		check_answer(json_array_get(value, i));
	if (json_is_object(value))
		check_answer(value);
	json_decref(value);
}

static void finished(void *context, struct rpc_peer *peer)
{
	struct world *w = context;

	(void)peer;
	loop_stop(w->loop, 1);
}

/* receive() - what was answered so far */
static void receive(struct world *w)
{
	char *room = NULL;

	while (buf_reserve(&room, &w->got, 1 << 16) == 0) {
		ssize_t n = recv(w->fd, room, 1 << 16, MSG_DONTWAIT);

		if (n <= 0)
			break;
		buf_commit(&w->got, (size_t)n);
	}
}

/* feed() - every turn: send the next piece, read all that came */
static void feed(struct loop_timer *timer)
{
	struct world *w = container_of(timer, struct world, feed);
	size_t len = w->unsent.len < w->step ? w->unsent.len : w->step;
	ssize_t n = send(w->fd, w->unsent.ptr, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		w->unsent = span_drop(w->unsent, (size_t)n);
	if (w->unsent.len == 0)
		(void)shutdown(w->fd, SHUT_WR);
	receive(w);
	if (w->is_freed)
		loop_stop(w->loop, 1);
	loop_arm(w->loop, &w->feed, 0);
}

/* run() - until the peer is finished, reading all the time */
static void run(struct world *w)
{
	struct rpc_config config = {
		.methods = methods,
		.methods_len = ARRAY_SIZE(methods),
		.context = w,
		.finished = finished,
	};
	int fds[2] = { -1, -1 };

	if (loop_new(&w->loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    rpc_peer_new(&w->peer, w->loop, fds[0], fds[0], &config) < 0)
		abort();
	w->fd = fds[1];
	loop_arm(w->loop, &w->feed, 0);
	if (loop_run(w->loop) != 1)
		abort();
	receive(w);
	if (!w->is_freed)
		rpc_peer_free(w->peer);
	answer(&w->answer); /* orphans, if it was freed */
	fd_close(&w->fd);
	loop_free(w->loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world; /* 32 KiB of it are pointers */
	struct tally want = { 0 }, have = { 0 };
	struct span rest = { (const char *)data, size };

	if (size < 2 || size > INPUT_MAX)
		return 0;
	rest = span_drop(rest, 1);
	world = (struct world){
		.answer.fired = answer,
		.feed.fired = feed,
		.unsent = rest,
		.got = BUF(64 << 20),
		.step = (data[0] & 0x7f) > 0 ? data[0] & 0x7f : size,
		.frees = (data[0] & 0x80) != 0,
	};
	run(&world);
	while (!world.is_freed && rest.ptr != NULL)
		expect(&want, span_cut(&rest, '\n'));
	struct span all = buf_span(&world.got);
	while (!world.is_freed && all.len > 0)
		check_line(&have, span_cut(&all, '\n'));
	buf_free(&world.got);
	if (want.lines != have.lines || want.answers != have.answers)
		abort();
	return 0;
}
