// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/policy.h"
#include "learn/suggest.h"

/* What is written; each text is the caller's. */
struct suggestion {
	struct text policy, tests, table;
};

static int too_much(struct cli_call *call, int error)
{
	if (error == -ENOBUFS)
		return diag_set(
		    &call->diag, error,
		    "what was recorded makes a policy of more than 1 MiB; narrow it with "
		    "--sandbox or --since");
	return diag_set(&call->diag, error, "out of memory");
}

static int make(struct suggestion *ret, const struct learn *learn, struct cli_call *call)
{
	const char *app = cli_value(call, "app");
	struct grants grants = { 0 };
	int r = grants_make(&grants, learn, cli_has(call, "wildcards"));

	if (r == 0)
		r = suggest_policy(&ret->policy, &grants, app != NULL ? app : "");
	if (r == 0)
		r = suggest_table(&ret->table, &grants);
	if (r == 0 && cli_has(call, "output"))
		r = suggest_tests(&ret->tests, &grants);
	grants_free(&grants);
	return r == 0 ? 0 : too_much(call, r);
}

/* write_new() - DIR/NAME and @end, which must not be there yet */
static int write_new(struct cli_call *call, int folder, const char *end, const struct text *text)
{
	char name[160];

	(void)snprintf(name, sizeof(name), "%s%s", cli_value(call, "app"), end);
	CLEANUP_FD int fd =
	    openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : fd_write_all(fd, buf_span(&text->buf));
	if (r < 0)
		return diag_set(&call->diag, r, "%s/%s: %s", cli_value(call, "output"), name,
				strerrordesc_np(-r));
	fprintf(call->err, "immure: wrote %s/%s\n", cli_value(call, "output"), name);
	return 0;
}

/* is_name() - may a file be called so? */
static bool is_name(const char *app)
{
	size_t i = 0;

	if (app == NULL || app[0] == '.' || app[0] == '-')
		return false;
	while (isalnum((unsigned char)app[i]) || (app[i] != '\0' && strchr("._-", app[i]) != NULL))
		i++;
	return app[i] == '\0' && i > 0 && i <= 128;
}

static int write_files(struct cli_call *call, const struct suggestion *suggestion)
{
	const char *path = cli_value(call, "output");

	if (!is_name(cli_value(call, "app")))
		return diag_set(&call->diag, -EINVAL,
				"policy suggest: --output needs --app NAME, of letters, digits and "
				"._-, for the names of the files");
	CLEANUP_FD int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return diag_set(&call->diag, -errno, "%s: %s", path, strerrordesc_np(errno));
	int r = write_new(call, folder, ".rego", &suggestion->policy);
	return r == 0 ? write_new(call, folder, "_test.rego", &suggestion->tests) : r;
}

static void print(FILE *out, const struct text *text)
{
	(void)fwrite(buf_span(&text->buf).ptr, 1, buf_len(&text->buf), out);
}

static int show(struct cli_call *call, const struct suggestion *suggestion)
{
	if (cli_has(call, "table")) {
		print(call->out, &suggestion->table);
		return 0;
	}
	print(call->err, &suggestion->table);
	if (cli_has(call, "output"))
		return write_files(call, suggestion);
	print(call->out, &suggestion->policy);
	return 0;
}

int policy_suggest(struct cli_call *call)
{
	struct suggestion suggestion = { TEXT, TEXT, TEXT };
	struct learn learn = { 0 };
	int r = policy_recording(&learn, call);

	if (r == 0)
		r = make(&suggestion, &learn, call);
	if (r == 0 && learn.lost > 0)
		fprintf(call->err, "immure: there was no room for %llu entries\n",
			(unsigned long long)learn.lost);
	if (r == 0)
		r = show(call, &suggestion);
	learn_free(&learn);
	text_free(&suggestion.policy);
	text_free(&suggestion.tests);
	text_free(&suggestion.table);
	return r;
}
