/* SPDX-License-Identifier: Apache-2.0 */
/* replay - what came of asking policies about a recording, and how it is shown. */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "judge/judge.h"
#include "learn/learn.h"
#include "warden/policy_load.h"

struct cli_call;

struct replay_policy {
	const char *path; /* borrowed */
	char hash[POLICY_LOAD_HASH_OCTETS];
	struct span load; /* mapped: its parts, wire/judge.h */
	struct judge judge;
	struct judge_answer answer; /* to the last question */
};

struct replay_rule {
	char name[JUDGE_RULE_OCTETS_MAX + 1];
	enum judge_verdict verdict;
	uint64_t entries, flips; /* that it decides; of these, otherwise than before */
};

struct replay_flip {
	const struct learn_call *call; /* borrowed */
	const char *from, *to;
	char rule[JUDGE_RULE_OCTETS_MAX + 1]; /* that says so now */
	uint64_t entries;
};

struct replay {
	struct learn learn;
	const char *app;
	struct replay_policy policies[2]; /* of a diff the old one first */
	size_t policies_len;
	struct replay_rule *rules; /* owned */
	size_t rules_len;
	struct replay_flip *flips; /* owned */
	size_t flips_len, flips_size;
	uint64_t flipped; /* entries */
};

/* replay_show() - Return: 0: nothing flips; 1; -errno, with call->diag */
MUST_USE int replay_show(struct cli_call *call, struct replay *replay);

/**
 * replay_unfired() - call @each for every rule of the last policy that never fired
 *
 * Return: 0; what @each returned, if that was not 0; -errno
 */
MUST_USE int replay_unfired(struct replay *replay,
			    int (*each)(void *context, struct span file, unsigned line,
					struct span text),
			    void *context);

#endif
