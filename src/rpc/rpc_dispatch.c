// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: every line that wants an answer becomes calls, even a line that cannot be
 * parsed (a call with id null that is refused at once), so there is one way answers are made. A
 * method may free the peer: the stream keeps the memory until its turn is over, and the rest of a
 * batch is not dispatched.
 */
#include <errno.h>

#include "rpc/rpc_priv.h"

/* refuse() - answer with an error what never became a call of a method; NULL @id: null */
static void refuse(struct rpc_peer *peer, struct rpc_batch *batch, json_t *id,
		   const struct rpc_fault *fault)
{
	json_t *none = json_null(); /* a constant of jansson, not owned */
	struct rpc_call *call = NULL;
	int r = rpc_call_new(&call, peer, batch, id != NULL ? id : none);

	if (r < 0)
		rpc_stream_break(&peer->stream, r);
	else
		rpc_call_refuse(call, fault->code, fault->detail);
}

static const struct rpc_method *find_method(const struct rpc_config *config, const char *name)
{
	for (size_t i = 0; i < config->methods_len; i++)
		if (strcmp(config->methods[i].name, name) == 0)
			return &config->methods[i];
	return NULL;
}

/* dispatch_one() - serve one request, alone or in a batch */
static void dispatch_one(struct rpc_peer *peer, struct rpc_batch *batch, json_t *message)
{
	struct rpc_request request;
	struct rpc_fault fault;
	struct rpc_call *call = NULL;

	if (rpc_parse_request(&request, message, &fault) < 0) {
		refuse(peer, batch, request.id, &fault);
		return;
	}
	const struct rpc_config *config = peer->config;
	const struct rpc_method *method = find_method(config, request.method);
	bool full = peer->calls_len >= RPC_CALLS_MAX;
	int r = rpc_call_new(&call, peer, batch, request.id);
	if (r < 0)
		rpc_stream_break(&peer->stream, r);
	else if (full)
		rpc_fail(call, RPC_LIMIT, "more than %d calls under way", RPC_CALLS_MAX);
	else if (method == NULL)
		rpc_call_refuse(call, RPC_METHOD_NOT_FOUND, request.method);
	else if (method->streams && batch != NULL)
		rpc_call_refuse(call, RPC_INVALID_REQUEST,
				"a method that answers in parts cannot be in a batch");
	else if (config->admit == NULL ||
		 config->admit(config->context, method, call, request.params))
		method->run(config->context, call, request.params);
}

static void dispatch_batch(struct rpc_peer *peer, json_t *members)
{
	struct rpc_batch *batch = NULL;
	int r = rpc_batch_new(&batch);

	if (r < 0) {
		rpc_stream_break(&peer->stream, r);
		return;
	}
	for (size_t i = 0; i < json_array_size(members); i++) {
		dispatch_one(peer, batch, json_array_get(members, i));
		if (rpc_stream_is_closed(&peer->stream))
			break;
	}
	rpc_batch_done(rpc_stream_is_closed(&peer->stream) ? NULL : peer, batch);
}

void rpc_dispatch(struct rpc_peer *peer, struct span line)
{
	struct rpc_fault fault = { RPC_INVALID_REQUEST, "" };
	json_t *message = NULL;
	int r = rpc_parse_line(&message, line, &fault);
	size_t members = json_array_size(message); /* 0 for what is no array */

	if (r == 0 && json_is_array(message) && (members == 0 || members > RPC_BATCH_MAX)) {
		(void)snprintf(fault.detail, sizeof(fault.detail), "a batch has 1 to %d members",
			       RPC_BATCH_MAX);
		r = -EINVAL;
	}
	if (r == -EINVAL)
		refuse(peer, NULL, NULL, &fault);
	else if (r < 0)
		rpc_stream_break(&peer->stream, r);
	else if (json_is_array(message))
		dispatch_batch(peer, message);
	else
		dispatch_one(peer, NULL, message);
	json_decref(message);
}

void rpc_dispatch_oversized(struct rpc_peer *peer)
{
	struct rpc_fault fault = { RPC_INVALID_REQUEST, "a message longer than 48 MiB" };

	refuse(peer, NULL, NULL, &fault);
}
