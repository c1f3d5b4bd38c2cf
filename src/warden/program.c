// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a program's output goes to those who watch it (the call that started it, and
 * whoever attached), or is collected for the one answer of `exec`. If any watcher's connection is
 * congested, the program's pipes are not read until it has drained: back-pressure reaches the
 * program, and nothing is buffered without bound.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_heap.h"
#include "warden/server_priv.h"
#include "wire/base64.h"

static void collect(struct program *program, int stream, struct span data)
{
	struct buf *into = &program->output[stream - 1];
	size_t room = EXEC_COLLECT_OCTETS_MAX - buf_len(into);

	if (data.len > room) {
		program->truncated = true;
		data.len = room;
	}
	if (buf_append(into, data) < 0)
		program->truncated = true;
}

static void on_output(void *context, int stream, struct span data)
{
	struct program *program = context;

	if (program->collects) {
		collect(program, stream, data);
		return;
	}
	for (size_t i = 0; i < program->watchers_len; i++)
		rpc_part_base64(program->watchers[i], stream == 1 ? "stdout" : "stderr", data);
	program_adjust(program);
}

static void on_drained(void *context)
{
	struct program *program = context;

	for (size_t i = 0; i < program->inputs_len; i++)
		rpc_reply(program->inputs[i], json_object());
	program->inputs_len = 0;
}

/* set_base64() - a collected stream as the field @name */
static void set_base64(json_t *result, const char *name, struct buf *data)
{
	struct buf text = BUF(BASE64_OCTETS((size_t)EXEC_COLLECT_OCTETS_MAX));

	if (base64_encode(&text, buf_span(data)) == 0)
		json_object_set_new(result, name,
				    json_stringn_nocheck(buf_span(&text).ptr, buf_len(&text)));
	buf_free(&text);
	buf_free(data);
}

static json_t *result_json(struct program *program, const struct session_result *result)
{
	json_t *answer = json_pack("{s:i}", "exit_code", result->exit_code);

	if (program->collects) {
		set_base64(answer, "stdout", &program->output[0]);
		set_base64(answer, "stderr", &program->output[1]);
	}
	json_object_set_new(answer, "duration_ms", json_integer((json_int_t)result->duration_ms));
	if (result->error != NULL)
		json_object_set_new(answer, "error", json_string(result->error));
	if (result->signal != 0)
		json_object_set_new(answer, "signal", json_integer(result->signal));
	if (result->timed_out)
		json_object_set_new(answer, "timed_out", json_true());
	if (result->out_of_memory)
		json_object_set_new(answer, "out_of_memory", json_true());
	if (program->truncated)
		json_object_set_new(answer, "truncated", json_true());
	return answer;
}

static void tell_event(struct program *program, const struct session_result *result)
{
	server_event(program->server,
		     json_pack("{s:s, s:I, s:{s:O, s:i, s:I}}", "type", "exec", "timestamp",
			       (json_int_t)clock_unix_s(), "exec", "command", program->command,
			       "exit_code", result->exit_code, "duration_ms",
			       (json_int_t)result->duration_ms));
}

static void on_ended(void *context, const struct session_result *result)
{
	struct program *program = context;
	struct session_result last = *result;
	bool lost = last.error != NULL && last.exit_code == 125;

	for (size_t i = 0; i < program->watchers_len; i++) {
		unsigned long failures = json_heap_failures();
		json_t *answer = lost ? NULL : result_json(program, &last);

		if (!lost && json_heap_failures() != failures) {
			json_decref(answer);
			rpc_fail(program->watchers[i], RPC_FAILED,
				 "out of memory: its result is lost");
		} else if (lost)
			rpc_fail(program->watchers[i],
				 sandbox_status(program->server->sandbox) == STATE_RUNNING
				     ? RPC_FAILED
				     : RPC_CLOSED,
				 "%s", last.error);
		else
			rpc_reply(program->watchers[i], answer);
	}
	program->watchers_len = 0;
	tell_event(program, &last);
	if (program->ended != NULL)
		program->ended(program->context, &last);
	program_free(program);
}

int program_start(struct program **ret, struct server *server, const struct agent_exec *exec,
		  const int fds[3], uint64_t timeout_ms, struct diag *diag)
{
	struct program *program = calloc(1, sizeof(*program));
	const struct session_hooks hooks = { .output = on_output,
					     .ended = on_ended,
					     .drained = on_drained,
					     .log = true,
					     .context = program };

	if (program == NULL || server->programs_len == SERVER_EXECS_MAX) {
		free(program);
		return diag_set(diag, -EBUSY, "%d programs run in this sandbox already",
				SERVER_EXECS_MAX);
	}
	program->server = server;
	program->tty = (exec->flags & AGENT_EXEC_TTY) != 0;
	program->output[0] = program->output[1] = BUF(EXEC_COLLECT_OCTETS_MAX);
	int r = session_start(&program->session, server->sandbox, exec, fds, &hooks, diag);
	if (r < 0) {
		free(program);
		return r;
	}
	if (timeout_ms > 0)
		session_limit(program->session, timeout_ms);
	program->next = server->programs;
	server->programs = program;
	server->programs_len++;
	*ret = program;
	return 0;
}

struct program *program_find(struct server *server, const struct rpc_peer *owner, json_t *id)
{
	for (struct program *p = server->programs; p != NULL; p = p->next)
		if (p->owner == owner && p->id != NULL && json_equal(p->id, id))
			return p;
	return NULL;
}

struct program *program_main(struct server *server)
{
	for (struct program *p = server->programs; p != NULL; p = p->next)
		if (p->owner == NULL)
			return p;
	return NULL;
}

int program_watch(struct program *program, struct rpc_call *call)
{
	if (program->watchers_len == EXEC_WATCHERS_MAX)
		return -EBUSY;
	program->watchers[program->watchers_len++] = call;
	return 0;
}

void program_adjust(struct program *program)
{
	bool congested = false;

	for (size_t i = 0; i < program->watchers_len; i++) {
		struct rpc_peer *peer = rpc_call_peer(program->watchers[i]);

		congested = congested || (peer != NULL && rpc_peer_congested(peer));
	}
	session_pause(program->session, congested);
}

/* drop_calls() - end those of @peer. Return: how many are left. */
static size_t drop_calls(struct rpc_call **calls, size_t len, const struct rpc_peer *peer)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++)
		if (rpc_call_peer(calls[i]) == peer)
			rpc_fail(calls[i], RPC_CANCELLED, "the connection is gone");
		else
			calls[kept++] = calls[i];
	return kept;
}

/* drop_watchers() - whoever sat on that connection watches no more */
static void drop_watchers(struct program *program, struct rpc_peer *peer)
{
	program->watchers_len = drop_calls(program->watchers, program->watchers_len, peer);
	program->inputs_len = drop_calls(program->inputs, program->inputs_len, peer);
}

void program_drop_peer(struct server *server, struct rpc_peer *peer)
{
	struct program *next = NULL;

	for (struct program *p = server->programs; p != NULL; p = next) {
		next = p->next;
		drop_watchers(p, peer);
		if (p->owner == peer)
			program_free(p);
		else
			program_adjust(p);
	}
}

void program_free(struct program *program)
{
	struct server *server = program->server;

	for (struct program **at = &server->programs; *at != NULL; at = &(*at)->next)
		if (*at == program) {
			*at = program->next;
			server->programs_len--;
			break;
		}
	for (size_t i = 0; i < program->inputs_len; i++)
		rpc_fail(program->inputs[i], RPC_FAILED, "the program has ended");
	for (size_t i = 0; i < program->watchers_len; i++)
		rpc_fail(program->watchers[i], RPC_CLOSED, "the sandbox is gone");
	session_free(program->session);
	buf_free(&program->output[0]);
	buf_free(&program->output[1]);
	json_decref(program->id);
	json_decref(program->command);
	free(program);
}
