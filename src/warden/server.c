// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a server has one sandbox and any number of connections: stdio for a client
 * that started us, and the sandbox's unix socket for everybody else of the same user. When the
 * sandbox ends, `close` is answered and stdio drained, and the loop stops; when stdio ends, the
 * sandbox ends with it: no process of a sandbox outlives the command it belongs to.
 */
#include "warden/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "warden/server_priv.h"

static const int64_t PATIENCE_NS = 1000000000; /* for the last answer to be read */
static const int64_t RECHECK_NS = 250000000;   /* is the client that sent no more still there? */
static const int64_t SETTLE_NS = 3000000;      /* calls that follow `create` at once come first */

/* client_gone() - has whoever started us closed our standard output too? */
static bool client_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = 0 };

	return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

static void end_stdio(struct server *server)
{
	rpc_server_free(server->listener);
	server->listener = NULL;
	sandbox_free(server->sandbox);
	server->sandbox = NULL;
	spare_free(server);
	loop_stop(server->loop, 0);
}

/* look_again() - stdin is at its end; calls under way may finish as long as someone can read them */
static void look_again(struct loop_timer *timer)
{
	struct server *server = container_of(timer, struct server, recheck);

	if (client_gone())
		end_stdio(server);
	else
		loop_arm(server->loop, timer, RECHECK_NS);
}

static void peer_closed(void *context, struct rpc_peer *peer)
{
	struct server *server = context;

	if (server->farewell == peer)
		server->farewell = NULL;
	if (peer != server->stdio) {
		program_drop_peer(server, peer);
		return;
	}
	server->recheck.fired = look_again;
	loop_arm(server->loop, &server->recheck, 0);
}

static void peer_finished(void *context, struct rpc_peer *peer)
{
	struct server *server = context;

	if (peer == server->stdio)
		end_stdio(server);
}

static void peer_drained(void *context, struct rpc_peer *peer)
{
	struct server *server = context;

	(void)peer;
	for (struct program *p = server->programs; p != NULL; p = p->next)
		program_adjust(p);
}

int server_new(struct server **ret, struct loop *loop)
{
	struct server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return -ENOMEM;
	server->loop = loop;
	server->rpc = (struct rpc_config){
		.methods = server_methods,
		.methods_len = server_methods_len,
		.context = server,
		.admit = methods_admit,
		.closed = peer_closed,
		.drained = peer_drained,
		.finished = peer_finished,
	};
	*ret = server;
	return 0;
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	while (server->programs != NULL)
		program_free(server->programs);
	rpc_server_free(server->listener); /* while the sandbox's folder is still open */
	sandbox_free(server->sandbox);
	spare_free(server);
	rpc_peer_free(server->stdio);
	json_decref(server->settings);
	loop_disarm(&server->timeout);
	loop_disarm(&server->settle);
	loop_disarm(&server->recheck);
	loop_disarm(&server->patience);
	free(server);
}

int server_stdio_error(const struct server *server)
{
	return server->stdio != NULL ? rpc_peer_error(server->stdio) : 0;
}

struct sandbox *server_get(struct server *server)
{
	return server->sandbox;
}

void server_event(struct server *server, json_t *params)
{
	if (server->stdio != NULL)
		rpc_notify(server->stdio, "event", json_incref(params));
	if (server->listener != NULL)
		rpc_server_notify(server->listener, "event", json_incref(params));
	json_decref(params);
}

void server_closed(struct server *server)
{
	if (server->closing != NULL)
		rpc_reply(server->closing, json_object());
	server->closing = NULL;
	if (server->stdio != NULL)
		rpc_peer_flush_and_stop(server->stdio, 0);
}

static void patience_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct server, patience)->loop, 0);
}

void server_stop(struct server *server)
{
	if (server->farewell == NULL) {
		loop_stop(server->loop, 0);
		return;
	}
	server->patience.fired = patience_over;
	loop_arm(server->loop, &server->patience, PATIENCE_NS);
	rpc_peer_flush_and_stop(server->farewell, 0);
}

static void time_is_up(struct loop_timer *timer)
{
	struct server *server = container_of(timer, struct server, timeout);

	server->timed_out = true;
	sandbox_stop(server->sandbox, true);
}

bool server_timed_out(const struct server *server)
{
	return server->timed_out;
}

/* answer_create() - the sandbox runs */
static void answer_create(struct server *server)
{
	if (server->creating != NULL) /* "ports" only if there are any */
		rpc_reply(server->creating,
			  json_pack("{s:s, s:o, s:o*}", "id", sandbox_id(server->sandbox), "env",
				    sandbox_env_json(server->sandbox), "ports",
				    sandbox_ports_json(server->sandbox)));
	server->creating = NULL;
}

/* start_listening() - without its socket it still serves stdio and its own program */
static void start_listening(struct loop_timer *timer)
{
	struct server *server = container_of(timer, struct server, settle);

	(void)!rpc_listen(&server->listener, server->loop, sandbox_dir(server->sandbox), "socket",
			  &server->rpc);
	if (server->main.listening != NULL)
		server->main.listening(server->main.context);
}

static void on_running(void *context)
{
	struct server *server = context;
	uint64_t seconds = sandbox_config(server->sandbox)->timeout_seconds;

	server->timeout.fired = time_is_up;
	if (seconds > 0)
		loop_arm(server->loop, &server->timeout, (int64_t)seconds * 1000000000);
	if (server->main.running != NULL)
		server->main.running(server->main.context);
	server->settle.fired = start_listening;
	if (server->main.settle_ns > 0)
		loop_arm(server->loop, &server->settle, server->main.settle_ns);
	else
		start_listening(&server->settle);
	answer_create(server);
}

static void on_ended(void *context, enum state_status status, const char *why)
{
	struct server *server = context;

	loop_disarm(&server->timeout);
	loop_disarm(&server->settle);
	if (server->creating != NULL)
		rpc_fail(server->creating, RPC_FAILED, "%s",
			 *why != '\0' ? why : "it was closed meanwhile");
	server->creating = NULL;
	server_event(server,
		     json_pack("{s:s, s:I, s:{s:s, s:s}}", "type", "sandbox", "timestamp",
			       (json_int_t)clock_unix_s(), "sandbox", "status", state_names[status],
			       "why", server->timed_out ? "its time was up" : why));
	if (server->closing != NULL)
		server_closed(server);
	if (server->main.ended != NULL)
		server->main.ended(server->main.context, status, why);
}

/* is_heard() - does anybody get events? */
static bool is_heard(const struct server *server)
{
	return server->stdio != NULL ||
	       (server->listener != NULL && rpc_server_is_heard(server->listener));
}

static void on_flow(void *context, const struct egress_report *report)
{
	struct server *server = context;

	/* each request is one: made for nobody they would cost as much as judging it */
	if (is_heard(server))
		server_event(server, network_event(report));
}

static bool on_asked(void *context, const struct consent_question *question)
{
	struct server *server = context;
	bool heard = is_heard(server);

	if (heard)
		server_event(server, consent_event(question));
	if (server->main.asked != NULL)
		heard |= server->main.asked(server->main.context, question);
	return heard;
}

static void on_settled(void *context, uint32_t id, enum consent_answer answer, const char *by)
{
	struct server *server = context;

	if (is_heard(server))
		server_event(server, consent_settled_event(id, answer, by));
	if (server->main.settled != NULL)
		server->main.settled(server->main.context, id, answer, by);
}

static void on_unkept(void *context, const char *why)
{
	struct server *server = context;

	server_event(server, json_pack("{s:s, s:I, s:s}", "type", "consent_unkept", "timestamp",
				       (json_int_t)clock_unix_s(), "reason", why));
	if (server->main.unkept != NULL)
		server->main.unkept(server->main.context, why);
}

static void on_ports(void *context)
{
	struct server *server = context;

	server_event(server, json_pack("{s:s, s:I, s:o}", "type", "ports", "timestamp",
				       (json_int_t)clock_unix_s(), "ports",
				       sandbox_ports_json(server->sandbox)));
	if (server->main.ports != NULL)
		server->main.ports(server->main.context);
}

int server_new_sandbox(struct sandbox **ret, struct server *server, bool ahead, struct diag *diag)
{
	const struct sandbox_hooks hooks = {
		.running = on_running,
		.ended = on_ended,
		.flow = on_flow,
		.asked = on_asked,
		.settled = on_settled,
		.unkept = on_unkept,
		.ports = on_ports,
		.settle_ns = server->main.settle_ns,
		.context = server,
	};

	return sandbox_new(ret, server->loop, &hooks, ahead, diag);
}

int server_prepare(struct server *server, const struct server_main *main, bool ahead,
		   struct diag *diag)
{
	server->main = *main;
	return server_new_sandbox(&server->sandbox, server, ahead, diag);
}

int server_sandbox(struct server *server, struct config *config, json_t *command, struct diag *diag)
{
	return sandbox_start(server->sandbox, config, command, diag);
}

int server_stdio(struct server *server, json_t *settings, const char *file, struct diag *diag)
{
	server->settings = settings;
	server->settings_file = file;
	server->main.settle_ns = SETTLE_NS;
	int r =
	    rpc_peer_new(&server->stdio, server->loop, STDIN_FILENO, STDOUT_FILENO, &server->rpc);
	if (r < 0)
		return diag_set(diag, r, "cannot serve stdin and stdout: %s", strerror(-r));
	/* ahead of `create`; if it cannot be, `create` will say why */
	if (server_new_sandbox(&server->sandbox, server, true, diag) < 0)
		server->sandbox = NULL;
	spare_start(server);
	return 0;
}

int server_program(struct server *server, const struct agent_exec *exec, const int fds[3],
		   void (*ended)(void *context, const struct session_result *result), void *context,
		   struct diag *diag)
{
	struct program *program = NULL;
	int r = program_start(&program, server, exec, fds, 0, diag);

	if (r < 0)
		return r;
	program->command = json_array();
	for (uint32_t i = 0; i < exec->argc; i++)
		json_array_append_new(program->command,
				      json_stringn(exec->words[i].ptr, exec->words[i].len));
	program->ended = ended;
	program->context = context;
	return 0;
}
