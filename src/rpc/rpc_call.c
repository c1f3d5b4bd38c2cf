// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a request becomes a struct rpc_call, which carries its id as JSON text, so
 * that an answer is a few appends to the peer's queue and a part of a stream never meets a json_t.
 * An answer that fails half-way (no JSON, too long, no room) is cut off the queue again and a short
 * error takes its place; if even that finds no room, the connection is broken: a request must not
 * stay without its answer while the connection looks well.
 *
 * The calls of a batch append their answers to the batch instead; when the last of them is done,
 * one array goes to the queue. `open` counts the calls that are not done, and one more while the
 * batch is being dispatched, so that calls answered at once do not end it early. Octets waiting in
 * batches are bounded for the peer (held). A batch of notifications leaves no trace. Answers in
 * parts do not fit the one-array rule of section 6, so a method that answers in parts is refused
 * in a batch (rpc_method.streams), and rpc_part() there ends the call with that error.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>

#include "rpc/rpc_priv.h"
#include "wire/base64.h"

enum {
	/* Answers of a batch stop here, so that an error for each further call still fits a line.
	 */
	BATCH_OCTETS_MAX = RPC_LINE_OCTETS_MAX - RPC_BATCH_MAX * RPC_ERROR_OCTETS_MAX,
	HELD_OCTETS_MAX = RPC_QUEUE_OCTETS_MAX / 2, /* of all batches of a peer */
};

static const char *standard_message(enum rpc_error code)
{
	switch ((int)code) {
	case RPC_PARSE_ERROR:
		return "Parse error";
	case RPC_INVALID_REQUEST:
		return "Invalid Request";
	case RPC_METHOD_NOT_FOUND:
		return "Method not found";
	case RPC_INVALID_PARAMS:
		return "Invalid params";
	default:
		return "Internal error";
	}
}

/* append_error() - a whole error answer without its newline; @detail may be NULL */
static int append_error(struct buf *to, enum rpc_error code, const char *message,
			const char *detail, struct span id)
{
	int r =
	    buf_printf(to, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":", (int)code);

	if (r == 0)
		r = rpc_append_string(to, message);
	if (r == 0 && detail != NULL)
		r = buf_append(to, SPAN(",\"data\":"));
	if (r == 0 && detail != NULL)
		r = rpc_append_string(to, detail);
	if (r == 0)
		r = buf_append(to, SPAN("},\"id\":"));
	if (r == 0)
		r = buf_append(to, id);
	return r == 0 ? buf_append(to, SPAN("}")) : r;
}

int rpc_batch_new(struct rpc_batch **ret)
{
	struct rpc_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return -ENOMEM;
	batch->open = 1;
	batch->answers = BUF(RPC_LINE_OCTETS_MAX - 2); /* "]" and the newline */
	*ret = batch;
	return 0;
}

/* batch_begin() - begin one more answer of a batch */
static int batch_begin(struct rpc_batch *batch)
{
	return buf_append(&batch->answers, buf_len(&batch->answers) == 0 ? SPAN("[") : SPAN(","));
}

void rpc_batch_done(struct rpc_peer *peer, struct rpc_batch *batch)
{
	assert(batch->open > 0);
	if (--batch->open > 0)
		return;
	size_t len = buf_len(&batch->answers);
	if (peer != NULL && len > 0) {
		struct rpc_stream *s = &peer->stream;
		int r = buf_append(&s->queue, buf_span(&batch->answers));

		peer->held -= len;
		if (r == 0)
			r = buf_append(&s->queue, SPAN("]\n"));
		if (r < 0)
			rpc_stream_break(s, r);
		else
			rpc_stream_wrote(s);
	}
	buf_free(&batch->answers);
	free(batch);
}

int rpc_call_new(struct rpc_call **ret, struct rpc_peer *peer, struct rpc_batch *batch, json_t *id)
{
	char text[RPC_ID_TEXT_OCTETS_MAX];
	size_t len = id != NULL ? json_dumpb(id, text, sizeof(text), JSON_ENCODE_ANY) : 0;

	assert(len <= sizeof(text));
	struct rpc_call *call = malloc(sizeof(*call) + len);
	if (call == NULL)
		return -ENOMEM;
	*call = (struct rpc_call){ .peer = peer,
				   .next = peer->calls,
				   .batch = batch,
				   .id = json_incref(id),
				   .id_len = len };
	memcpy(call->id_text, text, len);
	if (call->next != NULL)
		call->next->prev = call;
	peer->calls = call;
	peer->calls_len++;
	if (batch != NULL)
		batch->open++;
	*ret = call;
	return 0;
}

static bool is_dropped(const struct rpc_call *call)
{
	return call->peer == NULL || call->id == NULL || call->muted || call->peer->stream.broken;
}

/* answers_of() - where the answers of @call go */
static struct buf *answers_of(const struct rpc_call *call)
{
	return call->batch != NULL ? &call->batch->answers : &call->peer->stream.queue;
}

/* sent() - after an answer from offset @mark on was appended, newline apart */
static void sent(struct rpc_call *call, size_t mark, int r)
{
	struct rpc_stream *s = &call->peer->stream;

	if (r == 0 && call->batch == NULL)
		r = buf_append(&s->queue, SPAN("\n"));
	if (r < 0)
		rpc_stream_break(s, r);
	else if (call->batch != NULL)
		call->peer->held += buf_len(&call->batch->answers) - mark;
	else
		rpc_stream_wrote(s);
}

static void send_error(struct rpc_call *call, enum rpc_error code, const char *message,
		       const char *detail)
{
	struct buf *to = answers_of(call);
	size_t mark = buf_len(to);
	int r = call->batch != NULL ? batch_begin(call->batch) : 0;

	if (r == 0)
		r = append_error(to, code, message, detail,
				 (struct span){ call->id_text, call->id_len });
	sent(call, mark, r);
}

/* is_excessive() - is the answer from offset @mark on too long to be sent? */
static bool is_excessive(const struct rpc_call *call, const struct buf *to, size_t mark)
{
	size_t len = buf_len(to) - mark;

	if (call->batch == NULL)
		return len > RPC_LINE_OCTETS_MAX;
	return buf_len(to) > BATCH_OCTETS_MAX || call->peer->held + len > HELD_OCTETS_MAX;
}

/* send_result() - Return: was it sent as it is? If not, an error was. */
static bool send_result(struct rpc_call *call, json_t *result)
{
	struct buf *to = answers_of(call);
	size_t mark = buf_len(to);
	int r = call->batch != NULL ? batch_begin(call->batch) : 0;

	if (r == 0)
		r = buf_append(to, SPAN("{\"jsonrpc\":\"2.0\",\"result\":"));
	if (r == 0)
		r = result != NULL ? rpc_append_json(to, result) : buf_append(to, SPAN("null"));
	if (r == 0)
		r = buf_append(to, SPAN(",\"id\":"));
	if (r == 0)
		r = buf_append(to, (struct span){ call->id_text, call->id_len });
	if (r == 0)
		r = buf_append(to, SPAN("}"));
	if (r == 0 && !is_excessive(call, to, mark)) {
		sent(call, mark, 0);
		return true;
	}
	to->end = to->start + mark;
	if (r == -EINVAL)
		send_error(call, RPC_INTERNAL, "the answer cannot be JSON", NULL);
	else
		send_error(call, RPC_LIMIT, "the answer is too long", NULL);
	return false;
}

/* end() - the call is over, whatever became of its answer */
static void end(struct rpc_call *call)
{
	struct rpc_peer *peer = call->peer;

	if (call->batch != NULL)
		rpc_batch_done(peer, call->batch);
	if (peer != NULL) {
		if (call->next != NULL)
			call->next->prev = call->prev;
		if (call->prev != NULL)
			call->prev->next = call->next;
		else
			peer->calls = call->next;
		peer->calls_len--;
		rpc_stream_wake(&peer->stream);
	}
	json_decref(call->id);
	free(call);
}

void rpc_reply(struct rpc_call *call, json_t *result)
{
	if (!is_dropped(call))
		(void)send_result(call, result);
	json_decref(result);
	end(call);
}

void rpc_fail(struct rpc_call *call, enum rpc_error code, const char *format, ...)
{
	char message[RPC_MESSAGE_OCTETS_MAX + 4];
	va_list args;

	if (!is_dropped(call)) {
		va_start(args, format);
		(void)vsnprintf(message, sizeof(message), format, args);
		va_end(args);
		send_error(call, code, message, NULL);
	}
	end(call);
}

void rpc_call_refuse(struct rpc_call *call, enum rpc_error code, const char *detail)
{
	if (!is_dropped(call))
		send_error(call, code, standard_message(code), detail);
	end(call);
}

/* is_part_refused() - parts cannot be in a batch: such a call is answered here, once */
static bool is_part_refused(struct rpc_call *call)
{
	if (is_dropped(call))
		return true;
	if (call->batch == NULL)
		return false;
	send_error(call, RPC_INVALID_REQUEST, standard_message(RPC_INVALID_REQUEST),
		   "a method that answers in parts cannot be in a batch");
	call->muted = true;
	return true;
}

void rpc_part(struct rpc_call *call, json_t *result)
{
	if (!is_part_refused(call) && !send_result(call, result))
		call->muted = true;
	json_decref(result);
}

void rpc_part_base64(struct rpc_call *call, const char *name, struct span data)
{
	if (is_part_refused(call))
		return;
	struct buf *queue = &call->peer->stream.queue;
	int r = buf_append(queue, SPAN("{\"jsonrpc\":\"2.0\",\"result\":{\""));
	if (r == 0)
		r = buf_append(queue, span_of(name));
	if (r == 0)
		r = buf_append(queue, SPAN("\":\""));
	if (r == 0)
		r = base64_encode(queue, data);
	if (r == 0)
		r = buf_append(queue, SPAN("\"},\"id\":"));
	if (r == 0)
		r = buf_append(queue, (struct span){ call->id_text, call->id_len });
	if (r == 0)
		r = buf_append(queue, SPAN("}"));
	sent(call, 0, r);
}

struct rpc_peer *rpc_call_peer(const struct rpc_call *call)
{
	return call->peer;
}

json_t *rpc_call_id(const struct rpc_call *call)
{
	return call->id;
}

void rpc_orphan_calls(struct rpc_peer *peer)
{
	for (struct rpc_call *call = peer->calls; call != NULL; call = call->next)
		call->peer = NULL;
	peer->calls = NULL;
	peer->calls_len = 0;
}
