// SPDX-License-Identifier: Apache-2.0
/* Theory of operation: a table of what can be done, each with the options and files it takes. */
#include "cli/policy.h"

#include <errno.h>

#include "audit/files.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "cli/sandboxes.h"
#include "cli/since.h"
#include "learn/source.h"

static int open_logs(int *ret, struct cli_call *call)
{
	CLEANUP_FD int home = -1;
	int r = state_home(&home, &call->diag);

	if (r == 0)
		r = audit_folder(ret, home, false, &call->diag);
	return r == -ENOENT ? diag_set(&call->diag, r, "there is no audit log yet") : r;
}

static int read_filter(struct learn_filter *ret, struct cli_call *call)
{
	const char *since = cli_value(call, "since");

	*ret = (struct learn_filter){ .app = cli_value(call, "app"),
				      .sandbox = cli_value(call, "sandbox") };
	if (ret->app == NULL && ret->sandbox == NULL)
		return diag_set(&call->diag, -EINVAL, "policy: say whose recording, by --app NAME");
	return since != NULL ? since_read(&ret->since_ns, since, &call->diag) : 0;
}

int policy_recording(struct learn *ret, struct cli_call *call)
{
	CLEANUP_FD int folder = -1;
	struct learn_filter filter;
	unsigned bad = 0;
	int r = read_filter(&filter, call);

	if (r == 0)
		r = open_logs(&folder, call);
	if (r == 0)
		r = learn_read(&bad, ret, folder, &filter, &call->diag);
	if (r == 0 && bad > 0)
		fprintf(call->err,
			"immure: %u audit logs do not read to their end; say: immure audit "
			"verify\n",
			bad);
	if (r == 0 && ret->entries == 0)
		r = diag_set(
		    &call->diag, -ENOENT,
		    "nothing is recorded of that; \"immure audit stats\" says of whom there "
		    "is something");
	return r;
}

static const struct {
	const char *word;
	int (*run)(struct cli_call *call);
	const char *options; /* that it takes, each with blanks around */
	size_t files;
} rows[] = {
	{ "suggest", policy_suggest, " app sandbox since output table ", 0 },
	{ "replay", policy_replay, " app sandbox since json ", 1 },
	{ "diff", policy_diff, " app sandbox since json ", 2 },
};

/* judge_words() - each option that was given belongs to row @i, and as many files are there */
static int judge_words(struct cli_call *call, size_t i)
{
	char word[64];

	for (size_t k = 0; k < call->values_len; k++) {
		(void)snprintf(word, sizeof(word), " %s ", call->values[k].option->name);
		if (strstr(rows[i].options, word) == NULL)
			return diag_set(&call->diag, -EINVAL, "policy %s takes no --%s",
					rows[i].word, call->values[k].option->name);
	}
	if (call->operands_len != rows[i].files + 1)
		return diag_set(&call->diag, -EINVAL, "policy %s takes %zu files, not %zu",
				rows[i].word, rows[i].files, call->operands_len - 1);
	return 0;
}

int cli_policy(struct cli_call *call)
{
	const char *word = call->operands[0];
	size_t i = 0;

	while (i < ARRAY_SIZE(rows) && strcmp(word, rows[i].word) != 0)
		i++;
	if (i == ARRAY_SIZE(rows))
		return diag_set(&call->diag, -EINVAL,
				"policy: there is no '%s'; there is suggest, replay and diff",
				word);
	int r = judge_words(call, i);
	if (r == 0)
		r = rows[i].run(call);
	return r == -ENOENT ? cli_complain(call, r) : r;
}
