// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a line an effect, for the eye; all foreign text goes through print_safe(). With
 * --json the lines of the log as they stand, which are plain ASCII: what is piped into another program
 * is what was written and vouched for.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>

#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/print.h"

enum { EXPORT_OCTETS_MAX = 4 * AUDIT_LINE_OCTETS_MAX, LOOK_AGAIN_MS = 250 };

static void put_time(FILE *out, int64_t time_ns)
{
	char text[PRINT_TIME_OCTETS];

	print_rfc3339(text, time_ns / 1000000000);
	fprintf(out, "%.19s.%03dZ", text, (int)(time_ns / 1000000 % 1000));
}

static void put_place(FILE *out, const struct audit_entry *entry)
{
	struct span host = entry->resource.host;
	bool bracketed = entry->resource.port.is_set && memchr(host.ptr, ':', host.len) != NULL;

	fputs(bracketed ? "[" : "", out);
	print_safe_span(out, host);
	fputs(bracketed ? "]" : "", out);
	if (entry->resource.port.is_set)
		fprintf(out, ":%llu", (unsigned long long)entry->resource.port.value);
}

/* put_thing() - what it was done to */
static void put_thing(FILE *out, const struct audit_entry *entry)
{
	if (span_is(entry->action, "net.packet") && entry->resource.protocol.ptr != NULL) {
		print_safe_span(out, entry->resource.protocol);
		fputc(' ', out);
	}
	if (entry->resource.method.ptr != NULL) {
		print_safe_span(out, entry->resource.method);
		fputc(' ', out);
	}
	if (entry->resource.url.ptr != NULL) {
		print_safe_span(out, entry->resource.url);
	} else if (entry->resource.host.ptr != NULL) {
		put_place(out, entry);
	} else if (entry->resource.path.ptr != NULL) {
		print_safe_span(out, entry->resource.path);
	}
}

static void put_outcome(FILE *out, const struct audit_found *found)
{
	const struct audit_entry *end = audit_outcome(found);

	if (end->status_code.is_set)
		fprintf(out, "  %llu", (unsigned long long)end->status_code.value);
	if (end->request_bytes.is_set || end->response_bytes.is_set)
		fprintf(out, "  %llu/%llu octets", (unsigned long long)end->request_bytes.value,
			(unsigned long long)end->response_bytes.value);
	if (end->latency_us.is_set)
		fprintf(out, "  %llu ms", (unsigned long long)(end->latency_us.value / 1000));
	const struct audit_list *reasons =
	    end->reasons.len > 0 ? &end->reasons : &found->entry.reasons;
	for (size_t i = 0; i < reasons->len; i++) {
		fputs(i == 0 ? "  (" : "; ", out);
		print_safe_span(out, reasons->items[i]);
	}
	fputs(reasons->len > 0 ? ")" : "", out);
	if (found->entry.phase == AUDIT_BEGIN && found->end_line.ptr == NULL)
		fputs("  (no end)", out);
}

static int put_found(void *context, const struct audit_found *found)
{
	struct audit_ask *ask = context;
	FILE *out = ask->call->out;
	enum audit_decision decision = audit_outcome(found)->decision;
	const size_t column = sizeof("http.request") - 1;

	if (found->id > ask->last_id)
		ask->last_id = found->id;
	if (cli_has(ask->call, "json")) {
		fprintf(out, "%.*s\n", (int)found->line.len, found->line.ptr);
		if (found->end_line.ptr != NULL)
			fprintf(out, "%.*s\n", (int)found->end_line.len, found->end_line.ptr);
		return ferror(out) ? -EIO : 0;
	}
	if (decision == AUDIT_DECISION_NONE)
		decision = found->entry.decision;
	put_time(out, found->entry.time_ns);
	fputs("  ", out);
	print_safe_span(out, found->entry.actor.sandbox);
	fprintf(out, "  %-5s  ", audit_decisions[decision]);
	print_safe_span(out, found->entry.action);
	fprintf(out, "%*s",
		column > found->entry.action.len ? (int)(column - found->entry.action.len) : 0, "");
	fputs("  ", out);
	put_thing(out, &found->entry);
	put_outcome(out, found);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}

static int written(struct cli_call *call, int r)
{
	if (r == 0 && fflush(call->out) == 0)
		return 0;
	return r == 0 || r == -EIO ? diag_set(&call->diag, -EIO, "the output cannot be written")
				   : r;
}

/* query() - show what was indexed behind ask->last_id and is found by the filter, which then says how far
 * was looked: also behind what the filter does not let through, which stands before what is shown */
static int query(struct audit_ask *ask, struct audit_index *index)
{
	int64_t newest = 0;
	int r = audit_index_newest(&newest, index, &ask->call->diag);

	if (r < 0)
		return r;
	/* if there are fewer, rows were made anew, of which most were shown */
	ask->filter.after_id = newest < ask->last_id ? newest : ask->last_id;
	ask->last_id = newest;
	return audit_query(index, &ask->filter, put_found, ask, &ask->call->diag);
}

/* follow() - until interrupted, or nobody reads */
static int follow(struct audit_ask *ask, struct audit_index *index)
{
	int r = 0;

	ask->filter.limit = 0;
	while (r == 0) {
		(void)poll(NULL, 0, LOOK_AGAIN_MS);
		r = ask->update(index, ask->call, &ask->told);
		if (r == 0)
			r = query(ask, index);
		if (r == 0)
			r = written(ask->call, r);
	}
	return r;
}

int audit_show(struct audit_ask *ask, struct audit_index *index)
{
	int r = query(ask, index);

	r = written(ask->call, r);
	return r == 0 && cli_has(ask->call, "follow") ? follow(ask, index) : r;
}

static int put_export(void *context, const struct audit_found *found)
{
	struct audit_ask *ask = context;
	CLEANUP_BUF struct buf text = BUF(EXPORT_OCTETS_MAX);
	int r = ask->put(&text, found);

	if (r < 0)
		return diag_set(&ask->call->diag, r, "an entry is too large to export");
	return fwrite(text.ptr, 1, buf_len(&text), ask->call->out) == buf_len(&text) ? 0 : -EIO;
}

int audit_show_export(struct audit_ask *ask, struct audit_index *index)
{
	CLEANUP_BUF struct buf head = BUF(EXPORT_OCTETS_MAX);
	int r = ask->put == audit_export_csv ? audit_export_csv(&head, NULL) : 0;

	if (r == 0 && buf_len(&head) > 0)
		fwrite(head.ptr, 1, buf_len(&head), ask->call->out);
	if (r == 0)
		r = audit_query(index, &ask->filter, put_export, ask, &ask->call->diag);
	return written(ask->call, r);
}

struct stats {
	struct cli_call *call;
	json_t *json; /* owned; NULL: for people */
	const char *title;
};

static int add_count(struct stats *stats, const struct audit_count *count)
{
	char first[PRINT_TIME_OCTETS], last[PRINT_TIME_OCTETS];
	const char *group = count->what != NULL ? count->what : "all";
	json_t *list = json_object_get(stats->json, group);

	print_rfc3339(first, count->first_ns / 1000000000);
	print_rfc3339(last, count->last_ns / 1000000000);
	json_t *one =
	    json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s}", "name", count->name, "effects",
		      (json_int_t)count->effects, "denied", (json_int_t)count->denied,
		      "request_bytes", (json_int_t)count->sent, "response_bytes",
		      (json_int_t)count->received, "first", first, "last", last);
	if (list == NULL) {
		list = json_array();
		if (json_object_set_new(stats->json, group, list) < 0)
			list = NULL;
	}
	if (json_array_append_new(list, one) < 0)
		return diag_set(&stats->call->diag, -ENOMEM, "out of memory");
	return 0;
}

static int put_count(void *context, const struct audit_count *count)
{
	struct stats *stats = context;
	FILE *out = stats->call->out;

	if (stats->json != NULL)
		return add_count(stats, count);
	if (count->what == NULL) {
		fprintf(out, "%llu effects, %llu denied, %llu octets sent, %llu received\n",
			(unsigned long long)count->effects, (unsigned long long)count->denied,
			(unsigned long long)count->sent, (unsigned long long)count->received);
		return 0;
	}
	if (stats->title == NULL || strcmp(stats->title, count->what) != 0)
		fprintf(out, "\n%-8s  %10s  %10s  %14s  %14s\n", count->what, "effects", "denied",
			"sent", "received");
	stats->title = count->what;
	fprintf(out, "%8s  %10llu  %10llu  %14llu  %14llu  ", "",
		(unsigned long long)count->effects, (unsigned long long)count->denied,
		(unsigned long long)count->sent, (unsigned long long)count->received);
	print_safe(out, count->name);
	fputc('\n', out);
	return 0;
}

int audit_show_stats(struct audit_ask *ask, struct audit_index *index)
{
	struct stats stats = { .call = ask->call };

	if (cli_has(ask->call, "json"))
		stats.json = json_object();
	int r = audit_stats(index, &ask->filter, put_count, &stats, &ask->call->diag);
	if (r == 0 && stats.json != NULL)
		r = print_json(ask->call, stats.json);
	json_decref(stats.json);
	return r;
}

static json_t *verdict_json(const struct audit_verdict *verdict, const char *key_from)
{
	json_t *faults = json_array();
	char key[2 * AUDIT_KEY_OCTETS];

	audit_hex(key, verdict->key, AUDIT_KEY_OCTETS);
	for (size_t i = 0; i < verdict->faults_len; i++)
		(void)json_array_append_new(faults, json_pack("{s:s, s:I, s:s}", "file",
							      verdict->faults[i].file, "line",
							      (json_int_t)verdict->faults[i].line,
							      "reason", verdict->faults[i].why));
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s#, s:s, s:o}", "ok",
			 verdict->faults_all == 0, "logs", (json_int_t)verdict->logs, "files",
			 (json_int_t)verdict->files, "lines", (json_int_t)verdict->lines, "octets",
			 (json_int_t)verdict->octets, "checkpoints",
			 (json_int_t)verdict->checkpoints, "unsigned",
			 (json_int_t)verdict->unsigned_lines, "torn_octets",
			 (json_int_t)verdict->torn_octets, "repairs", (json_int_t)verdict->repairs,
			 "key", key, (int)sizeof(key), "key_from", key_from, "faults", faults);
}

static void put_verdict(FILE *out, const struct audit_verdict *verdict, const char *key_from)
{
	char key[2 * AUDIT_KEY_OCTETS];

	for (size_t i = 0; i < verdict->faults_len; i++) {
		const struct audit_fault *fault = &verdict->faults[i];

		fputs("broken: ", out);
		print_safe(out, fault->file);
		if (fault->line > 0)
			fprintf(out, ", line %llu", (unsigned long long)fault->line);
		fputs(": ", out);
		print_safe(out, fault->why);
		fputc('\n', out);
	}
	if (verdict->faults_all > verdict->faults_len)
		fprintf(out, "and %llu more\n",
			(unsigned long long)(verdict->faults_all - verdict->faults_len));
	fprintf(out, "%s: %llu lines of %llu logs in %llu files, %llu signed\n",
		verdict->faults_all == 0 ? "fine" : "broken", (unsigned long long)verdict->lines,
		(unsigned long long)verdict->logs, (unsigned long long)verdict->files,
		(unsigned long long)verdict->checkpoints);
	if (verdict->unsigned_lines > 0)
		fprintf(out,
			"%llu entries are behind the last checkpoint of their log: chained, not "
			"signed\n",
			(unsigned long long)verdict->unsigned_lines);
	if (verdict->torn_octets > 0)
		fprintf(out, "%llu octets are of lines that are not finished\n",
			(unsigned long long)verdict->torn_octets);
	if (verdict->repairs > 0)
		fprintf(out, "%llu times an unfinished line was cut when a writer went on\n",
			(unsigned long long)verdict->repairs);
	audit_hex(key, verdict->key, AUDIT_KEY_OCTETS);
	fprintf(out, "looked at with the key %.*s, %s\n", (int)sizeof(key), key, key_from);
}

int audit_show_verdict(struct cli_call *call, const struct audit_verdict *verdict,
		       const char *key_from)
{
	int status = verdict->faults_all == 0 ? 0 : CLI_EXIT_NONE;

	if (!cli_has(call, "json")) {
		put_verdict(call->out, verdict, key_from);
		return status;
	}
	json_t *value = verdict_json(verdict, key_from);
	int r = print_json(call, value);
	json_decref(value);
	return r < 0 ? r : status;
}
