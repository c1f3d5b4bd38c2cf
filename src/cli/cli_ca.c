// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the key is not ours to read: immure-authority does what is asked and says in a
 * few lines (wire/leaf.h) what there is to know; here that is put as people and programs want it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "warden/state.h"
#include "warden/trust.h"

struct facts {
	char fingerprint[65]; /* SHA-256 in hexadecimal */
	char not_before[PRINT_TIME_OCTETS], not_after[PRINT_TIME_OCTETS];
	char folder[STATE_HOME_OCTETS + sizeof(TRUST_FOLDER)];
};

/* fact() - what follows @name in its line of @text; empty: nothing does */
static struct span fact(const char *text, const char *name)
{
	struct span rest = span_of(text);

	while (rest.ptr != NULL) {
		struct span line = span_cut(&rest, '\n');

		if (span_is(span_cut(&line, ' '), name) && line.ptr != NULL)
			return line;
	}
	return SPAN("");
}

/* facts_read() - from what immure-authority wrote. Return: 0; -EPROTO and *diag. */
static int facts_read(struct facts *facts, const char *text, struct diag *diag)
{
	struct span print = fact(text, "fingerprint");
	struct span from = fact(text, "not_before"), until = fact(text, "not_after");

	if (print.len != sizeof(facts->fingerprint) - 1 || from.len == 0 || until.len == 0)
		return diag_set(diag, -EPROTO, "%s is of another version than immure",
				LEAF_PROGRAM);
	memcpy(facts->fingerprint, print.ptr, print.len);
	/* their lines end before the text does */
	print_rfc3339(facts->not_before, strtoll(from.ptr, NULL, 10));
	print_rfc3339(facts->not_after, strtoll(until.ptr, NULL, 10));
	return 0;
}

static int facts_json(struct cli_call *call, const struct facts *facts)
{
	json_auto_t *value =
	    json_pack("{s:s, s:s, s:s, s:s}", "fingerprint", facts->fingerprint, "not_before",
		      facts->not_before, "not_after", facts->not_after, "folder", facts->folder);

	return print_json(call, value);
}

static int facts_print(struct cli_call *call, const char *text)
{
	char home[STATE_HOME_OCTETS];
	struct facts facts = { 0 };
	int r = facts_read(&facts, text, &call->diag);

	if (r == 0)
		r = state_home_path(home, sizeof(home), &call->diag);
	if (r < 0)
		return r;
	(void)snprintf(facts.folder, sizeof(facts.folder), "%s/" TRUST_FOLDER, home);
	if (cli_has(call, "json"))
		return facts_json(call, &facts);
	fprintf(call->out, "SHA-256  %s\nvalid    %s to %s\nfolder   ", facts.fingerprint,
		facts.not_before, facts.not_after);
	print_safe(call->out, facts.folder);
	fputc('\n', call->out);
	return 0;
}

static int pem_print(struct cli_call *call, const char *text)
{
	if (cli_has(call, "json"))
		return diag_set(&call->diag, -EINVAL, "ca export prints PEM, not JSON");
	fputs(text, call->out);
	return 0;
}

static int rotated_print(struct cli_call *call, const char *text)
{
	if (!cli_has(call, "json"))
		fputs("A new certificate authority; sandboxes that run keep to the old one.\n",
		      call->out);
	return facts_print(call, text);
}

int cli_ca(struct cli_call *call)
{
	static const struct {
		const char *word;
		int (*print)(struct cli_call *call, const char *text);
	} rows[] = { { "show", facts_print },
		     { "export", pem_print },
		     { "rotate", rotated_print } };
	const char *word = call->operands[0];
	CLEANUP_FD int home = -1;
	CLEANUP_FD int folder = -1;
	char *text = NULL;
	size_t i = 0;

	while (i < ARRAY_SIZE(rows) && strcmp(word, rows[i].word) != 0)
		i++;
	if (i == ARRAY_SIZE(rows))
		return diag_set(&call->diag, -EINVAL,
				"ca: there is no '%s'; there is show, export and rotate", word);
	int r = state_home(&home, &call->diag);
	if (r == 0)
		r = trust_folder(&folder, home, &call->diag);
	if (r == 0)
		r = trust_ask(&text, folder, word, &call->diag);
	if (r == 0)
		r = rows[i].print(call, text);
	free(text);
	return r;
}
