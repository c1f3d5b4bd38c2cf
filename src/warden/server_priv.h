/* SPDX-License-Identifier: Apache-2.0 */
/* server_priv - what the files of the server share. */
#ifndef WARDEN_SERVER_PRIV_H
#define WARDEN_SERVER_PRIV_H

#include "base/buf.h"
#include "rpc/rpc.h"
#include "warden/server.h"

enum {
	SERVER_EXECS_MAX = 256,
	EXEC_INPUTS_MAX = 256,              /* `stdin` calls under way for one program */
	EXEC_WATCHERS_MAX = 8,              /* connections that follow one program */
	EXEC_COLLECT_OCTETS_MAX = 16 << 20, /* of one stream in the answer of `exec` */
};

/* A program that somebody on a connection asked for, or the main program. */
struct program {
	struct server *server;
	struct session *session; /* owned; NULL before it started and after it ended */
	struct rpc_peer *owner;  /* whose end is its end; NULL: the main program */
	json_t *id;      /* owned: the request's, how `stdin`, `kill` ... name it; NULL: main */
	json_t *command; /* owned: for the exec event */
	bool collects;   /* exec: output in the answer; else streamed in parts */
	bool tty;
	bool truncated;
	struct buf output[2];
	struct rpc_call *watchers[EXEC_WATCHERS_MAX];
	size_t watchers_len;
	struct rpc_call *inputs[EXEC_INPUTS_MAX]; /* `stdin` calls whose data is not written yet */
	size_t inputs_len;
	void (*ended)(void *context,
		      const struct session_result *result); /* main program's owner */
	void *context;
	struct program *next;
};

struct server {
	struct loop *loop;
	struct rpc_config rpc;
	struct rpc_peer *stdio;
	struct rpc_server *listener;
	json_t *settings;
	const char *settings_file; /* borrowed: where they came from; NULL: no file */
	struct sandbox *sandbox;
	struct sandbox *spare;               /* see create.c; NULL: none */
	struct loop_timer spare_timer;       /* to make it; to free what `create` left of the two */
	struct rpc_call *creating, *closing; /* to be answered when it runs, when it has ended */
	struct program *programs;
	size_t programs_len;
	struct server_main main;
	struct loop_timer settle;  /* until its socket is made */
	struct loop_timer timeout; /* of the whole sandbox */
	struct rpc_peer *farewell; /* who asked for the end, and waits for the answer */
	struct loop_timer patience;
	struct loop_timer recheck; /* after the end of stdin */
	bool timed_out;
};

/* methods.c: the monitor table, and what rpc_config.admit() calls for it */
extern const struct rpc_method server_methods[];
extern const size_t server_methods_len;
MUST_USE bool methods_admit(void *context, const struct rpc_method *method, struct rpc_call *call,
			    json_t *params);

/* server.c */
void server_closed(struct server *server); /* the sandbox is gone: answer `close`, end stdio */
void server_event(struct server *server, json_t *params); /* consumed; to all connections */
MUST_USE int server_new_sandbox(struct sandbox **ret, struct server *server, bool ahead,
				struct diag *diag);

/* network_event.c: the event of ADR-0001 for @report; owned; NULL: out of memory */
json_t *network_event(const struct egress_report *report);

/* methods_consent.c: the events of what the owner is asked; owned; NULL: out of memory */
json_t *consent_event(const struct consent_question *question);
json_t *consent_settled_event(uint32_t id, enum consent_answer answer, const char *by);

/* create.c */
void server_create(struct server *server, struct rpc_call *call, json_t *params); /* answers */
void spare_start(struct server *server); /* make one, once it is quiet */
void spare_free(struct server *server);

/* program.c */
MUST_USE int program_start(struct program **ret, struct server *server,
			   const struct agent_exec *exec, const int fds[3], uint64_t timeout_ms,
			   struct diag *diag);
struct program *program_find(struct server *server, const struct rpc_peer *owner, json_t *id);
struct program *program_main(struct server *server);
MUST_USE int program_watch(struct program *program, struct rpc_call *call); /* -EBUSY: too many */
void program_adjust(struct program *program); /* pause or go on, as its watchers can take it */
void program_drop_peer(struct server *server, struct rpc_peer *peer);
void program_free(struct program *program);

/* params.c: what a method was given, judged strictly. They answer @call themselves when it is wrong. */
struct params_key {
	const char *name; /* NULL ends a list */
	json_type
	    type; /* JSON_TRUE stands for a boolean, JSON_REAL for any number, JSON_NULL for any */
	bool needed;
};
MUST_USE bool params_judge(struct rpc_call *call, json_t *params, const struct params_key *keys);
uint64_t params_uint(json_t *params, const char *name, uint64_t otherwise);
const char *params_text(json_t *params, const char *name, const char *otherwise);

#endif
