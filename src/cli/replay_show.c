// SPDX-License-Identifier: Apache-2.0
/* Theory of operation: hosts, methods and paths are as programs in sandboxes wrote them: print_safe_span(). */
#include <errno.h>
#include <jansson.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/replay.h"

enum { FLIPS_SHOWN = 100 };

static const char *verdict_name(enum judge_verdict verdict)
{
	if (verdict == JUDGE_ALLOW)
		return "allow";
	return verdict == JUDGE_ASK ? "ask" : "deny";
}

static void show_call(FILE *out, const struct learn_call *call)
{
	fprintf(out, "%s ", policy_action_name(call->action));
	if (call->method.len > 0) {
		print_safe_span(out, call->method);
		fprintf(out, " %s://", call->https ? "https" : "http");
	}
	print_safe_span(out, call->host);
	if (call->port != 0)
		fprintf(out, ":%u", call->port);
	print_safe_span(out, call->path);
}

static void show_flip(FILE *out, const struct replay *replay, const struct replay_flip *flip)
{
	fprintf(out, "%s -> %s by ", flip->from, flip->to);
	print_safe(out, flip->rule);
	fprintf(out, ": ");
	show_call(out, flip->call);
	fprintf(out, "  %llu entries:", (unsigned long long)flip->entries);
	for (size_t i = 0; i < flip->call->refs_len; i++)
		fprintf(out, " %s:%llu", replay->learn.logs[flip->call->refs[i].log].name,
			(unsigned long long)flip->call->refs[i].seq);
	fprintf(out, "\n");
}

static int show_unfired(void *context, struct span file, unsigned line, struct span text)
{
	FILE *out = context;

	fprintf(out, "never fired: ");
	print_safe_span(out, file);
	fprintf(out, ":%u: ", line);
	print_safe_span(out, text);
	fprintf(out, "\n");
	return 0;
}

static int show_text(struct cli_call *call, struct replay *replay)
{
	for (size_t i = 0; i < replay->rules_len; i++) {
		const struct replay_rule *rule = &replay->rules[i];

		fprintf(call->out, "%-5s by ", verdict_name(rule->verdict));
		print_safe(call->out, rule->name);
		fprintf(call->out, ": %llu entries, %llu of them otherwise than before\n",
			(unsigned long long)rule->entries, (unsigned long long)rule->flips);
	}
	for (size_t i = 0; i < replay->flips_len && i < FLIPS_SHOWN; i++)
		show_flip(call->out, replay, &replay->flips[i]);
	if (replay->flips_len > FLIPS_SHOWN)
		fprintf(call->out, "... and %zu more; --json has all\n",
			replay->flips_len - FLIPS_SHOWN);
	int r = replay_unfired(replay, show_unfired, call->out);
	fprintf(call->out, "%zu calls, %llu entries: %zu calls flip, %llu entries\n",
		replay->learn.calls_len, (unsigned long long)replay->learn.entries,
		replay->flips_len, (unsigned long long)replay->flipped);
	return r;
}

static json_t *json_of_span(struct span text)
{
	return json_stringn(text.len > 0 ? text.ptr : "", text.len);
}

static json_t *json_of_flip(const struct replay *replay, const struct replay_flip *flip)
{
	const struct learn_call *call = flip->call;
	json_t *refs = json_array();
	json_t *json =
	    json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "from", flip->from, "to", flip->to, "rule",
		      flip->rule, "action", policy_action_name(call->action), "host",
		      json_of_span(call->host), "entries", (json_int_t)flip->entries);

	for (size_t i = 0; i < call->refs_len; i++)
		(void)json_array_append_new(
		    refs, json_sprintf("%s:%llu", replay->learn.logs[call->refs[i].log].name,
				       (unsigned long long)call->refs[i].seq));
	(void)json_object_set_new(json, "refs", refs);
	if (call->port != 0)
		(void)json_object_set_new(json, "port", json_integer(call->port));
	if (call->action == POLICY_ACTION_HTTP_REQUEST) {
		(void)json_object_set_new(json, "scheme",
					  json_string(call->https ? "https" : "http"));
		(void)json_object_set_new(json, "method", json_of_span(call->method));
		(void)json_object_set_new(json, "path", json_of_span(call->path));
		(void)json_object_set_new(json, "websocket", json_boolean(call->websocket));
	}
	return json;
}

static int add_unfired(void *context, struct span file, unsigned line, struct span text)
{
	json_t *one = json_pack("{s:o, s:i, s:o}", "file", json_of_span(file), "line", (int)line,
				"text", json_of_span(text));

	return json_array_append_new(context, one) < 0 ? -ENOMEM : 0;
}

static int show_json(struct cli_call *call, struct replay *replay)
{
	json_t *rules = json_array(), *flips = json_array(), *unfired = json_array();
	int r = replay_unfired(replay, add_unfired, unfired);

	for (size_t i = 0; i < replay->rules_len; i++)
		(void)json_array_append_new(
		    rules, json_pack("{s:s, s:s, s:I, s:I}", "rule", replay->rules[i].name,
				     "verdict", verdict_name(replay->rules[i].verdict), "entries",
				     (json_int_t)replay->rules[i].entries, "flips",
				     (json_int_t)replay->rules[i].flips));
	for (size_t i = 0; i < replay->flips_len; i++)
		(void)json_array_append_new(flips, json_of_flip(replay, &replay->flips[i]));
	json_t *all = json_pack(
	    "{s:I, s:I, s:I, s:o, s:o, s:o}", "entries", (json_int_t)replay->learn.entries, "calls",
	    (json_int_t)replay->learn.calls_len, "lost", (json_int_t)replay->learn.lost, "rules",
	    rules, "flips", flips, "never_fired", unfired);
	if (r == 0)
		r = print_json(call, all);
	json_decref(all);
	return r;
}

int replay_show(struct cli_call *call, struct replay *replay)
{
	int r = cli_has(call, "json") ? show_json(call, replay) : show_text(call, replay);

	if (r < 0 && call->diag.why[0] == '\0')
		return diag_set(&call->diag, r, "it cannot be shown: %s", strerrordesc_np(-r));
	return r < 0 ? r : replay->flips_len > 0;
}
