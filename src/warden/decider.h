/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decider - whoever asks what a sandbox may do, asks here. What was asked of the policy that it was given
 * (policy_asker.h), or of the rules of its settings if there is none (policy/policy.h), becomes an answer by
 * the sandbox's mode:
 *
 *	enforce	that is the answer; "ask" asks the owner
 *	ask	what no rule speaks of, which is denied by the rule "default", asks the owner, too
 *	audit	all is allowed, without obligations; the verdict says what it would have been
 *
 * A name that the owner may be asked about is answered: what waits is the flow to it.
 */
#ifndef WARDEN_DECIDER_H
#define WARDEN_DECIDER_H

#include "config/config.h"
#include "loop/loop.h"
#include "policy/input.h"
#include "policy/policy.h"
#include "warden/consent.h"

enum { DECIDER_GRANTS_MAX = 2048 }; /* of one run, with those from before; then "run" means once */

struct decider;
struct decider_question;

struct decider_config {
	const struct config *settings; /* borrowed for the call; its policy is read then */
	const char *sandbox;           /* its id; borrowed until decider_free(), as is: */
	int home;                      /* the state folder, where consent is kept; -1: none is */
	const struct consent_hooks *hooks; /* to ask the owner by; borrowed for the call */
};

/**
 * decider_new() - make ready; nothing is started
 * @ret:	owned by the caller
 *
 * Return: 0; -errno with *diag.
 */
MUST_USE int decider_new(struct decider **ret, struct loop *loop,
			 const struct decider_config *config, struct diag *diag);

/* decider_free() - no question is answered any more; waits for what is being kept (grants.h). NULL is fine. */
void decider_free(struct decider *decider);

/**
 * decider_ask() - may it do this?
 * @ret:	the whole of it is filled in, if the answer is there: ALLOW or DENY
 * @ret_question: by which it can be cancelled, if not; valid until @done is called
 * @done:	called once, from the loop or decider_reply(); may ask and cancel, but not free the decider
 *
 * Return: true: *@ret is the answer; false: @done will be given it.
 */
MUST_USE bool decider_ask(struct policy_verdict *ret, struct decider_question **ret_question,
			  struct decider *decider, const struct policy_request *request,
			  void (*done)(void *context, struct policy_verdict *verdict),
			  void *context);

/* decider_cancel() - it will not be answered; NULL is fine */
void decider_cancel(struct decider_question *question);

/* decider_reply() - the owner's. Return: as consents_reply() */
MUST_USE int decider_reply(struct decider *decider, uint32_t id, enum consent_answer answer,
			   const char *by);

/* decider_set_mode() - from now on; what waits for the owner is answered as if it were asked anew */
void decider_set_mode(struct decider *decider, enum policy_mode mode);
enum policy_mode decider_mode(const struct decider *decider);

/* decider_policy_hash() - "sha256:..." of the policy and its data; NULL: the settings decide */
const char *decider_policy_hash(const struct decider *decider);

/* decider_has_policy() - or is it the settings that decide? */
MUST_USE bool decider_has_policy(const struct decider *decider);

/* decider_rules_max() - quotas of its verdicts have numbers below that */
MUST_USE size_t decider_rules_max(const struct decider *decider);

#endif
