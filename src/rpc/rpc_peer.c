// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a peer is a line stream whose lines are dispatched as requests
 * (rpc_stream.c, rpc_dispatch.c, rpc_call.c). Here is what is left: its life, and notifications.
 * Those are the one thing that may be lost: a client that does not read must not make us hold every
 * event. Once one was dropped all are, until the queue has drained; then their number goes out, so
 * that the reader sees the gap where it is.
 */
#include <assert.h>
#include <errno.h>

#include "rpc/rpc_priv.h"

static struct rpc_peer *peer_of(struct rpc_stream *s)
{
	return container_of(s, struct rpc_peer, stream);
}

static void line(struct rpc_stream *s, struct span text)
{
	if (span_trim(text).len > 0) /* a blank line asks for nothing */
		rpc_dispatch(peer_of(s), text);
}

static void oversized(struct rpc_stream *s)
{
	rpc_dispatch_oversized(peer_of(s));
}

/* report_dropped() - send the number of dropped notifications if there is room again */
static void report_dropped(struct rpc_peer *peer)
{
	struct rpc_stream *s = &peer->stream;

	if (peer->dropped == 0 || s->congested)
		return;
	int r = buf_printf(&s->queue,
			   "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":"
			   "{\"type\":\"dropped\",\"count\":%llu}}\n",
			   (unsigned long long)peer->dropped);
	if (r < 0)
		return; /* then with the next one */
	peer->dropped = 0;
	rpc_stream_wrote(s);
}

static void drained(struct rpc_stream *s)
{
	struct rpc_peer *peer = peer_of(s);

	report_dropped(peer);
	if (peer->config->drained != NULL)
		peer->config->drained(peer->config->context, peer);
}

static void ended(struct rpc_stream *s)
{
	struct rpc_peer *peer = peer_of(s);

	if (peer->config->closed != NULL)
		peer->config->closed(peer->config->context, peer);
}

static void finished(struct rpc_stream *s)
{
	struct rpc_peer *peer = peer_of(s);

	if (peer->config->finished != NULL)
		peer->config->finished(peer->config->context, peer);
	if (!rpc_stream_is_closed(s) && peer->server != NULL)
		rpc_peer_free(peer); /* nobody else would */
}

static bool busy(struct rpc_stream *s)
{
	return peer_of(s)->calls_len > 0;
}

_Static_assert(offsetof(struct rpc_peer, stream) == 0, "allocated and freed as the stream");
static const struct rpc_stream_ops ops = {
	.octets = sizeof(struct rpc_peer),
	.line = line,
	.oversized = oversized,
	.drained = drained,
	.ended = ended,
	.finished = finished,
	.busy = busy,
};

int rpc_peer_new(struct rpc_peer **ret, struct loop *loop, int in, int out,
		 const struct rpc_config *config)
{
	struct rpc_stream *s = NULL;
	int r = rpc_stream_open(&s, loop, in, out, &ops);

	if (r < 0)
		return r;
	peer_of(s)->config = config;
	*ret = peer_of(s);
	return 0;
}

void rpc_peer_free(struct rpc_peer *peer)
{
	if (peer == NULL)
		return;
	rpc_orphan_calls(peer);
	if (peer->server != NULL)
		rpc_server_forget(peer);
	rpc_stream_close(&peer->stream);
}

int rpc_peer_error(const struct rpc_peer *peer)
{
	int error = peer->stream.error;

	return error == -EPIPE || error == -ECONNRESET ? 0 : error;
}

bool rpc_peer_congested(const struct rpc_peer *peer)
{
	return peer->stream.congested;
}

void rpc_peer_flush_and_stop(struct rpc_peer *peer, int result)
{
	rpc_stream_stop(&peer->stream, result);
}

/* append_notification() - Return: 0, -ENOBUFS, -ENOMEM, -EINVAL; nothing is appended on failure */
static int append_notification(struct buf *queue, const char *method, json_t *params)
{
	size_t mark = buf_len(queue);
	int r = rpc_append_message(queue, method, params);

	if (r == 0)
		r = buf_append(queue, SPAN("}\n"));
	if (r < 0)
		queue->end = queue->start + mark;
	return r;
}

void rpc_notify(struct rpc_peer *peer, const char *method, json_t *params)
{
	struct rpc_stream *s = &peer->stream;
	bool full = buf_len(&s->queue) > RPC_EVENTS_OCTETS_MAX;

	assert(params == NULL || json_is_object(params) || json_is_array(params));
	if (!s->broken) {
		report_dropped(peer);
		if (full || peer->dropped > 0 || append_notification(&s->queue, method, params) < 0)
			peer->dropped++;
		else
			rpc_stream_wrote(s);
	}
	json_decref(params);
}
