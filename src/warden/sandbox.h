/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - the life of one sandbox, from the warden's side.
 *
 *	created ──start──▶ starting ──hello──▶ running ──stop──▶ stopping ──died──▶ stopped
 *	   │                  │                   │
 *	   └──────died────────┴───────died────────┴──────────────────────────────▶ crashed
 *	                                 (running and told to stop: stopped)
 *
 * All work happens in the caller's loop; results come by callback, never from within the call that
 * asked. Operations (an exec, a file transfer) are embedded in their owner's struct and belong to
 * it; the sandbox only links them.
 */
#ifndef WARDEN_SANDBOX_H
#define WARDEN_SANDBOX_H

#include <jansson.h>

#include "config/config.h"
#include "loop/loop.h"
#include "warden/egress.h"
#include "warden/state.h"
#include "wire/agent.h"

struct sandbox;

struct sandbox_hooks {
	void (*running)(void *context); /* every wall stands, the self-test passed: exec away */
	/* It is gone, whatever way; @why is for people. Called once; free the sandbox from here or later. */
	void (*ended)(void *context, enum state_status status, const char *why);
	void (*flow)(void *context, const struct egress_report *report); /* what wanted to go out */
	/* Its owner is to be asked, see warden/consent.h; all that is asked is settled. */
	bool (*asked)(void *context, const struct consent_question *question);
	void (*settled)(void *context, uint32_t id, enum consent_answer answer, const char *by);
	void (*unkept)(void *context, const char *why);
	void (*ports)(void *context); /* other ports are published now: sandbox_ports_json() */
	int64_t
	    settle_ns; /* from `running` on until the start is written down; 0: before `running` */
	void *context;
};

enum operation_kind {
	OPERATION_STARTED, /* exec: value = pid inside */
	OPERATION_STOPPED, /* exec with a terminal: it stopped itself */
	OPERATION_EXITED,  /* exec: last event; exited is set */
	OPERATION_FAILED,  /* last event; failure is set */
	OPERATION_DONE,    /* file transfer: last event; value = octets moved */
	OPERATION_LOST,    /* last event: the sandbox ended under it */
};

struct operation_event {
	enum operation_kind kind;
	uint64_t value;
	struct agent_exit exited;
	struct agent_failure failure;
};

struct operation {
	uint32_t id; /* 0: not under way */
	void (*event)(struct operation *op, const struct operation_event *event);
	struct operation *next;
};

/**
 * sandbox_new() - a sandbox without settings; its namespaces are being made while we go on
 * @hooks:	copied
 * @ahead:	settings will likely be plain: see jail_spawn()
 */
MUST_USE int sandbox_new(struct sandbox **ret, struct loop *loop, const struct sandbox_hooks *hooks,
			 bool ahead, struct diag *diag);

/**
 * sandbox_start() - give it its settings and let it start; hooks.running or hooks.ended follows
 * @config:	consumed, also on failure
 * @command:	borrowed: JSON array of what is run, for the listing; NULL: none
 *
 * Return: 0; a negative errno with *diag: nothing was started, only sandbox_free() is left to do.
 */
MUST_USE int sandbox_start(struct sandbox *sandbox, struct config *config, json_t *command,
			   struct diag *diag);

/**
 * sandbox_warm() - build it by a guess of its settings, up to where programs could run
 * @config:	borrowed
 *
 * Nobody hears of it before sandbox_start(), and nothing is recorded. Return: 0; -ENOTSUP: such
 * settings need to be there; another -errno, with *diag.
 */
MUST_USE int sandbox_warm(struct sandbox *sandbox, const struct config *config, struct diag *diag);

/* sandbox_suits() - is it warm, and just what @config asks for? Then sandbox_start() takes it up. */
MUST_USE bool sandbox_suits(struct sandbox *sandbox, const struct config *config);

/* sandbox_kill() - end one that has not started, without waiting; sandbox_free() is left to do */
void sandbox_kill(struct sandbox *sandbox);

/*
 * sandbox_stop() - end it; @now: without SIGTERM and its grace time. hooks.ended follows, unless it
 * was told: see sandbox_is_over().
 */
void sandbox_stop(struct sandbox *sandbox, bool now);

/* sandbox_is_over() - was hooks.ended told? */
MUST_USE bool sandbox_is_over(const struct sandbox *sandbox);

/* sandbox_free() - kill what runs, record the end, release all; hooks are not called; NULL is fine */
void sandbox_free(struct sandbox *sandbox);
DEFINE_FREEP(struct sandbox, sandbox_free)

enum state_status sandbox_status(const struct sandbox *sandbox);
struct loop *sandbox_loop(const struct sandbox *sandbox);
const char *sandbox_id(const struct sandbox *sandbox);
const struct config *
sandbox_config(const struct sandbox *sandbox);  /* NULL before sandbox_start() */
int sandbox_dir(const struct sandbox *sandbox); /* its folder; borrowed; -1 before it runs */
/* sandbox_log() - logs/vm.log, made at its first use; borrowed; -1: it cannot be made */
int sandbox_log(struct sandbox *sandbox);
/* sandbox_oom_kills() - processes in it that the kernel has killed for its limit of memory; 0: none, or
 * no cgroup holds such a limit */
uint64_t sandbox_oom_kills(const struct sandbox *sandbox);

/*
 * sandbox_diag() - a socket of NETLINK_SOCK_DIAG of its network, by which the kernel says who listens
 * in it; the caller's. It waits for a process to start. Return: the descriptor; -errno: there is none.
 */
MUST_USE int sandbox_diag(const struct sandbox *sandbox);

/* sandbox_refusals() - what its programs were refused of the network until now: see warden/refusals.h */
uint64_t sandbox_refusals(const struct sandbox *sandbox);

/*
 * sandbox_lend_pipe() - make an anonymous pipe the program's own, so that it can open /dev/stdout;
 * nothing happens for other files, or when the program is the caller outside
 */
void sandbox_lend_pipe(const struct sandbox *sandbox, int fd);

/* sandbox_env() - one variable of every exec: PATH, HOME ..., then the config's; NULL at the end */
const struct span *sandbox_env(const struct sandbox *sandbox, size_t *ret_len);

/* The settings' own variables as the program sees them (placeholders drawn), for create's answer. */
json_t *sandbox_env_json(const struct sandbox *sandbox);

/* sandbox_reply() - its owner's, to what hooks.asked told. Return: as consents_reply(); -ENOTCONN: it does not
 * run */
MUST_USE int sandbox_reply(struct sandbox *sandbox, uint32_t id, enum consent_answer answer,
			   const char *by);

/* sandbox_set_mode() - Return: 0; -ENOTCONN: it does not run */
MUST_USE int sandbox_set_mode(struct sandbox *sandbox, enum policy_mode mode);

/* sandbox_ports_json() - as publish_json(); owned; NULL: none is published */
json_t *sandbox_ports_json(const struct sandbox *sandbox);

/**
 * sandbox_exec() - start a program; op->event tells how it goes
 * @exec:	borrowed; without variables: it gets sandbox_env()
 * @fds:	borrowed: stdin, stdout, stderr for the program
 *
 * Return: 0; -ENOTCONN: not running; -E2BIG: command line and environment exceed 128 KiB; -ENOMEM.
 */
MUST_USE int sandbox_exec(struct sandbox *sandbox, struct operation *op,
			  const struct agent_exec *exec, const int fds[3]);

/* sandbox_file() - FILE_READ, FILE_WRITE or FILE_LIST through @fd (borrowed), a pipe's end */
MUST_USE int sandbox_file(struct sandbox *sandbox, struct operation *op, enum agent_type type,
			  const struct agent_file *file, int fd);

/* Both: nothing happens if @op is not under way. */
void sandbox_signal(struct sandbox *sandbox, const struct operation *op, int signal);
void sandbox_resize(struct sandbox *sandbox, const struct operation *op, uint16_t rows,
		    uint16_t columns);

/* sandbox_forget() - no more events for @op, whose owner goes away; the operation itself goes on */
void sandbox_forget(struct sandbox *sandbox, struct operation *op);

#endif
