/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - immure-judge: the process that holds the policy of one sandbox and says what it decides. It reads
 * questions that the warden makes (wire/judge.h), has no other descriptor, and can do nothing but answer.
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "base/base.h"
#include "judge/decision.h"
#include "rego/rego.h"

struct judge {
	struct rego *rego; /* owned */
	uint16_t reads;    /* enum judge_read, of all modules */
	struct decision decision;
};

/**
 * judge_load() - take in the parts of a load, behind the modules that every policy may use
 * @ret:	owned by the caller: judge_unload()
 *
 * Return: 0; -errno, and *diag says where and why.
 */
MUST_USE int judge_load(struct judge *ret, struct span load, struct diag *diag);
void judge_unload(struct judge *judge);

/* judge_answer() - to the PolicyInput @question. *@ret borrows from @judge until the next one. */
void judge_answer(struct judge_answer *ret, struct judge *judge, struct span question);

#endif
