// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a line stream (rpc_stream.c) whose lines are judged as answers or
 * notifications (sections 4.1 and 5 of the specification). The server is ours, but what it says
 * contains what the sandbox said, so it gets the same parser and bounds as a client gets there; a
 * line that is neither ends the connection. A server stops reading while its answers are not read;
 * if a client did so too, the two could wait for each other for ever: it always reads.
 */
#include <errno.h>

#include "rpc/rpc_client.h"
#include "rpc/rpc_priv.h"

struct rpc_client {
	struct rpc_stream stream; /* first: see rpc_stream_open() */
	const struct rpc_client_config *config;
};

static struct rpc_client *client_of(struct rpc_stream *s)
{
	return container_of(s, struct rpc_client, stream);
}

/* read_error() - take a response's error object apart. Return: is it one? */
static bool read_error(struct rpc_message *ret, json_t *error)
{
	json_t *code = json_object_get(error, "code");

	ret->error = json_string_value(json_object_get(error, "message"));
	ret->code = json_integer_value(code);
	return ret->error != NULL && json_is_integer(code);
}

/* read_message() - Return: is @value a response or a notification? */
static bool read_message(struct rpc_message *ret, json_t *value)
{
	const char *version = json_string_value(json_object_get(value, "jsonrpc"));
	json_t *method = json_object_get(value, "method");
	json_t *error = json_object_get(value, "error");

	*ret = (struct rpc_message){
		.method = json_string_value(method),
		.params = json_object_get(value, "params"),
		.id = json_object_get(value, "id"),
		.result = json_object_get(value, "result"),
	};
	if (version == NULL || strcmp(version, "2.0") != 0)
		return false;
	if (method != NULL)
		return ret->method != NULL && ret->id == NULL && ret->result == NULL &&
		       error == NULL;
	if (!json_is_string(ret->id) && !json_is_number(ret->id) && !json_is_null(ret->id))
		return false;
	if (error != NULL)
		return ret->result == NULL && read_error(ret, error);
	return ret->result != NULL;
}

static void line(struct rpc_stream *s, struct span text)
{
	struct rpc_client *client = client_of(s);
	struct rpc_message message;
	struct rpc_fault fault;
	json_t *value = NULL;

	if (span_trim(text).len == 0)
		return;
	int r = rpc_parse_line(&value, text, &fault);
	if (r == 0 && !read_message(&message, value))
		r = -EINVAL;
	if (r == 0)
		client->config->received(client->config->context, &message);
	else
		rpc_stream_break(s, r == -EINVAL ? -EPROTO : r);
	json_decref(value);
}

static void oversized(struct rpc_stream *s)
{
	rpc_stream_break(s, -EMSGSIZE);
}

static void drained(struct rpc_stream *s)
{
	struct rpc_client *client = client_of(s);

	if (client->config->drained != NULL)
		client->config->drained(client->config->context);
}

static void ended(struct rpc_stream *s)
{
	struct rpc_client *client = client_of(s);
	/* a server that closes with requests of ours unread resets: an end like any other */
	bool gone = s->error == -EPIPE || s->error == -ECONNRESET;

	if (client->config->closed != NULL)
		client->config->closed(client->config->context, gone ? 0 : s->error);
}

static void finished(struct rpc_stream *s)
{
	(void)s; /* closed() said all a client wants to know */
}

static bool busy(struct rpc_stream *s)
{
	(void)s;
	return false;
}

_Static_assert(offsetof(struct rpc_client, stream) == 0, "allocated and freed as the stream");
static const struct rpc_stream_ops ops = {
	.octets = sizeof(struct rpc_client),
	.reads_always = true,
	.line = line,
	.oversized = oversized,
	.drained = drained,
	.ended = ended,
	.finished = finished,
	.busy = busy,
};

int rpc_client_new(struct rpc_client **ret, struct loop *loop, int in, int out,
		   const struct rpc_client_config *config)
{
	struct rpc_stream *s = NULL;
	int r = rpc_stream_open(&s, loop, in, out, &ops);

	if (r < 0)
		return r;
	client_of(s)->config = config;
	*ret = client_of(s);
	return 0;
}

void rpc_client_free(struct rpc_client *client)
{
	if (client != NULL)
		rpc_stream_close(&client->stream);
}

int rpc_client_send(struct rpc_client *client, int64_t id, const char *method, json_t *params)
{
	struct rpc_stream *s = &client->stream;
	size_t mark = buf_len(&s->queue);
	int r = s->broken ? -EPIPE : rpc_append_message(&s->queue, method, params);

	if (r == 0)
		r = id != 0 ? buf_printf(&s->queue, ",\"id\":%lld}\n", (long long)id)
			    : buf_append(&s->queue, SPAN("}\n"));
	if (r == 0 && buf_len(&s->queue) - mark - 1 > RPC_LINE_OCTETS_MAX)
		r = -ENOBUFS;
	if (r == 0)
		rpc_stream_wrote(s);
	else
		s->queue.end = s->queue.start + mark;
	json_decref(params);
	return r;
}

bool rpc_client_congested(const struct rpc_client *client)
{
	return client->stream.congested;
}
