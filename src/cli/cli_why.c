// SPDX-License-Identifier: Apache-2.0
/*
 * What a sandbox was refused, and what would allow it. The latest comes last, where the eye is; without
 * --all those before the latest twenty are left out.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/advice.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sandboxes.h"
#include "warden/refusals.h"

enum { SHOWN = 20, COLUMN = 10 };

static json_int_t number(const json_t *value, const char *name)
{
	return json_integer_value(json_object_get(value, name));
}

static const char *text_of(const json_t *value, const char *name)
{
	const char *text = json_string_value(json_object_get(value, name));

	return text != NULL ? text : "";
}

static int read_one(json_t **ret, int home, const char *id, struct cli_call *call)
{
	CLEANUP_FD int dir = -1;
	int r = sandboxes_open(&dir, home, id, call);

	if (r < 0)
		return r;
	r = refusals_read(ret, dir);
	return r < 0 ? diag_set(&call->diag, r, "what %s was refused does not read: %s", id,
				strerrordesc_np(-r))
		     : 0;
}

static bool has_id(const json_t *refusal, const char *id)
{
	const json_t *ids = json_object_get(refusal, "request_ids");

	for (size_t i = 0; i < json_array_size(ids); i++)
		if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0)
			return true;
	return false;
}

/* keep_request() - of what was refused the request @id alone. Return: is it there? */
static bool keep_request(json_t *value, const char *id)
{
	json_t *refused = json_object_get(value, "refused");

	for (size_t i = json_array_size(refused); i-- > 0;)
		if (!has_id(json_array_get(refused, i), id))
			(void)json_array_remove(refused, i);
	return json_array_size(refused) > 0;
}

/* find_request() - in the sandbox that was started last of those that were refused it */
static int find_request(json_t **ret, struct state_entry *ret_entry, int home, const char *id,
			struct cli_call *call)
{
	CLEANUP(entries_freep) struct state_entry *entries = NULL;
	size_t len = 0;
	int r = sandboxes_all(&entries, &len, home, call);

	while (r == 0 && len-- > 0) {
		struct diag before = call->diag;
		json_t *value = NULL;

		if (read_one(&value, home, entries[len].id, call) < 0) {
			call->diag = before; /* it was removed meanwhile */
			continue;
		}
		if (keep_request(value, id)) {
			*ret = value;
			*ret_entry = entries[len];
			return 0;
		}
		json_decref(value);
	}
	return r < 0
		   ? r
		   : diag_set(&call->diag, -ENOENT,
			      "no refusal with the id '%s' is on record; see 'immure why ID'", id);
}

static int find_last(struct state_entry *ret, int home, struct cli_call *call)
{
	CLEANUP(entries_freep) struct state_entry *entries = NULL;
	size_t len = 0;
	int r = sandboxes_all(&entries, &len, home, call);

	if (r < 0)
		return r;
	if (len == 0)
		return diag_set(&call->diag, -ENOENT, "there is no sandbox; see 'immure list'");
	*ret = entries[len - 1];
	return 0;
}

/* find() - whatever the command line names */
static int find(json_t **ret, struct state_entry *ret_entry, int home, struct cli_call *call)
{
	const char *id = call->operands_len > 0 ? call->operands[0] : "last";
	int r = 0;

	if (strncmp(id, "req-", 4) == 0)
		return find_request(ret, ret_entry, home, id, call);
	r = strcmp(id, "last") == 0 ? find_last(ret_entry, home, call)
				    : sandboxes_entry(ret_entry, home, id, call);
	return r < 0 ? r : read_one(ret, home, ret_entry->id, call);
}

static void put_when(FILE *out, const json_t *refusal)
{
	char first[PRINT_TIME_OCTETS], last[PRINT_TIME_OCTETS];
	json_int_t count = number(refusal, "count"), now = clock_unix_s();

	print_age(first, number(refusal, "first"), now);
	print_age(last, number(refusal, "last"), now);
	if (count == 1)
		fprintf(out, "once, %s\n", last);
	else if (strcmp(first, last) == 0)
		fprintf(out, "%lld times, %s\n", (long long)count, last);
	else
		fprintf(out, "%lld times, from %s to %s\n", (long long)count, first, last);
}

/* put_process() - whose it was, if that was found */
static void put_process(FILE *out, const json_t *process)
{
	const char *program = text_of(process, "program");

	if (process == NULL)
		return;
	fputs("\n  by:     ", out);
	print_safe(out, program[0] != '\0' ? program : "a process");
	fprintf(out, " (PID %lld)", (long long)number(process, "pid"));
}

static void put_refusal(FILE *out, const json_t *refusal)
{
	const char *rule = text_of(refusal, "rule");

	print_safe(out, text_of(refusal, "method"));
	fputc(' ', out);
	print_safe(out, text_of(refusal, "url"));
	fputs("\n  why:    ", out);
	print_safe(out, text_of(refusal, "reason"));
	put_process(out, json_object_get(refusal, "process"));
	fputs("\n  rule:   ", out);
	print_safe(out, rule[0] != '\0' ? rule : "-");
	fputs("\n  when:   ", out);
	put_when(out, refusal);
	fputs("  allow:  ", out);
	advice_print(out, refusal, COLUMN);
}

static void put_all(struct cli_call *call, const json_t *value, const struct state_entry *entry)
{
	const json_t *refused = json_object_get(value, "refused");
	size_t len = json_array_size(refused);
	size_t first = len > SHOWN && !cli_has(call, "all") ? len - SHOWN : 0;
	json_int_t dropped = number(value, "dropped");

	fprintf(call->out, "%s", entry->id);
	fputs(entry->command[0] != 0 ? ": " : "", call->out);
	print_safe(call->out, entry->command);
	fputs(len == 0 && dropped == 0 ? ": nothing was refused\n" : "\n", call->out);
	if (first > 0)
		fprintf(call->out, "\n(%zu before these: immure why --all %s)\n", first, entry->id);
	for (size_t i = first; i < len; i++) {
		fputc('\n', call->out);
		put_refusal(call->out, json_array_get(refused, i));
	}
	if (dropped > 0)
		fprintf(call->out, "\n%lld more were refused, which were too many to keep\n",
			(long long)dropped);
}

int cli_why(struct cli_call *call)
{
	struct state_entry entry = { 0 };
	json_auto_t *value = NULL;
	CLEANUP_FD int home = -1;
	int r = state_home(&home, &call->diag);

	if (r < 0)
		return r;
	r = find(&value, &entry, home, call);
	if (r < 0)
		return cli_complain(call, r);
	if (!cli_has(call, "json")) {
		put_all(call, value, &entry);
		return 0;
	}
	if (json_object_set_new(value, "id", json_string(entry.id)) < 0)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	return print_json(call, value);
}
