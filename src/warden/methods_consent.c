// SPDX-License-Identifier: Apache-2.0
/* What a sandbox's owner is asked, as events, and what he answers, as methods: docs/rpc.md. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/number.h"
#include "warden/egress_text.h"
#include "warden/methods_priv.h"

#define ID_PREFIX "ask-"

enum { PROGRAM_OCTETS = 301 };

/* url_of() - what is asked for, in one text; owned */
static json_t *url_of(const struct consent_question *question)
{
	const bool bracketed = strchr(question->host, ':') != NULL;
	const char *open = bracketed ? "[" : "", *close = bracketed ? "]" : "";

	if (question->method.len == 0)
		return json_sprintf("tcp://%s%s%s:%u", open, question->host, close, question->port);
	return json_sprintf("%s%s://%s%s%s:%u%.*s", question->websocket ? "ws" : "http",
			    question->https ? "s" : "", open, question->host, close, question->port,
			    span_is(question->target, "*") ? 0 : (int)question->target.len,
			    question->target.ptr);
}

static json_t *process_of(const struct consent_question *question)
{
	char program[PROGRAM_OCTETS];

	if (question->pid == 0)
		return NULL;
	egress_text(program, sizeof(program), question->program);
	return json_pack("{s:i, s:s}", "pid", (int)question->pid, "program", program);
}

json_t *consent_event(const struct consent_question *question)
{
	return json_pack("{s:s, s:I, s:{s:o, s:s, s:s, s:s, s:i, s:s%, s:o, s:s, s:i, s:o*}}",
			 "type", "consent_request", "timestamp", (json_int_t)clock_unix_s(),
			 "consent", "id", json_sprintf(ID_PREFIX "%u", question->id), "app",
			 question->app, "action", question->action, "host", question->host, "port",
			 (int)question->port, "method", question->method.ptr, question->method.len,
			 "url", url_of(question), "reason", question->why, "seconds",
			 (int)question->seconds, "process", process_of(question));
}

json_t *consent_settled_event(uint32_t id, enum consent_answer answer, const char *by)
{
	return json_pack("{s:s, s:I, s:{s:o, s:s, s:s}}", "type", "consent_settled", "timestamp",
			 (json_int_t)clock_unix_s(), "consent", "id",
			 json_sprintf(ID_PREFIX "%u", id), "answer", consent_answer_name(answer),
			 "by", by);
}

/* id_of() - Return: 0: that is none */
static uint32_t id_of(const char *text)
{
	uint64_t number = 0;
	const size_t prefix = strlen(ID_PREFIX);

	if (strncmp(text, ID_PREFIX, prefix) != 0 ||
	    !number_parse(&number, span_of(text + prefix), UINT32_MAX))
		return 0;
	return (uint32_t)number;
}

void method_consent_reply(void *context, struct rpc_call *call, json_t *params)
{
	struct server *server = context;
	const char *id = params_text(params, "id", "");
	enum consent_answer answer = consent_answer_find(params_text(params, "answer", ""));

	if (answer == CONSENT_NONE) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "answer must be one of once, run, always, deny, deny_always");
		return;
	}
	int r = sandbox_reply(server->sandbox, id_of(id), answer, "rpc");
	if (r == 0)
		rpc_reply(call, json_object());
	else
		rpc_fail(call, RPC_FAILED,
			 "there is no open question %s: it was answered, or is over", id);
}

void method_set_mode(void *context, struct rpc_call *call, json_t *params)
{
	struct server *server = context;
	const char *name = params_text(params, "mode", "");
	enum policy_mode mode = policy_mode_find(name);

	if (strcmp(policy_mode_name(mode), name) != 0) {
		rpc_fail(call, RPC_INVALID_PARAMS, "mode must be one of audit, ask, enforce");
		return;
	}
	if (sandbox_set_mode(server->sandbox, mode) < 0) {
		rpc_fail(call, RPC_CLOSED, "the sandbox's network is closed already");
		return;
	}
	server_event(server, json_pack("{s:s, s:I, s:{s:s}}", "type", "mode", "timestamp",
				       (json_int_t)clock_unix_s(), "mode", "mode", name));
	rpc_reply(call, json_object());
}
