// SPDX-License-Identifier: Apache-2.0
/* The methods that start a program, and those that act on one which runs: what the table admits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "base/fd.h"
#include "warden/environment.h"
#include "warden/methods_priv.h"
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

/* has_input() - will there be anything to read for it? */
static bool has_input(json_t *params)
{
	return json_object_get(params, "stdin") != NULL ||
	       json_is_true(json_object_get(params, "stdin_open")) ||
	       json_is_true(json_object_get(params, "tty"));
}

static int start_exec(struct server *server, struct rpc_call *call, json_t *params, bool streams,
		      struct diag *diag)
{
	CLEANUP_FD int null = -1; /* what is not there need not be pumped */
	int fds[3] = { SESSION_PIPED, SESSION_PIPED, SESSION_PIPED };
	double seconds = json_number_value(json_object_get(params, "timeout_seconds"));
	struct request request = { 0 };
	struct program *program = NULL;
	int r = fill_request(&request, server, params, diag);

	if (r == 0 && (seconds < 0 || seconds > 1e9))
		r = diag_set(diag, -EINVAL, "timeout_seconds must be positive");
	if (r == 0 && !has_input(params)) {
		fds[0] = null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null < 0)
			r = diag_set(diag, -errno, "open /dev/null: %s", strerror(errno));
	}
	if (r == 0)
		r = program_start(&program, server, &request.exec, fds, (uint64_t)(seconds * 1000),
				  diag);
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

	int r = start_exec(server, call, params, streams, &diag);
	if (r < 0)
		refuse(call, r, &diag);
}

void method_exec(void *context, struct rpc_call *call, json_t *params)
{
	run_exec(context, call, params, false);
}

void method_exec_stream(void *context, struct rpc_call *call, json_t *params)
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

void method_stdin(void *context, struct rpc_call *call, json_t *params)
{
	struct buf data = BUF(SESSION_INPUT_OCTETS_MAX);
	struct program *program = named_program(context, call, params);

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

void method_resize(void *context, struct rpc_call *call, json_t *params)
{
	struct program *program = named_program(context, call, params);

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

void method_kill(void *context, struct rpc_call *call, json_t *params)
{
	struct server *server = context;
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

void method_cancel(void *context, struct rpc_call *call, json_t *params)
{
	struct program *program = named_program(context, call, params);

	if (program == NULL)
		return;
	for (size_t i = 0; i < program->watchers_len; i++)
		rpc_fail(program->watchers[i], RPC_CANCELLED, "cancelled");
	program->watchers_len = 0;
	program_free(program);
	rpc_reply(call, json_object());
}

void method_attach(void *context, struct rpc_call *call, json_t *params)
{
	struct program *program = program_main(context);

	(void)params;
	if (program == NULL)
		rpc_fail(
		    call, RPC_FAILED,
		    "it has no main program whose streams could be joined: use exec -t ID -- sh");
	else if (program_watch(program, call) < 0)
		rpc_fail(call, RPC_LIMIT, "%d others are attached already", EXEC_WATCHERS_MAX);
	else
		rpc_part(call, json_pack("{s:b}", "tty", program->tty));
}
