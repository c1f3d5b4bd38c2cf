// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what `create` waits for is done before it is called, twice. One sandbox is
 * made as far as no settings are needed; it suits all that `create` may ask for. The spare is made
 * whole, by the server's own settings, unless those show something of the host, which may be another
 * thing when `create` is called; it suits a `create` that asks for nothing that shapes a
 * sandbox (its environment and its time do not). The one that is not needed is let go.
 */
#include <assert.h>
#include <errno.h>

#include "warden/server_priv.h"

static const int64_t SPARE_NS = 2000000; /* a client that creates at once needs the processors */
static const int64_t LEFT_NS =
    100000000; /* the first calls do not wait for an end; then for a death */

void spare_free(struct server *server)
{
	loop_disarm(&server->spare_timer);
	sandbox_free(server->spare);
	server->spare = NULL;
}

/* with_params() - the server's own settings with those of `create` laid over them; owned */
static json_t *with_params(struct server *server, json_t *params)
{
	json_t *tree = server->settings != NULL ? json_deep_copy(server->settings) : json_object();

	if (tree != NULL && params != NULL && json_object_update_recursive(tree, params) < 0) {
		json_decref(tree);
		return NULL;
	}
	return tree;
}

/* created_config() - @ret: owned */
static int created_config(struct config **ret, struct server *server, json_t *params,
			  struct diag *diag)
{
	CLEANUP(config_freep) struct config *config = NULL;
	json_t *tree = with_params(server, params);
	int r = tree == NULL ? diag_set(diag, -ENOMEM, "out of memory")
			     : config_read(&config, tree, NULL, diag);

	json_decref(tree);
	if (r < 0)
		return r;
	assert(config != NULL);
	if (server->settings_file != NULL) { /* which no sandbox may write */
		config->file = strdup(server->settings_file);
		if (config->file == NULL)
			return diag_set(diag, -ENOMEM, "out of memory");
	}
	*ret = config;
	config = NULL;
	return 0;
}

/* make_spare() - if it cannot be made, the other one, or `create`, will say why */
static void make_spare(struct loop_timer *timer)
{
	struct server *server = container_of(timer, struct server, spare_timer);
	CLEANUP(config_freep) struct config *config = NULL;
	struct diag diag = { 0 };

	if (server->sandbox == NULL || sandbox_config(server->sandbox) != NULL ||
	    created_config(&config, server, NULL, &diag) < 0 ||
	    server_new_sandbox(&server->spare, server, true, &diag) < 0)
		return;
	if (sandbox_warm(server->spare, config, &diag) < 0)
		spare_free(server);
}

void spare_start(struct server *server)
{
	server->spare_timer.fired = make_spare;
	loop_arm(server->loop, &server->spare_timer, SPARE_NS);
}

static void dead_by_now(struct loop_timer *timer)
{
	spare_free(container_of(timer, struct server, spare_timer));
}

static void end_spare(struct loop_timer *timer)
{
	struct server *server = container_of(timer, struct server, spare_timer);

	sandbox_kill(server->spare);
	timer->fired = dead_by_now;
	loop_arm(server->loop, timer, LEFT_NS);
}

/* choose() - the one of the two that suits @config better; the other ends when it is quiet */
static void choose(struct server *server, const struct config *config)
{
	loop_disarm(&server->spare_timer);
	if (server->spare != NULL && sandbox_suits(server->spare, config)) {
		struct sandbox *other = server->sandbox;

		server->sandbox = server->spare;
		server->spare = other;
	}
	if (server->spare == NULL)
		return;
	server->spare_timer.fired = end_spare;
	loop_arm(server->loop, &server->spare_timer, LEFT_NS);
}

/* start_created() - Return: 0: hooks will answer; or a negative errno with *diag. */
static int start_created(struct server *server, json_t *params, struct diag *diag)
{
	struct config *config = NULL;
	int r = created_config(&config, server, params, diag);

	if (r < 0)
		return r;
	choose(server, config);
	if (server->sandbox == NULL)
		r = server_new_sandbox(&server->sandbox, server, true, diag);
	if (r == 0)
		return sandbox_start(server->sandbox, config, NULL, diag);
	config_free(config);
	return r;
}

void server_create(struct server *server, struct rpc_call *call, json_t *params)
{
	struct diag diag = { 0 };

	if (server->sandbox != NULL && sandbox_config(server->sandbox) != NULL) {
		rpc_fail(call, RPC_FAILED, "this connection has its sandbox already: %s",
			 sandbox_id(server->sandbox));
		return;
	}
	int r = start_created(server, params, &diag);
	if (r == 0) {
		server->creating = call;
		return;
	}
	rpc_fail(call,
		 r == -EINVAL    ? RPC_INVALID_PARAMS
		 : r == -ENOTSUP ? RPC_NOT_SUPPORTED
				 : RPC_FAILED,
		 "%s", diag.why);
	if (server->sandbox != NULL && sandbox_config(server->sandbox) != NULL) { /* half made */
		sandbox_free(server->sandbox);
		server->sandbox = NULL;
	}
}
