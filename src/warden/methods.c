// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the monitor table. What is not a row here cannot be asked for, and before a
 * row's function runs, methods_admit() holds the call against the row's terms: is there a sandbox
 * that runs, and are the params those of its list of keys? Fields are those of ADR-0001; what is
 * ours in addition is in docs/rpc.md.
 */
#include "warden/methods_priv.h"

/* What a call must meet before its method runs. */
struct terms {
	bool running;                  /* it needs a sandbox that runs */
	const struct params_key *keys; /* NULL: settings, which the method has judged by config/ */
};

/* ready() - is there a running sandbox? Answers if not. */
static bool ready(const struct server *server, struct rpc_call *call)
{
	if (server->sandbox == NULL || sandbox_config(server->sandbox) == NULL ||
	    sandbox_status(server->sandbox) < STATE_RUNNING) {
		rpc_fail(call, RPC_NOT_CREATED,
			 "there is no sandbox yet: call create first, and await its answer");
		return false;
	}
	if (sandbox_status(server->sandbox) != STATE_RUNNING) {
		rpc_fail(call, RPC_CLOSED, "the sandbox is %s",
			 state_names[sandbox_status(server->sandbox)]);
		return false;
	}
	return true;
}

static void method_create(void *context, struct rpc_call *call, json_t *params)
{
	struct server *server = context;

	if (params != NULL && !json_is_object(params)) {
		rpc_fail(call, RPC_INVALID_PARAMS, "params must be an object");
		return;
	}
	server_create(server, call, params);
}

static void method_close(void *context, struct rpc_call *call, json_t *params)
{
	struct server *server = context;

	(void)params;
	if (server->closing != NULL || (server->creating != NULL && server->sandbox == NULL)) {
		rpc_fail(call, RPC_CLOSED, "it is being closed already");
		return;
	}
	server->closing = call;
	server->farewell = rpc_call_peer(call);
	if (server->sandbox == NULL || sandbox_config(server->sandbox) == NULL ||
	    sandbox_is_over(server->sandbox)) {
		server_closed(server); /* nothing was created, or it crashed: just an end */
		return;
	}
	sandbox_stop(server->sandbox, true);
}

bool methods_admit(void *context, const struct rpc_method *method, struct rpc_call *call,
		   json_t *params)
{
	const struct terms *terms = method->terms;

	if (terms->running && !ready(context, call))
		return false;
	return terms->keys == NULL || params_judge(call, params, terms->keys);
}

/* the lists of keys: name, type, needed */
static const struct params_key none[] = { { NULL } };
static const struct params_key exec_keys[] = {
	{ "command", JSON_NULL, true },   { "working_dir", JSON_STRING },
	{ "env", JSON_OBJECT },           { "stdin", JSON_STRING },
	{ "stdin_open", JSON_TRUE },      { "tty", JSON_TRUE },
	{ "rows", JSON_INTEGER },         { "columns", JSON_INTEGER },
	{ "timeout_seconds", JSON_REAL }, { NULL },
};
static const struct params_key stdin_keys[] = {
	{ "exec", JSON_NULL, true },
	{ "data", JSON_STRING },
	{ "eof", JSON_TRUE },
	{ NULL },
};
static const struct params_key resize_keys[] = {
	{ "exec", JSON_NULL, true },
	{ "rows", JSON_INTEGER, true },
	{ "columns", JSON_INTEGER, true },
	{ NULL },
};
static const struct params_key kill_keys[] = {
	{ "exec", JSON_NULL },
	{ "signal", JSON_NULL },
	{ NULL },
};
static const struct params_key cancel_keys[] = {
	{ "exec", JSON_NULL, true },
	{ NULL },
};
static const struct params_key write_file_keys[] = {
	{ "path", JSON_STRING, true },
	{ "content", JSON_STRING, true },
	{ "mode", JSON_INTEGER },
	{ NULL },
};
static const struct params_key read_file_keys[] = {
	{ "path", JSON_STRING, true },
	{ "offset", JSON_INTEGER },
	{ "length", JSON_INTEGER },
	{ NULL },
};
static const struct params_key list_files_keys[] = {
	{ "path", JSON_STRING, true },
	{ NULL },
};

static const struct params_key consent_reply_keys[] = {
	{ "id", JSON_STRING, true },
	{ "answer", JSON_STRING, true },
	{ NULL },
};
static const struct params_key set_mode_keys[] = {
	{ "mode", JSON_STRING, true },
	{ NULL },
};

#define TERMS(running, keys) (&(const struct terms){ running, keys })

const struct rpc_method server_methods[] = {
	/* name, function, answers in parts, terms: needs a sandbox that runs, keys */
	{ "create", method_create, false, TERMS(false, NULL) },
	{ "exec", method_exec, false, TERMS(true, exec_keys) },
	{ "exec_stream", method_exec_stream, true, TERMS(true, exec_keys) },
	{ "stdin", method_stdin, false, TERMS(true, stdin_keys) },
	{ "resize", method_resize, false, TERMS(true, resize_keys) },
	{ "kill", method_kill, false, TERMS(true, kill_keys) },
	{ "cancel", method_cancel, false, TERMS(true, cancel_keys) },
	{ "attach", method_attach, true, TERMS(true, none) },
	{ "write_file", method_write_file, false, TERMS(true, write_file_keys) },
	{ "read_file", method_read_file, false, TERMS(true, read_file_keys) },
	{ "list_files", method_list_files, false, TERMS(true, list_files_keys) },
	{ "consent_reply", method_consent_reply, false, TERMS(true, consent_reply_keys) },
	{ "set_mode", method_set_mode, false, TERMS(true, set_mode_keys) },
	{ "close", method_close, false, TERMS(false, none) },
};
const size_t server_methods_len = ARRAY_SIZE(server_methods);
