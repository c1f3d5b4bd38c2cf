/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_asker - asks the policy in Rego that a sandbox was given, in a process of its own (wire/judge.h).
 *
 * An answer is kept for the questions that are the same in all that the policy looks at. What cannot be asked
 * is denied.
 */
#ifndef WARDEN_POLICY_ASKER_H
#define WARDEN_POLICY_ASKER_H

#include "config/config.h"
#include "loop/loop.h"
#include "policy/input.h"
#include "policy/policy.h"

enum { POLICY_ASKER_ANSWER_MS = 2000 }; /* the engine gives up after one second by itself */

struct policy_asker;
struct policy_question;

/* What every question says. Texts are borrowed until policy_asker_free(). */
struct policy_asker_facts {
	const char *app; /* "": none is given */
	const char *sandbox, *workspace;
	int64_t started_ns; /* Unix time */
	enum policy_mode mode;
	const char *
	    consent; /* data for the policy, policy_consent_text(); NULL: none; but this is borrowed
				for the call of policy_asker_new() alone */
};

/**
 * policy_asker_new() - read the policy; nothing is started
 * @ret:	owned by the caller
 * @config:	with a policy; borrowed for the call
 *
 * Return: 0; -errno with *diag.
 */
MUST_USE int policy_asker_new(struct policy_asker **ret, struct loop *loop,
			      const struct config *config, const struct policy_asker_facts *facts,
			      struct diag *diag);

/* policy_asker_free() - no question is answered any more. NULL is fine. */
void policy_asker_free(struct policy_asker *asker);

/* policy_asker_check() - can the policy of @config be used? Return: 0; -errno with *diag: where and why not */
MUST_USE int policy_asker_check(const struct config *config, struct diag *diag);

/**
 * policy_ask() - may it do this?
 * @ret:	the whole of it is filled in, if the answer is there
 * @ret_question: by which it can be cancelled, if not; valid until @done is called, and so long is
 * @request	borrowed
 * @done:	called once, from the loop; may ask and cancel, but not free the asker
 *
 * Return: true: *@ret is the answer; false: @done will be given it. Quotas of verdicts have numbers below
 * POLICY_RULES_MAX.
 */
MUST_USE bool policy_ask(struct policy_verdict *ret, struct policy_question **ret_question,
			 struct policy_asker *asker, const struct policy_request *request,
			 void (*done)(void *context, struct policy_verdict *verdict),
			 void *context);

void policy_ask_cancel(
    struct policy_question *question); /* it will not be answered; NULL is fine */

/* policy_asker_hash() - "sha256:..." of the policy and its data */
const char *policy_asker_hash(const struct policy_asker *asker);

/* policy_asker_set_mode() - of the questions from now on; kept answers are dropped */
void policy_asker_set_mode(struct policy_asker *asker, enum policy_mode mode);

#endif
