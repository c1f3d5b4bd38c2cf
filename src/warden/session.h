/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session - one program running in a sandbox, with its streams. A stream is either a descriptor of
 * the caller's that the program gets as it is, or a pipe that the warden pumps: output by callback,
 * input from a bounded queue. Pumped output also goes to the sandbox's log.
 */
#ifndef WARDEN_SESSION_H
#define WARDEN_SESSION_H

#include "warden/sandbox.h"

enum {
	SESSION_INPUT_OCTETS_MAX = 40 * 1024 * 1024, /* queued for a program that does not read */
	SESSION_JOINED = -2,                         /* for stderr: the same pipe as stdout */
	SESSION_PIPED = -1,                          /* in place of a descriptor */
};

struct session;

struct session_result {
	int exit_code; /* the program's; 128 + signal; 126, 127; 124 after a time-out; 125: ours */
	int signal;    /* that ended it, or 0 */
	bool timed_out;
	uint64_t duration_ms;
	bool out_of_memory; /* the kernel killed it, or a process it waited for; error says so */
	const char *error;  /* why it did not start, was lost or killed; NULL: it ran to its end */
};

struct session_hooks {
	void (*output)(void *context, int stream, struct span data); /* stream 1 or 2 */
	void (*started)(void *context);                              /* may be NULL */
	void (*stopped)(void *context); /* Ctrl-Z in its terminal; may be NULL */
	/* Last call; all output was delivered. Free the session from here or later. */
	void (*ended)(void *context, const struct session_result *result);
	bool log;                       /* keep pumped output in the sandbox's log */
	void (*drained)(void *context); /* the input queue is empty; may be NULL */
	void *context;
};

/**
 * session_start() - start a program
 * @exec:	borrowed for the call
 * @fds:	three descriptors, borrowed, or SESSION_PIPED
 *
 * Return: 0: hooks.ended will follow; a negative errno with *diag.
 */
MUST_USE int session_start(struct session **ret, struct sandbox *sandbox,
			   const struct agent_exec *exec, const int fds[3],
			   const struct session_hooks *hooks, struct diag *diag);

/* session_limit() - end it, as timed out, in @timeout_ms */
void session_limit(struct session *session, uint64_t timeout_ms);

/* session_input() - queue @data for its stdin. Return: 0; -EPIPE: stdin is closed; -ENOBUFS; -ENOMEM. */
MUST_USE int session_input(struct session *session, struct span data);
void session_close_input(struct session *session); /* end of file once the queue is empty */
MUST_USE bool session_input_pending(const struct session *session);

void session_pause(struct session *session, bool paused); /* stop or go on reading its output */
void session_signal(struct session *session, int signal);
void session_resize(struct session *session, uint16_t rows, uint16_t columns);

/* session_free() - forget it, killing the program if it still runs; NULL is fine */
void session_free(struct session *session);

#endif
