// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: every distinct call of the recording is asked once, in this process, of the engine as
 * immure-judge has it. A replay compares the verdict with what was decided then, entry by entry, a diff with
 * that of the other policy. What no log has (a query of a URL, the program, the time of day) is not in the question.
 * Which rules never fired, the engine's coverage says: it counts a rule's head only when its body holds.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/policy.h"
#include "cli/replay.h"
#include "policy/settings.h"
#include "warden/policy_load.h"

static const char *const verdicts[] = {
	[JUDGE_DENY] = "deny",
	[JUDGE_ALLOW] = "allow",
	[JUDGE_ASK] = "ask",
};

static int map(struct span *ret, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret = (struct span){ at, (size_t)st.st_size };
	return 0;
}

/* load() - with the settings of a sandbox that has none */
static int load(struct replay_policy *ret, const char *path, struct cli_call *call)
{
	const struct policy_rules none = { 0 };
	char *data = NULL;
	int r = policy_settings_text(&data, &none, &call->diag);

	if (r < 0)
		return r;
	CLEANUP_FD int fd = policy_load(ret->hash, path, span_of(data), &call->diag);
	free(data);
	if (fd < 0)
		return fd;
	r = map(&ret->load, fd);
	if (r < 0)
		return diag_set(&call->diag, r, "%s: %s", path, strerrordesc_np(-r));
	return judge_load(&ret->judge, ret->load, &call->diag);
}

static void unload(struct replay_policy *policy)
{
	if (policy->judge.rego != NULL)
		judge_unload(&policy->judge);
	if (policy->load.ptr != NULL)
		(void)munmap((void *)(uintptr_t)policy->load.ptr, policy->load.len);
}

/* ask() - what @policy says of @call, now in policy->answer. Return: 0; -ENOMEM */
static int ask(struct replay_policy *policy, const struct replay *replay,
	       const struct learn_call *call)
{
	CLEANUP_BUF struct buf text = BUF(POLICY_INPUT_OCTETS_MAX);
	const struct policy_input input = {
		.request_id = SPAN("replay"),
		.policy_hash = span_of(policy->hash),
		.timestamp_ns = replay->learn.last_ns,
		.started_ns = replay->learn.first_ns,
		.mode = POLICY_MODE_ENFORCE,
		.app = span_of(replay->app),
		.sandbox = span_of(replay->learn.logs[call->refs[0].log].name),
		.workspace_root = SPAN("/"),
		.action = call->action,
		.resource = learn_resource(call, call->path),
	};
	int r = policy_input_put(&text, &input);

	if (r == 0)
		judge_answer(&policy->answer, &policy->judge, buf_span(&text));
	return r;
}

/* count_rule() - of the new policy. Return: 0; -ENOMEM */
static int count_rule(struct replay *replay, const struct judge_answer *answer, uint64_t entries,
		      uint64_t flips)
{
	size_t i = 0;

	while (i < replay->rules_len && (!span_is(answer->rule, replay->rules[i].name) ||
					 replay->rules[i].verdict != answer->verdict))
		i++;
	if (i == replay->rules_len) {
		struct replay_rule *more =
		    realloc(replay->rules, (replay->rules_len + 1) * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		replay->rules = more;
		replay->rules[replay->rules_len++] =
		    (struct replay_rule){ .verdict = answer->verdict };
		(void)snprintf(more[i].name, sizeof(more[i].name), "%.*s", (int)answer->rule.len,
			       answer->rule.ptr);
	}
	replay->rules[i].entries += entries;
	replay->rules[i].flips += flips;
	return 0;
}

static int add_flip(struct replay *replay, const struct learn_call *call, const char *from,
		    const struct judge_answer *answer, uint64_t entries)
{
	if (replay->flips_len == replay->flips_size) {
		size_t size = replay->flips_size > 0 ? 2 * replay->flips_size : 64;
		struct replay_flip *more = realloc(replay->flips, size * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		replay->flips = more;
		replay->flips_size = size;
	}
	struct replay_flip *flip = &replay->flips[replay->flips_len++];
	*flip = (struct replay_flip){
		.call = call, .from = from, .to = verdicts[answer->verdict], .entries = entries
	};
	(void)snprintf(flip->rule, sizeof(flip->rule), "%.*s", (int)answer->rule.len,
		       answer->rule.ptr);
	replay->flipped += entries;
	return 0;
}

/* replay_call() - the verdict against those of then */
static int replay_call(struct replay *replay, const struct learn_call *call)
{
	struct replay_policy *policy = &replay->policies[0];
	int r = ask(policy, replay, call);

	if (r < 0)
		return r;
	const struct judge_answer *answer = &policy->answer;
	const bool allows = answer->verdict == JUDGE_ALLOW;
	const uint64_t flips = allows ? call->denied : call->allowed;
	if (flips > 0)
		r = add_flip(replay, call, allows ? "deny" : "allow", answer, flips);
	return r == 0 ? count_rule(replay, answer, call->allowed + call->denied, flips) : r;
}

/* diff_call() - the verdicts of both */
static int diff_call(struct replay *replay, const struct learn_call *call)
{
	struct replay_policy *old = &replay->policies[0], *new = &replay->policies[1];
	const uint64_t entries = call->allowed + call->denied;
	int r = ask(old, replay, call);

	if (r == 0)
		r = ask(new, replay, call);
	if (r < 0)
		return r;
	const bool flips = old->answer.verdict != new->answer.verdict;
	if (flips)
		r = add_flip(replay, call, verdicts[old->answer.verdict], &new->answer, entries);
	return r == 0 ? count_rule(replay, &new->answer, entries, flips ? entries : 0) : r;
}

static int replay_all(struct replay *replay, struct cli_call *call)
{
	struct judge *judge = &replay->policies[replay->policies_len - 1].judge;
	struct rego_error error = { 0 };
	int r = rego_set_coverage(judge->rego, true, &error);

	for (size_t i = 0; r == 0 && i < replay->learn.calls_len; i++)
		r = replay->policies_len == 1 ? replay_call(replay, &replay->learn.calls[i])
					      : diff_call(replay, &replay->learn.calls[i]);
	if (r < 0)
		return diag_set(&call->diag, r, "the recording cannot be replayed: %s",
				strerrordesc_np(-r));
	if (replay->learn.lost > 0)
		fprintf(call->err, "immure: there was no room for %llu entries\n",
			(unsigned long long)replay->learn.lost);
	return replay_show(call, replay);
}

static int run(struct cli_call *call)
{
	struct replay replay = { .learn = { .exact = true },
				 .policies_len = call->operands_len - 1 };
	const char *app = cli_value(call, "app");
	int r = policy_recording(&replay.learn, call);

	replay.app = app != NULL ? app : "";
	for (size_t i = 0; r == 0 && i < replay.policies_len; i++) {
		replay.policies[i].path = call->operands[i + 1];
		r = load(&replay.policies[i], replay.policies[i].path, call);
	}
	if (r == 0)
		r = replay_all(&replay, call);
	for (size_t i = 0; i < replay.policies_len; i++)
		unload(&replay.policies[i]);
	free(replay.rules);
	free(replay.flips);
	learn_free(&replay.learn);
	return r;
}

int policy_replay(struct cli_call *call)
{
	return run(call);
}

int policy_diff(struct cli_call *call)
{
	return run(call);
}
