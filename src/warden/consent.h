/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consent - what waits for a yes or a no of the sandbox's owner. Whoever asks for the same waits for the same
 * answer; a question is open for CONSENT_PATIENCE_S, and there are CONSENT_OPEN_MAX of them at a time and
 * CONSENT_PER_MINUTE in a minute at most (THREATS C26). All others, and what nobody is there to answer, are
 * denied.
 */
#ifndef WARDEN_CONSENT_H
#define WARDEN_CONSENT_H

#include "loop/loop.h"
#include "policy/policy.h"

enum {
	CONSENT_PATIENCE_S = 60, /* the gateway waits longer */
	CONSENT_OPEN_MAX = 8,
	CONSENT_PER_MINUTE = 30,
	CONSENT_WAITING_MAX = 1024, /* of all questions together */
};

enum consent_answer {
	CONSENT_NONE = 0,    /* nobody answered; no such answer */
	CONSENT_DENY,        /* this time */
	CONSENT_ONCE,        /* this time */
	CONSENT_RUN,         /* until the sandbox ends */
	CONSENT_ALWAYS,      /* this app, from now on; without an app it is CONSENT_RUN */
	CONSENT_DENY_ALWAYS, /* likewise; without an app until the sandbox ends */
	CONSENT_ANSWERS,
};

/* Borrowed for the calls that tell of it. */
struct consent_question {
	uint32_t id;        /* from 1 */
	const char *app;    /* "": none is given */
	const char *action; /* "net.connect", "http.request" */
	const char *host;
	uint16_t port;
	struct span method, target; /* of http.request; else empty */
	bool https, websocket;
	uint32_t pid;        /* of the first who asks, inside; 0: not known */
	struct span program; /* likewise; hostile */
	const char *why;     /* it is asked; for people */
	unsigned seconds;    /* until it is denied */
};

struct consent_hooks {
	/* asked() - somebody is to be asked. Return: is there anybody? */
	bool (*asked)(void *context, const struct consent_question *question);
	/* settled() - it needs no answer any more; @by: who answered, for people; "" for nobody */
	void (*settled)(void *context, uint32_t id, enum consent_answer answer, const char *by);
	/* unkept() - answers for longer cannot be read or kept; @why: for people. May be NULL, and be called
	 * at once. */
	void (*unkept)(void *context, const char *why);
	void *context;
};

struct consents;
struct consent_wait;

/* consents_new() - @app: borrowed until consents_free(); @hooks: copied. Return: 0 or -ENOMEM. */
MUST_USE int consents_new(struct consents **ret, struct loop *loop, const char *app,
			  const struct consent_hooks *hooks);
void consents_free(struct consents *consents); /* nobody is called any more; NULL is fine */

/**
 * consents_wait() - until the owner has answered
 * @request:	borrowed for the call
 * @done:	called once, from consents_reply() or the loop; may wait and cancel
 *
 * Return: 0; -ENOTTY: nobody is there to be asked; -EBUSY: too many questions; -ENOMEM.
 */
MUST_USE int consents_wait(struct consent_wait **ret, struct consents *consents,
			   const struct policy_request *request, const char *why,
			   void (*done)(void *context, enum consent_answer answer), void *context);

void consents_cancel(struct consent_wait *wait); /* done() is not called; NULL is fine */

/* consents_reply() - @by: for people. Return: 0; -ENOENT: no such question is open; -EINVAL. */
MUST_USE int consents_reply(struct consents *consents, uint32_t id, enum consent_answer answer,
			    const char *by);

/* consents_settle_all() - answer CONSENT_NONE to all that is open: it is not to be asked any more */
void consents_settle_all(struct consents *consents);

/* consent_answer_name() - "once", "run", "always", "deny", "deny_always"; "none": static */
const char *consent_answer_name(enum consent_answer answer);

/* consent_answer_find() - CONSENT_NONE: there is none of that name */
enum consent_answer consent_answer_find(const char *name);

#endif
