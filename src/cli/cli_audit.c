// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a table of what can be done, each with the options it takes; those of another
 * are refused, since one that is ignored (verify --host) would promise something. What is asked goes to
 * the index, which is brought up to date first.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>

#include "audit/files.h"
#include "audit/key.h"
#include "base/fd.h"
#include "cli/audit.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sandboxes.h"
#include "cli/since.h"

static int open_folder(int *ret, struct cli_call *call)
{
	CLEANUP_FD int home = -1;
	int r = state_home(&home, &call->diag);

	if (r == 0)
		r = audit_folder(ret, home, false, &call->diag);
	return r == -ENOENT ? diag_set(&call->diag, r, "there is no audit log yet") : r;
}

static int read_kind(enum audit_kind *ret, const char *text, struct diag *diag)
{
	for (size_t i = 1; i < AUDIT_KIND_COUNT; i++)
		if (strcmp(text, audit_kinds[i]) == 0) {
			*ret = (enum audit_kind)i;
			return 0;
		}
	return diag_set(
	    diag, -EINVAL,
	    "audit: there is no kind '%s'; there is net, fs, exec, dns, data and sandbox", text);
}

static int read_filter(struct audit_filter *ret, struct cli_call *call, uint64_t limit)
{
	const char *kind = cli_value(call, "kind"), *since = cli_value(call, "since");
	const char *count = cli_value(call, "limit");
	int r = 0;

	*ret = (struct audit_filter){ .app = cli_value(call, "app"),
				      .sandbox = cli_value(call, "sandbox"),
				      .host = cli_value(call, "host"),
				      .denied = cli_has(call, "denied"),
				      .limit = limit };
	if (kind != NULL)
		r = read_kind(&ret->kind, kind, &call->diag);
	if (r == 0 && since != NULL)
		r = since_read(&ret->since_ns, since, &call->diag);
	if (r == 0 && count != NULL && cli_count(&ret->limit, count) < 0)
		r = diag_set(&call->diag, -EINVAL, "audit: --limit '%s' is no whole number", count);
	return r;
}

/* update() - the index; one that turns out to be damaged is made anew, once */
static int update(struct audit_index *index, struct cli_call *call, unsigned *told)
{
	unsigned bad = 0;
	int r = audit_index_update(&bad, index, &call->diag);

	if (r == -EUCLEAN) {
		r = audit_index_rebuild(index, &call->diag);
		if (r == 0)
			r = audit_index_update(&bad, index, &call->diag);
	}
	if (r == 0 && bad > 0 && bad != *told)
		fprintf(call->err,
			"immure: %u audit logs do not read to their end; say: immure audit "
			"verify\n",
			bad);
	if (r == 0)
		*told = bad;
	return r;
}

static int with_index(struct cli_call *call, uint64_t limit, struct audit_ask *ask)
{
	CLEANUP_FD int folder = -1;
	struct audit_index *index = NULL;
	int r = read_filter(&ask->filter, call, limit);

	if (r == 0)
		r = open_folder(&folder, call);
	if (r == -ENOENT)
		return cli_complain(call, r);
	if (r == 0)
		r = audit_index_open(&index, folder, &call->diag);
	if (r == 0)
		r = update(index, call, &ask->told);
	ask->call = call;
	if (r == 0)
		r = ask->run(ask, index);
	if (r == -EUCLEAN &&
	    index != NULL) { /* found while it was read; what was printed is printed */
		r = audit_index_rebuild(index, &call->diag);
		if (r == 0)
			r = diag_set(&call->diag, -EUCLEAN,
				     "the index was damaged and is made anew; say it again");
	}
	audit_index_close(index);
	return r;
}

static int show(struct cli_call *call)
{
	enum { SHOWN = 50 };
	struct audit_ask ask = { .run = audit_show, .update = update };

	return with_index(call, SHOWN, &ask);
}

static int stats(struct cli_call *call)
{
	struct audit_ask ask = { .run = audit_show_stats };

	return with_index(call, 0, &ask);
}

static int export(struct cli_call *call)
{
	static const struct {
		const char *name;
		int (*put)(struct buf *ret, const struct audit_found *found);
	} formats[] = { { "jsonl", audit_export_jsonl },
			{ "ocsf", audit_export_ocsf },
			{ "csv", audit_export_csv } };
	const char *format = cli_value(call, "format");
	struct audit_ask ask = { .run = audit_show_export };

	for (size_t i = 0; format != NULL && i < ARRAY_SIZE(formats); i++)
		if (strcmp(format, formats[i].name) == 0)
			ask.put = formats[i].put;
	if (ask.put == NULL)
		return diag_set(&call->diag, -EINVAL,
				"audit export: --format says jsonl, ocsf or csv");
	return with_index(call, 0, &ask);
}

static int reindex(struct cli_call *call)
{
	CLEANUP_FD int folder = -1;
	struct audit_index *index = NULL;
	unsigned told = 0;
	int r = open_folder(&folder, call);

	if (r == -ENOENT)
		return cli_complain(call, r);
	if (r == 0)
		r = audit_index_open(&index, folder, &call->diag);
	if (r == 0)
		r = audit_index_rebuild(index, &call->diag);
	if (r == 0)
		r = update(index, call, &told);
	audit_index_close(index);
	return r;
}

static const char own_key[] = "audit/key.pub of the state folder";

/* key_for() - key.pub beside the file, else that of this user */
static int key_for(uint8_t ret[AUDIT_KEY_OCTETS], const char **ret_from, int folder,
		   struct cli_call *call)
{
	CLEANUP_FD int own = -1;
	int r = audit_key_public(ret, folder, &call->diag);

	*ret_from = "key.pub beside the file";
	if (r != -ENOENT)
		return r;
	*ret_from = own_key;
	r = open_folder(&own, call);
	return r == 0 ? audit_key_public(ret, own, &call->diag) : r;
}

static int verify_file(struct audit_verdict *ret, const char **ret_from, const char *path,
		       struct cli_call *call)
{
	CLEANUP_FD int folder = -1;
	uint8_t key[AUDIT_KEY_OCTETS];
	char *one = strdup(path), *other = strdup(path);
	int r = one == NULL || other == NULL ? diag_set(&call->diag, -ENOMEM, "out of memory") : 0;

	if (r == 0) {
		folder = open(dirname(one), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = folder < 0
			? diag_set(&call->diag, -errno, "%s: %s", path, strerrordesc_np(errno))
			: key_for(key, ret_from, folder, call);
	}
	if (r == 0)
		r = audit_verify_file(ret, folder, basename(other), key, &call->diag);
	free(one);
	free(other);
	return r;
}

static int verify(struct cli_call *call)
{
	static struct audit_verdict verdict; /* large */
	CLEANUP_FD int folder = -1;
	const char *key_from = own_key;
	int r = 0;

	if (call->operands_len > 1) {
		r = verify_file(&verdict, &key_from, call->operands[1], call);
	} else {
		r = open_folder(&folder, call);
		if (r == 0)
			r = audit_verify(&verdict, folder, &call->diag);
	}
	if (r == -ENOENT)
		return cli_complain(call, r);
	return r == 0 ? audit_show_verdict(call, &verdict, key_from) : r;
}

static const struct {
	const char *word;
	int (*run)(struct cli_call *call);
	const char *options; /* that it takes, each with blanks around */
	size_t operands_max;
} rows[] = {
#define FILTERS " app sandbox kind host denied since limit "
	{ "show", show, FILTERS " follow json ", 1 },
	{ "stats", stats, " app sandbox kind host denied since json ", 1 },
	{ "export", export, FILTERS " format ", 1 },
	{ "verify", verify, " json ", 2 },
	{ "reindex", reindex, "", 1 },
};

/* judge_options() - each that was given belongs to row @i */
static int judge_options(struct cli_call *call, size_t i)
{
	char word[64];

	for (size_t k = 0; k < call->values_len; k++) {
		(void)snprintf(word, sizeof(word), " %s ", call->values[k].option->name);
		if (strstr(rows[i].options, word) == NULL)
			return diag_set(&call->diag, -EINVAL, "audit %s takes no --%s",
					rows[i].word, call->values[k].option->name);
	}
	if (call->operands_len > rows[i].operands_max)
		return diag_set(&call->diag, -EINVAL, "audit %s: '%s' is one word too many",
				rows[i].word, call->operands[rows[i].operands_max]);
	return 0;
}

int cli_audit(struct cli_call *call)
{
	const char *word = call->operands[0];
	size_t i = 0;

	while (i < ARRAY_SIZE(rows) && strcmp(word, rows[i].word) != 0)
		i++;
	if (i == ARRAY_SIZE(rows))
		return diag_set(
		    &call->diag, -EINVAL,
		    "audit: there is no '%s'; there is show, stats, export, verify and reindex",
		    word);
	int r = judge_options(call, i);
	return r == 0 ? rows[i].run(call) : r;
}
