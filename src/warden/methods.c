// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the monitor table. What is not a row here cannot be asked for; each method
 * judges its params by a list of keys before it looks at one. Fields are those of ADR-0001; what is
 * ours in addition is in docs/rpc.md.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "warden/environment.h"
#include "warden/server_priv.h"
#include "warden/transfer.h"
#include "wire/base64.h"

enum { WORDS_MAX = 4096 };

/* refuse() - answer for a negative errno */
static void refuse(struct rpc_call *call, int error, const struct diag *diag)
{
	enum rpc_error code = error == -ENOTSUP  ? RPC_NOT_SUPPORTED
			      : error == -EBUSY  ? RPC_LIMIT
			      : error == -EINVAL ? RPC_INVALID_PARAMS
						 : RPC_FAILED;

	rpc_fail(call, code, "%s", diag->why);
}

/* ready() - is there a running sandbox? Answers if not. */
static bool ready(struct server *server, struct rpc_call *call)
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
	(void)!server_create(server, call, params); /* answers itself, now or later */
}

/* The words, variables and folder of an exec, with what keeps their texts alive. */
struct request {
	struct agent_exec exec;
	struct span *words;
	struct span *variables;
	json_t *texts;
};

static void free_request(struct request *request)
{
	free(request->words);
	free(request->variables);
	json_decref(request->texts);
}

/* command_words() - "text" is run by a shell, ["a", "b"] as it is. Return: count, or -EINVAL. */
static int command_words(struct span *words, json_t *command)
{
	size_t i = 0;
	json_t *word = NULL;

	if (json_is_string(command)) {
		words[0] = SPAN("/bin/sh");
		words[1] = SPAN("-c");
		words[2] = span_of(json_string_value(command));
		return 3;
	}
	if (!json_is_array(command) || json_array_size(command) == 0 ||
	    json_array_size(command) > WORDS_MAX)
		return -EINVAL;
	json_array_foreach(command, i, word)
	{
		if (!json_is_string(word))
			return -EINVAL;
		words[i] = span_of(json_string_value(word));
	}
	return words[0].len > 0 ? (int)i : -EINVAL;
}

static int fill_words(struct request *request, json_t *command, struct diag *diag)
{
	size_t max = json_is_array(command) ? json_array_size(command) : 3;
	size_t words_len = 0;

	if (max > WORDS_MAX)
		return diag_set(diag, -EINVAL, "command: more than %d words", WORDS_MAX);
	words_len = max + request->exec.envc;
	request->words = calloc(words_len > 3 ? words_len : 3, sizeof(*request->words));
	if (request->words == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	int argc = command_words(request->words, command);
	if (argc < 0)
		return diag_set(
		    diag, argc,
		    "command must be a text, or a list of texts that begins with a program");
	request->exec.argc = (uint32_t)argc;
	if (request->exec.envc > 0)
		memcpy(request->words + argc, request->variables,
		       request->exec.envc * sizeof(*request->variables));
	request->exec.words = request->words;
	return 0;
}

static int fill_request(struct request *request, struct server *server, json_t *params,
			struct diag *diag)
{
	size_t base_len = 0, len = 0;
	const struct span *base = sandbox_env(server->sandbox, &base_len);
	bool tty = json_is_true(json_object_get(params, "tty"));
	int r = environment_merge(&request->variables, &len, &request->texts, base, base_len,
				  json_object_get(params, "env"));

	if (r < 0)
		return diag_set(diag, r, "env: a name or value that no variable can have");
	request->exec = (struct agent_exec){
		.flags = tty ? AGENT_EXEC_TTY | AGENT_EXEC_TTY_STDERR : 0,
		.rows = (uint16_t)params_uint(params, "rows", 24),
		.columns = (uint16_t)params_uint(params, "columns", 80),
		.working_dir = span_of(params_text(params, "working_dir",
						   sandbox_config(server->sandbox)->working_dir)),
		.envc = (uint32_t)len,
	};
	if (request->exec.working_dir.len == 0 || request->exec.working_dir.ptr[0] != '/')
		return diag_set(diag, -EINVAL, "working_dir must be an absolute path");
	return fill_words(request, json_object_get(params, "command"), diag);
}

/* feed() - stdin that came with the request; without "stdin_open" that is all there will be */
static int feed(struct program *program, json_t *params, struct diag *diag)
{
	const char *text = params_text(params, "stdin", NULL);
	struct buf data = BUF(SESSION_INPUT_OCTETS_MAX);
	int r = text == NULL ? 0 : base64_decode(&data, span_of(text));

	if (r < 0)
		r = diag_set(diag, -EINVAL, "stdin is not base64");
	if (r == 0 && buf_len(&data) > 0)
		r = session_input(program->session, buf_span(&data));
	if (r == 0 && !json_is_true(json_object_get(params, "stdin_open")))
		session_close_input(program->session);
	buf_free(&data);
	return r;
}

static const struct params_key exec_keys[] = {
	{ "command", JSON_NULL, true },          { "working_dir", JSON_STRING, false },
	{ "env", JSON_OBJECT, false },           { "stdin", JSON_STRING, false },
	{ "stdin_open", JSON_TRUE, false },      { "tty", JSON_TRUE, false },
	{ "rows", JSON_INTEGER, false },         { "columns", JSON_INTEGER, false },
	{ "timeout_seconds", JSON_REAL, false }, { NULL, JSON_NULL, false },
};

static int start_exec(struct server *server, struct rpc_call *call, json_t *params, bool streams,
		      struct diag *diag)
{
	const int piped[3] = { SESSION_PIPED, SESSION_PIPED, SESSION_PIPED };
	double seconds = json_number_value(json_object_get(params, "timeout_seconds"));
	struct request request = { 0 };
	struct program *program = NULL;
	int r = fill_request(&request, server, params, diag);

	if (r == 0 && (seconds < 0 || seconds > 1e9))
		r = diag_set(diag, -EINVAL, "timeout_seconds must be positive");
	if (r == 0)
		r = program_start(&program, server, &request.exec, piped,
				  (uint64_t)(seconds * 1000), diag);
	free_request(&request);
	if (r < 0)
		return r;
	program->owner = rpc_call_peer(call);
	program->id = json_deep_copy(rpc_call_id(call));
	program->command = json_deep_copy(json_object_get(params, "command"));
	program->collects = !streams;
	r = feed(program, params, diag);
	if (r == 0)
		r = program_watch(program, call);
	if (r < 0)
		program_free(program);
	return r;
}

static void run_exec(struct server *server, struct rpc_call *call, json_t *params, bool streams)
{
	struct diag diag = { 0 };

	if (!ready(server, call) || !params_judge(call, params, exec_keys))
		return;
	int r = start_exec(server, call, params, streams, &diag);
	if (r < 0)
		refuse(call, r, &diag);
}

static void method_exec(void *context, struct rpc_call *call, json_t *params)
{
	run_exec(context, call, params, false);
}

static void method_exec_stream(void *context, struct rpc_call *call, json_t *params)
{
	run_exec(context, call, params, true);
}

/* named_program() - the program that params.exec names ("main" or a request's id of this connection) */
static struct program *named_program(struct server *server, struct rpc_call *call, json_t *params)
{
	json_t *id = json_object_get(params, "exec");
	struct program *program = json_is_string(id) && strcmp(json_string_value(id), "main") == 0
				      ? program_main(server)
				      : program_find(server, rpc_call_peer(call), id);

	if (program == NULL)
		rpc_fail(call, RPC_FAILED,
			 "no such program is running: exec must be the id of its request");
	return program;
}

static void method_stdin(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "exec", JSON_NULL, true },
						  { "data", JSON_STRING, false },
						  { "eof", JSON_TRUE, false },
						  { NULL, JSON_NULL, false } };
	struct server *server = context;
	struct buf data = BUF(SESSION_INPUT_OCTETS_MAX);

	if (!ready(server, call) || !params_judge(call, params, keys))
		return;
	struct program *program = named_program(server, call, params);
	if (program == NULL)
		return;
	int r = base64_decode(&data, span_of(params_text(params, "data", "")));
	if (r == 0 && program->inputs_len == EXEC_INPUTS_MAX)
		r = -EBUSY;
	if (r == 0 && buf_len(&data) > 0)
		r = session_input(program->session, buf_span(&data));
	buf_free(&data);
	if (r == 0 && json_is_true(json_object_get(params, "eof")))
		session_close_input(program->session);
	if (r < 0)
		rpc_fail(call, r == -EINVAL ? RPC_INVALID_PARAMS : RPC_FAILED, "stdin: %s",
			 strerror(-r));
	else if (session_input_pending(program->session))
		program->inputs[program->inputs_len++] =
		    call; /* answered when the program has taken it: back-pressure */
	else
		rpc_reply(call, json_object());
}

static void method_resize(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "exec", JSON_NULL, true },
						  { "rows", JSON_INTEGER, true },
						  { "columns", JSON_INTEGER, true },
						  { NULL, JSON_NULL, false } };
	struct server *server = context;

	if (!ready(server, call) || !params_judge(call, params, keys))
		return;
	struct program *program = named_program(server, call, params);
	if (program == NULL)
		return;
	session_resize(program->session, (uint16_t)params_uint(params, "rows", 24),
		       (uint16_t)params_uint(params, "columns", 80));
	rpc_reply(call, json_object());
}

/* signal_number() - "TERM", "SIGTERM" or 15; 0: no such signal */
static int signal_number(json_t *value)
{
	const char *name = json_string_value(value);

	if (json_is_integer(value))
		return json_integer_value(value) > 0 && json_integer_value(value) < 65
			   ? (int)json_integer_value(value)
			   : 0;
	if (name == NULL)
		return SIGTERM;
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < 32; i++)
		if (strcmp(sigabbrev_np(i), name) == 0)
			return i;
	return 0;
}

static void method_kill(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "exec", JSON_NULL, false },
						  { "signal", JSON_NULL, false },
						  { NULL, JSON_NULL, false } };
	struct server *server = context;

	if (!ready(server, call) || !params_judge(call, params, keys))
		return;
	int number = signal_number(json_object_get(params, "signal"));
	if (number == 0) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "signal must be a name such as TERM, or a number");
		return;
	}
	if (json_object_get(params, "exec") == NULL) {
		server->farewell = rpc_call_peer(call);
		rpc_reply(call, json_object());
		sandbox_stop(server->sandbox, number == SIGKILL);
		return;
	}
	struct program *program = named_program(server, call, params);
	if (program == NULL)
		return;
	session_signal(program->session, number);
	rpc_reply(call, json_object());
}

static void method_cancel(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "exec", JSON_NULL, true },
						  { NULL, JSON_NULL, false } };
	struct server *server = context;

	if (!ready(server, call) || !params_judge(call, params, keys))
		return;
	struct program *program = named_program(server, call, params);
	if (program == NULL)
		return;
	for (size_t i = 0; i < program->watchers_len; i++)
		rpc_fail(program->watchers[i], RPC_CANCELLED, "cancelled");
	program->watchers_len = 0;
	program_free(program);
	rpc_reply(call, json_object());
}

static void method_attach(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { NULL, JSON_NULL, false } };
	struct server *server = context;
	struct program *program = program_main(server);

	if (!ready(server, call) || !params_judge(call, params, keys))
		return;
	if (program == NULL)
		rpc_fail(
		    call, RPC_FAILED,
		    "it has no main program whose streams could be joined: use exec -t ID -- sh");
	else if (program_watch(program, call) < 0)
		rpc_fail(call, RPC_LIMIT, "%d others are attached already", EXEC_WATCHERS_MAX);
	else
		rpc_part(call, json_pack("{s:b}", "tty", program->tty));
}

/* file_answer() - the errors of all file methods, with the errno's name for programs */
static bool file_failed(struct rpc_call *call, int error)
{
	if (error != 0)
		rpc_fail(call, RPC_FAILED, "%s: %s", strerrorname_np(error), strerror(error));
	return error != 0;
}

static void on_written(void *context, int error, struct buf *data)
{
	(void)data;
	if (!file_failed(context, error))
		rpc_reply(context, json_object());
}

static void on_read(void *context, int error, struct buf *data)
{
	struct buf text = BUF(BASE64_OCTETS((size_t)TRANSFER_OCTETS_MAX + 65536));

	if (file_failed(context, error))
		return;
	if (base64_encode(&text, buf_span(data)) < 0)
		rpc_fail(context, RPC_FAILED,
			 "ENOMEM: the file is too large for the memory there is");
	else
		rpc_reply(context, json_pack("{s:s%}", "content",
					     buf_len(&text) > 0 ? text.ptr + text.start : "",
					     buf_len(&text)));
	buf_free(&text);
}

static void on_listed(void *context, int error, struct buf *data)
{
	struct span rest = buf_len(data) > 0 ? buf_span(data) : SPAN("");
	struct agent_entry entry;
	json_t *files = json_array();
	int r = 0;

	if (file_failed(context, error)) {
		json_decref(files);
		return;
	}
	while ((r = agent_entry_decode(&entry, &rest)) == 1) {
		/* a name that is not UTF-8 cannot stand in JSON */
		json_t *name = json_stringn(entry.name.ptr, entry.name.len);

		if (name == NULL)
			name = json_sprintf("?invalid-utf8-%zu", json_array_size(files));
		json_array_append_new(files, json_pack("{s:o, s:I, s:I, s:b}", "name", name, "size",
						       (json_int_t)entry.size, "mode",
						       (json_int_t)(entry.mode & 07777), "is_dir",
						       (entry.mode & 0170000) == 0040000));
	}
	if (r < 0 || rest.len > 0) {
		json_decref(files);
		rpc_fail(context, RPC_FAILED, "EPROTO: init's list of files makes no sense");
		return;
	}
	rpc_reply(context, json_pack("{s:o}", "files", files));
}

/* start_transfer() - common to the file methods; @content consumed */
static void start_transfer(struct server *server, struct rpc_call *call, json_t *params,
			   enum agent_type type, struct buf *content, transfer_ended *ended)
{
	const struct agent_file file = {
		.path = span_of(params_text(params, "path", "")),
		.mode = (uint32_t)params_uint(params, "mode", 0644) & 0777,
		.offset = params_uint(params, "offset", 0),
		.length = params_uint(params, "length", UINT64_MAX >> 1),
	};
	int r = transfer_start(server->sandbox, type, &file, content, ended, call);

	if (r == -EINVAL)
		rpc_fail(call, RPC_INVALID_PARAMS, "path must be absolute and without NUL");
	else if (r < 0)
		rpc_fail(call, RPC_FAILED, "%s: %s", strerrorname_np(-r), strerror(-r));
}

static void method_write_file(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "path", JSON_STRING, true },
						  { "content", JSON_STRING, true },
						  { "mode", JSON_INTEGER, false },
						  { NULL, JSON_NULL, false } };
	struct buf content = BUF(TRANSFER_OCTETS_MAX);

	if (!ready(context, call) || !params_judge(call, params, keys))
		return;
	int r = base64_decode(&content, span_of(params_text(params, "content", "")));
	if (r < 0) {
		buf_free(&content);
		rpc_fail(call, RPC_INVALID_PARAMS,
			 r == -EINVAL ? "content is not base64" : "content exceeds 32 MiB");
		return;
	}
	start_transfer(context, call, params, AGENT_FILE_WRITE, &content, on_written);
}

static void method_read_file(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "path", JSON_STRING, true },
						  { "offset", JSON_INTEGER, false },
						  { "length", JSON_INTEGER, false },
						  { NULL, JSON_NULL, false } };

	if (ready(context, call) && params_judge(call, params, keys))
		start_transfer(context, call, params, AGENT_FILE_READ, NULL, on_read);
}

static void method_list_files(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { "path", JSON_STRING, true },
						  { NULL, JSON_NULL, false } };

	if (ready(context, call) && params_judge(call, params, keys))
		start_transfer(context, call, params, AGENT_FILE_LIST, NULL, on_listed);
}

static void method_close(void *context, struct rpc_call *call, json_t *params)
{
	static const struct params_key keys[] = { { NULL, JSON_NULL, false } };
	struct server *server = context;

	if (!params_judge(call, params, keys))
		return;
	if (server->closing != NULL || (server->creating != NULL && server->sandbox == NULL)) {
		rpc_fail(call, RPC_CLOSED, "it is being closed already");
		return;
	}
	server->closing = call;
	server->farewell = rpc_call_peer(call);
	if (server->sandbox == NULL || sandbox_config(server->sandbox) == NULL) {
		server_closed(server); /* nothing was created: just an end */
		return;
	}
	sandbox_stop(server->sandbox, true);
}

const struct rpc_method server_methods[] = {
	/* name, function, answers in parts */
	{ "create", method_create, false },          { "exec", method_exec, false },
	{ "exec_stream", method_exec_stream, true }, { "stdin", method_stdin, false },
	{ "resize", method_resize, false },          { "kill", method_kill, false },
	{ "cancel", method_cancel, false },          { "attach", method_attach, true },
	{ "write_file", method_write_file, false },  { "read_file", method_read_file, false },
	{ "list_files", method_list_files, false },  { "close", method_close, false },
};
const size_t server_methods_len = ARRAY_SIZE(server_methods);
