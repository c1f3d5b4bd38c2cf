/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - a sandbox behind JSON-RPC: on stdio (`immure --rpc`) and on the sandbox's own unix
 * socket, with the methods of ADR-0001 and our additions (docs/rpc.md). One sandbox a server.
 */
#ifndef WARDEN_SERVER_H
#define WARDEN_SERVER_H

#include <jansson.h>

#include "loop/loop.h"
#include "warden/sandbox.h"
#include "warden/session.h"

struct server;

MUST_USE int server_new(struct server **ret, struct loop *loop);
void server_free(struct server *server); /* ends its sandbox; NULL is fine */
DEFINE_FREEP(struct server, server_free)

/**
 * server_stdio() - serve stdin and stdout: `create` makes the sandbox
 * @settings:	consumed: tree of --config and flags, laid under the params of `create`; NULL: none
 * @file:	borrowed: that --config, which no sandbox may write; NULL: none
 *
 * The loop is stopped with result 0 when the peer has closed or called `close`. The namespaces of
 * the sandbox to come are made at once, ahead of `create`.
 */
MUST_USE int server_stdio(struct server *server, json_t *settings, const char *file,
			  struct diag *diag);

/* server_stdio_error() - after the loop has stopped: why stdin or stdout failed (-errno); 0: not so */
MUST_USE int server_stdio_error(const struct server *server);

/* What `run` and `start` make of a server: they have their own sandbox and its main program. */
struct server_main {
	void (*running)(void *context);   /* as in sandbox_hooks; its socket follows */
	void (*listening)(void *context); /* its socket is there; may be NULL */
	/* as in sandbox_hooks; may be NULL */
	bool (*asked)(void *context, const struct consent_question *question);
	void (*settled)(void *context, uint32_t id, enum consent_answer answer, const char *by);
	void (*unkept)(void *context, const char *why);
	void (*ports)(void *context); /* others are published now; may be NULL */
	int64_t
	    settle_ns; /* from `running` on until its socket is made: programs may be over by then */
	void (*ended)(void *context, enum state_status status, const char *why);
	void *context;
};

/**
 * server_sandbox() - a sandbox of the caller's settings, served on its unix socket once it runs
 *
 * sandbox_new() is done by server_prepare(), early; this goes on with sandbox_start().
 * @config:	consumed, also on failure
 * @command:	borrowed
 */
MUST_USE int server_prepare(struct server *server, const struct server_main *main, bool ahead,
			    struct diag *diag);
MUST_USE int server_sandbox(struct server *server, struct config *config, json_t *command,
			    struct diag *diag);

/* server_stop() - loop_stop(0), once whoever asked for the end over RPC has its answer (or 1 s later) */
void server_stop(struct server *server);

bool server_timed_out(const struct server *server); /* did resources.timeout_seconds end it? */

struct sandbox *server_get(struct server *server); /* borrowed; NULL before it is made */

/**
 * server_program() - start the main program with piped streams that `attach` can join
 * @ended:	called with its result after all output was delivered to the attached
 */
MUST_USE int server_program(struct server *server, const struct agent_exec *exec, const int fds[3],
			    void (*ended)(void *context, const struct session_result *result),
			    void *context, struct diag *diag);

#endif
