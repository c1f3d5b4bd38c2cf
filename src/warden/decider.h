/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decider - whoever asks what a sandbox may do, asks here: of the policy that it was given, in a process of
 * its own (wire/judge.h), or of the rules of its settings, if there is none (policy/policy.h).
 *
 * An answer of a policy is kept for the questions that are the same in all that the policy looks at. What
 * cannot be asked is denied.
 */
#ifndef WARDEN_DECIDER_H
#define WARDEN_DECIDER_H

#include "config/config.h"
#include "loop/loop.h"
#include "policy/policy.h"

enum {
	DECIDER_RULES_MAX = POLICY_RULES_MAX, /* that count, of a policy */
	DECIDER_ANSWER_MS = 2000,             /* the engine gives up after one second by itself */
};

struct decider;
struct decider_question;

/**
 * decider_new() - make ready; nothing is started
 * @ret:	owned by the caller
 * @config:	borrowed for the call; its policy is read now
 * @sandbox:	its id; borrowed until decider_free()
 *
 * Return: 0; -errno with *diag.
 */
MUST_USE int decider_new(struct decider **ret, struct loop *loop, const struct config *config,
			 const char *sandbox, struct diag *diag);

/* decider_free() - no question is answered any more. NULL is fine. */
void decider_free(struct decider *decider);

/* decider_check() - can the policy of @config be used? Return: 0; -errno with *diag: where and why not */
MUST_USE int decider_check(const struct config *config, struct diag *diag);

/**
 * decider_ask() - may it do this?
 * @ret:	the whole of it is filled in, if the answer is there
 * @ret_question: by which it can be cancelled, if not; valid until @done is called
 * @done:	called once, from the loop; may ask and cancel, but not free the decider
 *
 * Return: true: *@ret is the answer; false: @done will be given it.
 */
MUST_USE bool decider_ask(struct policy_verdict *ret, struct decider_question **ret_question,
			  struct decider *decider, const struct policy_request *request,
			  void (*done)(void *context, struct policy_verdict *verdict),
			  void *context);

/* decider_cancel() - it will not be answered; NULL is fine */
void decider_cancel(struct decider_question *question);

/* decider_has_policy() - or is it the settings that decide? */
MUST_USE bool decider_has_policy(const struct decider *decider);

/* decider_rules_max() - quotas of its verdicts have numbers below that */
MUST_USE size_t decider_rules_max(const struct decider *decider);

#endif
